"""What a scale is painted towards: the terms of the loss, with their targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nst.engine.losses.content import ContentTerm
from nst.engine.losses.layers import TermLayers
from nst.engine.losses.neighbors import neighbor_terms, seen_picture
from nst.engine.losses.style import StyleTerm, compare
from nst.engine.losses.term import Term
from nst.engine.network.encoder import Encoder
from nst.engine.network.weights import Weights
from nst.engine.pictures.tensors import StyleInput
from nst.engine.scales import Scale
from nst.options import StyleTransferOptions


@dataclass(frozen=True, slots=True)
class Scene:
    """What one scale is painted from. Images are (1, 3, H, W), RGB 0…255 minus the encoder's mean
    colour."""

    scale: Scale
    content: Tensor
    styles: Sequence[StyleInput]
    began: Tensor
    """The image that the scale began with."""
    detail: Tensor | None = None
    """(1, 1, H, W), 0…1: how much more of the content is kept."""


def make_encoder(
    weights: Weights, options: StyleTransferOptions, dtype: torch.dtype, device: torch.device
) -> Encoder:
    """Return the network up to the last layer that a term looks at. Raises InvalidOption, if it lacks a
    layer."""
    layers = TermLayers.of(options, weights.model).names
    padding, pooling = options.padding, options.pooling
    encoder = Encoder(weights.model, weights.tensors, layers, dtype, padding, pooling)
    return encoder.to(device)


def make_terms(
    encoder: Encoder, scene: Scene, options: StyleTransferOptions, tile_side: int | None = None
) -> Sequence[Term]:
    """Return the terms of a scale. `encoder`: as `make_encoder` makes it for these options.
    Features of whole images are computed in tiles of about `tile_side` pixels."""
    if options.style_loss == "neighbors":
        return _neighbor_terms(encoder, scene, options, tile_side)
    layers = TermLayers.of(options, encoder.model)
    comparisons = compare(
        encoder,
        layers.style,
        scene.styles,
        (scene.content.shape[2], scene.content.shape[3]),
        style_loss=options.style_loss,
        tile_side=tile_side,
    )
    return (
        ContentTerm.of(encoder, layers.content, scene.content, tile_side=tile_side),
        StyleTerm(comparisons),
    )


def _neighbor_terms(
    encoder: Encoder, scene: Scene, options: StyleTransferOptions, tile_side: int | None
) -> Sequence[Term]:
    scale = scene.scale
    return neighbor_terms(
        encoder,
        scene.content,
        scene.styles,
        seen_picture(scene.began, scene.content, scale),
        scale,
        detail=scene.detail,
        seed=options.seed + scale.finishing_round,
        tile_side=tile_side,
    )
