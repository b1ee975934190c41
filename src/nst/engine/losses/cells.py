"""Hypercolumns: the features of all layers of the network at one cell of a grid.

A cell is a square of the image, as large as one feature of block 3. The features of finer layers
are averaged over it, those of coarser layers are repeated in it. Every cell therefore depends only
on the features of its own place, and tiles stay exact.

[Kolkin22] Kolkin, Kucera, Paris, Sýkora, Shechtman, Shakhnarovich: Neural Neighbor Style Transfer,
arXiv 2203.13215, 2022, §4.1. The paper enlarges coarser layers bilinearly.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from nst.engine.losses.sums import rows_of, wide
from nst.engine.network.encoder import Activations
from nst.engine.network.tiles import Tile, stride

CELL_PIXELS = 4
"""Side of a cell, in pixels."""


def cells_of(size: Sequence[int]) -> tuple[int, int]:
    """Return the numbers of rows and columns of cells in an image.

    `size`: height and width of the image.
    """
    height, width = size
    return height // CELL_PIXELS, width // CELL_PIXELS


def cells_of_tile(tile: Tile) -> tuple[slice, slice]:
    """Return the rows and columns of the image's cells that belong to a tile."""
    return tile.rows.features(CELL_PIXELS), tile.columns.features(CELL_PIXELS)


def on_cells(features: Tensor, layer: str, cells: tuple[int, int]) -> Tensor:
    """Bring the features of one layer onto the cells.

    (1, C, h, w) → (rows·columns, C).
    """
    finer, coarser = _ratio(layer)
    if finer > 1:
        return rows_of(avg_pool2d(_cropped(features, cells, finer), finer))
    return rows_of(features if coarser == 1 else _repeated(features, cells, coarser))


def add_from_cells(total: Tensor, gradient: Tensor, layer: str, cells: tuple[int, int]) -> None:
    """Add the gradient with respect to a layer's features to `total` (1, C, h, w).

    `gradient`: that with respect to `on_cells` of the features, (rows·columns, C).
    """
    finer, coarser = _ratio(layer)
    of_cells = gradient.view(1, *cells, -1).permute(0, 3, 1, 2)
    if finer > 1:
        spread = interpolate(of_cells, scale_factor=finer, mode="nearest")
        _cropped(total, cells, finer).add_(spread, alpha=1 / finer**2)
    elif coarser == 1:
        total.add_(of_cells)
    else:
        total.add_(_summed(of_cells, coarser, (total.shape[2], total.shape[3])))


def hypercolumns(activations: Activations, layers: Sequence[str], tile: Tile) -> Tensor:
    """Return one row for each cell of a tile: (cells, channels of all layers).

    Each layer is divided by its number of channels.
    """
    cells = _count(tile)
    return torch.cat([of_layer(activations, layer, tile, cells) for layer in layers], dim=1)


def of_layer(
    activations: Activations,
    layer: str,
    tile: Tile,
    cells: tuple[int, int] | None = None,
    chosen: Tensor | None = None,
) -> Tensor:
    """Return one layer's part of a tile's hypercolumns, in float32: (cells, C).

    `chosen`: numbers of the tile's cells that are returned; by default all.
    """
    inner = tile.inner(activations[layer], stride(layer))
    found = on_cells(inner, layer, cells or _count(tile))
    features = wide(found if chosen is None else found[chosen])
    return features / features.shape[1]


def _count(tile: Tile) -> tuple[int, int]:
    rows, columns = cells_of_tile(tile)
    return rows.stop - rows.start, columns.stop - columns.start


def _ratio(layer: str) -> tuple[int, int]:
    """Return how many features a cell has along a side, and how many cells a feature."""
    return max(CELL_PIXELS // stride(layer), 1), max(stride(layer) // CELL_PIXELS, 1)


def _cropped(features: Tensor, cells: tuple[int, int], finer: int) -> Tensor:
    """Return the features without those at the end that fill no cell."""
    return features[:, :, : cells[0] * finer, : cells[1] * finer]


def _repeated(features: Tensor, cells: tuple[int, int], coarser: int) -> Tensor:
    """Repeat each feature in all of its cells.

    The last features are also repeated in the cells that are left over at the end.
    """
    repeated = interpolate(features, scale_factor=coarser, mode="nearest")
    below, beside = (
        count - length for count, length in zip(cells, repeated.shape[2:], strict=True)
    )
    return pad(repeated, (0, beside, 0, below), mode="replicate") if below or beside else repeated


def _summed(of_cells: Tensor, coarser: int, size: tuple[int, int]) -> Tensor:
    """Return the sum over the cells of each feature, which reverses the repetition."""
    for dimension, length in zip((2, 3), size, strict=True):
        whole = length * coarser
        left_over = of_cells.narrow(dimension, whole, of_cells.shape[dimension] - whole)
        of_cells = of_cells.narrow(dimension, 0, whole).clone()
        of_cells.select(dimension, whole - 1).add_(left_over.sum(dimension))
    return avg_pool2d(of_cells, coarser) * coarser**2
