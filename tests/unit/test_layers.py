"""Layers by name with weights, in the text form of an option."""

import re

import pytest

from nst.layers import layer_weights, layers_pattern

CHOICES = ("classic", "dense")


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("relu1_1", {"relu1_1": 1}),
        ("relu3_1,conv4_2", {"relu3_1": 0.5, "conv4_2": 0.5}),
        ("relu1_1=1,relu2_1=0.5,relu3_1", {"relu1_1": 0.4, "relu2_1": 0.2, "relu3_1": 0.4}),
        ("relu1_1=3e4,relu2_1=1E+4", {"relu1_1": 0.75, "relu2_1": 0.25}),
        ("relu1_1=1e308,relu2_1=1e308", {"relu1_1": 0.5, "relu2_1": 0.5}),
    ],
)
def test_weights_are_read_and_add_up_to_one(text: str, weights: dict[str, float]) -> None:
    assert re.search(layers_pattern(CHOICES), text)
    found = layer_weights("style_layers", text, "vgg16")
    assert list(found) == list(weights)
    assert found == pytest.approx(weights)


@pytest.mark.parametrize("model", ["vgg16", "vgg19"])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
def test_equal_weights_are_exactly_equal_shares(model: str, count: int) -> None:
    """The sets of layers that the engine chooses have the same shares."""
    names = [f"{kind}{block}_1" for block in range(1, 6) for kind in ("conv", "relu")][:count]
    found = layer_weights("style_layers", ",".join(names), model)
    assert set(found.values()) == {1 / count}
