"""The Wasserstein distance of features against scipy's roots, and its gradient."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from torch import Tensor

from nst.engine.losses.wasserstein import SCALE, GaussianTarget

Array = NDArray[np.float64]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def features(seed: int, channels: int = 6, pixels: int = 40) -> Tensor:
    """Return features (1, C, 1, pixels) that are correlated and not around 0."""
    values = random(channels, channels, seed=seed) @ random(channels, pixels, seed=seed + 1)
    return (values + random(channels, 1, seed=seed + 2)).view(1, channels, 1, pixels)


def averages(values: Tensor, guide: Tensor | None = None) -> Tensor:
    count = values[0, 0].numel() if guide is None else guide.sum()
    return GaussianTarget.sums(values, guide) / count


def by_hand(one: Array, other: Array) -> float:
    """Return the distance of samples (C, pixels) by [Dowson82].
    The formula takes a root of each matrix."""
    (mean, covariance), (target_mean, target) = (
        (samples.mean(1), np.cov(samples, bias=True)) for samples in (one, other)
    )
    root = np.real(sqrtm(target))
    overlap = np.real(sqrtm(root @ covariance @ root))
    squared = ((mean - target_mean) ** 2).sum() + np.trace(covariance + target - 2 * overlap)
    return float(squared / len(mean))


@pytest.mark.parametrize("pixels", [40, 200])
def test_the_distance_is_the_formula(pixels: int) -> None:
    one, other = features(0, pixels=pixels), features(5, pixels=60)
    found = GaussianTarget(averages(other)).distance(averages(one)).item() / SCALE
    assert found == pytest.approx(by_hand(one[0, :, 0].numpy(), other[0, :, 0].numpy()), rel=1e-6)


def test_it_is_symmetric_and_nothing_is_at_a_distance_from_itself() -> None:
    one, other = averages(features(0)), averages(features(5))
    there, back = GaussianTarget(one).distance(other), GaussianTarget(other).distance(one)
    assert there.item() == pytest.approx(back.item(), rel=1e-6)
    assert GaussianTarget(one).distance(one).item() == pytest.approx(0, abs=1e-5 * there.item())


def test_moving_all_features_costs_the_square_of_the_way() -> None:
    way = random(1, 6, 1, 1, seed=9)
    values = features(0)
    found = GaussianTarget(averages(values)).distance(averages(values + way)) / SCALE
    assert found.item() == pytest.approx(way.square().mean().item(), rel=1e-5)


def test_of_fewer_pixels_than_channels() -> None:
    """In deep layers of small images most of the eigenvalues are 0."""
    one, other = features(0, channels=20, pixels=5), features(5, channels=20, pixels=8)
    found = GaussianTarget(averages(other)).distance(averages(one)).item() / SCALE
    by_products = by_hand(one[0, :, 0].numpy(), other[0, :, 0].numpy())
    assert found == pytest.approx(by_products, rel=1e-3)
    assert gradient_of(one, GaussianTarget(averages(other))).isfinite().all()


def test_to_a_style_of_one_flat_colour() -> None:
    """A flat colour has no covariance: the distance is that of means and variances."""
    flat, one = torch.full((1, 6, 1, 40), 3.0, dtype=torch.float64), features(0)
    found = GaussianTarget(averages(flat)).distance(averages(one)).item() / SCALE
    assert found == pytest.approx((one - flat).square().mean().item(), rel=1e-6)


def gradient_of(values: Tensor, target: GaussianTarget, guide: Tensor | None = None) -> Tensor:
    """Return the gradient by the features, computed as the engine does."""
    count = values[0, 0].numel() if guide is None else guide.sum()
    sums = GaussianTarget.sums(values, guide).requires_grad_()
    (of_sums,) = torch.autograd.grad(target.distance(sums / count), sums)
    total = torch.zeros_like(values)
    GaussianTarget.add_gradient(total, values, of_sums, guide)
    return total


@pytest.mark.parametrize("is_guided", [False, True])
def test_the_gradient_equals_finite_differences(is_guided: bool) -> None:
    values, target = features(0, channels=4, pixels=9), GaussianTarget(averages(features(5, 4)))
    guide = random(1, 1, 1, 9, seed=7).abs() if is_guided else None
    found = gradient_of(values, target, guide)
    step = 1e-5
    for index in np.ndindex(*values.shape):
        nudge = torch.zeros_like(values)
        nudge[index] = step
        up, down = (target.distance(averages(values + n, guide)) for n in (nudge, -nudge))
        difference = (up - down).item() / (2 * step)
        assert found[index].item() == pytest.approx(difference, rel=1e-4, abs=1e-6 * SCALE)


def test_sums_in_float32_lose_little() -> None:
    """The means are large against the deviations, as behind a ReLU."""
    one, other = features(0, 20, 400) + 10, features(5, 20, 400) + 11
    exact = GaussianTarget(averages(other)).distance(averages(one)).item()
    rounded = GaussianTarget(averages(other.float())).distance(averages(one.float()))
    assert rounded.dtype == torch.float32
    assert rounded.item() == pytest.approx(exact, rel=1e-3)
