"""Several styles in one picture: which there are, and how much of each is where.

Torch is not imported here: drafts do without.
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
"""In the order of the styles;
None, and what is missing at the end: the style is everywhere."""

MAX_STYLE_AREA = 4.0
"""Pixels of the style image per pixel of the result, at most: a panorama as style
must not need more memory than the result."""

MIN_STYLE_SIDE = 32
"""In pixels: a few features of the deepest layer."""


@dataclass(frozen=True, slots=True)
class Style:
    """A style image and where it goes."""

    picture: Image.Image
    share: float = 1.0
    """Share among all styles; the sum is 1."""
    mask: Image.Image | None = None
    """Grey, in the shape of the content image: white where the style is.
    None: everywhere."""


def load_styles(
    styles: Styles, masks: Masks, content: Image.Image, options: StyleTransferOptions
) -> list[Style]:
    """Raises InvalidImage, InvalidOption."""
    sources = each_style(styles)
    if not sources:
        raise InvalidImage("style", "there is none; name at least one picture")
    if len(masks) > len(sources):
        raise InvalidOption("style_mask", len(masks), "no more masks than styles")
    shares = options.style_shares(len(sources))
    loaded = [None if mask is None else load_mask(mask, content, options.size) for mask in masks]
    loaded += [None] * (len(sources) - len(masks))
    return [
        Style(images.load(source, "style"), share, mask)
        for source, share, mask in zip(sources, shares, loaded, strict=True)
    ]


def each_style(styles: Styles) -> Sequence[ImageSource]:
    """Return the style images as a list, also if there is only one."""
    return styles if isinstance(styles, list | tuple) else [styles]  # type: ignore[list-item]


def load_mask(source: ImageSource, content: Image.Image, size: int) -> Image.Image:
    """Return the alpha of the picture if it carries a shape, else its brightness: so
    what was cut out of a photograph is a mask for it. Raises InvalidImage if it
    does not fit the content image, or if a result with this longest side would
    have no white in it."""
    mask = load_over(source, content, "mask")
    image_masks.check_drawn(resize_mask(mask, image_sizes.fit(content.size, size)), "mask")
    return mask


def load_over(source: ImageSource, content: Image.Image, role: ImageRole) -> Image.Image:
    """Load a picture that was drawn over the content image: its alpha if that carries
    a shape, else its brightness, in mode L. Raises InvalidImage if its aspect
    ratio is another one."""
    picture = images.load(source, role)
    image_masks.check_drawn_over(picture.size, content.size, role)
    return image_masks.shape(picture)


def style_size(
    size: tuple[int, int], content_size: tuple[int, int], style_scale: float = 1.0
) -> tuple[int, int]:
    """The style image at the height of the result, as in the classic programs, times
    its scale, its aspect ratio kept; lower where it would have more than
    MAX_STYLE_AREA times the pixels of the result. The scale does not make a side
    shorter than MIN_STYLE_SIDE, and nothing makes one shorter than the deepest
    layer needs."""
    width, height = size
    at_height = content_size[1] / height
    smallest = min(at_height, MIN_STYLE_SIDE / min(size))
    largest = math.sqrt(MAX_STYLE_AREA * content_size[0] * content_size[1] / (width * height))
    least = image_sizes.MIN_SIDE_PIXELS / min(size)
    scale = max(min(max(at_height * style_scale, smallest), largest), least)
    return round(width * scale), round(height * scale)


def amounts(styles: Sequence[Style], size: tuple[int, int]) -> list[np.ndarray] | None:
    """How much of each style is at each pixel of a result of this (width, height), as
    (H, W) from 0 to 1; None if no style has a mask.

    Where the masks of several styles overlap they are mixed by their shares. No pixel has more than
    1 of all, and where the masks add up to less, the rest stays without style.
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
    """One RGB picture in place of one for each style, all of one size: as much of
    each as there is of its style, and the content, resized, where there is none."""
    if len(pictures) == 1 and styles[0].mask is None:
        return pictures[0]
    each = [levels.of_image(picture) for picture in pictures]
    return levels.to_image(mixed_levels(content, each, styles))


def mixed_levels(
    content: Image.Image, pictures: Sequence[np.ndarray], styles: Sequence[Style]
) -> np.ndarray:
    """Like `mixed`, for levels (H, W, 3), not rounded."""
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
    """Return the mask at this (width, height) as (H, W) from 0 to 1;
    None is 1 everywhere."""
    if mask is None:
        return np.ones(size[::-1], dtype=np.float32)
    return np.asarray(resize_mask(mask, size), dtype=np.float32) / 255


def resize_mask(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The mask at exactly this (width, height)."""
    # The filter of the other pictures would leave ripples beside sharp edges.
    return mask.resize(size, Image.Resampling.BILINEAR)
