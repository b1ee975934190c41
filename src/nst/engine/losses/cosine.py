"""Terms that compare the direction of hypercolumns with a target at every cell.

[Kolkin22] Kolkin, Kucera, Paris, Sýkora, Shechtman, Shakhnarovich: Neural Neighbor Style Transfer,
arXiv 2203.13215, 2022.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.linalg import vector_norm

from nst.engine.losses.cells import add_from_cells, cells_of_tile, on_cells
from nst.engine.losses.sums import sum_of, wide
from nst.engine.network.encoder import Activations
from nst.engine.network.tiles import Tile, stride

SMALLEST_SQUARE = 1e-12
"""Smallest squared length of a vector that has a direction."""

BLOCK_ROWS = 4096
"""Number of rows that are converted to float32 at a time."""


@dataclass(frozen=True, slots=True)
class CellTargets:
    """Hypercolumns that the cells are compared with."""

    rows: Mapping[str, Tensor]
    """Rows by layer, (K, C) each."""
    index: Tensor
    """Number of the row that belongs to each cell, (rows of cells, columns of cells)."""
    factors: Tensor
    """Factor that gives the row of each cell the length 1, in the shape of `index`."""

    @classmethod
    def of(cls, rows: Mapping[str, Tensor], index: Tensor) -> "CellTargets":
        """Return targets with the factors of these rows."""
        return cls(rows, index, unit_factors(rows)[index])


def unit_factors(rows: Mapping[str, Tensor]) -> Tensor:
    """Return the factors that give each row of all layers the length 1.

    (K, C) each → (K,)
    """
    squares = sum_of(_squares(each) for each in rows.values())
    return squares.clamp(min=SMALLEST_SQUARE).rsqrt()


def _squares(rows: Tensor) -> Tensor:
    """Return the squared length of each row: (K, C) → (K,)."""
    return torch.cat([wide(block).square().sum(1) for block in torch.split(rows, BLOCK_ROWS)])


class CosineTerm:
    """Weighted mean of 1 − cos(hypercolumn, target) over the cells, [Kolkin22] eq. 4."""

    def __init__(self, name: str, targets: CellTargets, weights: Tensor) -> None:
        """Create the term.

        `weights`: weight of each cell, in the shape of `targets.index`.
        """
        self.name = name
        self.layers: Collection[str] = tuple(targets.rows)
        self._targets = targets
        self._weights = weights

    def statistics(self, activations: Activations, tile: Tile) -> Sequence[Tensor]:
        """Return each cell's dot product with its target, and its squared length."""
        where = cells_of_tile(tile)
        dots, squares = (torch.zeros_like(self._weights) for _ in range(2))
        of_dots, of_squares = dots[where], squares[where]
        for layer in self.layers:
            ours, theirs = self._compared(activations[layer], layer, tile)
            channels = ours.shape[1]
            # Hypercolumns have 1 / C of the features; the sums are divided instead.
            of_dots += (ours * theirs).sum(1, dtype=dots.dtype).view_as(of_dots) / channels
            lengths = vector_norm(ours, dim=1, dtype=dots.dtype)
            of_squares += lengths.square().view_as(of_squares) / channels**2
        of_dots *= self._targets.factors[where]
        return [dots, squares]

    def loss(self, statistics: Sequence[Tensor]) -> Tensor:
        dots, squares = statistics
        cosines = dots * squares.clamp(min=SMALLEST_SQUARE).rsqrt()
        return (self._weights * (1 - cosines)).sum()

    def add_gradient(
        self,
        layer: str,
        total: Tensor,
        features: Tensor,
        statistics_gradient: Sequence[Tensor],
        tile: Tile,
    ) -> None:
        where = cells_of_tile(tile)
        of_dots, of_squares = (each[where] for each in statistics_gradient)
        ours, gradient = self._compared(features, layer, tile)
        channels, (rows, columns) = ours.shape[1], of_dots.shape
        of_targets = of_dots * self._targets.factors[where] / channels
        of_features = of_squares * 2 / channels**2
        gradient.mul_(of_targets.reshape(-1, 1).to(gradient.dtype))
        gradient.addcmul_(ours, of_features.reshape(-1, 1).to(gradient.dtype))
        add_from_cells(
            tile.inner(total, stride(layer)), gradient.to(total.dtype), layer, (rows, columns)
        )

    def _compared(self, features: Tensor, layer: str, tile: Tile) -> tuple[Tensor, Tensor]:
        """Return the features and, as a new tensor, the targets of a tile's cells, (cells, C) each.

        bfloat16 stays, which nearly halves the time of this term. float16 has too small a range.
        """
        numbers = self._targets.index[cells_of_tile(tile)]
        cells = (numbers.shape[0], numbers.shape[1])
        ours = on_cells(tile.inner(features, stride(layer)), layer, cells)
        theirs = self._targets.rows[layer].index_select(0, numbers.flatten())
        if theirs.dtype == torch.float16:
            return wide(ours), wide(theirs)
        return ours, theirs
