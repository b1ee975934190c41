"""The diagonal from which L-BFGS builds its inverse Hessian."""

import numpy as np
import torch
from torch import Tensor

from nst.engine.optimizer.lbfgs import LBFGS
from nst.engine.optimizer.optimizer import Evaluation
from nst.engine.optimizer.scaling import evened, unscaled
from nst.progress import Losses

SHAPE = (1, 3, 24, 32)


def noise(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(SHAPE, generator=generator, dtype=torch.float64)


def plain_factors(gradient: np.ndarray) -> np.ndarray:
    """Compute the formula of the docstring pixel by pixel: (3, H, W) → (H, W)."""
    squares = np.pad((gradient**2).mean(0), 2, mode="edge")
    height, width = gradient.shape[1:]
    means = np.array(
        [[squares[r : r + 5, c : c + 5].mean() for c in range(width)] for r in range(height)]
    )
    return np.asarray((means / means.mean() + 0.01) ** -0.75)


def test_it_is_the_formula() -> None:
    gradient, vector = noise(0), noise(1)
    scaled = evened(SHAPE)(gradient.flatten(), vector.flatten())
    expected = vector[0].numpy() * plain_factors(gradient[0].numpy())
    torch.testing.assert_close(scaled.view(SHAPE)[0], torch.from_numpy(expected))


def test_without_a_gradient_it_is_finite() -> None:
    nothing = torch.zeros(SHAPE).flatten()
    assert torch.equal(evened(SHAPE)(nothing, nothing), nothing)


def uneven(x: Tensor) -> Evaluation:
    """Evaluate a loss whose left half counts 30 times as much as the right one.
    Both halves have coarse and fine forms of different weight."""
    image = x.detach().view(SHAPE).requires_grad_()
    amount = torch.ones(SHAPE, dtype=x.dtype)
    amount[..., 16:] = 0.03
    fine = image[..., 1:] - image[..., :-1]
    loss = (amount * (image - 100).square()).sum() + (amount[..., 1:] * fine**2).sum()
    (gradient,) = torch.autograd.grad(loss, image)
    return Evaluation(Losses(loss.item(), 0.0, 0.0), gradient.flatten())


def right_half_after(optimizer: LBFGS, steps: int) -> float:
    """Return the distance from the minimum where the loss counts least."""
    for _ in range(steps):
        optimizer.step()
    return float((optimizer.x.view(SHAPE)[..., 16:] - 100).abs().mean())


def test_places_with_a_small_gradient_are_not_left_behind() -> None:
    start = 10 * noise(2).flatten()
    plain = right_half_after(LBFGS(uneven, start, scaling=unscaled), 6)
    even = right_half_after(LBFGS(uneven, start, scaling=evened(SHAPE)), 6)
    assert even < 0.2 * plain


def kinked(x: Tensor) -> Evaluation:
    """Evaluate a loss that is steep in the left half and has a kink in the right one.
    The kink is at 0, where the gradient is small."""
    image = x.detach().view(SHAPE).requires_grad_()
    left, right = image[..., :16], image[..., 16:]
    loss = (left - 100).square().sum() + 10_000 * right.abs().sum() + 0.5 * right.sum()
    (gradient,) = torch.autograd.grad(loss, image)
    return Evaluation(Losses(loss.item(), 0.0, 0.0), gradient.flatten())


def test_where_a_scaled_step_rises_the_plain_one_is_taken() -> None:
    start = torch.zeros(SHAPE, dtype=torch.float64).flatten()
    optimizer = LBFGS(kinked, start, scaling=evened(SHAPE))
    before, gradient = optimizer.accepted.loss, optimizer.accepted.gradient
    assert kinked(start - 1e-7 * evened(SHAPE)(gradient, gradient)).loss > before
    assert optimizer.step()
    assert optimizer.accepted.loss < before
