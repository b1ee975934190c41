"""What a scale is painted towards: the terms of the loss, with their targets."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nst.engine.losses.content import ContentTerm
from nst.engine.losses.layers import CONTENT_LAYER, style_layers
from nst.engine.losses.neighbors import MATCHED_LAYERS
from nst.engine.losses.style import StyleTerm, compare
from nst.engine.losses.term import Term
from nst.engine.network.encoder import Encoder
from nst.engine.network.weights import Weights
from nst.engine.pictures.tensors import StyleInput
from nst.options import StyleTransferOptions


def make_encoder(
    weights: Weights, options: StyleTransferOptions, dtype: torch.dtype, device: torch.device
) -> Encoder:
    """The network up to the last layer that a term looks at."""
    layers: Sequence[str] = MATCHED_LAYERS
    if options.style_loss != "neighbors":
        layers = (CONTENT_LAYER[weights.model], *style_layers(weights.model, options.style_layers))
    encoder = Encoder(weights.model, weights.tensors, layers, dtype, options.padding)
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
    comparisons = compare(
        encoder,
        style_layers(encoder.model, options.style_layers),
        styles,
        (content.shape[2], content.shape[3]),
        style_loss=options.style_loss,
        tile_side=tile_side,
    )
    of_content = CONTENT_LAYER[encoder.model]
    return (
        ContentTerm.of(encoder, of_content, content, tile_side=tile_side),
        StyleTerm(comparisons),
    )
