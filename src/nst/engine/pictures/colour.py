"""Colours of the result: the style's, matched ones, or the content's.

[Gatys17] Gatys, Ecker, Bethge, Hertzmann, Shechtman: Controlling Perceptual Factors in Neural Style
Transfer, CVPR 2017, §5.

Images are RGB with 8 bits per channel; levels are defined in `nst.engine.pictures.levels`.
"""

import numpy as np
from PIL import Image

from nst import images

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of R, G and B in the luminance (ITU-R BT.601), the Y of YIQ and YCbCr."""

MIN_VARIANCE = 1.0
"""Minimum variance of a colour, in grey levels squared.
A flat style has no variance by which to scale."""


def prepare_style(style: Image.Image, content: Image.Image, color: str) -> Image.Image:
    """Return the style image as the network sees it, by option `color`; both are RGB.

    For "luminance" [Gatys17] §5.1 paints grey images. We let the network see the content in its
    colours, and the style in grey with the content's brightness and contrast.
    """
    if color == "match":
        return with_statistics_of(style, content)
    if color == "luminance":
        return with_statistics_of(style.convert("L"), content.convert("L")).convert("RGB")
    return style


def with_statistics_of(picture: Image.Image, other: Image.Image) -> Image.Image:
    """Return the image, recoloured to the mean and the covariance of the other image.

    [Gatys17] eq. 10: x → A·(x − μ) + μ', with A = Σ'^½ Σ^-½, which rotates the colours least. The
    images may also both be grey.
    """
    pixels = colours_of(picture)
    matrix, shift = affine_between(pixels, colours_of(other))
    levels = (pixels @ matrix.T + shift).round().clip(0, 255).astype(np.uint8)
    return Image.fromarray(levels.reshape(np.asarray(picture).shape))


def affine_between(
    pixels: np.ndarray, reference: np.ndarray, added_variance: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return A (C, C) and b (C,) of x → A·x + b, by which colours are matched.

    It gives the pixels the mean and the covariance of the reference, [Gatys17] eq. 10. Both arrays
    are (N, C). `added_variance` is added to the variance of both in every direction: the larger it
    is, the less A enlarges differences between similar pixels.
    """
    added = added_variance * np.eye(pixels.shape[1])
    root = _power(np.cov(reference.T) + added, 0.5)
    matrix: np.ndarray = root @ _power(np.cov(pixels.T) + added, -0.5)
    return matrix, reference.mean(0) - matrix @ pixels.mean(0)


def with_colours_of(levels: np.ndarray, content: Image.Image, amount: float) -> np.ndarray:
    """Return the levels' luminance with the content's chroma, [Gatys17] §5.1.

    `amount`: from 0, the levels unchanged, to 1. Chroma is RGB without its luminance, so the chroma
    of a difference is added and the luminance stays.
    """
    if amount == 0:
        return levels
    height, width = levels.shape[:2]
    resized = images.resize(images.colours(content), (width, height))
    change: np.ndarray = np.asarray(resized, dtype=np.float32) - levels
    change -= (change @ LUMA)[..., np.newaxis]
    change *= np.float32(amount)
    change += levels
    return change


def colours_of(picture: Image.Image) -> np.ndarray:
    """Return the pixels of an image, (H·W, channels)."""
    array = np.asarray(picture, dtype=np.float64)
    return array.reshape(-1, 1 if array.ndim == 2 else array.shape[2])


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    """Return the power of a symmetric matrix."""
    values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    result: np.ndarray = (vectors * values.clip(MIN_VARIANCE) ** exponent) @ vectors.T
    return result
