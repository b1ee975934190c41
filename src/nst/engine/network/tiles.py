"""Division of an image into tiles whose features are those of the whole image.

A feature sees only the pixels within the receptive field of its layer. A tile is therefore computed
with a halo of at least that radius, and only its inner features are used: these are exact, and
every one belongs to exactly one tile.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from nst.engine.network.encoder import STRIDES_PER_BLOCK


@dataclass(frozen=True, slots=True)
class Span:
    """Pixels along one side of the image: those of a tile, without and with its halo."""

    start: int
    stop: int
    outer_start: int
    outer_stop: int

    def outer(self) -> slice:
        """Return the pixels of the image that the tile covers with its halo."""
        return slice(self.outer_start, self.outer_stop)

    def features(self, stride: int) -> slice:
        """Return the tile's features with this stride.

        The last features are rounded down, as pooling does.
        """
        return slice(self.start // stride, self.stop // stride)

    def inner(self, stride: int) -> slice:
        """Return the same features, counted within those of the tile and its halo."""
        shift = self.outer_start // stride
        return slice(self.start // stride - shift, self.stop // stride - shift)


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of the image.
    Every method takes (B, C, H, W) and returns a view of it."""

    rows: Span
    columns: Span

    def pixels(self, image: Tensor) -> Tensor:
        """Return the pixels that have to be computed: the tile and its halo."""
        return image[:, :, self.rows.outer(), self.columns.outer()]

    def inner(self, features: Tensor, stride: int) -> Tensor:
        """Return the part of the features of `pixels` that belongs to the tile."""
        return features[:, :, self.rows.inner(stride), self.columns.inner(stride)]

    def of_picture(self, features: Tensor, stride: int) -> Tensor:
        """Return the part of the features of the whole image that belongs to the tile."""
        return features[:, :, self.rows.features(stride), self.columns.features(stride)]


def cut(shape: Sequence[int], side: int | None, path: Sequence[str]) -> list[Tile]:
    """Return the tiles of an image of this shape (B, C, H, W).

    `side`: approximate side of a tile in pixels, without its halo; None: one tile. `path`: the
    encoder's layers.
    """
    *_, height, width = shape
    return [
        Tile(rows, columns)
        for rows in spans(height, side, path)
        for columns in spans(width, side, path)
    ]


def spans(length: int, side: int | None, path: Sequence[str]) -> Iterator[Span]:
    """Yield the spans of the tiles along one side of an image of `length` pixels."""
    if side is None or length <= side:
        yield Span(0, length, 0, length)
        return
    halo, unit = halo_pixels(path), _alignment(path)
    count = -(-length // side)
    step = _round_up(-(-length // count), unit)
    # A remainder at the end that is too narrow for a feature belongs to the tile before it.
    starts = range(0, length - unit + 1, step)
    for start, stop in pairwise([*starts, length]):
        yield Span(start, stop, max(start - halo, 0), min(stop + halo, length))


def stride(layer: str) -> int:
    """Return the pixels per feature of a layer like conv4_2, along a side."""
    return STRIDES_PER_BLOCK[block_of(layer)]


def block_of(layer: str) -> int:
    """Return the number of a layer's block, from 0; that of conv4_2 is 3."""
    return int(layer.removeprefix("conv").removeprefix("relu")[0]) - 1


def halo_pixels(path: Sequence[str]) -> int:
    """Return the radius, rounded up so that tiles begin where all pools' windows do."""
    return _round_up(radius_pixels(path), _alignment(path))


def radius_pixels(path: Sequence[str]) -> int:
    """Return the radius of the last layer's receptive field around its own pixels."""
    return sum(stride(layer) for layer in path if layer.startswith("conv"))


def _alignment(path: Sequence[str]) -> int:
    return stride(path[-1])


def _round_up(number: int, unit: int) -> int:
    return -(-number // unit) * unit
