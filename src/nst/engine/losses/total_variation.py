"""The total variation term: makes neighbouring pixels alike, which reduces noise.

The term uses the pixels themselves: it needs no features and no tiles.

[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
"""

import torch
from torch import Tensor

from nst.engine.losses.sums import sum_of


def total_variation_loss(image: Tensor) -> Tensor:
    """Return the sum of absolute differences of horizontal and vertical neighbours.

    (B, C, H, W) → scalar. [Johnson16] names the regulariser; the absolute (anisotropic) form is
    that of the classic programs.
    """
    return sum_of(image.diff(dim=dimension).abs_().sum() for dimension in (2, 3))


def total_variation_gradient(image: Tensor) -> Tensor:
    """Return the gradient with respect to the image; 0 where neighbours are equal."""
    gradient = torch.zeros_like(image)
    for dimension in (2, 3):
        sign = image.diff(dim=dimension).sign_()
        pairs = sign.shape[dimension]
        gradient.narrow(dimension, 1, pairs).add_(sign)
        gradient.narrow(dimension, 0, pairs).sub_(sign)
    return gradient
