"""Which place of the style looks most like each place of the picture.

[Kolkin22] Kolkin, Kucera, Paris, Sýkora, Shechtman, Shakhnarovich: Neural Neighbor Style Transfer,
arXiv 2203.13215, 2022, §4.2.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from nst.engine.losses.cells import cells_of, cells_of_tile, of_layer
from nst.engine.losses.sums import wide
from nst.engine.network.encoder import CHANNELS_PER_BLOCK, Activations, Encoder
from nst.engine.network.tiles import Tile, block_of, cut, stride

KEYS = 16384
"""Cells of the style that are compared, in all turned pictures together: a sample above 256×256
pixels."""

PROJECTED = 256
"""Numbers to which hypercolumns are reduced for the search, by a random projection that keeps
angles to about 1/√256 (Johnson, Lindenstrauss 1984)."""

QUERIES_PER_BLOCK = 2048

QUARTER_TURNS = 4
"""The style is also searched turned by 90, 180 and 270 degrees: more choice ([Kolkin22] §4.2)."""


def style_cells(
    encoder: Encoder,
    style: Tensor,
    layers: Sequence[str],
    generator: torch.Generator,
    tile_side: int | None,
) -> dict[str, Tensor]:
    """Return a sample of the hypercolumns of a style (1, 3, H, W), also turned, by layer (K, C)."""
    parts = []
    for turned in _turns(style):
        rows, columns = cells_of(turned.shape[2:])
        chosen = torch.zeros(rows * columns, dtype=torch.bool)
        count = min(KEYS // QUARTER_TURNS, rows * columns)
        chosen[torch.randperm(rows * columns, generator=generator)[:count]] = True
        chosen = chosen.view(rows, columns)
        for tile, activations in computed(encoder, turned, tile_side):
            inside = chosen[cells_of_tile(tile)].flatten()
            parts.append({each: of_layer(activations, each, tile)[inside] for each in layers})
    return {layer: torch.cat([part[layer] for part in parts]) for layer in layers}


def style_features(
    encoder: Encoder,
    style: Tensor,
    layers: Sequence[str],
    count: int,
    generator: torch.Generator,
    tile_side: int | None,
) -> dict[str, Tensor]:
    """Return at most this number of single features of a style and its turns, by layer (K, C)."""
    parts = []
    for turned in _turns(style):
        places = {}
        for layer in layers:
            height, width = (length // stride(layer) for length in turned.shape[2:])
            some = torch.randperm(height * width, generator=generator)[: count // QUARTER_TURNS]
            places[layer] = (some // width, some % width)
        parts.append(features_at(encoder, turned, places, tile_side))
    return {layer: torch.cat([part[layer] for part in parts]) for layer in layers}


def features_at(
    encoder: Encoder,
    image: Tensor,
    places: Mapping[str, tuple[Tensor, Tensor]],
    tile_side: int | None,
) -> dict[str, Tensor]:
    """Return the features of a picture at these rows and columns of each layer, by layer (P, C)."""
    found: dict[str, Tensor] = {}
    for tile, activations in computed(encoder, image, tile_side):
        for layer, (rows, columns) in places.items():
            features = tile.inner(activations[layer], stride(layer))[0].permute(1, 2, 0)
            inside, where = places_in(tile, stride(layer), rows, columns)
            whole = found.setdefault(layer, features.new_zeros(len(rows), features.shape[2]))
            whole[inside.to(whole.device)] = features[where]
    return found


def places_in(
    tile: Tile, pixels: int, rows: Tensor, columns: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return which of the places, each in features of so many pixels, lie in a tile, and their rows
    and columns there."""
    of_rows, of_columns = tile.rows.features(pixels), tile.columns.features(pixels)
    inside = (rows >= of_rows.start) & (rows < of_rows.stop)
    inside &= (columns >= of_columns.start) & (columns < of_columns.stop)
    return inside, (rows[inside] - of_rows.start, columns[inside] - of_columns.start)


class Projection:
    """Shortens hypercolumns, the same way each time."""

    def __init__(self, layers: Sequence[str], generator: torch.Generator, like: Tensor) -> None:
        """`like`: a tensor of the type and on the device in which it is computed."""
        numbers = sum(CHANNELS_PER_BLOCK[block_of(layer)] for layer in layers)
        self._matrix = torch.randn(numbers, PROJECTED, generator=generator).to(like)

    def of(self, rows: Mapping[str, Tensor]) -> Tensor:
        """Return (n, PROJECTED) for rows of hypercolumns, by layer (n, C)."""
        return torch.cat(list(rows.values()), dim=1) @ self._matrix


def nearest(
    encoder: Encoder,
    seen: Tensor,
    keys: Mapping[str, Tensor],
    projection: Projection,
    tile_side: int | None,
) -> Tensor:
    """Return for each cell of a picture (1, 3, H, W) the number of the key with the smallest cosine
    distance, both sets centred on their own mean: (rows, columns)."""
    rows, columns = cells_of(seen.shape[2:])
    queries = seen.new_empty(rows, columns, PROJECTED)
    for tile, activations in computed(encoder, seen, tile_side):
        where = cells_of_tile(tile)
        of_tile = projection.of({layer: of_layer(activations, layer, tile) for layer in keys})
        queries[where] = of_tile.view_as(queries[where])
    sought, offered = queries.flatten(0, 1), projection.of(keys)
    offered = normalize(offered - offered.mean(0), dim=1).to(encoder.dtype)
    centre = sought.mean(0)
    found = [
        wide(normalize(block - centre, dim=1).to(encoder.dtype) @ offered.T).argmax(1)
        for block in torch.split(sought, QUERIES_PER_BLOCK)
    ]
    return torch.cat(found).view(rows, columns)


def computed(
    encoder: Encoder, image: Tensor, tile_side: int | None
) -> Iterator[tuple[Tile, Activations]]:
    """Yield the tiles of a picture and what the network sees in each."""
    for tile in cut(image.shape, tile_side, encoder.path):
        yield tile, encoder(tile.pixels(image))


def _turns(style: Tensor) -> Iterator[Tensor]:
    for turns in range(QUARTER_TURNS):
        yield torch.rot90(style, turns, (2, 3)).contiguous()
