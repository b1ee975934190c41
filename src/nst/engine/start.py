"""Initial image of a scale."""

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from nst import images
from nst.engine.draft import paint_drafts
from nst.engine.inputs import Pictures
from nst.engine.pictures.styles import mixed
from nst.engine.pictures.tensors import StyleInput, covered, to_tensor
from nst.options import StyleTransferOptions

NOISE_SIGMA = 90.0
"""Standard deviation of the random initial image, in grey levels."""


def first_start(
    pictures: Pictures,
    content: Tensor,
    styles: Sequence[StyleInput],
    options: StyleTransferOptions,
) -> Tensor:
    """Return the initial image of the coarsest scale, (1, 3, H, W) like `content`."""
    height, width = content.shape[2:]
    size = (width, height)

    def tensor(picture: Image.Image) -> Tensor:
        return to_tensor(picture, size).to(content.device)

    if pictures.initial:
        return tensor(pictures.initial)
    match options.init_method:
        case "content":
            return content
        case "style":
            resized = [images.resize(images.colours(s.picture), size) for s in pictures.styles]
            return tensor(mixed(pictures.content, resized, pictures.styles))
        case "random":
            # Drawn on the CPU, so that a seed gives the same image on every device.
            random = torch.Generator().manual_seed(options.seed)
            noise = torch.randn(content.shape, generator=random) * NOISE_SIGMA
            return content.lerp(noise.to(content.device), covered(styles))
        case "draft":
            return tensor(paint_drafts(pictures.content, pictures.styles, size))


def enlarged_start(coarser: Tensor, content: Tensor, styles: Sequence[StyleInput]) -> Tensor:
    """Return the image of a coarser scale, enlarged, (1, 3, H, W) like `content`.

    Where no style is, it is the content.
    """
    size = content.shape[2:]
    enlarged = interpolate(coarser, size=size, mode="bicubic", align_corners=False)
    return content.lerp(enlarged, covered(styles))


def finer_start(coarser: Tensor, pictures: Pictures, content: Tensor) -> Tensor:
    """Return the content plus the enlarged change of a coarser scale to its content.

    The sum has the detail that the coarser scale could not have. (1, 3, H, W) like `content`.
    """
    height, width = coarser.shape[2:]
    change = coarser - to_tensor(pictures.content, (width, height)).to(coarser.device)
    size = content.shape[2:]
    return content + interpolate(change, size=size, mode="bicubic", align_corners=False)
