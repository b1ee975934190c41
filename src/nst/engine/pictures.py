"""Pictures as tensors and back."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nst import images
from nst.engine import levels
from nst.engine.encoder import MEAN_RGB
from nst.engine.style_term import StyleInput
from nst.engine.styles import Style, amounts

MAX_STYLE_AREA = 4.0
"""Pixels of the style picture per pixel of the result, at most: a panorama as style must not need
more memory than the result."""

MIN_STYLE_SIDE = 32
"""In pixels: a few features of the deepest layer."""

_MEAN = torch.tensor(MEAN_RGB).view(1, 3, 1, 1)


def to_tensor(picture: Image.Image, size: tuple[int, int]) -> Tensor:
    """(1, 3, H, W), RGB 0…255 minus MEAN_RGB, float32, of this width and height."""
    resized = images.resize(images.flatten(picture), size)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1).unsqueeze(0)
    return (pixels.float() - _MEAN).contiguous()


def to_levels(image: Tensor) -> np.ndarray:
    """The reverse, neither rounded nor clamped: (H, W, 3) as `nst.engine.levels` defines it."""
    pixels: np.ndarray = (image[0].cpu() + _MEAN[0]).permute(1, 2, 0).numpy()
    return pixels


def to_picture(image: Tensor) -> Image.Image:
    """The reverse: rounded, and what is out of range clamped. RGB."""
    return levels.to_image(to_levels(image))


def style_size(
    size: tuple[int, int], content_size: tuple[int, int], style_scale: float = 1.0
) -> tuple[int, int]:
    """The style picture at the height of the result, as in the classic programs, times its scale,
    its aspect ratio kept; lower where it would have more than MAX_STYLE_AREA times the pixels of
    the result. The scale does not make a side shorter than MIN_STYLE_SIDE."""
    width, height = size
    at_height = content_size[1] / height
    smallest = min(at_height, MIN_STYLE_SIDE / min(size))
    largest = math.sqrt(MAX_STYLE_AREA * content_size[0] * content_size[1] / (width * height))
    scale = min(max(at_height * style_scale, smallest), largest)
    return round(width * scale), round(height * scale)


def style_inputs(
    styles: Sequence[Style],
    size: tuple[int, int],
    style_scale: float = 1.0,
    device: torch.device | None = None,
) -> list[StyleInput]:
    """For a result of this (width, height)."""
    pictures = [
        to_tensor(style.picture, style_size(style.picture.size, size, style_scale)).to(device)
        for style in styles
    ]
    parts = amounts(styles, size)
    if parts is None:
        shares = [style.share for style in styles]
        return [StyleInput(*pair) for pair in zip(pictures, shares, strict=True)]
    masks = [torch.from_numpy(part)[None, None].to(device) for part in parts]
    return [
        StyleInput(picture, style.share, mask)
        for picture, style, mask in zip(pictures, styles, masks, strict=True)
    ]
