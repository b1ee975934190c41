"""The losses of the classic method, as sums over pixels, and their gradients.

A sum over a picture is the sum over its tiles, and an average follows from it; so the same
functions serve a whole picture and a part of it. Features are (1, C, H, W), best with the channels
last in memory; sums are computed in float32 (float64 of float64), whatever the features are.

[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.nn.grad import conv2d_weight

CHUNK_NUMBERS = 2**20
"""Low-precision features are widened so many at a time: what fits into the processor's cache."""


def gram_sum(features: Tensor) -> Tensor:
    """Products of every two channels, summed over the pixels: (1, C, H, W) → (C, C).

    [Gatys16] eq. 3. Divided by C·H·W ([Johnson16] eq. 4) this is the Gram matrix.
    """
    return sum_of(_products(part) for part in _widened(features))


def _products(features: Tensor) -> Tensor:
    if features.device.type == "cpu":
        # The same sum is the gradient of the kernel of a 1×1 convolution, and convolutions have the
        # faster library there.
        channels = features.shape[1]
        weight_gradient = cast("Callable[..., Tensor]", conv2d_weight)
        kernel = weight_gradient(features, (channels, channels, 1, 1), features)
        return kernel[:, :, 0, 0]
    rows = _rows(features)
    return rows.T @ rows


def gram_sum_gradient(features: Tensor, gradient: Tensor) -> Tensor:
    """From the gradient with respect to `gram_sum`, (C, C), to that with respect to features."""
    symmetric = (gradient + gradient.T).to(features.dtype)
    _, channels, height, width = features.shape
    rows = _rows(features) @ symmetric
    return rows.view(1, height, width, channels).permute(0, 3, 1, 2)


def content_sum(features: Tensor, target: Tensor) -> Tensor:
    """Squared differences, summed: two (1, C, H, W) → scalar.

    [Gatys16] eq. 1 takes half of it; the content loss is its mean, which does not grow with the
    picture.
    """
    pairs = zip(_widened(features), _widened(target), strict=True)
    return sum_of((part - other).square().sum() for part, other in pairs)


def content_sum_gradient(features: Tensor, target: Tensor, gradient: float) -> Tensor:
    return (features - target).mul_(2 * gradient)


def style_loss(grams: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Sum of squared differences of the Gram matrices, averaged over the layers → scalar.

    [Gatys16] eq. 5 with equal weights w_l, without eq. 4's division.
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


def sum_of(tensors: Iterator[Tensor]) -> Tensor:
    total = next(tensors)
    for tensor in tensors:
        total += tensor
    return total


def _rows(features: Tensor) -> Tensor:
    """(1, C, H, W) → (H·W, C), a view where the channels are last in memory."""
    return features[0].permute(1, 2, 0).flatten(0, 1)


def _widened(features: Tensor) -> Iterator[Tensor]:
    """The features in at least float32, some of their rows at a time."""
    wide = torch.promote_types(features.dtype, torch.float32)
    if features.dtype == wide:
        yield features
        return
    height = features.shape[2]
    chunks = -(-features.numel() // CHUNK_NUMBERS)
    for part in torch.split(features, -(-height // chunks), dim=2):
        yield part.to(wide)
