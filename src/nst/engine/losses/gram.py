"""Distance between the Gram matrices of two images.

[Gatys16] Gatys, Ecker, Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
"""

import torch
from torch import Tensor

from nst.engine.losses.sums import add_gram_sum_gradient, gram_sum


class GramTarget:
    """Gram matrix of a style.
    Its averages are the products of all pairs of channels, (C, C)."""

    def __init__(self, averages: Tensor) -> None:
        self._averages = averages

    @staticmethod
    def sums(features: Tensor, guide: Tensor | None) -> Tensor:
        return gram_sum(features, guide)

    @staticmethod
    def add_gradient(
        total: Tensor, features: Tensor, gradient: Tensor, guide: Tensor | None
    ) -> None:
        add_gram_sum_gradient(total, features, gradient, guide)

    def distance(self, averages: Tensor) -> Tensor:
        """Return the sum of squared differences of the Gram matrices.

        The matrices are divided by C·H·W ([Johnson16] eq. 4); [Gatys16] eq. 4 divides the loss by
        4C²(HW)² instead.
        """
        return ((averages - self._averages) / len(averages)).square().sum()

    def distance_from_nothing(self) -> float:
        """Return the distance of a Gram matrix of zeros."""
        return self.distance(torch.zeros_like(self._averages)).item()
