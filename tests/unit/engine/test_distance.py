"""Distances by the other network, against their formulas in plain float64."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from nst import images
from nst.engine import distance
from nst.engine.distance import (
    CONTENT_LAYERS,
    GRAM_LAYERS,
    JUDGE,
    SIDE_PIXELS,
    STYLE_LAYERS,
    self_similarity_distance,
    transport,
)
from nst.engine.network.encoder import MEAN_RGB
from nst.engine.network.weights import Weights, WeightsStore
from nst.engine.pictures.styles import Style
from nst.layers import layer_names
from nst.option_fields import MODELS
from nst.progress import Distances
from support.pictures import picture
from unit.engine.network.test_encoder import plain_network
from unit.engine.synthetic import layers_in_memory, narrow_tensors

Maps = dict[str, np.ndarray]
"""Feature maps (C, H, W) by layer."""


@pytest.fixture(scope="module")
def judge() -> Weights:
    return WeightsStore(offline=True).load("vgg16")


@pytest.fixture(scope="module")
def random_judge() -> Weights:
    return Weights("vgg16", narrow_tensors("vgg16"), Path(), "")


def measure(
    image: Image.Image, content: Image.Image, styles: Sequence[Style], judge: Weights
) -> Distances:
    found = distance.measure(image, content, styles, judge)
    assert found is not None
    return found


# ── formulas by hand ──────────────────────────────────────────────────────────────────────────


def maps_by_hand(image: Image.Image, judge: Weights) -> Maps:
    x = torch.tensor(np.asarray(image) - np.array(MEAN_RGB)).permute(2, 0, 1).unsqueeze(0)
    network = plain_network("vgg16", dict(judge.tensors), "replicate").double()
    maps = {}
    with torch.no_grad():
        for name, module in zip(layer_names("vgg16"), network, strict=True):
            x = module(x)
            maps[name] = x[0].numpy()
    return maps


def rows(features: np.ndarray) -> list[np.ndarray]:
    channels, height, width = features.shape
    assert channels
    return [features[:, y, x] for y in range(height) for x in range(width)]


def cosine_distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(1 - one @ other / np.sqrt((one @ one) * (other @ other)))


def content_by_hand(image: np.ndarray, content: np.ndarray) -> float:
    """Return the content distance of maps no larger than the grid of cells."""
    ours, theirs = rows(image), rows(content)
    total = 0.0
    for i in range(len(ours)):
        one = [cosine_distance(ours[i], each) for each in ours]
        other = [cosine_distance(theirs[i], each) for each in theirs]
        for a, b in zip(one, other, strict=True):
            total += abs(a / sum(one) - b / sum(other))
    return total / len(ours)


def nearest_by_hand(
    ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], mean: np.ndarray
) -> list[float]:
    unit = [(each - mean) / np.linalg.norm(each - mean) for each in theirs]
    found = []
    for each in ours:
        direction = (each - mean) / np.linalg.norm(each - mean)
        found.append(min(1 - float(direction @ other) for other in unit))
    return found


def worst_by_hand(local: Sequence[float]) -> float:
    return float(np.mean(sorted(local)[-int(np.ceil(len(local) / 10)) :]))


# ── the formulas ──────────────────────────────────────────────────────────────────────────────


def test_the_distances_are_the_formulas(random_judge: Weights) -> None:
    one, two, three = (picture(40, 40).rotate(90 * turns) for turns in range(3))
    found = measure(one, two, [Style(three)], random_judge)
    image, content, style = (maps_by_hand(each, random_judge) for each in (one, two, three))
    by_hand = [content_by_hand(image[layer], content[layer]) for layer in ("relu3_1", "relu4_1")]
    assert found.content == pytest.approx(np.mean(by_hand), rel=1e-4)
    precisions, coverages, worsts = [], [], []
    for layer in ("relu2_1", "relu3_1", "relu4_1"):
        ours, theirs = rows(image[layer]), rows(style[layer])
        mean = np.mean(theirs, axis=0)
        local = nearest_by_hand(ours, theirs, mean)
        precisions.append(np.mean(local))
        coverages.append(np.mean(nearest_by_hand(theirs, ours, mean)))
        worsts.append(worst_by_hand(local))
    assert found.precision == pytest.approx(np.mean(precisions), rel=1e-4, abs=1e-6)
    assert found.coverage == pytest.approx(np.mean(coverages), rel=1e-4, abs=1e-6)
    assert found.worst_tenth == pytest.approx(np.mean(worsts), rel=1e-4, abs=1e-6)
    assert found.style == max(found.precision, found.coverage)
    terms = []
    for layer in ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"):
        flat = [of[layer].reshape(len(of[layer]), -1) for of in (image, style)]
        gram, goal = (each @ each.T / each.size for each in flat)
        terms.append(((gram - goal) ** 2).sum() / (goal**2).sum())
    assert found.gram == pytest.approx(np.mean(terms), rel=1e-4)
    assert found.judge == "vgg16"


def test_cells_are_averages_of_the_features() -> None:
    features, target = torch.rand(2, 1, 5, 48, 72, generator=torch.Generator().manual_seed(1))
    cells = [each[0].double().numpy() for each in (features, target)]
    averaged = [each.reshape(5, 24, 2, 24, 3).mean((2, 4)) for each in cells]
    found = self_similarity_distance(features, target)
    assert found == pytest.approx(content_by_hand(*averaged), rel=1e-4)


def test_several_styles_are_one_union(random_judge: Weights) -> None:
    image = picture(40, 40).filter(ImageFilter.GaussianBlur(1))
    pictures = [picture(40, 40).rotate(90), Image.effect_noise((40, 40), 90).convert("RGB")]
    shares = (0.25, 0.75)
    styles = [Style(*pair) for pair in zip(pictures, shares, strict=True)]
    found = measure(image, image, styles, random_judge)
    of_image, *of_styles = (maps_by_hand(each, random_judge) for each in (image, *pictures))
    precisions, coverages, terms = [], [], []
    for layer in STYLE_LAYERS:
        ours, theirs = rows(of_image[layer]), [rows(each[layer]) for each in of_styles]
        means = [np.mean(each, axis=0) for each in theirs]
        mean = 0.25 * means[0] + 0.75 * means[1]
        precisions.append(np.mean(nearest_by_hand(ours, theirs[0] + theirs[1], mean)))
        back = [np.mean(nearest_by_hand(each, ours, mean)) for each in theirs]
        coverages.append(0.25 * back[0] + 0.75 * back[1])
    assert found.precision == pytest.approx(np.mean(precisions), rel=1e-4)
    assert found.coverage == pytest.approx(np.mean(coverages), rel=1e-4)
    for layer in GRAM_LAYERS:
        flat = [each[layer].reshape(len(each[layer]), -1) for each in (of_image, *of_styles)]
        gram, *goals = (each @ each.T / each.size for each in flat)
        goal = 0.25 * goals[0] + 0.75 * goals[1]
        terms.append(((gram - goal) ** 2).sum() / (goal**2).sum())
    assert found.gram == pytest.approx(np.mean(terms), rel=1e-4)


def test_a_style_of_no_share_is_no_style(judge: Weights) -> None:
    image, one, other = (picture(40, 40).rotate(90 * turns) for turns in range(3))
    alone = measure(image, image, [Style(one)], judge)
    assert measure(image, image, [Style(one, 1.0), Style(other, 0.0)], judge) == alone


def test_regions_are_compared_with_their_own_style(random_judge: Weights) -> None:
    """The mask ends at a cell of the deepest layer, so no cell is mixed."""
    size = (64, 32)
    image, one = picture(*size), picture(64, 32).rotate(180)
    other = Image.effect_noise(size, 90).convert("RGB")
    left = Image.new("L", size)
    left.paste(255, (0, 0, 16, 32))
    right = left.point(lambda value: 255 - value)
    found = measure(image, image, [Style(one, 0.5, left), Style(other, 0.5, right)], random_judge)
    of_image, *of_styles = (maps_by_hand(each, random_judge) for each in (image, one, other))
    precision = coverage = worst = 0.0
    for layer in STYLE_LAYERS:
        middle = of_image[layer].shape[2] // 4
        regions = (of_image[layer][:, :, :middle], of_image[layer][:, :, middle:])
        for part, region, style in zip((0.25, 0.75), regions, of_styles, strict=True):
            ours, theirs = rows(region), rows(style[layer])
            mean = np.mean(theirs, axis=0)
            local = nearest_by_hand(ours, theirs, mean)
            precision += part * float(np.mean(local)) / 3
            coverage += part * float(np.mean(nearest_by_hand(theirs, ours, mean))) / 3
            worst += part * worst_by_hand(local) / 3
    assert found.precision == pytest.approx(precision, rel=1e-4)
    assert found.coverage == pytest.approx(coverage, rel=1e-4)
    assert found.worst_tenth == pytest.approx(worst, rel=1e-4)


@pytest.mark.parametrize("has_masks", [False, True])
def test_one_image_at_a_time_has_its_features_in_memory(
    has_masks: bool, random_judge: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the layers of the content that are compared in the end stay."""
    image, one, other = (picture(40, 40).rotate(90 * turns) for turns in range(3))
    mask = Image.new("L", image.size, 255) if has_masks else None
    in_memory = layers_in_memory(monkeypatch)
    measure(image, image, [Style(one, 0.5, mask), Style(other, 0.5, mask)], random_judge)
    assert len(in_memory) == 6  # the styles twice: for their features and their averages
    assert all(layers <= set(CONTENT_LAYERS) for layers in in_memory)


# ── invariances ───────────────────────────────────────────────────────────────────────────────


def test_an_image_is_at_no_distance_from_itself(judge: Weights) -> None:
    photo = picture(64, 48)
    found = measure(photo, photo, [Style(photo)], judge)
    assert (found.content, found.gram) == (0, 0)
    assert (found.precision, found.coverage, found.worst_tenth) == pytest.approx(
        (0, 0, 0), abs=1e-6
    )


def test_precision_and_coverage_change_places_with_image_and_style() -> None:
    one, other = torch.randn(2, 50, 8, generator=torch.Generator().manual_seed(2))
    one, other = one - one.mean(0), other - other.mean(0)
    there, back = transport(one, [(1.0, other)]), transport(other, [(1.0, one)])
    assert (there.precision, there.coverage) == pytest.approx((back.coverage, back.precision))


def test_the_length_of_features_does_not_matter() -> None:
    one, other = torch.rand(2, 1, 6, 9, 7, generator=torch.Generator().manual_seed(3))
    assert self_similarity_distance(one, 3 * one) == pytest.approx(0, abs=1e-6)
    assert self_similarity_distance(one, other) == pytest.approx(
        self_similarity_distance(7 * one, other / 5)
    )


@pytest.mark.parametrize("block", [1, 7, 100])
def test_blocks_give_what_all_at_once_give(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(4)
    cells = torch.randn(60, 16, generator=random)
    styles = [(0.4, torch.randn(80, 16, generator=random)), (0.6, torch.randn(30, 16))]
    whole = transport(cells, styles)
    monkeypatch.setattr(distance, "BLOCK_FEATURES", block)
    assert transport(cells, styles) == pytest.approx(whole, rel=1e-5)


def test_maps_of_many_features_are_sampled_on_a_grid() -> None:
    features = torch.arange(10.0 * 15).view(1, 1, 10, 15)
    assert torch.equal(distance._sampled(features, 150), features)
    assert torch.equal(distance._sampled(features, 149), features[:, :, 1::2, 1::2])
    assert distance._sampled(features, 10).shape[2] * distance._sampled(features, 10).shape[3] <= 10
    assert distance._sampled(torch.rand(1, 3, 1, 1000), 100).numel() == 3 * 100


# ── distances of real images ──────────────────────────────────────────────────────────────────


def test_with_masks_every_region_is_judged_by_its_style(
    judge: Weights, content: Path, style: Path
) -> None:
    """A composed image is nearer to its two parts in their places than exchanged."""
    size = (192, 128)
    one = images.resize(images.load(content, "content"), size)
    other = images.resize(images.load(style, "style"), size)
    left = Image.new("L", size)
    left.paste(255, (0, 0, 96, 128))
    right = left.point(lambda value: 255 - value)
    together = Image.composite(one, other, left)
    near, far, half = (
        measure(together, one, styles, judge)
        for styles in (
            [Style(one, 0.5, left), Style(other, 0.5, right)],
            [Style(one, 0.5, right), Style(other, 0.5, left)],
            [Style(one, 1.0, left)],
        )
    )
    for name in ("precision", "gram"):
        assert getattr(near, name) < 0.5 * getattr(far, name)
        assert getattr(half, name) < 0.5 * getattr(far, name)


def test_nearer_images_have_smaller_distances(judge: Weights, content: Path, style: Path) -> None:
    photo, painting = images.load(content, "content"), images.load(style, "style")
    photo, painting = images.resize(photo, (96, 64)), images.resize(painting, (64, 64))
    blurred = photo.filter(ImageFilter.GaussianBlur(2))
    very_blurred = photo.filter(ImageFilter.GaussianBlur(6))
    near, far = (measure(each, photo, [Style(painting)], judge) for each in (blurred, very_blurred))
    assert 0 < near.content < far.content
    as_style = measure(images.resize(painting, (96, 64)), photo, [Style(painting)], judge)
    assert as_style.style < near.style
    assert as_style.gram < near.gram
    assert as_style.content > near.content


def test_a_place_that_nobody_painted_is_in_the_worst_tenth(
    judge: Weights, content: Path, style: Path
) -> None:
    painting = images.resize(images.load(style, "style"), (128, 128))
    unfinished = painting.copy()
    photo = images.resize(images.load(content, "content"), (128, 128))
    unfinished.paste(photo.crop((0, 0, 40, 40)), (0, 0))
    found = measure(unfinished, photo, [Style(painting)], judge)
    assert found.worst_tenth > 5 * found.precision


def test_images_of_one_colour_have_finite_distances(judge: Weights) -> None:
    grey, photo = Image.new("RGB", (48, 40), "grey"), picture(48, 40)
    assert measure(grey, grey, [Style(photo)], judge).content == 0
    assert measure(grey, photo, [Style(photo)], judge).content == pytest.approx(1, abs=0.05)
    found = measure(photo, grey, [Style(grey)], judge)
    assert (found.precision, found.coverage) == pytest.approx((1, 1), abs=0.05)


def test_large_images_are_compared_at_a_bounded_size(judge: Weights, style: Path) -> None:
    painting = Style(images.resize(images.load(style, "style"), (64, 64)))
    large = [picture(600, 150), picture(600, 150).rotate(180)]
    small = [images.resize(each, (SIDE_PIXELS, 128)) for each in large]
    assert measure(large[0], large[1], [painting], judge) == measure(
        small[0], small[1], [painting], judge
    )


def test_images_too_small_for_the_deepest_layer_are_not_judged(judge: Weights) -> None:
    photo, painting = picture(64, 15), picture(40, 40)
    assert distance.measure(photo, photo, [Style(painting)], judge) is None


def test_a_style_that_is_too_narrow_is_enlarged_and_judged(judge: Weights) -> None:
    photo, painting = picture(64, 24), picture(20, 40)
    assert distance.measure(photo, photo, [Style(painting)], judge) is not None


def test_every_network_has_a_judge_with_the_layers() -> None:
    assert set(JUDGE) == set(MODELS)
    for model, other in JUDGE.items():
        assert model != other
        layers: Any = {*CONTENT_LAYERS, *STYLE_LAYERS, *GRAM_LAYERS}
        assert layers <= set(layer_names(other))
