"""The content term: features shall be those of the content picture, place by place.

[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
"""

from collections.abc import Collection, Sequence
from typing import Self

import torch
from torch import Tensor

from nst.engine.losses.sums import bands, sum_of, wide
from nst.engine.network.encoder import Activations, Encoder
from nst.engine.network.tiles import Tile, cut, stride


class ContentTerm:
    """The mean of the squared differences of features, which does not grow with the picture.

    [Gatys16] eq. 1 takes half of the sum.
    """

    name = "content"

    def __init__(self, layer: str, target: Tensor) -> None:
        """`target`: features of the whole content picture, (1, C, h, w)."""
        self.layers: Collection[str] = (layer,)
        self._layer = layer
        self._target = target

    @classmethod
    def of(
        cls, encoder: Encoder, layer: str, content: Tensor, *, tile_side: int | None = None
    ) -> Self:
        """With the features of this picture (1, 3, H, W), computed in tiles of about this side."""
        return cls(layer, _features(encoder, layer, content, tile_side))

    def statistics(self, activations: Activations, tile: Tile) -> Sequence[Tensor]:
        """The sum of the squared differences."""
        inner = tile.inner(activations[self._layer], stride(self._layer))
        return [content_sum(inner, self._target_of(tile))]

    def loss(self, statistics: Sequence[Tensor]) -> Tensor:
        (squared_differences,) = statistics
        # In float64, which not every device has.
        return squared_differences.to("cpu", torch.float64) / self._target.numel()

    def add_gradient(
        self,
        layer: str,
        total: Tensor,
        features: Tensor,
        statistics_gradient: Sequence[Tensor],
        tile: Tile,
    ) -> None:
        inner, of_inner = (tile.inner(each, stride(layer)) for each in (features, total))
        (gradient,) = statistics_gradient
        add_content_sum_gradient(of_inner, inner, self._target_of(tile), gradient.item())

    def _target_of(self, tile: Tile) -> Tensor:
        return tile.of_picture(self._target, stride(self._layer))


def _features(encoder: Encoder, layer: str, content: Tensor, tile_side: int | None) -> Tensor:
    """Of one layer, of the whole picture."""
    pixels, tiles = stride(layer), cut(content.shape, tile_side, encoder.path)
    whole: Tensor | None = None
    for tile in tiles:
        features: Tensor = encoder(tile.pixels(content))[layer]
        if len(tiles) == 1:
            return features
        if whole is None:
            height, width = content.shape[2] // pixels, content.shape[3] // pixels
            whole = features.new_empty(1, features.shape[1], height, width)
            whole = whole.contiguous(memory_format=torch.channels_last)
        tile.of_picture(whole, pixels).copy_(tile.inner(features, pixels))
    assert whole is not None  # there is a tile
    return whole


def content_sum(features: Tensor, target: Tensor) -> Tensor:
    """Squared differences, summed: two (1, C, H, W) → scalar."""
    pairs = zip(bands(features), bands(target), strict=True)
    return sum_of((wide(part) - other).square_().sum() for part, other in pairs)


def add_content_sum_gradient(
    total: Tensor, features: Tensor, target: Tensor, gradient: float
) -> None:
    """Adds to `total` the gradient with respect to the features, (1, C, H, W), that follows from
    that with respect to `content_sum`."""
    for band, of_band, other in zip(bands(features), bands(total), bands(target), strict=True):
        of_band.add_(band - other, alpha=2 * gradient)
