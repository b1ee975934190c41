"""The losses of the classic method, as pure functions.

B, C, H, W: batch, channels, height, width. Sources:
[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn.functional import mse_loss


def gram_matrix(features: Tensor) -> Tensor:
    """Correlations between channels: (B, C, H, W) → (B, C, C), divided by C·H·W.

    [Gatys16] eq. 3, with the division of [Johnson16] eq. 4 in place of the constants of eq. 4.
    At least float32, whatever the features are.
    """
    return cast("Tensor", _GramMatrix.apply(features))  # type: ignore[no-untyped-call]


class _GramMatrix(torch.autograd.Function):
    """With F of (H·W, C), so that channels-last features are not copied: G = FᵀF / (C·H·W).

    Its own gradient F·(g + gᵀ) / (C·H·W) is one matrix product; autograd's would be two.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        flat = _at_least_float32(_rows(features))
        return flat.transpose(1, 2) @ flat / features[0].numel()

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        (gradient,) = grad_outputs
        (features,) = ctx.saved_tensors
        b, c, h, w = features.shape
        symmetric: Tensor = (gradient + gradient.transpose(1, 2)) / (c * h * w)
        rows: Tensor = _rows(features) @ symmetric.to(features.dtype)
        return rows.view(b, h, w, c).permute(0, 3, 1, 2)


def _rows(features: Tensor) -> Tensor:
    """(B, C, H, W) → (B, H·W, C), a view where the channels are last in memory."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def _at_least_float32(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of two (B, C, H, W) → scalar, at least float32.

    [Gatys16] eq. 1 takes half the sum; the mean does not grow with the picture.
    """
    return mse_loss(_at_least_float32(features), _at_least_float32(target))


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
