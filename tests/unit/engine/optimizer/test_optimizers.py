"""L-BFGS and Adam on functions whose minima are known."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nst.engine.optimizer.adam import Adam
from nst.engine.optimizer.lbfgs import CURVATURE, LBFGS, SUFFICIENT_DECREASE
from nst.engine.optimizer.optimizer import Evaluation, ObjectiveFunction, Optimizer
from nst.errors import Diverged
from nst.progress import Losses

Function = Callable[[Tensor], Tensor]


def objective(function: Function) -> ObjectiveFunction:
    def evaluate(x: Tensor) -> Evaluation:
        x = x.detach().requires_grad_()
        value = function(x)
        (gradient,) = torch.autograd.grad(value, x)
        return Evaluation(Losses(value.item(), 0.0, 0.0), gradient)

    return evaluate


def rosenbrock(x: Tensor) -> Tensor:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def ill_conditioned(x: Tensor) -> Tensor:
    return (torch.logspace(-3, 3, len(x), dtype=x.dtype) * (x - 1) ** 2).sum()


def start(size: int = 10) -> Tensor:
    return torch.full((size,), -1.2, dtype=torch.float64)


def minimize(optimizer: Optimizer, steps: int) -> int:
    """Return the number of steps until there was nothing left to gain."""
    return next((n for n in range(steps) if not optimizer.step()), steps)


@pytest.mark.parametrize("function", [rosenbrock, ill_conditioned])
@pytest.mark.parametrize("scale", [1.0, 1e12, 1e-6])
def test_lbfgs_finds_the_minimum_whatever_the_scale_of_the_loss(
    function: Function, scale: float
) -> None:
    optimizer = LBFGS(objective(lambda x: scale * function(x)), start())
    minimize(optimizer, steps=200)
    torch.testing.assert_close(optimizer.x, torch.ones_like(optimizer.x), rtol=0, atol=1e-4)


def test_the_first_step_moves_the_pixels_visibly() -> None:
    """torch's first step is 1/|g|₁, too small at the scale of the classic loss."""
    optimizer = LBFGS(objective(lambda x: 1e12 * (x**2).sum()), torch.full((1000,), 50.0))
    optimizer.step()
    assert (optimizer.x - 50).square().mean().sqrt() >= 1


def test_lbfgs_never_goes_up_and_every_step_meets_the_strong_wolfe_conditions() -> None:
    optimizer = LBFGS(objective(rosenbrock), start())
    for _ in range(30):
        x, before = optimizer.x, optimizer.accepted
        assert optimizer.step()
        step = optimizer.x - x
        slope = torch.dot(before.gradient, step).item()
        slope_after = torch.dot(optimizer.accepted.gradient, step).item()
        assert optimizer.accepted.loss <= before.loss + SUFFICIENT_DECREASE * slope
        assert abs(slope_after) <= CURVATURE * abs(slope)


def test_lbfgs_uses_about_one_evaluation_a_step() -> None:
    evaluations = 0
    evaluate = objective(ill_conditioned)

    def counted(x: Tensor) -> Evaluation:
        nonlocal evaluations
        evaluations += 1
        return evaluate(x)

    steps = minimize(LBFGS(counted, start(50)), steps=60)
    assert evaluations <= 1.5 * steps


def test_lbfgs_says_when_there_is_nothing_left_to_gain() -> None:
    optimizer = LBFGS(objective(lambda x: (x**2).sum()), torch.ones(4, dtype=torch.float64))
    assert minimize(optimizer, steps=50) < 50
    assert not LBFGS(objective(lambda x: (x * 0).sum()), torch.ones(4)).step()


@pytest.mark.parametrize("kind", ["lbfgs", "adam"])
def test_x_is_the_point_of_the_accepted_loss_and_is_not_changed_in_place(kind: str) -> None:
    optimizer: Optimizer = (
        LBFGS(objective(rosenbrock), start())
        if kind == "lbfgs"
        else Adam(objective(rosenbrock), start(), learning_rate=0.01)
    )
    seen = []
    for _ in range(5):
        optimizer.step()
        seen.append((optimizer.x, optimizer.x.clone(), optimizer.accepted.loss))
    for x, copy, loss in seen:
        assert torch.equal(x, copy)
        assert rosenbrock(x).item() == loss


def wall(x: Tensor, not_finite: float) -> Tensor:
    """Return x², which has its minimum at 0 and is undefined left of −0.1."""
    return torch.where((x < -0.1).any(), torch.tensor(not_finite), (x**2).sum()) + 0 * x.sum()


@pytest.mark.parametrize("not_finite", [math.inf, -math.inf, math.nan])
def test_lbfgs_comes_back_from_where_the_loss_is_not_finite(not_finite: float) -> None:
    optimizer = LBFGS(objective(lambda x: wall(x, not_finite)), torch.full((3,), 0.5))
    minimize(optimizer, steps=30)
    assert optimizer.accepted.loss < 1e-6


@pytest.mark.parametrize("not_finite", [math.inf, math.nan])
def test_adam_takes_a_step_back_and_halves_the_next(not_finite: float) -> None:
    optimizer = Adam(
        objective(lambda x: wall(x, not_finite)), torch.full((3,), 0.5), learning_rate=1.0
    )
    for _ in range(100):
        optimizer.step()
        assert math.isfinite(optimizer.accepted.loss)
    assert optimizer.accepted.loss < 0.05


def cliff(x: Tensor) -> Tensor:
    """Return a sum that is finite at the start only."""
    return x.sum() if bool((x == 0.5).all()) else x.sum() * math.nan


@pytest.mark.parametrize("optimizer", [LBFGS, lambda f, x: Adam(f, x, learning_rate=1.0)])
def test_a_loss_that_is_finite_nowhere_else_is_an_error_that_keeps_the_iterate(
    optimizer: Callable[[ObjectiveFunction, Tensor], Optimizer],
) -> None:
    running = optimizer(objective(cliff), torch.full((3,), 0.5))
    with pytest.raises(Diverged, match="step 0"):
        running.step()
    assert torch.equal(running.x, torch.full((3,), 0.5))


def test_a_start_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(Diverged):
        LBFGS(objective(lambda x: x.sum() * math.inf), torch.ones(3))


def test_adam_equals_torch() -> None:
    ours = Adam(objective(rosenbrock), start(), learning_rate=0.05)
    theirs = start().requires_grad_()
    reference = torch.optim.Adam([theirs], lr=0.05)
    for _ in range(50):
        ours.step()
        reference.zero_grad()
        rosenbrock(theirs).backward()  # type: ignore[no-untyped-call]
        reference.step()
        torch.testing.assert_close(ours.x, theirs.detach(), rtol=1e-9, atol=1e-12)
