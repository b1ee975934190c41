"""What a scale is painted towards: the terms of the loss, with their targets."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nst.engine.losses.content import ContentTerm
from nst.engine.losses.layers import TermLayers
from nst.engine.losses.style import StyleTerm, compare
from nst.engine.losses.term import Term
from nst.engine.network.encoder import Encoder
from nst.engine.network.weights import Weights
from nst.engine.pictures.tensors import StyleInput
from nst.options import StyleTransferOptions


def make_encoder(
    weights: Weights, options: StyleTransferOptions, dtype: torch.dtype, device: torch.device
) -> Encoder:
    """The network up to the last layer that a term looks at. Raises InvalidOption, if it lacks a
    layer."""
    layers = TermLayers.of(options, weights.model).names
    padding, pooling = options.padding, options.pooling
    encoder = Encoder(weights.model, weights.tensors, layers, dtype, padding, pooling)
    return encoder.to(device)


def make_terms(
    encoder: Encoder,
    content: Tensor,
    styles: Sequence[StyleInput],
    options: StyleTransferOptions,
    tile_side: int | None = None,
) -> Sequence[Term]:
    """`content`: (1, 3, H, W), of the scale; `encoder` as `make_encoder` makes it for these
    options. Features of whole pictures are computed in tiles of about this side."""
    layers = TermLayers.of(options, encoder.model)
    comparisons = compare(
        encoder,
        layers.style,
        styles,
        (content.shape[2], content.shape[3]),
        style_loss=options.style_loss,
        tile_side=tile_side,
    )
    return (
        ContentTerm.of(encoder, layers.content, content, tile_side=tile_side),
        StyleTerm(comparisons),
    )
