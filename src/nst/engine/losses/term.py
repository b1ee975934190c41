"""Protocol of a term of the loss."""

from collections.abc import Collection, Sequence
from typing import Protocol

from torch import Tensor

from nst.engine.network.encoder import Activations
from nst.engine.network.tiles import Tile


class Term(Protocol):
    """A loss that is a function of statistics of features.

    Statistics are sums over the pixels of the image, so those of the tiles add up to those of the
    whole. A map with one value per place is such a sum too, if every tile leaves 0 outside itself.
    """

    @property
    def name(self) -> str:
        """Field of `Losses` and of `LossWeights` that belongs to this term."""

    @property
    def layers(self) -> Collection[str]:
        """Layers of the encoder whose features the term needs."""

    def statistics(self, activations: Activations, tile: Tile) -> Sequence[Tensor]:
        """Return what the inner features of a tile contribute, given all of its features.

        Each tensor has the same shape for every tile; an empty sequence means that the loss is 0.
        """

    def loss(self, statistics: Sequence[Tensor]) -> Tensor:
        """Return the loss without its weight, a scalar like the statistics.

        It has their device and number type: losses are added up, and MPS has no float64.
        `statistics`: those of the whole image. Autograd differentiates the loss with respect to
        them.
        """

    def add_gradient(
        self,
        layer: str,
        total: Tensor,
        features: Tensor,
        statistics_gradient: Sequence[Tensor],
        tile: Tile,
    ) -> None:
        """Add the gradient with respect to one layer's features to `total`, in place.

        The method is called for every tile and each of `layers`, the deepest first. `total` and
        `features` are those of the tile with its halo, (1, C, h, w); nothing is added in the halo.
        `statistics_gradient`: gradient of the weighted loss with respect to each of the statistics.
        """
