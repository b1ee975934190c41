"""The transport term: every feature is near to one of the style,
and every feature of the style is near to one of the picture.

[Kolkin19] Kolkin, Salavon, Shakhnarovich: Style Transfer by Relaxed Optimal Transport and
Self-Similarity, CVPR 2019, §2.2. The larger of both directions counts there, their sum here, so
that each step improves both; features are hypercolumns there, here those of single layers, centred.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import normalize

from nst.engine.losses.reading import places_in
from nst.engine.losses.sums import wide
from nst.engine.network.encoder import Activations
from nst.engine.network.tiles import Tile, stride

Places = tuple[Tensor, Tensor]
"""Rows and columns of a layer, (P,) each, none twice."""


@dataclass(frozen=True, slots=True)
class StyleDirections:
    """Directions of a style's features in one layer."""

    rows: Tensor
    """(K, C), of length 1, relative to the centre."""
    centre: Tensor
    """(C,): the mean of the style's features."""

    @classmethod
    def of(cls, features: Tensor) -> Self:
        """Given all features of the style, (1, C, H, W)."""
        rows = wide(features[0].flatten(1).T)
        centre = rows.mean(0)
        return cls(normalize(rows - centre, dim=1), centre)

    def sample(self, count: int, generator: torch.Generator) -> Self:
        """Return so many of the rows, drawn at random; all if there are fewer."""
        drawn = torch.randperm(len(self.rows), generator=generator)[:count]
        return type(self)(self.rows[drawn.to(self.rows.device)], self.centre)


def random_places(size: Sequence[int], count: int, generator: torch.Generator) -> Places:
    """Draw this number of places of a layer of a height and width;
    all if there are fewer."""
    height, width = size
    drawn = torch.randperm(height * width, generator=generator)[:count]
    return drawn // width, drawn % width


class TransportTerm:
    """Mean over the layers of both mean distances to the nearest
    feature, 1 − cosine."""

    def __init__(
        self,
        name: str,
        style: Mapping[str, StyleDirections],
        places: Mapping[str, Places],
        weight: float = 1.0,
    ) -> None:
        """`style` and `places` of the picture: those of each layer."""
        self.name = name
        self.layers: Collection[str] = tuple(style)
        self._style = style
        self._places = places
        self._weight = weight

    def statistics(self, activations: Activations, tile: Tile) -> Sequence[Tensor]:
        """Return the features at the places of each layer, (P, C)."""
        return [self._features(activations[layer], layer, tile) for layer in self.layers]

    def loss(self, statistics: Sequence[Tensor]) -> Tensor:
        distances = [
            transport_distance(features, self._style[layer])
            for layer, features in zip(self.layers, statistics, strict=True)
        ]
        return self._weight * torch.stack(distances).mean()

    def add_gradient(
        self,
        layer: str,
        total: Tensor,
        features: Tensor,  # noqa: ARG002 - the statistics are features, so their gradient is one
        statistics_gradient: Sequence[Tensor],
        tile: Tile,
    ) -> None:
        inside, where = places_in(tile, stride(layer), *self._places[layer])
        gradient = statistics_gradient[list(self.layers).index(layer)][inside.to(total.device)]
        tile.inner(total, stride(layer))[0].permute(1, 2, 0)[where] += gradient.to(total.dtype)

    def _features(self, features: Tensor, layer: str, tile: Tile) -> Tensor:
        inside, where = places_in(tile, stride(layer), *self._places[layer])
        found = wide(features).new_zeros(len(inside), features.shape[1])
        inner = tile.inner(features, stride(layer))[0].permute(1, 2, 0)
        found[inside.to(found.device)] = wide(inner[where])
        return found


def transport_distance(features: Tensor, style: StyleDirections) -> Tensor:
    """Return the mean distance to the nearest feature in both directions, added:
    a scalar, 0…4.

    `features`: of the picture, (P, C). Autograd differentiates the distance; which features are
    the nearest is held.
    """
    ours = normalize(features - style.centre, dim=1)
    with torch.no_grad():
        cosines = ours @ style.rows.T
        nearest_of_style, nearest_of_ours = cosines.argmax(1), cosines.argmax(0)
    there = torch.linalg.vecdot(ours, style.rows[nearest_of_style])
    back = torch.linalg.vecdot(ours[nearest_of_ours], style.rows)
    distance: Tensor = (1 - there.mean()) + (1 - back.mean())
    return distance
