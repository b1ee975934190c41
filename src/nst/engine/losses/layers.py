"""Layers of the network that the terms use, with their weights.

[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
[Kolkin22] Kolkin, Kucera, Paris, Sýkora, Shechtman, Shakhnarovich: Neural Neighbor Style Transfer,
arXiv 2203.13215, 2022.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from nst.errors import InvalidOption
from nst.layers import layer_names, layer_weights
from nst.options import StyleTransferOptions

CONTENT_LAYER = {"vgg19": "conv4_2", "vgg16": "relu2_2"}
STYLE_LAYERS = {
    "vgg19": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3"),
}
"""Style layers of [Gatys16] §3 for VGG-19 and of [Johnson16] for VGG-16.
The content layer of VGG-16 is from [Johnson16] too."""
MATCHED_LAYERS = (
    *("relu1_1", "relu1_2", "relu2_1", "relu2_2"),
    *("relu3_1", "relu3_3", "relu4_1", "relu4_3"),
)
"""Layers of style loss neighbors.
Block 5 adds nothing ([Kolkin22] §4.1, which uses all layers before it)."""
DETAIL_LAYERS = MATCHED_LAYERS[:-1]
"""Matched layers that are compared while finishing, from the second search on.
The forms that relu4_3 sees are painted by then, and without it an evaluation takes a fifth less
time. If the first search leaves it out too, plain skies of 512 pixels and more have too few
strokes."""
PLACE_LAYERS = tuple(layer for layer in MATCHED_LAYERS if not layer.startswith("relu1"))
"""Matched layers whose single features are compared while finishing.
A feature of block 1 sees three to five pixels, so a sample of such features would leave dots in
skies."""
FLOURISH_LAYERS = ("relu1_2", "relu2_2", "relu3_1", "relu3_3", "relu4_3")
"""Layers of style loss neighbors whose Gram matrices make up the flourish."""
OWN_LAYERS = ("relu3_1", "relu4_1")
"""Layers of style loss neighbors where the content keeps its own features.
These features are kept for all cells."""
TRANSPORT_LAYERS = ("relu2_1", "relu3_1", "relu4_1")
"""Layers in which a network that learns a style is compared with the style.
The comparison is feature by feature."""

DENSE_PER_BLOCK = 2
"""Number of ReLUs from the start of each block in the style layers `dense`."""


@dataclass(frozen=True, slots=True)
class TermLayers:
    """Layers of the content and the style term, each with its share of the loss.

    The shares of a term add up to 1, so that its weight means the same with any layers.
    """

    content: Mapping[str, float]
    style: Mapping[str, float]

    @classmethod
    def of(cls, options: StyleTransferOptions, model: str) -> Self:
        """Return the layers that the options select.

        `model`: the model in use, which may stand in for that of the options. Raises InvalidOption
        if it lacks a layer.
        """
        if options.is_matched:
            return cls(evenly(OWN_LAYERS), evenly(MATCHED_LAYERS))
        try:
            return cls(
                content_layers(model, options.content_layers),
                style_layers(model, options.style_layers),
            )
        except InvalidOption as error:
            if model == options.model:
                raise
            allowed = f"{error.allowed} ({model} stands in for {options.model})"
            raise InvalidOption(error.field, error.value, allowed) from error

    @property
    def names(self) -> Sequence[str]:
        return list({**self.content, **self.style})


def content_layers(model: str, choice: str) -> Mapping[str, float]:
    """Return the share of each layer that option content_layers selects.

    Raises InvalidOption.
    """
    if choice == "classic":
        return evenly([CONTENT_LAYER[model]])
    return layer_weights("content_layers", choice, model)


def style_layers(model: str, choice: str) -> Mapping[str, float]:
    """Return the share of each layer that option style_layers selects.

    Raises InvalidOption.
    """
    if choice == "classic":
        return evenly(STYLE_LAYERS[model])
    if choice == "dense":
        return evenly(_dense(model))
    return layer_weights("style_layers", choice, model)


def evenly(layers: Sequence[str]) -> Mapping[str, float]:
    """Return equal shares of the layers; they add up to 1."""
    return dict.fromkeys(layers, 1 / len(layers))


def _dense(model: str) -> Sequence[str]:
    """Return about twice as many layers as the classic choice, up to its last layer.

    An image can fit a few layers of one network in ways that no other network takes for the style.
    """
    classic = STYLE_LAYERS[model]
    path = layer_names(model)[: 1 + layer_names(model).index(classic[-1])]
    return [name for name in path if name in classic or _is_dense(name)]


def _is_dense(layer: str) -> bool:
    return layer.startswith("relu") and int(layer[-1]) <= DENSE_PER_BLOCK
