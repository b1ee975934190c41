"""The transport term: brings features of the image and of the style together.

Every feature of the image is near to one of the style, and every feature of the style is near to
one of the image.

[Kolkin19] Kolkin, Salavon, Shakhnarovich: Style Transfer by Relaxed Optimal Transport and
Self-Similarity, CVPR 2019, §2.2. The paper takes the larger of both directions and compares
hypercolumns. We take the sum of both, so that each step improves both, and compare centred features
of single layers.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import normalize

from nst.engine.losses.reading import add_at, features_at, places_in
from nst.engine.losses.sums import wide
from nst.engine.network.encoder import Activations
from nst.engine.network.tiles import Tile, stride

Places = tuple[Tensor, Tensor]
"""Rows and columns of places in a layer, (P,) each; no place occurs twice."""


@dataclass(frozen=True, slots=True)
class StyleDirections:
    """Directions of a style's features in one layer."""

    rows: Tensor
    """Directions, (K, C), of length 1, relative to the centre."""
    centre: Tensor
    """Mean of the style's features, (C,)."""

    @classmethod
    def of(cls, features: Tensor) -> Self:
        """Return the directions of features of the style, (K, C)."""
        rows = wide(features)
        centre = rows.mean(0)
        return cls(normalize(rows - centre, dim=1), centre)

    def sample(self, count: int, generator: torch.Generator) -> Self:
        """Return `count` of the rows, drawn at random, or all if there are fewer."""
        drawn = torch.randperm(len(self.rows), generator=generator)[:count]
        return type(self)(self.rows[drawn.to(self.rows.device)], self.centre)


def random_places(size: Sequence[int], count: int, generator: torch.Generator) -> Places:
    """Draw `count` places of a layer at random, or all if there are fewer.

    `size`: height and width of the layer.
    """
    height, width = size
    drawn = torch.randperm(height * width, generator=generator)[:count]
    return drawn // width, drawn % width


class TransportTerm:
    """Mean over the layers of `transport_distance`."""

    def __init__(
        self,
        name: str,
        style: Mapping[str, StyleDirections],
        places: Mapping[str, Places],
    ) -> None:
        """Create the term.

        `style`: directions of the style by layer. `places`: places of the image by layer.
        """
        self.name = name
        self.layers: Collection[str] = tuple(style)
        self._style = style
        self._places = places

    def statistics(self, activations: Activations, tile: Tile) -> Sequence[Tensor]:
        """Return the features at the places of each layer, (P, C)."""
        return [self._features(activations[layer], layer, tile) for layer in self.layers]

    def loss(self, statistics: Sequence[Tensor]) -> Tensor:
        distances = [
            transport_distance(features, self._style[layer])
            for layer, features in zip(self.layers, statistics, strict=True)
        ]
        return torch.stack(distances).mean()

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
        add_at(total, tile, stride(layer), where, gradient)

    def _features(self, features: Tensor, layer: str, tile: Tile) -> Tensor:
        inside, where = places_in(tile, stride(layer), *self._places[layer])
        found = wide(features).new_zeros(len(inside), features.shape[1])
        found[inside.to(found.device)] = wide(features_at(features, tile, stride(layer), where))
        return found


def transport_distance(features: Tensor, style: StyleDirections) -> Tensor:
    """Return the sum of the mean distances to the nearest feature in both directions.

    It is a scalar, 0…4, of distances 1 − cosine. `features`: features of the image, (P, C).
    Autograd differentiates the distance, while the choice of the nearest features is fixed.
    """
    ours = normalize(features - style.centre, dim=1)
    with torch.no_grad():
        cosines = ours @ style.rows.T
        nearest_of_style, nearest_of_ours = cosines.argmax(1), cosines.argmax(0)
    there = torch.linalg.vecdot(ours, style.rows[nearest_of_style])
    back = torch.linalg.vecdot(ours[nearest_of_ours], style.rows)
    distance: Tensor = (1 - there.mean()) + (1 - back.mean())
    return distance
