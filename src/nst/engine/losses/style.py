"""The style term: compares features with targets, by layer and by region.

[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
[Gatys17] Gatys, Ecker, Bethge, Hertzmann, Shechtman: Controlling Perceptual Factors in Neural Style
Transfer, CVPR 2017.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from nst.engine.losses.gram import GramTarget
from nst.engine.losses.reading import read
from nst.engine.losses.sums import added
from nst.engine.losses.wasserstein import GaussianTarget
from nst.engine.network.encoder import Activations, Encoder
from nst.engine.network.tiles import Tile, radius_pixels, stride
from nst.engine.pictures.tensors import StyleInput

KEPT_SHARE = 0.5
"""Minimum share of a region that its guide keeps in every layer."""


class Target(Protocol):
    """Target of a layer's features.
    It is compared with averages over pixels; `sums` adds up the values without dividing."""

    @staticmethod
    def sums(features: Tensor, guide: Tensor | None) -> Tensor:
        """Return the sums of features (1, C, H, W), weighted with `guide` (1, 1, H, W)."""

    @staticmethod
    def add_gradient(
        total: Tensor, features: Tensor, gradient: Tensor, guide: Tensor | None
    ) -> None:
        """Add to `total` the gradient with respect to the features.

        `gradient`: that with respect to the sums of the features.
        """

    def distance(self, averages: Tensor) -> Tensor:
        """Return a differentiable scalar, 0 if the averages are those of the target."""


TARGETS: dict[str, type[GramTarget] | type[GaussianTarget]] = {
    "gram": GramTarget,
    "wasserstein": GaussianTarget,
}
"""Class of the targets, by option style_loss."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparison of one layer's features, in one region, with one target."""

    layer: str
    target: Target
    weight: float
    """Weight of the distance in the style loss."""
    count: float
    """Number of features in the region, each counted by its guide."""
    guide: Tensor | None
    """Weight of each feature of the layer, (1, 1, h, w); None: all have weight 1."""

    def within(self, amount: Tensor) -> "Comparison":
        """Return the comparison with its features weighted by `amount` as well.

        `amount`: (1, 1, H, W) of the image, 0…1. The weight is multiplied by the share of the
        region that is left.
        """
        guide = avg_pool2d(amount, stride(self.layer))
        if self.guide is not None:
            guide = guide * self.guide
        count = guide.sum().item()
        return replace(self, weight=self.weight * count / self.count, guide=guide, count=count)

    def sums(self, features: Tensor, tile: Tile) -> Tensor:
        """Return the sums over the inner features of a tile, given all of its features."""
        return self.target.sums(tile.inner(features, stride(self.layer)), self._guide(tile))

    def loss(self, sums: Tensor) -> Tensor:
        """Return the weighted distance, given the sums over the whole image."""
        return self.weight * self.target.distance(sums / self.count)

    def add_gradient(self, total: Tensor, features: Tensor, gradient: Tensor, tile: Tile) -> None:
        """Add the gradient as the target does, for the same arguments."""
        inner, of_inner = (tile.inner(each, stride(self.layer)) for each in (features, total))
        self.target.add_gradient(of_inner, inner, gradient, self._guide(tile))

    def _guide(self, tile: Tile) -> Tensor | None:
        return None if self.guide is None else tile.of_picture(self.guide, stride(self.layer))


class StyleTerm:
    """Sum of all comparisons, [Gatys16] eq. 5."""

    def __init__(self, comparisons: Sequence[Comparison], name: str = "style") -> None:
        """Create the term.

        Without comparisons the loss is 0; there are none if a mask is too small at this scale.
        """
        self.name = name
        self.layers: Collection[str] = {each.layer for each in comparisons}
        self._comparisons = comparisons

    def statistics(self, activations: Activations, tile: Tile) -> Sequence[Tensor]:
        """Return the sums of each comparison."""
        return [each.sums(activations[each.layer], tile) for each in self._comparisons]

    def loss(self, statistics: Sequence[Tensor]) -> Tensor:
        if not self._comparisons:
            return torch.zeros(())
        pairs = zip(self._comparisons, statistics, strict=True)
        return torch.stack([comparison.loss(sums) for comparison, sums in pairs]).sum()

    def add_gradient(
        self,
        layer: str,
        total: Tensor,
        features: Tensor,
        statistics_gradient: Sequence[Tensor],
        tile: Tile,
    ) -> None:
        for comparison, gradient in zip(self._comparisons, statistics_gradient, strict=True):
            if comparison.layer == layer:
                comparison.add_gradient(total, features, gradient, tile)


class AverageReader:
    """Reader of the averages of a whole style image, as targets compare them."""

    def __init__(
        self,
        layers: Sequence[str],
        size: Sequence[int],
        kind: type[GramTarget] | type[GaussianTarget] = GramTarget,
    ) -> None:
        """Create a reader.

        `size`: height and width of the image. `kind`: class of the targets.
        """
        self._layers = layers
        self._size = size
        self._kind = kind
        self._sums: list[Tensor] = []

    def __call__(self, tile: Tile, activations: Activations) -> None:
        sums = [
            self._kind.sums(tile.inner(activations[layer], stride(layer)), None)
            for layer in self._layers
        ]
        self._sums = added([self._sums, sums]) if self._sums else sums

    @property
    def averages(self) -> list[Tensor]:
        height, width = self._size
        return [
            total / ((height // stride(layer)) * (width // stride(layer)))
            for layer, total in zip(self._layers, self._sums, strict=True)
        ]


def compare(
    encoder: Encoder,
    shares: Mapping[str, float],
    styles: Sequence[StyleInput],
    size: tuple[int, int],
    *,
    style_loss: str = "gram",
    tile_side: int | None = None,
) -> list[Comparison]:
    """Return all comparisons.

    `shares`: weight w_l of [Gatys16] eq. 5 for each layer; they add up to 1. `size`: height and
    width of the result.

    Without masks there is one region and one target: the styles' averages, mixed by their shares.
    With masks every style has its region ([Gatys17] §4.1). Each region is weighted by the part of
    the image that it covers, so that small regions are painted as strongly as large ones; [Gatys17]
    sets these weights by hand.
    """
    kind = TARGETS[style_loss]
    readers = [AverageReader(list(shares), style.image.shape[2:], kind) for style in styles]
    for style, reader in zip(styles, readers, strict=True):
        read(encoder, style.image, tile_side, reader)
    averages = [reader.averages for reader in readers]
    return compare_with(averages, shares, styles, size, encoder.path, kind)


def compare_with(
    of_styles: Sequence[Sequence[Tensor]],
    shares: Mapping[str, float],
    styles: Sequence[StyleInput],
    size: tuple[int, int],
    path: Sequence[str],
    kind: type[GramTarget] | type[GaussianTarget] = GramTarget,
) -> list[Comparison]:
    """Return all comparisons with given averages; otherwise as `compare`.

    `of_styles`: averages of each style, layer by layer. `path`: that of the encoder.
    """
    regions = [(style.amount, averages) for style, averages in zip(styles, of_styles, strict=True)]
    if styles[0].amount is None:
        mixed = [
            [style.share * average for average in averages]
            for style, averages in zip(styles, of_styles, strict=True)
        ]
        regions = [(None, added(mixed))]
    comparisons = [
        _compare(layer, kind(average), amount, size, path, shares[layer])
        for amount, averages in regions
        for layer, average in zip(shares, averages, strict=True)
    ]
    return [each for each in comparisons if each.weight and each.count]


def relative(comparison: Comparison, factor: float) -> Comparison:
    """Return a comparison of Gram matrices, relative to the style's own.

    Its distance is `factor` for an image in which the network sees nothing.
    """
    target = comparison.target
    assert isinstance(target, GramTarget)
    weight = factor * comparison.weight / target.distance_from_nothing()
    return replace(comparison, weight=weight)


def guide_of(amount: Tensor, path: Sequence[str]) -> Tensor:
    """Return the weights of the features of the path's last layer, (1, 1, h, w).

    `amount`: (1, 1, H, W). A feature gets the least amount of all pixels that it sees, so that
    nothing is painted beyond the region: the eroded guides of [Gatys17] §4.1. If that leaves too
    little, the radius of the erosion is halved until enough is left; the middle of what a feature
    sees has most weight anyway.
    """
    cell, radius = stride(path[-1]), radius_pixels(path)
    while radius:
        guide = -max_pool2d(-amount, 2 * radius + cell, cell, padding=radius)
        if guide.mean() >= KEPT_SHARE * amount.mean():
            return guide
        radius //= 2
    return avg_pool2d(amount, cell)


def _compare(
    layer: str,
    target: Target,
    amount: Tensor | None,
    size: tuple[int, int],
    path: Sequence[str],
    weight: float,
) -> Comparison:
    if amount is None:
        height, width = (length // stride(layer) for length in size)
        return Comparison(layer, target, weight, height * width, None)
    guide = guide_of(amount, path[: 1 + path.index(layer)])
    weight *= amount.mean().item()
    return Comparison(layer, target, weight, guide.sum().item(), guide)
