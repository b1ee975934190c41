"""The content term: compares features with those of the content image by place.

[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
"""

from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from nst.engine.losses.reading import read
from nst.engine.losses.sums import bands, bands_with, sum_of, weighted, wide
from nst.engine.network.encoder import Activations, Encoder
from nst.engine.network.tiles import Tile, cut, stride

DETAIL_WEIGHT = 24.0
"""Additional weight of the content where a detail map is white."""


class ContentTerm:
    """Mean of the squared differences of features, independent of the image's size.

    Several layers are averaged by their shares. [Gatys16] eq. 1 takes half of the sum, of one
    layer.
    """

    name = "content"

    def __init__(
        self,
        shares: Mapping[str, float],
        targets: Mapping[str, Tensor],
        detail: Tensor | None = None,
    ) -> None:
        """Create the term from the features of the content image.

        `shares`: share of each layer in the loss; they add up to 1. `targets`: features of the
        whole content image, (1, C, h, w), of the same layers. `detail`: where differences count
        more, (1, 1, H, W) of the image, 0…1; None: nowhere.
        """
        self.layers: Sequence[str] = list(shares)
        self._shares = shares
        self._targets = targets
        self._guides = {} if detail is None else _guides(targets, detail)

    @classmethod
    def of(
        cls,
        encoder: Encoder,
        shares: Mapping[str, float],
        content: Tensor,
        *,
        detail: Tensor | None = None,
        tile_side: int | None = None,
    ) -> Self:
        """Return the term for this content image, (1, 3, H, W).

        Its features are computed in tiles of about `tile_side` pixels.
        """
        return cls(shares, _features(encoder, list(shares), content, tile_side), detail)

    def statistics(self, activations: Activations, tile: Tile) -> Sequence[Tensor]:
        """Return the sum of the squared differences of each layer."""
        return [
            content_sum(
                tile.inner(activations[layer], stride(layer)),
                self._target_of(layer, tile),
                self._guide_of(layer, tile),
            )
            for layer in self.layers
        ]

    def loss(self, statistics: Sequence[Tensor]) -> Tensor:
        of_layers = [
            share * squared_differences / self._targets[layer].numel()
            for (layer, share), squared_differences in zip(
                self._shares.items(), statistics, strict=True
            )
        ]
        return torch.stack(of_layers).sum()

    def add_gradient(
        self,
        layer: str,
        total: Tensor,
        features: Tensor,
        statistics_gradient: Sequence[Tensor],
        tile: Tile,
    ) -> None:
        inner, of_inner = (tile.inner(each, stride(layer)) for each in (features, total))
        gradient = statistics_gradient[self.layers.index(layer)].item()
        target, guide = self._target_of(layer, tile), self._guide_of(layer, tile)
        add_content_sum_gradient(of_inner, inner, target, gradient, guide)

    def _target_of(self, layer: str, tile: Tile) -> Tensor:
        return tile.of_picture(self._targets[layer], stride(layer))

    def _guide_of(self, layer: str, tile: Tile) -> Tensor | None:
        guide = self._guides.get(layer)
        return None if guide is None else tile.of_picture(guide, stride(layer))


def detail_weights(detail: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the weight of the content at each place of a grid: (1, 1, h, w).

    The weights are from 1 to 1 + DETAIL_WEIGHT. `detail`: (1, 1, H, W). `size`: height and width of
    the grid.
    """
    return 1 + DETAIL_WEIGHT * adaptive_avg_pool2d(detail, size)


def _guides(targets: Mapping[str, Tensor], detail: Tensor) -> Mapping[str, Tensor]:
    """Return the weights of each layer's places, (1, 1, h, w)."""
    return {
        layer: detail_weights(detail, (target.shape[2], target.shape[3]))
        for layer, target in targets.items()
    }


def _features(
    encoder: Encoder, layers: Sequence[str], content: Tensor, tile_side: int | None
) -> Mapping[str, Tensor]:
    """Return the features of the whole content image, by layer."""
    if len(cut(content.shape, tile_side, encoder.path)) == 1:
        whole = encoder.features(content)
        return {layer: whole[layer] for layer in layers}
    wholes: dict[str, Tensor] = {}

    def keep(tile: Tile, of_tile: Activations) -> None:
        for layer in layers:
            features, pixels = of_tile[layer], stride(layer)
            if layer not in wholes:
                wholes[layer] = _room_for_whole(features, pixels, content)
            tile.of_picture(wholes[layer], pixels).copy_(tile.inner(features, pixels))

    read(encoder, content, tile_side, keep)
    return wholes


def _room_for_whole(features: Tensor, pixels: int, content: Tensor) -> Tensor:
    """Return an empty tensor for the whole image's features, given those of a tile."""
    height, width = content.shape[2] // pixels, content.shape[3] // pixels
    whole = features.new_empty(1, features.shape[1], height, width)
    return whole.contiguous(memory_format=torch.channels_last)


def content_sum(features: Tensor, target: Tensor, guide: Tensor | None = None) -> Tensor:
    """Return the sum of the squared differences of two (1, C, H, W), a scalar.

    `guide`: weight of each place, (1, 1, H, W).
    """
    pairs = zip(bands_with(features, guide), bands(target), strict=True)
    return sum_of(
        weighted((wide(part) - other).square_(), amount).sum() for (part, amount), other in pairs
    )


def add_content_sum_gradient(
    total: Tensor, features: Tensor, target: Tensor, gradient: float, guide: Tensor | None = None
) -> None:
    """Add the gradient with respect to the features, (1, C, H, W), to `total`.

    `gradient`: that with respect to `content_sum`.
    """
    parts = zip(bands_with(features, guide), bands(total), bands(target), strict=True)
    for (band, amount), of_band, other in parts:
        difference = band - other
        if amount is not None:
            difference *= amount.to(difference.dtype)
        of_band.add_(difference, alpha=2 * gradient)
