"""The temporal term: what the frame before has painted
stays where it is still to be seen.

A term of the pixels themselves: it needs no features and no tiles.

[Ruder16] Ruder, Dosovitskiy, Brox: Artistic Style Transfer for Videos, GCPR 2016.
"""

from dataclasses import dataclass

from torch import Tensor

from nst.engine.losses.sums import bands_with, sum_of, weighted


@dataclass(frozen=True, slots=True)
class Held:
    """The image that the result is held to, and where."""

    image: Tensor
    """(1, 3, H, W), RGB 0…255 minus the encoder's mean colour."""
    amount: Tensor
    """(1, 1, H, W), 0…1: how much each pixel is held; 0 where nothing is known."""


def temporal_loss(image: Tensor, held: Held) -> Tensor:
    """Mean of the squared differences, each multiplied by its amount:
    (1, 3, H, W) → scalar.

    [Ruder16]: 1/D · Σ c·(x − ω)², where D is the number of values.
    """
    pairs = bands_with(image - held.image, held.amount)
    return sum_of(weighted(part.square(), amount).sum() for part, amount in pairs) / image.numel()


def temporal_gradient(image: Tensor, held: Held) -> Tensor:
    """Return the gradient with respect to the image, (1, 3, H, W)."""
    return (image - held.image).mul_(held.amount).mul_(2 / image.numel())
