"""Distance between the features of two images as Gaussian distributions.

[Dowson82] Dowson, Landau: The Fréchet Distance between Multivariate Normal Distributions, Journal
of Multivariate Analysis 12, 1982.
[Mroueh19] Mroueh: Wasserstein Style Transfer, arXiv 1905.12828, 2019: features are moved by the
optimal transport between such distributions. Crowson's program style-transfer-pytorch uses the
distance as the loss of an optimised image.
"""

import torch
from torch import Tensor

from nst.engine.losses.sums import (
    add_channel_sum_gradient,
    add_gram_sum_gradient,
    channel_sum,
    gram_sum,
)

SCALE = 3000.0
"""Factor of the distance that makes style weights comparable to those of gram."""

ROUNDED = 1e-7
"""Share of the largest eigenvalue below which eigenvalues are rounding errors.
The eigenvalues are those of the style's covariance, the errors those of its sums."""

SMALLEST = 1e-6
"""Number whose square is added to the eigenvalues before their root is taken.
The slope of the root is infinite at 0. The unit is the style's variance."""


class GaussianTarget:
    """Mean and covariance of the features of a style.
    Its averages, (C, C + 1), are the products of all pairs of channels and, beside them, the
    channels."""

    def __init__(self, averages: Tensor) -> None:
        self._mean, covariance = _moments(averages)
        values, vectors = torch.linalg.eigh(covariance)
        kept = values > ROUNDED * values[-1]
        self._variance = values[kept].sum()
        self._root = vectors[:, kept] * values[kept].sqrt()

    @staticmethod
    def sums(features: Tensor, guide: Tensor | None) -> Tensor:
        channels = channel_sum(features, guide)
        return torch.cat([gram_sum(features, guide), channels.unsqueeze(1)], dim=1)

    @staticmethod
    def add_gradient(
        total: Tensor, features: Tensor, gradient: Tensor, guide: Tensor | None
    ) -> None:
        add_gram_sum_gradient(total, features, gradient[:, :-1], guide)
        add_channel_sum_gradient(total, gradient[:, -1], guide)

    def distance(self, averages: Tensor) -> Tensor:
        """Return the squared 2-Wasserstein distance of the Gaussians [Dowson82].

        It is |μ − μ'|² + tr(Σ + Σ' − 2·(Σ'^½·Σ·Σ'^½)^½), divided by the number of channels.

        With Σ' = R·Rᵀ the eigenvalues of Rᵀ·Σ·R are those under the root. The trace needs only the
        eigenvalues, whose derivatives divide by no differences of eigenvalues.
        """
        mean, covariance = _moments(averages)
        shared = torch.linalg.eigvalsh(self._root.T @ covariance @ self._root)
        overlap = (shared.clamp(min=0) + (SMALLEST * self._variance) ** 2).sqrt().sum()
        variances = covariance.trace() + self._variance - 2 * overlap
        squared = (mean - self._mean).square().sum() + variances
        loss: Tensor = SCALE * squared / len(mean)
        return loss.to(averages)


def _moments(averages: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and covariance, in float64.

    The root would enlarge the rounding errors of float32. They are computed on the CPU if the
    device has no float64.
    """
    device = "cpu" if averages.device.type == "mps" else averages.device
    wide = averages.to(device, torch.float64)
    products, mean = wide[:, :-1], wide[:, -1]
    return mean, products - torch.outer(mean, mean)
