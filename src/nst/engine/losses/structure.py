"""The structure term: places that look alike in the photo look alike in the painting.

Colours and textures may become anything, as long as the similarities between places stay.

[Kolkin19] Kolkin, Salavon, Shakhnarovich: Style Transfer by Relaxed Optimal Transport and
Self-Similarity, CVPR 2019, §2.3.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import normalize

from nst.engine.losses.sums import added, wide
from nst.engine.network.encoder import Activations, Encoder
from nst.engine.network.tiles import Span, Tile, cut, stride

LAYERS = ("relu3_1", "relu4_1")
PLACES = 24
"""Along each side of the picture. [Kolkin19] samples places; we average over all of them."""


class StructureTerm:
    """The mean difference between the similarities of each place with all others.

    As in [Kolkin19] eq. 10 the cosine distances of a place are divided by their sum.
    """

    def __init__(
        self, name: str, targets: Mapping[str, Tensor], size: tuple[int, int], weight: float = 1.0
    ) -> None:
        """`targets`: `similarities` of the content, by layer. `size`: height and width of the
        picture in pixels."""
        self.name = name
        self._weight = weight
        self.layers: Collection[str] = tuple(targets)
        self._targets = targets
        self._size = size

    @classmethod
    def of(
        cls,
        name: str,
        encoder: Encoder,
        content: Tensor,
        *,
        weight: float = 1.0,
        tile_side: int | None = None,
    ) -> Self:
        """Return the term for this picture (1, 3, H, W), computed in tiles of about this side."""
        size = (content.shape[2], content.shape[3])
        empty = cls(name, dict.fromkeys(LAYERS, content), size)
        tiles = cut(content.shape, tile_side, encoder.path)
        sums = added(empty.statistics(encoder(tile.pixels(content)), tile) for tile in tiles)
        return cls(name, dict(zip(LAYERS, map(similarities, sums), strict=True)), size, weight)

    def statistics(self, activations: Activations, tile: Tile) -> Sequence[Tensor]:
        """Return for each layer the sums of the features at each place, (C, places, places)."""
        return [self._sums(activations[layer], layer, tile) for layer in self.layers]

    def loss(self, statistics: Sequence[Tensor]) -> Tensor:
        pairs = zip(statistics, self._targets.values(), strict=True)
        distances = [(similarities(sums) - target).abs().sum(1).mean() for sums, target in pairs]
        return self._weight * torch.stack(distances).mean()

    def add_gradient(
        self,
        layer: str,
        total: Tensor,
        features: Tensor,  # noqa: ARG002 - sums have the same gradient whatever they add up
        statistics_gradient: Sequence[Tensor],
        tile: Tile,
    ) -> None:
        gradient = statistics_gradient[list(self.layers).index(layer)]
        rows, columns = (where.to(total.device) for where in self._places(layer, tile))
        tile.inner(total, stride(layer)).add_(gradient[:, rows][:, :, columns].to(total.dtype))

    def _sums(self, features: Tensor, layer: str, tile: Tile) -> Tensor:
        inner = wide(tile.inner(features, stride(layer))[0])
        channels, _, width = inner.shape
        rows, columns = (where.to(inner.device) for where in self._places(layer, tile))
        places = [min(PLACES, length // stride(layer)) for length in self._size]
        by_row = inner.new_zeros(channels, places[0], width).index_add_(1, rows, inner)
        return inner.new_zeros(channels, *places).index_add_(2, columns, by_row)

    def _places(self, layer: str, tile: Tile) -> tuple[Tensor, Tensor]:
        """The place of each row and of each column of a tile's features."""
        height, width = self._size
        return _place(tile.rows, height, stride(layer)), _place(tile.columns, width, stride(layer))


def similarities(sums: Tensor) -> Tensor:
    """Cosine distances of all pairs of places, each row divided by its sum: (C, h, w) → (n, n)."""
    rows = normalize(sums.flatten(1).T, dim=1)
    distances = (1 - rows @ rows.T).clamp(min=0)
    return distances / distances.sum(1, keepdim=True).clamp(min=1e-12)


def _place(span: Span, length: int, pixels: int) -> Tensor:
    count = length // pixels
    numbers = torch.arange(span.start // pixels, span.stop // pixels)
    return numbers * min(PLACES, count) // count
