"""Terms of style loss `neighbors`: match each place with a place of the style.

Every place of the content image is painted like the place of the style image that looks most like
it.

[Kolkin22] Kolkin, Kucera, Paris, Sýkora, Shechtman, Shakhnarovich: Neural Neighbor Style Transfer,
arXiv 2203.13215, 2022. The structure term is from [Kolkin19], the Gram matrices are from [Gatys16].
Ours are the preference of the flourish for areas of the content image that have room, the content's
own hypercolumns in the style's colours, and all weights.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from nst.engine.losses.cells import cells_of
from nst.engine.losses.content import detail_weights
from nst.engine.losses.cosine import BLOCK_ROWS, CellTargets, CosineTerm
from nst.engine.losses.layers import FLOURISH_LAYERS, OWN_LAYERS, PLACE_LAYERS, evenly
from nst.engine.losses.matching import Projection, QueryReader, StyleSampler, nearest
from nst.engine.losses.places import Pairs, PlacesTerm, paired, sampled_places
from nst.engine.losses.reading import CellReader, PlaceReader, read
from nst.engine.losses.room import room_in
from nst.engine.losses.structure import Grid, StructureReader, StructureTerm
from nst.engine.losses.style import StyleTerm, compare_with, relative
from nst.engine.losses.sums import wide
from nst.engine.losses.term import Term
from nst.engine.network.encoder import Encoder
from nst.engine.network.tiles import stride
from nst.engine.pictures.tensors import StyleInput

OWN_WEIGHT = 0.35
"""Weight of the content's own hypercolumns in the content loss."""
STRUCTURE_WEIGHT = 0.2
"""Weight of the structure term in the content loss."""
BUSY_FLOURISH = 0.3
"""Share of the flourish where the content image has no room for it."""
FACE_FLOURISH = 0.05
"""Share of the flourish on a face.
It is too small to paint a form, but enough to keep the face's contrast."""
MATCH_WHILE_FINISHING = 0.25
"""Weight of the matches while finishing, where single features count as well."""


def neighbor_terms(
    encoder: Encoder,
    content: Tensor,
    styles: Sequence[StyleInput],
    seen: Tensor,
    *,
    finishing_round: int,
    flourish: float,
    detail: Tensor | None = None,
    faces: Tensor | None = None,
    seed: int = 0,
    sampler: StyleSampler | None = None,
    tile_side: int | None = None,
) -> list[Term]:
    """Return all terms of one stage.

    `seen`: the image whose neighbours are searched for. All images are (1, 3, H, W), RGB 0…255
    minus the encoder's mean colour. `detail`: where to keep more of the content, (1, 1, H, W), 0…1.
    `faces`: where no form of the style may hide the content image, (1, 1, H, W), 0…1. `flourish`:
    factor of the flourish in this stage, besides its weight. `sampler`: a sampler that may have
    kept samples of the styles.
    """
    sampler = sampler or StyleSampler()
    samples = sampler.samples(encoder, [style.image for style in styles], seed, tile_side)
    is_finishing = finishing_round > 0
    generator = torch.Generator().manual_seed(seed + finishing_round)
    projection = Projection(generator, content.to(encoder.dtype))
    cells = QueryReader(projection, seen)
    places = [_places(style, seen, generator) if is_finishing else {} for style in styles]
    features = [PlaceReader(each) for each in places]
    read(encoder, seen, tile_side, cells, *features)

    style_weight = MATCH_WHILE_FINISHING if is_finishing else 1.0
    terms: list[Term] = []
    found: dict[str, Tensor] = {}
    amounts = _amounts(styles, content)
    for sample, where, ours, amount in zip(samples, places, features, amounts, strict=True):
        index = nearest(cells.queries, projection.of(sample.cells), encoder.dtype)
        _add_moments(found, sample.cells, index, amount)
        weights = style_weight * amount / amount.numel()
        terms.append(CosineTerm("style", CellTargets.of(sample.cells, index), weights))
        if where:
            pairs = _pairs(ours.features, where, sample.features)
            terms.append(PlacesTerm("style", pairs, amount.mean().item()))
    terms += _content_terms(encoder, content, found, detail, tile_side)
    if flourish:
        amount = flourish_amount(content, detail, faces)
        grams = [sample.grams for sample in samples]
        terms.append(_flourish(encoder, content, styles, grams, amount, flourish))
    return terms


def _amounts(styles: Sequence[StyleInput], content: Tensor) -> list[Tensor]:
    """Return the amount of each style in each cell, 0…1: (rows, columns)."""
    cells = cells_of(content.shape[2:])
    return [
        content.new_full(cells, style.share)
        if style.amount is None
        else adaptive_avg_pool2d(style.amount, cells)[0, 0]
        for style in styles
    ]


def _places(
    style: StyleInput, seen: Tensor, generator: torch.Generator
) -> dict[str, tuple[Tensor, Tensor]]:
    """Sample places where the style is, by layer.

    There are none if the style's mask is too small.
    """
    found: dict[str, tuple[Tensor, Tensor]] = {}
    for layer in PLACE_LAYERS:
        height, width = (length // stride(layer) for length in seen.shape[2:])
        rows, columns = sampled_places((height, width), generator)
        if style.amount is not None:
            amount = adaptive_avg_pool2d(style.amount, (height, width))[0, 0].cpu()
            inside = amount[rows, columns] > 0.5
            rows, columns = rows[inside], columns[inside]
        if len(rows):
            found[layer] = (rows, columns)
    return found


def _pairs(
    ours: Mapping[str, Tensor],
    places: Mapping[str, tuple[Tensor, Tensor]],
    theirs: Mapping[str, Tensor],
) -> dict[str, Pairs]:
    return {
        layer: paired(ours[layer], places[layer], theirs[layer], wide(theirs[layer]).mean(0))
        for layer in places
    }


def _content_terms(
    encoder: Encoder,
    content: Tensor,
    found: Mapping[str, Tensor],
    detail: Tensor | None,
    tile_side: int | None,
) -> list[Term]:
    """Return the terms for the content's own hypercolumns and for its structure.

    Each channel of the hypercolumns gets the mean and the deviation of the matches of the cells.
    """
    cells = cells_of(content.shape[2:])
    numbers = torch.arange(math.prod(cells)).view(cells)
    own, grid = CellReader(OWN_LAYERS, numbers, encoder.dtype), Grid(*content.shape[2:])
    structure = StructureReader(grid)
    read(encoder, content, tile_side, own, structure)
    for layer, rows in own.rows.items():
        _move(rows, found[layer])
    weights = content.new_ones(cells) if detail is None else detail_weights(detail, cells)[0, 0]
    targets = CellTargets.of(own.rows, numbers.to(content.device))
    return [
        CosineTerm("content", targets, OWN_WEIGHT * weights / weights.numel()),
        StructureTerm("content", structure.similarities, grid, STRUCTURE_WEIGHT),
    ]


def _move(rows: Tensor, moments: Tensor) -> None:
    """Give rows other means and deviations, in place.

    `moments`: sums of weights, values and squares, (3, C).
    """
    blocks = torch.split(rows, BLOCK_ROWS)
    of_rows = torch.stack([_moments(wide(block)) for block in blocks]).sum(0)
    (mean, deviation), (other_mean, other_deviation) = map(_spread, (of_rows, moments))
    for block in blocks:
        block.copy_((wide(block) - mean) / (deviation + 1e-6) * other_deviation + other_mean)


def _moments(rows: Tensor, counts: Tensor | None = None) -> Tensor:
    """Return each channel's sums of weights, values and squares: (n, C) → (3, C)."""
    weights = rows.new_ones(len(rows)) if counts is None else counts
    sums = [weights.sum().expand(rows.shape[1]), weights @ rows, weights @ rows.square()]
    return torch.stack(sums)


def _spread(moments: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and the deviation of each channel."""
    count, values, squares = moments
    mean = values / count
    return mean, (squares / count - mean.square()).clamp(min=0).sqrt()


def _add_moments(
    found: dict[str, Tensor], keys: Mapping[str, Tensor], index: Tensor, amount: Tensor
) -> None:
    """Add to `found`, by layer, the moments of the keys that were matched.

    Each key counts as often as it was matched, by the amount of its style.
    """
    count = len(keys[OWN_LAYERS[0]])
    counts = amount.new_zeros(count).index_add_(0, index.flatten(), amount.flatten())
    for layer in OWN_LAYERS:
        sums = _moments(wide(keys[layer]), counts)
        found[layer] = found[layer] + sums if layer in found else sums


def _flourish(
    encoder: Encoder,
    content: Tensor,
    styles: Sequence[StyleInput],
    grams: Sequence[Sequence[Tensor]],
    amount: Tensor,
    factor: float,
) -> StyleTerm:
    """Return the term of the flourish: Gram matrices relative to the style's own.

    It makes large forms, most of all where there is room for them.
    """
    size = (content.shape[2], content.shape[3])
    compared = compare_with(grams, evenly(FLOURISH_LAYERS), styles, size, encoder.path)
    return StyleTerm([relative(each, factor).within(amount) for each in compared], "flourish")


def flourish_amount(content: Tensor, detail: Tensor | None, faces: Tensor | None) -> Tensor:
    """Return the share of the flourish at each pixel, (1, 1, H, W), 0…1.

    `detail` and `faces`: maps as in `neighbor_terms`.
    """
    room = room_in(content)
    if detail is not None:
        room = room * (1 - detail)
    amount = BUSY_FLOURISH + (1 - BUSY_FLOURISH) * room
    return amount if faces is None else amount + faces * (FACE_FLOURISH - amount)
