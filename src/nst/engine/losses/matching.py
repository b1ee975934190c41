"""Search for the place of the style that looks most like each place of the image.

[Kolkin22] Kolkin, Kucera, Paris, Sýkora, Shechtman, Shakhnarovich: Neural Neighbor Style Transfer,
arXiv 2203.13215, 2022, §4.2.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import normalize

from nst.engine.losses.cells import cells_of, cells_of_tile, of_layer
from nst.engine.losses.layers import FLOURISH_LAYERS, MATCHED_LAYERS, PLACE_LAYERS
from nst.engine.losses.nearest import nearest
from nst.engine.losses.reading import CellReader, PlaceReader, key_of, read
from nst.engine.losses.style import AverageReader
from nst.engine.losses.sums import sum_of, wide
from nst.engine.losses.transport import StyleDirections
from nst.engine.network.arithmetic import product
from nst.engine.network.encoder import CHANNELS_PER_BLOCK, Activations, Encoder
from nst.engine.network.tiles import Tile, block_of, stride

KEYS = 8192
"""Maximum number of cells of the style that are compared.
All rotations count together. If the style is larger than 256×256 pixels, they are a sample."""

PROJECTED = 256
"""Number of values to which a hypercolumn is reduced for the search.
A random projection keeps angles to about 1/√256 (Johnson, Lindenstrauss 1984)."""

STYLE_PLACES = 2048
"""Maximum number of places of the style whose single features are compared.
The number is that of one layer; all rotations count together."""

QUERIES_PER_BLOCK = 2048

QUARTER_TURNS = 4
"""Number of rotations of the style that are searched: 0, 90, 180 and 270 degrees.
They give more choice ([Kolkin22] §4.2)."""


@dataclass(frozen=True, slots=True)
class StyleSample:
    """Features that are kept of a style and of its rotations."""

    cells: Mapping[str, Tensor]
    """Hypercolumns of at most KEYS cells, by layer (K, C)."""
    keys: Tensor
    """Projected hypercolumns, relative to their mean, of length 1, (K, PROJECTED)."""
    directions: Mapping[str, StyleDirections]
    """Directions of single features at random places, by layer."""
    grams: Sequence[Tensor]
    """Gram matrices of the style, layer by layer of the flourish (C, C).
    Rotations do not count."""

    @classmethod
    def of(cls, encoder: Encoder, style: Tensor, seed: int, tile_side: int | None) -> Self:
        """Sample a style (1, 3, H, W)."""
        generator = torch.Generator().manual_seed(seed)
        grams = AverageReader(FLOURISH_LAYERS, style.shape[2:])
        cells, features = [], []
        for turns, turned in enumerate(_turns(style)):
            numbers = _some_cells(cells_of(turned.shape[2:]), generator)
            of_cells = CellReader(MATCHED_LAYERS, numbers, encoder.dtype)
            of_places = PlaceReader(_some_places(turned, generator))
            upright = () if turns else (grams,)
            read(encoder, turned, tile_side, of_cells, of_places, *upright)
            cells.append(of_cells.rows)
            features.append(of_places.features)
        rows = _joined(cells)
        directions = {layer: StyleDirections.of(each) for layer, each in _joined(features).items()}
        keys = Projection(seed, style.to(encoder.dtype)).of(rows)
        offered = normalize(keys - keys.mean(0), dim=1).to(encoder.dtype)
        return cls(rows, offered, directions, grams.averages)


class StyleSampler:
    """Sampler of styles that keeps the latest samples.

    The searches while an image is finished, and the frames of a film, ask for the same samples
    again.
    """

    def __init__(self) -> None:
        self._kept: dict[object, StyleSample] = {}

    def samples(
        self, encoder: Encoder, styles: Sequence[Tensor], seed: int, tile_side: int | None
    ) -> list[StyleSample]:
        """Return a sample of each style (1, 3, H, W)."""
        keys = [(seed, key_of(encoder, style)) for style in styles]
        self._kept = {key: sample for key, sample in self._kept.items() if key in keys}
        for key, style in zip(keys, styles, strict=True):
            if key not in self._kept:
                self._kept[key] = StyleSample.of(encoder, style, seed, tile_side)
        return [self._kept[key] for key in keys]


def _some_cells(cells: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Number a random choice of the cells; the others get −1."""
    count = math.prod(cells)
    chosen = torch.randperm(count, generator=generator)[: KEYS // QUARTER_TURNS]
    numbers = torch.full((count,), -1)
    numbers[chosen] = torch.arange(len(chosen))
    return numbers.view(cells)


def _some_places(image: Tensor, generator: torch.Generator) -> dict[str, tuple[Tensor, Tensor]]:
    """Return rows and columns of random places in each layer of one rotation."""
    places: dict[str, tuple[Tensor, Tensor]] = {}
    for layer in PLACE_LAYERS:
        height, width = (length // stride(layer) for length in image.shape[2:])
        some = torch.randperm(height * width, generator=generator)[: STYLE_PLACES // QUARTER_TURNS]
        places[layer] = (some // width, some % width)
    return places


def _turns(style: Tensor) -> Iterator[Tensor]:
    for turns in range(QUARTER_TURNS):
        yield torch.rot90(style, turns, (2, 3)).contiguous()


def _joined(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {layer: torch.cat([part[layer] for part in parts]) for layer in parts[0]}


class Projection:
    """Random projection that shortens hypercolumns of the matched layers.
    It is the same for all images with the same seed."""

    def __init__(self, seed: int, like: Tensor) -> None:
        """Draw the projection.

        `like`: a tensor with the number type and the device of the products.
        """
        generator = torch.Generator().manual_seed(seed)
        self._matrices = {
            layer: torch.randn(
                CHANNELS_PER_BLOCK[block_of(layer)], PROJECTED, generator=generator
            ).to(like)
            for layer in MATCHED_LAYERS
        }

    def of(self, rows: Mapping[str, Tensor]) -> Tensor:
        """Project rows of hypercolumns, by layer (n, C).

        The result is (n, PROJECTED), in float32 or the wider number type of the products.
        """
        products = (
            product(rows[layer].to(matrix), matrix) for layer, matrix in self._matrices.items()
        )
        return sum_of(map(wide, products))


class QueryReader:
    """Reader that keeps the projected hypercolumns of all cells as queries."""

    def __init__(self, projection: Projection, image: Tensor) -> None:
        self.queries = image.new_empty(*cells_of(image.shape[2:]), PROJECTED)
        """Projected hypercolumns, (rows, columns, PROJECTED)."""
        self._projection = projection

    def __call__(self, tile: Tile, activations: Activations) -> None:
        where = cells_of_tile(tile)
        rows = {layer: of_layer(activations, layer, tile) for layer in MATCHED_LAYERS}
        self.queries[where] = self._projection.of(rows).view_as(self.queries[where])


def matches(queries: Tensor, keys: Tensor) -> Tensor:
    """Return for each cell the number of the key with the smallest cosine distance.

    `queries`: (rows, columns, PROJECTED); they are centred on their mean. `keys`: those of a
    `StyleSample`. The numbers are (rows, columns).
    """
    sought, centre = queries.flatten(0, 1), queries.mean((0, 1))
    found = [
        nearest(normalize(block - centre, dim=1).to(keys.dtype), keys)
        for block in torch.split(sought, QUERIES_PER_BLOCK)
    ]
    return torch.cat(found).view(queries.shape[:2])
