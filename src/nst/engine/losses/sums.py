"""Sums over the pixels of features, and their gradients.

A sum over an image is the sum over its tiles, and an average follows from it, so the same functions
serve a whole image and a part of it. Features are (1, C, H, W), best with the channels last in
memory; sums are computed in float32 (float64 of float64), whatever the type of the features.

[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
[Gatys17] Gatys, Ecker, Bethge, Hertzmann, Shechtman: Controlling Perceptual Factors in Neural Style
Transfer, CVPR 2017.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn.grad import conv2d_weight

from nst.engine.network.arithmetic import product

BAND_NUMBERS = 2**20
"""Number of values that are copied at a time; they fit into the CPU's cache."""


def gram_sum(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """Return the products of all pairs of channels, summed over the pixels.

    (1, C, H, W) → (C, C), [Gatys16] eq. 3. Divided by C·H·W ([Johnson16] eq. 4) this is the Gram
    matrix. `guide`: weight of each pixel, (1, 1, H, W); it is the square of the guide in [Gatys17]
    §4.1.
    """
    root = None if guide is None else guide.sqrt()
    return sum_of(_products(weighted(*pair)) for pair in bands_with(features, root))


def channel_sum(features: Tensor, guide: Tensor | None = None) -> Tensor:
    """Return each channel, summed over the pixels: (1, C, H, W) → (C,).

    `guide` as for `gram_sum`.
    """
    return sum_of(weighted(*pair).sum((0, 2, 3)) for pair in bands_with(features, guide))


def weighted(features: Tensor, guide: Tensor | None) -> Tensor:
    return wide(features) if guide is None else wide(features) * guide


def _products(features: Tensor) -> Tensor:
    if features.device.type == "cpu":
        # The same sum is the gradient of the kernel of a 1×1 convolution, and the CPU has
        # the faster library for convolutions.
        channels = features.shape[1]
        weight_gradient = cast("Callable[..., Tensor]", conv2d_weight)
        kernel = weight_gradient(features, (channels, channels, 1, 1), features)
        return kernel[:, :, 0, 0]
    rows = rows_of(features)
    return rows.T @ rows


def add_gram_sum_gradient(
    total: Tensor, features: Tensor, gradient: Tensor, guide: Tensor | None = None
) -> None:
    """Add the gradient with respect to the features, (1, C, H, W), to `total`.

    `gradient`: that with respect to `gram_sum`, (C, C).
    """
    symmetric = (gradient + gradient.T).to(features.dtype)
    pairs = bands_with(features, None if guide is None else guide.to(features.dtype))
    for (band, amount), of_band in zip(pairs, bands(total), strict=True):
        rows = product(rows_of(band), symmetric)
        of_pixels = rows.view(1, *band.shape[2:], -1).permute(0, 3, 1, 2)
        of_band.add_(of_pixels if amount is None else of_pixels * amount)


def add_channel_sum_gradient(total: Tensor, gradient: Tensor, guide: Tensor | None = None) -> None:
    """Add the gradient with respect to the features, (1, C, H, W), to `total`.

    `gradient`: that with respect to `channel_sum`, (C,).
    """
    of_pixel = gradient.view(1, -1, 1, 1).to(total.dtype)
    if guide is None:
        total.add_(of_pixel)
    else:
        total.addcmul_(of_pixel, guide.to(total.dtype))


def sum_of(tensors: Iterator[Tensor]) -> Tensor:
    total = next(tensors)
    for tensor in tensors:
        total += tensor
    return total


def added(terms: Iterable[Sequence[Tensor]]) -> list[Tensor]:
    """Return the sum of all first tensors, the sum of all second tensors, …

    The sum of one tensor is that tensor, not a copy.
    """
    return [
        tensors[0] if len(tensors) == 1 else torch.stack(tensors).sum(0)
        for tensors in zip(*terms, strict=True)
    ]


def wide(tensor: Tensor) -> Tensor:
    """Return the tensor in float32, or unchanged if its number type is wider."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def rows_of(features: Tensor) -> Tensor:
    """Return (1, C, H, W) as (H·W, C), a view if the channels are last in memory."""
    return features[0].permute(1, 2, 0).flatten(0, 1)


def bands(tensor: Tensor, like: Tensor | None = None) -> Sequence[Tensor]:
    """Split (B, C, H, W) into bands of rows, for operations that need copies.

    Bands have as many rows as those of `like`, which has the same height.
    """
    like = tensor if like is None else like
    count = -(-like.numel() // BAND_NUMBERS)
    return torch.split(tensor, -(-like.shape[2] // count), dim=2)


def bands_with(features: Tensor, guide: Tensor | None) -> Sequence[tuple[Tensor, Tensor | None]]:
    """Return bands of the features, each with the weights of its pixels."""
    of_features = bands(features)
    guides = [None] * len(of_features) if guide is None else bands(guide, like=features)
    return list(zip(of_features, guides, strict=True))
