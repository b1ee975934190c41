"""Readers of a whole image's features, which exist tile by tile only."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import torch
from torch import Tensor

from nst.engine.losses.cells import cells_of_tile, of_layer
from nst.engine.losses.sums import rows_of
from nst.engine.network.encoder import Activations, Encoded, Encoder
from nst.engine.network.tiles import Tile, cut, stride

Reader = Callable[[Tile, Activations], None]


def read(
    encoder: Encoder,
    image: Tensor,
    tile_side: int | None,
    *readers: Reader,
    encoded: Encoded | None = None,
) -> None:
    """Show all readers the features of an image (1, 3, H, W), tile by tile.

    The image passes through the network once, for any number of readers, or not at all if it is
    the one that has been encoded.
    """
    tiles = cut(image.shape, tile_side, encoder.path)
    if encoded and encoded.image is image and len(tiles) == 1:
        for reader in readers:
            reader(tiles[0], encoded.activations)
        return
    for tile in tiles:
        activations = encoder.features(tile.pixels(image))
        for reader in readers:
            reader(tile, activations)
        activations.clear()  # before those of the next tile are allocated


def key_of(encoder: Encoder, image: Tensor) -> object:
    """Return a key that is equal for networks and images with equal features."""
    network = (encoder.model, encoder.dtype, encoder.padding, encoder.pooling)
    return network, image.shape, sha256(image.numpy(force=True).tobytes()).digest()


class CellReader:
    """Reader that keeps the hypercolumns of chosen cells."""

    def __init__(self, layers: Sequence[str], numbers: Tensor, dtype: torch.dtype) -> None:
        """Create a reader of the cells that have a number.

        `numbers`: for every cell of the image the row that it gets, or −1: (rows, columns), on the
        CPU. `dtype`: number type of the rows.
        """
        self.rows: dict[str, Tensor] = {}
        """Hypercolumns by layer, (chosen cells, C)."""
        self._layers = layers
        self._numbers = numbers
        self._count = int((numbers >= 0).sum())
        self._dtype = dtype

    def __call__(self, tile: Tile, activations: Activations) -> None:
        numbers = self._numbers[cells_of_tile(tile)].flatten()
        (chosen,) = torch.nonzero(numbers >= 0, as_tuple=True)
        for layer in self._layers:
            device = activations[layer].device
            of_tile = of_layer(activations, layer, tile, chosen=chosen.to(device))
            shape = (self._count, of_tile.shape[1])
            rows = self.rows.setdefault(layer, of_tile.new_empty(shape, dtype=self._dtype))
            rows[numbers[chosen].to(device)] = of_tile.to(self._dtype)


class PlaceReader:
    """Reader that keeps the features at places of each layer."""

    def __init__(self, places: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        """Create a reader of these places.

        `places`: by layer, the rows and the columns of its features, on the CPU.
        """
        self.features: dict[str, Tensor] = {}
        """Features by layer, (places, C)."""
        self._places = places

    def __call__(self, tile: Tile, activations: Activations) -> None:
        for layer, (rows, columns) in self._places.items():
            inside, where = places_in(tile, stride(layer), rows, columns)
            of_tile = features_at(activations[layer], tile, stride(layer), where)
            shape = (len(rows), of_tile.shape[1])
            whole = self.features.setdefault(layer, of_tile.new_zeros(shape))
            whole[inside.to(whole.device)] = of_tile


def places_in(
    tile: Tile, pixels: int, rows: Tensor, columns: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return which of the places lie in a tile, and their rows and columns there.

    `pixels`: number of pixels per feature, along a side, of the layer of the places.
    """
    of_rows, of_columns = tile.rows.features(pixels), tile.columns.features(pixels)
    inside = (rows >= of_rows.start) & (rows < of_rows.stop)
    inside &= (columns >= of_columns.start) & (columns < of_columns.stop)
    return inside, (rows[inside] - of_rows.start, columns[inside] - of_columns.start)


def features_at(features: Tensor, tile: Tile, pixels: int, where: tuple[Tensor, Tensor]) -> Tensor:
    """Return features of a tile at places, (P, C).

    `features`: those of the tile and its halo. `pixels` and `where`: as in `places_in` and from it.
    """
    return rows_of(features).index_select(0, _numbers(features, tile, pixels, where))


def add_at(
    total: Tensor, tile: Tile, pixels: int, where: tuple[Tensor, Tensor], gradient: Tensor
) -> None:
    """Add the gradient with respect to `features_at`, (P, C), to `total`.

    `total` has its channels last in memory.
    """
    rows = total[0].permute(1, 2, 0).view(-1, total.shape[1])
    rows.index_add_(0, _numbers(total, tile, pixels, where), gradient.to(total.dtype))


def _numbers(features: Tensor, tile: Tile, pixels: int, where: tuple[Tensor, Tensor]) -> Tensor:
    """Return the numbers of the features at places.

    Taking rows by number is several times as fast as indexing by rows and columns.
    """
    rows, columns = (
        places + span.inner(pixels).start
        for places, span in zip(where, (tile.rows, tile.columns), strict=True)
    )
    numbers: Tensor = rows * features.shape[3] + columns
    return numbers.to(features.device)
