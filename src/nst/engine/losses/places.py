"""The finishing term: compares single features at sampled places with the style.

[Kolkin22] Kolkin, Kucera, Paris, Sýkora, Shechtman, Shakhnarovich: Neural Neighbor Style Transfer,
arXiv 2203.13215, 2022, §4.4: each layer by itself. We search in both directions, as the relaxed
earth mover's distance of [Kolkin19] does: from places of the image to their nearest in the style,
and from the style to the nearest place in the image.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from nst.engine.losses.cosine import SMALLEST_SQUARE
from nst.engine.losses.reading import places_in
from nst.engine.losses.sums import wide
from nst.engine.network.encoder import Activations
from nst.engine.network.tiles import Tile, stride

SIDE = 128
"""Minimum number of places sampled along the longer side of a layer.
The step between places is rounded down, so there may be nearly twice as many; smaller layers are
sampled completely."""

COSINES_AT_ONCE = 2**24
"""Maximum number of cosines that a search holds at once: 64 MB in float32."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Places in one layer, each with the style's feature that it is compared with."""

    rows: Tensor
    columns: Tensor
    """Rows and columns of the places in the layer, (P,) each."""
    targets: Tensor
    """Features of the style, (P, C), of length 1, relative to the centre."""
    centre: Tensor
    """Mean of the style's features, (C,)."""


def sampled_places(size: Sequence[int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return rows and columns of a regular grid of places with a random offset.

    `size`: height and width of the layer.
    """
    step = max(max(size) // SIDE, 1)
    offsets = torch.randint(step, (2,), generator=generator).tolist()
    rows, columns = (
        torch.arange(min(offset, length - 1), length, step)
        for offset, length in zip(offsets, size, strict=True)
    )
    grid = torch.meshgrid(rows, columns, indexing="ij")
    return grid[0].flatten(), grid[1].flatten()


def paired(features: Tensor, places: tuple[Tensor, Tensor], style: Tensor, centre: Tensor) -> Pairs:
    """Pair places with features of the style, in both directions.

    `features`: features of the whole image at the places, (P, C). `style`: features of the style,
    (K, C).
    """
    ours, theirs = (normalize(wide(each) - centre, dim=1) for each in (features, style))
    # The precision of the network is good enough for a search.
    seen, sought = (each.to(features.dtype) for each in (ours, theirs))
    # Two products are faster than the maximum of each column of one.
    from_picture, from_style = _nearest(seen, sought), _nearest(sought, seen)
    rows, columns = (each.to(features.device) for each in places)
    return Pairs(
        torch.cat([rows, rows[from_style]]),
        torch.cat([columns, columns[from_style]]),
        torch.cat([theirs[from_picture], theirs]),
        centre,
    )


def _nearest(queries: Tensor, keys: Tensor) -> Tensor:
    """Return the number of the nearest key for each query; both have length 1."""
    blocks = torch.split(queries, max(COSINES_AT_ONCE // len(keys), 1))
    return torch.cat([(block @ keys.T).max(1).indices for block in blocks])


class PlacesTerm:
    """Mean of 1 − cos(feature, style's feature) over layers and both directions."""

    def __init__(self, name: str, pairs: Mapping[str, Pairs], weight: float) -> None:
        self.name = name
        self.layers: Collection[str] = tuple(pairs)
        self._pairs = pairs
        self._weight = weight

    def statistics(self, activations: Activations, tile: Tile) -> Sequence[Tensor]:
        """Return each layer's dot products and squared lengths of all pairs, (2, P)."""
        return [self._of_layer(activations[layer], layer, tile) for layer in self.layers]

    def loss(self, statistics: Sequence[Tensor]) -> Tensor:
        distances = [
            (1 - dots * squares.clamp(min=SMALLEST_SQUARE).rsqrt()).mean()
            for dots, squares in statistics
        ]
        return self._weight * torch.stack(distances).mean()

    def add_gradient(
        self,
        layer: str,
        total: Tensor,
        features: Tensor,
        statistics_gradient: Sequence[Tensor],
        tile: Tile,
    ) -> None:
        pairs, inside, where = self._inside(layer, tile)
        gradient = statistics_gradient[list(self.layers).index(layer)][:, inside]
        ours = self._centred(features, layer, tile, where)
        of_dots = gradient[0, :, None] * pairs.targets[inside]
        of_places = of_dots + 2 * gradient[1, :, None] * ours
        _add_at(tile.inner(total, stride(layer))[0].permute(1, 2, 0), where, of_places)

    def _of_layer(self, features: Tensor, layer: str, tile: Tile) -> Tensor:
        pairs, inside, where = self._inside(layer, tile)
        ours = self._centred(features, layer, tile, where)
        found = ours.new_zeros(2, len(inside))
        found[0, inside] = torch.linalg.vecdot(ours, pairs.targets[inside])
        found[1, inside] = torch.linalg.vecdot(ours, ours)
        return found

    def _inside(self, layer: str, tile: Tile) -> tuple[Pairs, Tensor, tuple[Tensor, Tensor]]:
        """Return a layer's pairs, which of them lie in the tile, and where in it."""
        pairs = self._pairs[layer]
        return pairs, *places_in(tile, stride(layer), pairs.rows, pairs.columns)

    def _centred(
        self, features: Tensor, layer: str, tile: Tile, where: tuple[Tensor, Tensor]
    ) -> Tensor:
        inner = tile.inner(features, stride(layer))[0].permute(1, 2, 0)
        return wide(inner[where]) - self._pairs[layer].centre


def _add_at(features: Tensor, where: tuple[Tensor, Tensor], amounts: Tensor) -> None:
    """Add (P, C) to (H, W, C) at rows and columns that may repeat.

    On the CPU PyTorch's own accumulation adds in an order that varies, so a seed would not
    reproduce the image.
    """
    rows, columns = where
    width = features.shape[1]
    cells, numbers = torch.unique(rows * width + columns, return_inverse=True)
    sums = amounts.new_zeros(len(cells), amounts.shape[1]).index_add_(0, numbers, amounts)
    features[cells // width, cells % width] += sums.to(features.dtype)
