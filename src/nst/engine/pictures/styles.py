"""Several styles in one image: the styles, and how much of each appears where.

Torch is not imported here, because drafts do not need it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image

from nst import image_masks, image_sizes, images
from nst.engine.pictures import levels
from nst.errors import ImageRole, InvalidImage, InvalidOption
from nst.image_reader import ImageSource
from nst.options import StyleTransferOptions

Styles: TypeAlias = "ImageSource | Sequence[ImageSource]"
"""One style image or a list of them."""
Masks: TypeAlias = "Sequence[ImageSource | None]"
"""Masks in the order of the styles.
None, and a mask that is missing at the end: the style is everywhere."""

MAX_STYLE_AREA = 4.0
"""Maximum number of pixels of the style image per pixel of the result.
A panorama as style must not need more memory than the result."""

MIN_STYLE_SIDE = 32
"""Minimum side of a style image, in pixels: a few features of the deepest layer."""


@dataclass(frozen=True, slots=True)
class Style:
    """A style image, its share, and where it goes."""

    picture: Image.Image
    share: float = 1.0
    """Share among all styles; all shares add up to 1."""
    mask: Image.Image | None = None
    """Grey image in the shape of the content image: white where the style is.
    None: everywhere."""


def load_styles(
    styles: Styles, masks: Masks, content: Image.Image, options: StyleTransferOptions
) -> list[Style]:
    """Load the styles and their masks.

    Raises InvalidImage, InvalidOption.
    """
    sources = each_style(styles)
    if not sources:
        raise InvalidImage("style", "there is none; name at least one picture")
    if len(masks) > len(sources):
        raise InvalidOption("masks", len(masks), "no more masks than styles")
    shares = options.style_shares(len(sources))
    loaded = [None if mask is None else load_mask(mask, content, options.size) for mask in masks]
    loaded += [None] * (len(sources) - len(masks))
    return [
        Style(images.load(source, "style"), share, mask)
        for source, share, mask in zip(sources, shares, loaded, strict=True)
    ]


def each_style(styles: Styles) -> Sequence[ImageSource]:
    """Return the style images as a list, even if there is only one."""
    return styles if isinstance(styles, list | tuple) else [styles]  # type: ignore[list-item]


def load_mask(source: ImageSource, content: Image.Image, size: int) -> Image.Image:
    """Return the image's alpha if that holds a shape, else its brightness.

    A shape that was cut out of a photograph is therefore a mask for that photograph. Raises
    InvalidImage if the mask does not fit the content image, or if a result with this longest side
    would have no white in it.
    """
    mask = load_over(source, content, "mask")
    image_masks.check_drawn(resize_mask(mask, image_sizes.fit(content.size, size)), "mask")
    return mask


def load_over(source: ImageSource, content: Image.Image, role: ImageRole) -> Image.Image:
    """Load an image that was drawn over the content image, in mode L.

    Its alpha is used if that holds a shape, else its brightness. Raises InvalidImage if its aspect
    ratio differs from that of the content image.
    """
    picture = images.load(source, role)
    image_masks.check_drawn_over(picture.size, content.size, role)
    return image_masks.shape(picture)


def style_size(
    size: tuple[int, int], content_size: tuple[int, int], style_scale: float = 1.0
) -> tuple[int, int]:
    """Return the size of a style image for a result of this size; (width, height).

    The style image has the height of the result, as in the classic programs, times its scale; the
    aspect ratio is kept. It is lower where it would have more than MAX_STYLE_AREA times the pixels
    of the result. The scale makes no side shorter than MIN_STYLE_SIDE, and no side is ever shorter
    than the deepest layer needs.
    """
    width, height = size
    at_height = content_size[1] / height
    smallest = min(at_height, MIN_STYLE_SIDE / min(size))
    largest = math.sqrt(MAX_STYLE_AREA * content_size[0] * content_size[1] / (width * height))
    least = image_sizes.MIN_SIDE_PIXELS / min(size)
    scale = max(min(max(at_height * style_scale, smallest), largest), least)
    return round(width * scale), round(height * scale)


def amounts(styles: Sequence[Style], size: tuple[int, int]) -> list[np.ndarray] | None:
    """Return how much of each style is at each pixel, as (H, W) from 0 to 1.

    `size`: width and height of the result. The result is None if no style has a mask.

    Where the masks of several styles overlap, they are mixed by their shares. The amounts at a
    pixel add up to 1 at most; where the masks add up to less, the rest stays without style.
    """
    if all(style.mask is None for style in styles):
        return None
    masks = np.stack([mask_as_array(style.mask, size) for style in styles])
    shares = np.array([style.share for style in styles], dtype=np.float32)
    parts = masks * shares[:, None, None]
    total, sums = masks.sum(0).clip(max=1), parts.sum(0)
    return list(parts * np.divide(total, sums, out=np.zeros_like(sums), where=sums > 0))


def mixed(
    content: Image.Image, pictures: Sequence[Image.Image], styles: Sequence[Style]
) -> Image.Image:
    """Mix the images, one for each style and all of one size, into one RGB image.

    Each image has the amount of its style; where there is no style, the content image, resized, is
    visible.
    """
    if len(pictures) == 1 and styles[0].mask is None:
        return pictures[0]
    each = [levels.of_image(picture) for picture in pictures]
    return levels.to_image(mixed_levels(content, each, styles))


def mixed_levels(
    content: Image.Image, pictures: Sequence[np.ndarray], styles: Sequence[Style]
) -> np.ndarray:
    """Mix levels (H, W, 3) as `mixed` does, without rounding."""
    if len(pictures) == 1 and styles[0].mask is None:
        return pictures[0]
    height, width, _ = pictures[0].shape
    size = (width, height)
    parts = amounts(styles, size) or [np.full((1, 1), style.share) for style in styles]
    base = np.asarray(images.resize(images.colours(content), size), dtype=np.float64)
    result = base.copy()
    for part, picture in zip(parts, pictures, strict=True):
        result += part[:, :, None] * (picture - base)
    return result


def mask_as_array(mask: Image.Image | None, size: tuple[int, int]) -> np.ndarray:
    """Return the mask at this (width, height) as (H, W) from 0 to 1.

    None is 1 everywhere.
    """
    if mask is None:
        return np.ones(size[::-1], dtype=np.float32)
    return np.asarray(resize_mask(mask, size), dtype=np.float32) / 255


def resize_mask(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the mask at exactly this (width, height)."""
    # The filter that resizes other images would leave ripples beside sharp edges.
    return mask.resize(size, Image.Resampling.BILINEAR)
