"""The structure term: places that look alike in the content stay alike.

Colours and textures may change in any way, as long as the similarities between places stay.

[Kolkin19] Kolkin, Salavon, Shakhnarovich: Style Transfer by Relaxed Optimal Transport and
Self-Similarity, CVPR 2019, §2.3.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from nst.engine.losses.sums import added, wide
from nst.engine.network.encoder import Activations
from nst.engine.network.tiles import Span, Tile, stride

LAYERS = ("relu3_1", "relu4_1")
PLACES = 24
"""Number of places along each side of the image.
[Kolkin19] samples places; we average over all of them."""
LEAST_DISTANCE = 0.005
"""Mean cosine distance below which a place of the content has little structure.
It then counts in proportion to this distance: similarities are relative, so those of a photo of one
colour would be rounding errors, and no paint could stay close to them. In photos the mean distances
are above 0.2, in a blank wall with a noise of one grey level above 0.02."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Grid of places of an image of this size."""

    height: int
    width: int

    def sums(self, activations: Activations, tile: Tile) -> list[Tensor]:
        """Return each layer's sums of a tile's features by place, (places, places, C)."""
        return [self._sums(activations[layer], layer, tile) for layer in LAYERS]

    def places(self, layer: str, tile: Tile) -> tuple[Tensor, Tensor]:
        """Return the place of each row and of each column of a tile's features."""
        pixels = stride(layer)
        return _place(tile.rows, self.height, pixels), _place(tile.columns, self.width, pixels)

    def _sums(self, features: Tensor, layer: str, tile: Tile) -> Tensor:
        inner = wide(tile.inner(features, stride(layer))[0].permute(1, 2, 0))
        _, width, channels = inner.shape
        rows, columns = (where.to(inner.device) for where in self.places(layer, tile))
        places = [min(PLACES, length // stride(layer)) for length in (self.height, self.width)]
        by_row = inner.new_zeros(places[0], width, channels).index_add_(0, rows, inner)
        return inner.new_zeros(*places, channels).index_add_(1, columns, by_row)


class StructureReader:
    """Reader that adds up the features of an image at each place."""

    def __init__(self, grid: Grid) -> None:
        self.sums: list[Tensor] = []
        """Sums of the features by place, by layer, (places, places, C)."""
        self._grid = grid

    def __call__(self, tile: Tile, activations: Activations) -> None:
        of_tile = self._grid.sums(activations, tile)
        self.sums = added([self.sums, of_tile]) if self.sums else of_tile


class StructureTerm:
    """Mean difference between the similarities of each place with all others.

    The cosine distances of a place are divided by their sum, as in [Kolkin19] eq. 10. Unlike there,
    a place whose distances are all below LEAST_DISTANCE counts less.
    """

    layers: Collection[str] = LAYERS

    def __init__(
        self, name: str, content: Sequence[Tensor], grid: Grid, weight: float = 1.0
    ) -> None:
        """Create the term.

        `content`: sums of the content image's features by place, layer by layer.
        """
        self.name = name
        self._targets = [similarities(sums) for sums in content]
        self._clearness = [clearness(sums) for sums in content]
        self._grid = grid
        self._weight = weight

    def statistics(self, activations: Activations, tile: Tile) -> Sequence[Tensor]:
        """Return each layer's sums of the features by place, (places, places, C)."""
        return self._grid.sums(activations, tile)

    def loss(self, statistics: Sequence[Tensor]) -> Tensor:
        compared = zip(statistics, self._targets, self._clearness, strict=True)
        distances = [
            ((similarities(sums) - target).abs().sum(1) * clear).mean()
            for sums, target, clear in compared
        ]
        return self._weight * torch.stack(distances).mean()

    def add_gradient(
        self,
        layer: str,
        total: Tensor,
        features: Tensor,  # noqa: ARG002 - the gradient of a sum does not depend on the features
        statistics_gradient: Sequence[Tensor],
        tile: Tile,
    ) -> None:
        gradient = statistics_gradient[LAYERS.index(layer)]
        rows, columns = (where.to(total.device) for where in self._grid.places(layer, tile))
        of_features = gradient.to(total.dtype).index_select(0, rows).index_select(1, columns)
        tile.inner(total, stride(layer))[0].permute(1, 2, 0).add_(of_features)


def similarities(sums: Tensor) -> Tensor:
    """Return the cosine distances of all pairs of places.

    Each row is divided by its sum: (h, w, C) → (n, n).
    """
    distances = _distances(sums)
    return distances / distances.sum(1, keepdim=True).clamp(min=1e-12)


def clearness(sums: Tensor) -> Tensor:
    """Return how much the structure of each place counts, 0…1: (h, w, C) → (n,)."""
    return (_distances(sums).mean(1) / LEAST_DISTANCE).clamp(max=1)


def _distances(sums: Tensor) -> Tensor:
    """Return the cosine distances of all pairs of places: (h, w, C) → (n, n)."""
    rows = normalize(sums.flatten(0, 1), dim=1)
    return (1 - rows @ rows.T).clamp(min=0)


def _place(span: Span, length: int, pixels: int) -> Tensor:
    count = length // pixels
    numbers = torch.arange(span.start // pixels, span.stop // pixels)
    return numbers * min(PLACES, count) // count
