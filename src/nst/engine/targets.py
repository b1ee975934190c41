"""Targets of a scale: the terms of the loss and what they compare with."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from nst.engine.losses.content import ContentTerm
from nst.engine.losses.layers import TermLayers
from nst.engine.losses.neighbors import Sampling, neighbor_terms
from nst.engine.losses.style import StyleTerm, compare
from nst.engine.losses.temporal import TemporalTarget
from nst.engine.losses.term import Term
from nst.engine.network.encoder import Encoder
from nst.engine.network.weights import Weights
from nst.engine.pictures.tensors import StyleInput
from nst.engine.scales import Scale
from nst.engine.steering import faces_kept, fade
from nst.options import StyleTransferOptions

SEEN_SHARE = 0.5
"""Share of the painted image in the image whose neighbours are searched for.
The content has the rest."""
FINEST_FLOURISH = 0.3
"""Factor of the flourish at the finest scale, relative to the coarser ones."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Images of one scale, (1, 3, H, W), RGB 0…255 minus the encoder's mean colour."""

    scale: Scale
    content: Tensor
    styles: Sequence[StyleInput]
    began: Tensor
    """Image that the scale began with or, while finishing, that of the last search."""
    search: int = 0
    """Number of the search for matches while finishing, from 1; 0 before."""
    detail: Tensor | None = None
    """Map of how much more of the content is kept, (1, 1, H, W), 0…1."""
    faces: Tensor | None = None
    """Map of faces, which must not become forms of the style, (1, 1, H, W), 0…1."""
    held: TemporalTarget | None = None
    """Stylized frame before this one; None for a single image."""


def make_encoder(
    weights: Weights, options: StyleTransferOptions, dtype: torch.dtype, device: torch.device
) -> Encoder:
    """Return the network up to the last layer that a term uses.

    Raises InvalidOption if the network lacks a layer.
    """
    layers = TermLayers.of(options, weights.model).names
    padding, pooling = options.padding, options.pooling
    encoder = Encoder(weights.model, weights.tensors, layers, dtype, padding, pooling)
    return encoder.to(device)


def make_terms(
    encoder: Encoder,
    scene: Scene,
    options: StyleTransferOptions,
    sampling: Sampling,
) -> Sequence[Term]:
    """Return the terms of a scale.

    `encoder`: the one that `make_encoder` makes for these options. `options`: options in force.
    """
    if options.is_matched:
        return _neighbor_terms(encoder, scene, options, sampling)
    layers = TermLayers.of(options, encoder.model)
    comparisons = compare(
        encoder,
        layers.style,
        scene.styles,
        (scene.content.shape[2], scene.content.shape[3]),
        style_loss=options.style_loss,
        tile_side=sampling.tile_side,
    )
    return (
        ContentTerm.of(
            encoder,
            layers.content,
            scene.content,
            detail=scene.detail,
            tile_side=sampling.tile_side,
        ),
        StyleTerm(comparisons),
    )


def _neighbor_terms(
    encoder: Encoder,
    scene: Scene,
    options: StyleTransferOptions,
    sampling: Sampling,
) -> Sequence[Term]:
    scale = scene.scale
    return neighbor_terms(
        encoder,
        scene.content,
        scene.styles,
        seen_image(scene, faces_kept(options)),
        search=scene.search,
        flourish=_flourish(scale),
        colors=fade(options),
        detail=scene.detail,
        faces=scene.faces,
        seed=options.seed,
        sampling=sampling,
    )


def seen_image(scene: Scene, kept_on_faces: float) -> Tensor:
    """Return the image whose neighbours are searched for.

    At the coarsest scale it is the content; later it is a mix of the content and the image painted
    so far with the content's detail; while finishing it is the painted image itself. There the
    content has the share `kept_on_faces`, or at high strengths the searches would turn a face
    into a form of the style, such as a moon.
    """
    if scene.scale.is_coarsest:
        return scene.content
    if scene.search:
        if scene.faces is None:
            return scene.began
        return scene.began.lerp(scene.content, kept_on_faces * scene.faces)
    size = (scene.content.shape[2], scene.content.shape[3])
    half = interpolate(scene.content, scale_factor=0.5, mode="bilinear", antialias=True)
    detail = scene.content - interpolate(half, size=size, mode="bilinear", align_corners=False)
    return scene.content.lerp(scene.began + detail, SEEN_SHARE)


def _flourish(scale: Scale) -> float:
    """Return the factor of the flourish at this scale.

    Large forms are made at the coarser scales and would be torn while finishing.
    """
    if scale.is_finishing:
        return 0.0
    return FINEST_FLOURISH if scale.is_finest else 1.0
