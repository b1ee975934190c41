"""The losses of the classic method, as pure functions.

B, C, H, W: batch, channels, height, width. Sources:
[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import mse_loss


def gram_matrix(features: Tensor) -> Tensor:
    """Correlations between channels: (B, C, H, W) → (B, C, C), divided by C·H·W.

    [Gatys16] eq. 3, with the division of [Johnson16] eq. 4 in place of the constants of eq. 4.
    """
    b, c, h, w = features.shape
    flat = features.reshape(b, c, h * w)
    return flat @ flat.transpose(1, 2) / (c * h * w)


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of two (B, C, H, W) → scalar.

    [Gatys16] eq. 1 takes half the sum; the mean does not grow with the picture.
    """
    return mse_loss(features, target)


def style_loss(grams: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Sum of squared differences of the Gram matrices, averaged over the layers → scalar.

    [Gatys16] eq. 5 with equal weights w_l, without eq. 4's division (see `gram_matrix`).
    """
    layers = [
        mse_loss(gram, target, reduction="sum") for gram, target in zip(grams, targets, strict=True)
    ]
    return torch.stack(layers).mean()


def total_variation_loss(image: Tensor) -> Tensor:
    """Sum of absolute differences of horizontal and vertical neighbours: (B, C, H, W) → scalar.

    [Johnson16] names the regulariser; the absolute (anisotropic) form is the classic programs'.
    """
    horizontal = (image[:, :, :, 1:] - image[:, :, :, :-1]).abs().sum()
    vertical = (image[:, :, 1:, :] - image[:, :, :-1, :]).abs().sum()
    return horizontal + vertical
