"""Whose colours the result has.

[Gatys17] Gatys, Ecker, Bethge, Hertzmann, Shechtman: Controlling Perceptual Factors in Neural Style
Transfer, CVPR 2017, §5.

Pictures are RGB, 8 bits.
"""

import numpy as np
from PIL import Image

from nst import images

MIN_VARIANCE = 1.0
"""Of a colour, in grey levels squared: a style of one flat colour has none to scale by."""


def prepare_style(style: Image.Image, content: Image.Image, color: str) -> Image.Image:
    """The style as the network is to see it, by the choice of `color`; both RGB.

    For "luminance" [Gatys17] §5.1 paints grey pictures. We let the network see the content in its
    colours, and the style in grey with the content's brightness and contrast.
    """
    if color == "match":
        return with_statistics_of(style, content)
    if color == "luminance":
        return with_statistics_of(style.convert("L"), content.convert("L")).convert("RGB")
    return style


def with_statistics_of(picture: Image.Image, other: Image.Image) -> Image.Image:
    """The picture, its colours moved so that their mean and covariance are the other's.

    [Gatys17] eq. 10: x → A·(x − μ) + μ', with A = Σ'^½ Σ^-½, which turns the colours least. Also
    for two grey pictures.
    """
    pixels, reference = _colours(picture), _colours(other)
    root = _power(np.cov(reference.T), 0.5)
    transform = root @ _power(np.cov(pixels.T), -0.5)
    moved = (pixels - pixels.mean(0)) @ transform.T + reference.mean(0)
    levels = moved.round().clip(0, 255).astype(np.uint8)
    return Image.fromarray(levels.reshape(np.asarray(picture).shape))


def with_colours_of(picture: Image.Image, content: Image.Image, amount: float) -> Image.Image:
    """The picture's luminance with the content's colours, [Gatys17] §5.1; `amount` from 0, the
    picture itself, to 1. In YCbCr, whose Y is the luminance of the YIQ of the source."""
    if amount == 0:
        return picture
    luminance, blue, red = picture.convert("YCbCr").split()
    content = images.resize(images.flatten(content), picture.size).convert("YCbCr")
    _, content_blue, content_red = content.split()
    chroma = [
        Image.blend(own, others, amount)
        for own, others in ((blue, content_blue), (red, content_red))
    ]
    return Image.merge("YCbCr", (luminance, *chroma)).convert("RGB")


def _colours(picture: Image.Image) -> np.ndarray:
    """(H·W, channels)"""
    array = np.asarray(picture, dtype=np.float64)
    return array.reshape(-1, 1 if array.ndim == 2 else array.shape[2])


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    """Of a symmetric matrix."""
    values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    result: np.ndarray = (vectors * values.clip(MIN_VARIANCE) ** exponent) @ vectors.T
    return result
