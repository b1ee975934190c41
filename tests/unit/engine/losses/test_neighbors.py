"""The terms of style loss neighbors: formulas, gradients, tiles."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from nst.engine.losses import matching
from nst.engine.losses.cells import add_from_cells, cells_of, hypercolumns, on_cells
from nst.engine.losses.content import DETAIL_WEIGHT
from nst.engine.losses.cosine import CellTargets, CosineTerm
from nst.engine.losses.layers import FLOURISH_LAYERS, MATCHED_LAYERS, OWN_LAYERS
from nst.engine.losses.neighbors import FACE_DETAIL, Sampling, neighbor_terms
from nst.engine.losses.objective import LossWeights, Objective
from nst.engine.losses.own import OWN_WEIGHT, OwnSampler
from nst.engine.losses.places import PlacesTerm, paired
from nst.engine.losses.reading import read
from nst.engine.losses.structure import Grid, StructureReader, StructureTerm
from nst.engine.losses.term import Term
from nst.engine.losses.transport import StyleDirections
from nst.engine.network.encoder import Encoded, Encoder
from nst.engine.network.tiles import Tile, cut, stride
from nst.engine.pictures.tensors import StyleInput
from nst.engine.scales import Scale
from nst.engine.steering import faces_kept
from nst.engine.targets import Scene, seen_image
from nst.options import StyleTransferOptions
from unit.engine.synthetic import NARROWING, narrow_projections, narrow_tensors

WEIGHTS = LossWeights(content=3.0, style=2.0, total_variation=0.0, flourish=0.5)
TILES_ERROR = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Largest error of the gradient in tiles, relative to the length of the whole."""


@pytest.fixture(autouse=True)
def narrow() -> Iterator[None]:
    with narrow_projections():
        yield


@cache
def encoder_of(dtype: torch.dtype = torch.float64) -> Encoder:
    return Encoder("vgg16", narrow_tensors("vgg16"), MATCHED_LAYERS, dtype, "replicate")


def noise(height: int, width: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 60 * torch.randn(1, 3, height, width, generator=generator, dtype=torch.float64).to(dtype)


def whole(image: Tensor) -> Tile:
    (tile,) = cut(image.shape, None, encoder_of().path)
    return tile


@pytest.mark.parametrize("layer", ["relu1_2", "relu2_1", "relu3_3", "relu4_1"])
@pytest.mark.parametrize("size", [(16, 24), (19, 37)])
def test_gradients_come_back_from_cells_as_features_went_there(
    layer: str, size: tuple[int, int]
) -> None:
    cells = cells_of(size)
    features = torch.randn(1, 5, *(length // stride(layer) for length in size)).double()
    gradient = torch.randn(cells[0] * cells[1], 5).double()
    total = torch.zeros_like(features)
    add_from_cells(total, gradient, layer, cells)
    there = (on_cells(features, layer, cells) * gradient).sum()
    torch.testing.assert_close((features * total).sum(), there)


def test_a_hypercolumn_is_what_each_layer_sees_at_a_cell() -> None:
    image, encoder = noise(19, 26, 0), encoder_of()
    activations = encoder(image)
    found = hypercolumns(activations, MATCHED_LAYERS, whole(image)).view(4, 6, -1)
    row, column = 3, 5
    expected = []
    for layer in MATCHED_LAYERS:
        features = activations[layer][0]
        if stride(layer) <= 4:
            side = 4 // stride(layer)
            square = features[:, row * side : (row + 1) * side, column * side : (column + 1) * side]
            expected.append(square.mean((1, 2)) / len(features))
        else:
            last = [length - 1 for length in features.shape[1:]]
            place = features[:, min(row // 2, last[0]), min(column // 2, last[1])]
            expected.append(place / len(features))
    torch.testing.assert_close(found[row, column], torch.cat(expected))


def test_the_cosine_term_is_the_formula() -> None:
    image, encoder = noise(16, 24, 1), encoder_of()
    activations = encoder(image)
    rows = {layer: torch.rand(7, activations[layer].shape[1]).double() for layer in MATCHED_LAYERS}
    index = torch.arange(24).view(4, 6) % 7
    weights = torch.rand(4, 6).double()
    term = CosineTerm("style", CellTargets.of(rows, index), weights)
    found = term.loss(term.statistics(activations, whole(image)))
    columns = hypercolumns(activations, MATCHED_LAYERS, whole(image))
    expected = 0.0
    for cell, number in enumerate(index.flatten().tolist()):
        target = torch.cat([rows[layer][number] for layer in MATCHED_LAYERS])
        cosine = columns[cell] @ target / (columns[cell].norm() * target.norm())
        expected += weights.flatten()[cell].item() * (1 - cosine.item())
    assert found.item() == pytest.approx(expected, rel=1e-9)


def distances_by_hand(features: Tensor, places: int) -> Tensor:
    _, height, width = features.shape
    rows, columns = min(places, height), min(places, width)
    sums = torch.zeros(rows, columns, len(features), dtype=torch.float64)
    for row in range(height):
        for column in range(width):
            place = row * rows // height, column * columns // width
            sums[place] += features[:, row, column]
    vectors = sums.flatten(0, 1)
    count = len(vectors)
    distances = torch.zeros(count, count, dtype=torch.float64)
    for a in range(count):
        for b in range(count):
            distances[a, b] = 1 - vectors[a] @ vectors[b] / vectors[a].norm() / vectors[b].norm()
    return distances


@pytest.mark.parametrize("is_plain", [False, True])
def test_the_structure_term_is_the_formula(*, is_plain: bool) -> None:
    content, image, encoder = noise(40, 56, 2), noise(40, 56, 3), encoder_of()
    if is_plain:
        content = 100 + 0.1 * content
    grid = Grid(40, 56)
    structure = StructureReader(grid)
    read(encoder, content, None, structure)
    term = StructureTerm("content", structure.sums, grid)
    found = term.loss(term.statistics(encoder(image), whole(image)))
    expected = 0.0
    for layer in ("relu3_1", "relu4_1"):
        ours, theirs = (distances_by_hand(encoder(each)[layer][0], 24) for each in (image, content))
        clear = (theirs.mean(1) / 0.005).clamp(max=1)
        assert (clear < 1).all() == is_plain
        ours, theirs = (each / each.sum(1, keepdim=True) for each in (ours, theirs))
        expected += ((ours - theirs).abs().sum(1) * clear).mean().item() / 2
    assert found.item() == pytest.approx(expected, rel=1e-9)
    assert term.loss(term.statistics(encoder(content), whole(content))).item() < 1e-12


def test_the_finishing_term_is_the_formula() -> None:
    image, encoder = noise(16, 24, 4), encoder_of()
    activations, layer = encoder(image), "relu2_1"
    features = activations[layer][0].permute(1, 2, 0)
    places = torch.tensor([0, 3, 7]), torch.tensor([2, 5, 11])
    style = torch.rand(5, 128 // NARROWING).double()
    centre = style.mean(0)
    pairs = paired(features[places], places, StyleDirections.of(style))
    term = PlacesTerm("style", {layer: pairs}, 3.0)
    found = term.loss(term.statistics(activations, whole(image)))

    def distance(a: Tensor, b: Tensor) -> float:
        a, b = a - centre, b - centre
        return float(1 - a @ b / a.norm() / b.norm())

    ours = [features[row, column] for row, column in zip(*places, strict=True)]
    there = [min(distance(a, b) for b in style) for a in ours]
    back = [min(distance(a, b) for a in ours) for b in style]
    assert found.item() == pytest.approx(3 * math.fsum(there + back) / 8, rel=1e-9)


def test_many_pairs_of_one_place_add_up_the_same_way_each_time() -> None:
    """The sum is the same where threads share the work.
    Otherwise one seed would not paint the same image twice."""
    layer = "relu1_2"
    generator = torch.Generator().manual_seed(3)
    features, style = (torch.randn(512, 64, generator=generator) for _ in range(2))
    few = torch.randint(4, (2, 512), generator=generator)
    pairs = paired(features, (few[0], few[1]), StyleDirections.of(style))
    term = PlacesTerm("style", {layer: pairs}, 1.0)
    activations = {layer: features.T.reshape(1, 64, 16, 32)}
    tile = whole(torch.empty(1, 3, 16, 32))
    statistics = [each.requires_grad_() for each in term.statistics(activations, tile)]
    gradients = torch.autograd.grad(term.loss(statistics), statistics)

    def gradient() -> Tensor:
        total = torch.zeros_like(activations[layer])
        term.add_gradient(layer, total, activations[layer], gradients, tile)
        return total

    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        first, *others = (gradient() for _ in range(30))
    finally:
        torch.set_num_threads(threads)
    assert first.abs().max() > 0
    assert all(torch.equal(first, other) for other in others)


def all_terms(
    encoder: Encoder,
    size: tuple[int, int],
    tile_side: int | None = None,
    own: OwnSampler | None = None,
) -> list[Term]:
    """Return the terms of two styles with soft masks and a detail map.
    They are the terms before finishing, and those of its first search."""
    dtype = encoder.dtype
    ramp = torch.linspace(0, 1, size[1], dtype=dtype).expand(1, 1, *size)
    content, seen = ramp * noise(*size, 5, dtype), noise(*size, 6, dtype)
    styles = [
        StyleInput(noise(40, 44, 7, dtype), 0.5, ramp),
        StyleInput(noise(36, 36, 8, dtype), 0.5, 1 - ramp),
    ]
    return [
        term
        for search in (0, 1)
        for term in neighbor_terms(
            encoder,
            content,
            styles,
            seen,
            search=search,
            flourish=0.3,
            detail=ramp,
            sampling=Sampling(tile_side, own=own),
        )
    ]


def objective_of(terms: Sequence[Term], encoder: Encoder, size: tuple[int, int]) -> Objective:
    return Objective(encoder, terms, (1, 3, *size))


def test_the_gradient_is_that_of_finite_differences() -> None:
    size, encoder = (33, 42), encoder_of()
    objective = objective_of(all_terms(encoder, size), encoder, size)
    x, direction = noise(*size, 9).flatten(), noise(*size, 10).flatten()
    length = 1e-6
    ahead, behind = (objective(x + sign * length * direction, WEIGHTS).loss for sign in (1, -1))
    slope = torch.dot(objective(x, WEIGHTS).gradient, direction).item()
    assert slope == pytest.approx((ahead - behind) / (2 * length), rel=1e-5)


@pytest.mark.parametrize("dtype", TILES_ERROR, ids=str)
def test_tiles_have_the_gradient_of_the_whole(dtype: torch.dtype) -> None:
    size, encoder = (75, 90), encoder_of(dtype)
    terms = all_terms(encoder, size)
    x = noise(*size, 11, dtype).flatten()
    objective = objective_of(terms, encoder, size)
    whole = objective(x, WEIGHTS)
    objective.compute_in_tiles(40)
    tiles = objective(x, WEIGHTS)
    assert tiles.loss == pytest.approx(whole.loss, rel=TILES_ERROR[dtype])
    error = (tiles.gradient - whole.gradient).norm() / whole.gradient.norm()
    assert error < TILES_ERROR[dtype]


@pytest.mark.parametrize(("search", "last"), [(0, "relu4_3"), (1, "relu4_3"), (2, "relu4_1")])
def test_finishing_computes_nothing_deeper_than_it_compares(search: int, last: str) -> None:
    size, encoder = (48, 64), encoder_of()
    content, style = noise(*size, 12), StyleInput(noise(*size, 13))
    terms = neighbor_terms(encoder, content, [style], content, search=search, flourish=0.0)
    assert objective_of(terms, encoder, size).encoder.path[-1] == last


def in_columns(size: tuple[int, int], first: int, last: int, amount: float) -> Tensor:
    """Return an amount that is not 0 in some columns only, (1, 1, H, W)."""
    amounts = torch.zeros(1, 1, *size, dtype=torch.float64)
    amounts[..., first:last] = amount
    return amounts


def test_own_hypercolumns_get_the_moments_of_the_style_that_is_there() -> None:
    """A style counts by its amount; where there is none, the target is the content."""
    size, encoder, colors = (16, 48), encoder_of(), 0.8
    content, image = noise(*size, 20), noise(*size, 21)
    styles = [
        StyleInput(noise(24, 28, 22), 0.5, in_columns(size, 0, 16, 1.0)),
        StyleInput(noise(20, 32, 23), 0.5, in_columns(size, 16, 32, 0.5)),
    ]
    terms = neighbor_terms(encoder, content, styles, content, search=0, flourish=0.0, colors=colors)
    own = next(term for term in terms if term.name == "content")
    found = own.loss(own.statistics(encoder(image), whole(image)))

    queries = matching.QueryReader(matching.Projection(0, content), content)
    read(encoder, content, None, queries)
    before = {
        layer: hypercolumns(encoder(content), [layer], whole(content)) for layer in OWN_LAYERS
    }
    after = {layer: rows.clone() for layer, rows in before.items()}
    for style, (first, last), amount in zip(styles, [(0, 4), (4, 8)], [1, 0.5], strict=True):
        sample = matching.StyleSample.of(encoder, style.image, 0, None)
        index = matching.matches(queries.queries, sample.keys)
        cells = torch.arange(48).view(4, 12)[:, first:last].flatten()
        for layer, rows in before.items():
            matches = sample.cells[layer][index.flatten()[cells]]
            deviation, mean = torch.std_mean(rows[cells], 0, correction=0)
            their_deviation, their_mean = torch.std_mean(matches, 0, correction=0)
            moved = (rows[cells] - mean) / (deviation + 1e-6) * their_deviation + their_mean
            after[layer][cells] += colors * amount * (moved - rows[cells])
    columns = hypercolumns(encoder(image), list(OWN_LAYERS), whole(image))
    targets = torch.cat([after[layer] for layer in OWN_LAYERS], 1)
    cosines = torch.nn.functional.cosine_similarity(columns, targets)
    assert found.item() == pytest.approx(OWN_WEIGHT * (1 - cosines).mean().item(), rel=1e-9)


def test_a_face_keeps_more_of_the_content() -> None:
    size, encoder = (32, 48), encoder_of()
    content, image = noise(*size, 26), noise(*size, 27)
    everywhere = torch.ones(1, 1, *size, dtype=torch.float64)

    def own_loss(faces: Tensor | None = None, detail: Tensor | None = None) -> float:
        terms = neighbor_terms(
            encoder,
            content,
            [StyleInput(noise(24, 28, 28), 1.0)],
            content,
            search=1,
            flourish=0.0,
            detail=detail,
            faces=faces,
        )
        own = next(term for term in terms if term.name == "content")
        return own.loss(own.statistics(encoder(image), whole(image))).item()

    kept = own_loss(faces=everywhere) / own_loss()
    assert kept == pytest.approx(1 + FACE_DETAIL * DETAIL_WEIGHT)
    assert own_loss(faces=everywhere, detail=everywhere) == own_loss(detail=everywhere)


@pytest.mark.parametrize("search", [0, 1])
def test_the_content_has_no_gradient_far_from_all_styles(search: int) -> None:
    size, encoder = (32, 192), encoder_of()
    content = noise(*size, 24)
    styles = [StyleInput(noise(40, 44, 25), 1.0, in_columns(size, 0, 32, 1.0))]
    terms = neighbor_terms(encoder, content, styles, content, search=search, flourish=0.3)
    gradient = objective_of(terms, encoder, size)(content.flatten(), WEIGHTS).gradient.view(
        3, *size
    )
    assert gradient[..., :32].abs().max() > 0
    assert gradient[..., 112:].abs().max() < 1e-9 * gradient.abs().max()


def test_targets_are_the_same_in_tiles() -> None:
    size, encoder = (75, 90), encoder_of()
    x = noise(*size, 11).flatten()
    at_once, in_tiles = (
        objective_of(all_terms(encoder, size, side), encoder, size)(x, WEIGHTS)
        for side in (None, 40)
    )
    assert in_tiles.loss == pytest.approx(at_once.loss, rel=1e-9)


def test_a_picture_is_its_own_neighbor() -> None:
    image, encoder = noise(32, 40, 12), encoder_of()
    cells = matching.QueryReader(matching.Projection(0, image), image)
    read(encoder, image, None, cells)
    sample = matching.StyleSample.of(encoder, image, 0, None)
    index = matching.matches(cells.queries, sample.keys)
    own = hypercolumns(encoder(image), MATCHED_LAYERS, whole(image))
    matched = torch.cat([sample.cells[layer] for layer in MATCHED_LAYERS], dim=1)[index.flatten()]
    torch.testing.assert_close(matched, own)


def test_large_styles_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "KEYS", 20)
    monkeypatch.setattr(matching, "STYLE_PLACES", 12)
    sample = matching.StyleSample.of(encoder_of(), noise(32, 40, 13), 0, None)
    assert {len(rows) for rows in sample.cells.values()} == {20}
    assert {len(directions.rows) for directions in sample.directions.values()} == {12}


def test_a_sample_has_the_gram_matrices_of_the_upright_style() -> None:
    image, encoder = noise(32, 40, 13), encoder_of()
    activations = encoder(image)
    for in_tiles in (None, 16):
        sample = matching.StyleSample.of(encoder, image, 0, in_tiles)
        for layer, found in zip(FLOURISH_LAYERS, sample.grams, strict=True):
            rows = activations[layer][0].flatten(1)
            torch.testing.assert_close(found, rows @ rows.T / rows.shape[1])


def test_a_sampler_keeps_the_samples_of_the_latest_styles() -> None:
    encoder, sampler = encoder_of(), matching.StyleSampler()
    one, other = noise(32, 40, 13), noise(32, 40, 14)
    (sample,) = sampler.samples(encoder, [one], 0, None)
    assert sampler.samples(encoder, [one.clone(), other], 0, 16)[0] is sample
    (with_other_seed,) = sampler.samples(encoder, [one], 1, None)
    assert with_other_seed is not sample
    in_float32 = sampler.samples(encoder_of(torch.float32), [one], 1, None)[0]
    assert in_float32.cells["relu3_1"].dtype == torch.float32
    (again,) = sampler.samples(encoder, [one], 0, None)
    assert again is not sample
    torch.testing.assert_close(again.cells, sample.cells)


def test_a_sampler_keeps_the_sample_of_the_latest_content() -> None:
    encoder, sampler = encoder_of(), OwnSampler()
    one, other = noise(32, 40, 13), noise(32, 40, 14)
    sample = sampler.sample(encoder, one, None)
    assert sampler.sample(encoder, one.clone(), 16) is sample
    in_float32 = sampler.sample(encoder_of(torch.float32), one, None)
    assert in_float32.rows["relu3_1"].dtype == torch.float32
    assert sampler.sample(encoder, other, None) is not sample
    again = sampler.sample(encoder, one, None)
    assert again is not sample
    torch.testing.assert_close(again.rows, sample.rows)
    torch.testing.assert_close(again.sums, sample.sums)


@pytest.mark.parametrize("tile_side", [None, 40])
def test_a_kept_sample_gives_the_same_terms(tile_side: int | None) -> None:
    """Terms do not change the sample that later searches use."""
    size, encoder, own = (75, 90), encoder_of(), OwnSampler()
    x = noise(*size, 11).flatten()
    losses = [
        objective_of(all_terms(encoder, size, tile_side, own=sampler), encoder, size)(
            x, WEIGHTS
        ).loss
        for sampler in (None, own, own)
    ]
    assert losses[0] == losses[1] == losses[2]


def test_an_encoded_image_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    size, encoder = (48, 64), encoder_of()
    content, seen, style = noise(*size, 12), noise(*size, 13), StyleInput(noise(*size, 14))
    encoded = Encoded(seen, encoder(seen))
    passed: list[Tensor] = []
    outputs = Encoder._outputs

    def spied(self: Encoder, image: Tensor) -> Iterator[tuple[str, Tensor]]:
        passed.append(image)
        return outputs(self, image)

    losses = []
    for known in (None, encoded):
        terms = neighbor_terms(
            encoder,
            content,
            [style],
            seen,
            search=2,
            flourish=0.0,
            sampling=Sampling(encoded=known),
        )
        objective = Objective(encoder, terms, (1, 3, *size), encoded=known)
        with monkeypatch.context() as patch:
            patch.setattr(Encoder, "_outputs", spied)
            losses += [objective(x.flatten(), WEIGHTS) for x in (seen, content, seen)]
    assert len(passed) == 5
    for one, other in zip(losses[:3], losses[3:], strict=True):
        assert one.loss == other.loss
        assert torch.equal(one.gradient, other.gradient)


def test_what_is_seen_is_the_content_first_and_the_painting_in_the_end() -> None:
    content, began = noise(32, 40, 14), noise(32, 40, 15)
    scale = Scale((40, 32), 1)
    coarsest = Scene(replace(scale, is_coarsest=True), content, [], began)
    between = Scene(scale, content, [], began)
    finishing = Scene(replace(scale, is_finishing=True), content, [], began, search=1)
    assert seen_image(coarsest, 0.0) is content
    assert not torch.equal(seen_image(between, 0.0), content)
    assert seen_image(finishing, 0.0) is began


def test_on_faces_a_share_of_what_is_seen_while_finishing_is_the_content() -> None:
    content, began = noise(32, 40, 14), noise(32, 40, 15)
    faces = torch.zeros(1, 1, 32, 40, dtype=content.dtype)
    faces[..., :8] = 1
    scale = Scale((40, 32), 1, is_finishing=True)
    seen = seen_image(Scene(scale, content, [], began, search=1, faces=faces), 0.25)
    torch.testing.assert_close(seen[..., :8], (content + 3 * began)[..., :8] / 4)
    assert torch.equal(seen[..., 8:], began[..., 8:])


def test_the_share_grows_above_half_strength() -> None:
    shares = [faces_kept(StyleTransferOptions(strength=each)) for each in (0, 0.5, 0.6, 0.75, 1)]
    assert shares == pytest.approx([0, 0, 0.2, 0.5, 0.5])
