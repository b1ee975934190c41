"""Protocol of an optimizer: one `step` at a time, on a flat vector of N numbers.

Every optimizer keeps the last accepted iterate (`x`, `accepted`) apart from its trial points, so
that a reader between two steps sees an iterate and never a trial point.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from nst.errors import Diverged
from nst.progress import Losses


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Loss and gradient at one point."""

    losses: Losses
    gradient: Tensor
    """Gradient of the loss, (N,)."""

    @property
    def loss(self) -> float:
        return self.losses.total

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.loss) and bool(torch.isfinite(self.gradient).all())


ObjectiveFunction = Callable[[Tensor], Evaluation]
"""Function that evaluates the loss of pixels, (3·H·W,)."""


@dataclass(frozen=True, slots=True)
class OptimizerState:
    """State of an optimizer between two steps.
    An optimizer that is restored from it takes the same steps."""

    vectors: Mapping[str, Tensor]
    """Vectors, (N,) each; they are not copied, and never changed in place."""
    numbers: Mapping[str, float]

    @classmethod
    def at(cls, x: Tensor, accepted: Evaluation, steps: int) -> Self:
        """Return the part of the state that all optimizers have."""
        losses = accepted.losses
        numbers = {
            "content": losses.content,
            "style": losses.style,
            "total_variation": losses.total_variation,
            "temporal": losses.temporal,
            "steps": steps,
        }
        return cls({"x": x, "gradient": accepted.gradient}, numbers)

    @property
    def x(self) -> Tensor:
        return self.vectors["x"]

    @property
    def accepted(self) -> Evaluation:
        numbers = self.numbers
        losses = Losses(
            numbers["content"],
            numbers["style"],
            numbers["total_variation"],
            numbers.get("temporal", 0.0),  # older checkpoints do not have it
        )
        return Evaluation(losses, self.vectors["gradient"])

    @property
    def steps(self) -> int:
        return int(self.numbers["steps"])

    def with_more(self, vectors: Mapping[str, Tensor], numbers: Mapping[str, float]) -> Self:
        return type(self)({**self.vectors, **vectors}, {**self.numbers, **numbers})


class Optimizer(Protocol):
    """Methods of an optimizer that a transfer needs."""

    x: Tensor
    """Last accepted iterate, (N,). A step replaces it and never changes it in place."""
    accepted: Evaluation
    """Evaluation at `x`."""

    def step(self) -> bool:
        """Go to the next iterate, or return False at the end.

        The end is reached if no smaller loss can be found. Raises Diverged if the loss is not
        finite and safer steps do not help; `x` is then still the last good iterate.
        """

    def go_on_with(self, objective: ObjectiveFunction) -> None:
        """Continue from the same iterate with this objective. Raises Diverged.

        It differs little from the last objective, for example by rounding.
        """

    def shorten_memory(self, pairs: int) -> None:
        """Remember at most this many steps from now on."""

    def state(self) -> OptimizerState:
        """Return the state from which `from_state` restores the same optimizer.

        Restoring needs no evaluation.
        """


def evaluate(objective: ObjectiveFunction, x: Tensor, step: int = 0) -> Evaluation:
    """Evaluate the objective at a point that cannot be rejected.

    Raises Diverged if the loss or the gradient is not finite.
    """
    evaluation = objective(x)
    if not evaluation.is_finite:
        raise Diverged(step)
    return evaluation
