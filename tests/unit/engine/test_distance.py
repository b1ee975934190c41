"""Distances by the other network, against a transcription of the formula."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from conftest import picture
from nst import images
from nst.engine.distance import CONTENT_LAYER, JUDGE, SIDE_PIXELS, STYLE_LAYERS, measure
from nst.engine.network.encoder import MEAN_RGB
from nst.engine.network.weights import Weights, WeightsStore
from nst.engine.pictures.styles import Style
from nst.layers import layer_names
from nst.options import MODELS
from unit.engine.network.test_encoder import plain_network
from unit.engine.synthetic import random_tensors


@pytest.fixture(scope="module")
def judge() -> Weights:
    return WeightsStore(offline=True).load("vgg16")


def features_by_hand(image: Image.Image, tensors: dict[str, Tensor]) -> dict[str, np.ndarray]:
    x = torch.tensor(np.asarray(image) - np.array(MEAN_RGB)).permute(2, 0, 1).unsqueeze(0)
    features = {}
    with torch.no_grad():
        for name, module in zip(
            layer_names("vgg16"), plain_network("vgg16", tensors, "replicate").double(), strict=True
        ):
            x = module(x)
            features[name] = x[0].flatten(1).numpy()
    return features


def test_the_distances_are_the_formulas() -> None:
    tensors = random_tensors("vgg16")
    one, two, three = (picture(40, 40).rotate(90 * turns) for turns in range(3))
    found = measure(one, two, [Style(three)], Weights("vgg16", tensors, Path(), ""))
    image, content, style = (features_by_hand(each, tensors) for each in (one, two, three))
    target = content["conv4_2"]
    by_hand = ((image["conv4_2"] - target) ** 2).sum() / (target**2).sum()
    assert found.content == pytest.approx(by_hand, rel=1e-4)
    terms = []
    for layer in ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"):
        gram, goal = (of[layer] @ of[layer].T / of[layer].size for of in (image, style))
        terms.append(((gram - goal) ** 2).sum() / (goal**2).sum())
    assert found.style == pytest.approx(np.mean(terms), rel=1e-4)
    assert found.judge == "vgg16"


def test_to_several_styles_it_is_the_distance_to_their_mixture() -> None:
    tensors = random_tensors("vgg16")
    image, one, other = (picture(40, 40).rotate(90 * turns) for turns in range(3))
    styles = [Style(one, 0.25), Style(other, 0.75)]
    found = measure(image, image, styles, Weights("vgg16", tensors, Path(), ""))
    of_image, *of_styles = (features_by_hand(each, tensors) for each in (image, one, other))
    terms = []
    for layer in STYLE_LAYERS:
        gram, *goals = (of[layer] @ of[layer].T / of[layer].size for of in (of_image, *of_styles))
        goal = 0.25 * goals[0] + 0.75 * goals[1]
        terms.append(((gram - goal) ** 2).sum() / (goal**2).sum())
    assert found.style == pytest.approx(np.mean(terms), rel=1e-4)


def test_with_masks_every_region_is_judged_by_its_style(
    judge: Weights, content: Path, style: Path
) -> None:
    """A picture put together from two is nearer to them where they are than the other way round."""
    size = (192, 128)
    one = images.resize(images.load(content, "content"), size)
    other = images.resize(images.load(style, "style"), size)
    left = Image.new("L", size)
    left.paste(255, (0, 0, 96, 128))
    right = left.point(lambda value: 255 - value)
    together = Image.composite(one, other, left)
    near, far, half = (
        measure(together, one, styles, judge).style
        for styles in (
            [Style(one, 0.5, left), Style(other, 0.5, right)],
            [Style(one, 0.5, right), Style(other, 0.5, left)],
            [Style(one, 1.0, left)],
        )
    )
    assert near < 0.5 * far
    assert half < 0.5 * far


def test_a_picture_is_at_no_distance_from_itself(judge: Weights) -> None:
    photo = picture(64, 48)
    distances = measure(photo, photo, [Style(photo)], judge)
    assert (distances.content, distances.style) == (0, 0)


def test_nearer_pictures_have_smaller_distances(judge: Weights, content: Path, style: Path) -> None:
    photo, painting = images.load(content, "content"), images.load(style, "style")
    photo, painting = images.resize(photo, (96, 64)), images.resize(painting, (64, 64))
    blurred = photo.filter(ImageFilter.GaussianBlur(2))
    very_blurred = photo.filter(ImageFilter.GaussianBlur(6))
    near, far = (measure(each, photo, [Style(painting)], judge) for each in (blurred, very_blurred))
    assert 0 < near.content < far.content
    as_style = measure(images.resize(painting, (96, 64)), photo, [Style(painting)], judge)
    assert as_style.style < near.style
    assert as_style.content > near.content


def test_large_pictures_are_compared_at_a_bounded_size(judge: Weights, style: Path) -> None:
    painting = Style(images.resize(images.load(style, "style"), (64, 64)))
    large = [picture(600, 150), picture(600, 150).rotate(180)]
    small = [images.resize(each, (SIDE_PIXELS, 128)) for each in large]
    assert measure(large[0], large[1], [painting], judge) == measure(
        small[0], small[1], [painting], judge
    )


def test_every_network_has_a_judge_with_the_layers() -> None:
    assert set(JUDGE) == set(MODELS)
    for model, other in JUDGE.items():
        assert model != other
        layers: Any = {CONTENT_LAYER, *STYLE_LAYERS}
        assert layers <= set(layer_names(other))
