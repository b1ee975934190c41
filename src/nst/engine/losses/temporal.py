"""The temporal term: keeps the stylized frame before where it is still visible.

The term uses the pixels themselves: it needs no features and no tiles.

[Ruder16] Ruder, Dosovitskiy, Brox: Artistic Style Transfer for Videos, GCPR 2016.
"""

from dataclasses import dataclass

from torch import Tensor

from nst.engine.losses.sums import bands_with, sum_of, weighted


@dataclass(frozen=True, slots=True)
class TemporalTarget:
    """Image that the result is held to, and how much each pixel is held."""

    image: Tensor
    """Image, (1, 3, H, W), RGB 0…255 minus the encoder's mean colour."""
    amount: Tensor
    """Amount by which a pixel is held, (1, 1, H, W), 0…1; 0 where nothing is known."""


def temporal_loss(image: Tensor, held: TemporalTarget) -> Tensor:
    """Return the mean of the squared differences, each multiplied by its amount.

    (1, 3, H, W) → scalar. [Ruder16]: 1/D · Σ c·(x − ω)², where D is the number of values.
    """
    pairs = bands_with(image - held.image, held.amount)
    return sum_of(weighted(part.square(), amount).sum() for part, amount in pairs) / image.numel()


def temporal_gradient(image: Tensor, held: TemporalTarget) -> Tensor:
    """Return the gradient with respect to the image, (1, 3, H, W)."""
    return (image - held.image).mul_(held.amount).mul_(2 / image.numel())
