"""Conversion of images to tensors and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nst import images
from nst.engine.network.encoder import MEAN_RGB
from nst.engine.pictures import levels
from nst.engine.pictures.styles import Style, amounts, style_size

_MEAN = torch.tensor(MEAN_RGB).view(1, 3, 1, 1)


@dataclass(frozen=True, slots=True)
class StyleInput:
    """A style as the network sees it."""

    image: Tensor
    """Style image, (1, 3, H, W), RGB 0…255 minus the encoder's mean colour."""
    share: float = 1.0
    """Share among all styles, if none has a mask."""
    amount: Tensor | None = None
    """Amount of this style at each pixel of the result, (1, 1, H, W), 0…1.
    None if no style has a mask."""


def covered(styles: Sequence[StyleInput]) -> Tensor:
    """Return the amount of all styles together at each pixel, (1, 1, H, W), 0…1.

    Without masks it is 1 everywhere, (1,).
    """
    amounts = [style.amount for style in styles if style.amount is not None]
    return torch.stack(amounts).sum(0) if amounts else torch.ones(1, device=styles[0].image.device)


def to_tensor(picture: Image.Image, size: tuple[int, int]) -> Tensor:
    """Return an image at this width and height as a float32 tensor (1, 3, H, W).

    The values are RGB 0…255 minus MEAN_RGB.
    """
    resized = images.resize(images.colours(picture), size)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1).unsqueeze(0)
    return (pixels.float() - _MEAN).contiguous()


def to_levels(image: Tensor) -> np.ndarray:
    """Return a tensor as levels (H, W, 3) of `pictures.levels`.

    It is the reverse of `to_tensor`; values are neither rounded nor clamped.
    """
    pixels: np.ndarray = (image[0].cpu() + _MEAN[0]).permute(1, 2, 0).numpy()
    return pixels


def to_picture(image: Tensor) -> Image.Image:
    """Return a tensor as an RGB image; values are rounded and clamped."""
    return levels.to_image(to_levels(image))


def style_inputs(
    styles: Sequence[Style],
    size: tuple[int, int],
    style_scale: float = 1.0,
    device: torch.device | None = None,
) -> list[StyleInput]:
    """Return the styles as tensors, for a result of this (width, height)."""
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
