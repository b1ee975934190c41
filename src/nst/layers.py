"""Names of the networks' layers, and options that list layers with weights.

[Simonyan14] Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image
Recognition, arXiv 1409.1556, configurations D (VGG-16) and E (VGG-19), without the classifier.
"""

import math
from collections.abc import Iterator, Sequence
from functools import cache

from nst.errors import InvalidOption

CONVOLUTIONS_PER_BLOCK = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


@cache
def layer_names(model: str) -> tuple[str, ...]:
    """Return all layers in order: conv1_1, relu1_1, …, pool1, conv2_1, …, pool5."""
    names: list[str] = []
    for block, convolutions in enumerate(CONVOLUTIONS_PER_BLOCK[model], start=1):
        for index in range(1, convolutions + 1):
            names += [f"conv{block}_{index}", f"relu{block}_{index}"]
        names.append(f"pool{block}")
    return tuple(names)


_NUMBER = r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_LAYER = rf"(conv|relu)\d_\d(={_NUMBER})?"


def layers_pattern(choices: Sequence[str]) -> str:
    """Return a regular expression for the choices and for lists of layers.

    A list of layers is a text such as relu1_1=1,relu2_1. The expression means the same in Rust,
    Python and JavaScript, so that the page and the server accept the same texts.
    """
    return f"^({'|'.join(choices)}|{_LAYER}(,{_LAYER})*)$"


def layer_weights(field: str, text: str, model: str) -> dict[str, float]:
    """Return the weight of each layer in a text; the weights add up to 1.

    `text` matches `layers_pattern`; a layer without a weight has weight 1 before scaling. Raises
    InvalidOption, which names `field`, if the model lacks a layer, if a layer is listed twice, or
    if a weight is 0 or not finite.
    """
    weights: dict[str, float] = {}
    for name, weight in _named(text):
        if name not in layer_names(model):
            last = f"relu5_{CONVOLUTIONS_PER_BLOCK[model][-1]}"
            raise InvalidOption(
                field, text, f"layers that {model} has, conv1_1 … {last}; it has no {name}"
            )
        if name in weights:
            raise InvalidOption(field, text, f"each layer once; {name} is there twice")
        if not 0 < weight < math.inf:
            raise InvalidOption(
                field, text, f"finite weights greater than 0; that of {name} is {weight:g}"
            )
        weights[name] = weight
    largest = max(weights.values())  # divided by it first, because the sum may not be finite
    total = sum(weight / largest for weight in weights.values())
    return {name: weight / largest / total for name, weight in weights.items()}


def _named(text: str) -> Iterator[tuple[str, float]]:
    for part in text.split(","):
        name, _, weight = part.partition("=")
        yield name, float(weight or 1)
