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
from torch.linalg import vector_norm
from torch.nn.functional import normalize

from nst.engine.losses.cosine import SMALLEST_SQUARE
from nst.engine.losses.nearest import nearest_both_ways
from nst.engine.losses.reading import add_at, features_at, places_in
from nst.engine.losses.sums import wide
from nst.engine.losses.transport import StyleDirections
from nst.engine.network.encoder import Activations
from nst.engine.network.tiles import Tile, stride

SIDE = 128
"""Minimum number of places sampled along the longer side of a layer.
The step between places is rounded down, so there may be nearly twice as many; smaller layers are
sampled completely."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of a place in one layer and a feature of the style."""

    rows: Tensor
    columns: Tensor
    """Rows and columns of the places in the layer, (P,) each; no place occurs twice."""
    place: Tensor
    """Number of the place of each pair, (N,).
    The first pairs are one of each place, in the order of the places."""
    targets: Tensor
    """Features of the style, (N, C), of length 1, relative to the centre.
    They have the network's number type."""
    centre: Tensor
    """Mean of the style's features, (C,)."""

    def within(self, inside: Tensor) -> tuple[Tensor, "Pairs"]:
        """Return which pairs have one of these places, and these pairs alone.

        `inside`: which of the places are kept, (P,).
        """
        of_pairs = inside[self.place]
        if of_pairs.all():
            return of_pairs, self
        number = inside.cumsum(0) - 1
        place = number[self.place[of_pairs]]
        rows, columns = self.rows[inside], self.columns[inside]
        return of_pairs, Pairs(rows, columns, place, self.targets[of_pairs], self.centre)


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


def paired(features: Tensor, places: tuple[Tensor, Tensor], style: StyleDirections) -> Pairs:
    """Pair places with features of the style, in both directions.

    `features`: features of the whole image at the places, (P, C).
    """
    ours = normalize(wide(features) - style.centre, dim=1)
    # The precision of the network is good enough for a search.
    seen, sought = (each.to(features.dtype) for each in (ours, style.rows))
    from_picture, from_style = nearest_both_ways(seen, sought)
    rows, columns = (each.to(features.device) for each in places)
    every = torch.arange(len(rows), device=rows.device)
    return Pairs(
        rows,
        columns,
        place=torch.cat([every, from_style]),
        targets=torch.cat([sought.index_select(0, from_picture), sought]),
        centre=style.centre,
    )


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
        of_pairs, pairs, where = self._inside(layer, tile)
        of_dots, of_squares = statistics_gradient[list(self.layers).index(layer)][:, of_pairs]
        ours, count = _centred(features, layer, tile, where, pairs), len(where[0])
        of_places = of_squares.new_zeros(count).index_add_(0, pairs.place, of_squares)
        by_pairs = wide(pairs.targets) * of_dots[:, None]
        gradient = by_pairs[:count].addcmul_(ours, of_places[:, None], value=2)
        gradient.index_add_(0, pairs.place[count:], by_pairs[count:])
        add_at(total, tile, stride(layer), where, gradient)

    def _of_layer(self, features: Tensor, layer: str, tile: Tile) -> Tensor:
        of_pairs, pairs, where = self._inside(layer, tile)
        ours = _centred(features, layer, tile, where, pairs)
        of_places = ours.index_select(0, pairs.place)
        found = wide(ours).new_zeros(2, len(of_pairs))
        found[0, of_pairs] = (of_places * pairs.targets).sum(1, dtype=found.dtype)
        found[1, of_pairs] = vector_norm(ours, dim=1, dtype=found.dtype).square()[pairs.place]
        return found

    def _inside(self, layer: str, tile: Tile) -> tuple[Tensor, Pairs, tuple[Tensor, Tensor]]:
        """Return which pairs lie in the tile, these pairs, and where in it their places are."""
        pairs = self._pairs[layer]
        inside, where = places_in(tile, stride(layer), pairs.rows, pairs.columns)
        return *pairs.within(inside), where


def _centred(
    features: Tensor, layer: str, tile: Tile, where: tuple[Tensor, Tensor], pairs: Pairs
) -> Tensor:
    """Return the features at the places relative to the centre, in the network's number type."""
    return features_at(features, tile, stride(layer), where) - pairs.centre.to(features.dtype)
