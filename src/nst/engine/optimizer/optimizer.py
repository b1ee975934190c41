"""The protocol of an optimizer: one `step` at a time, on
a flat vector of N numbers.

Every optimizer keeps the last accepted iterate (`x`, `accepted`) apart from what it tries, so that
whoever looks between two steps sees an iterate and never a trial point.
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
    """The loss at one point."""

    losses: Losses
    gradient: Tensor
    """(N,)"""

    @property
    def loss(self) -> float:
        return self.losses.total

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.loss) and bool(torch.isfinite(self.gradient).all())


ObjectiveFunction = Callable[[Tensor], Evaluation]
"""Function of the pixels, (3·H·W,)."""


@dataclass(frozen=True, slots=True)
class OptimizerState:
    """All that an optimizer knows between two steps.
    One made from it takes the same steps."""

    vectors: Mapping[str, Tensor]
    """(N,) each; not copied, and never changed in place."""
    numbers: Mapping[str, float]

    @classmethod
    def at(cls, x: Tensor, accepted: Evaluation, steps: int) -> Self:
        """Return the state that all optimizers share."""
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
    """The methods that a transfer needs of an optimizer."""

    x: Tensor
    """The last accepted iterate (N,). Replaced by a step, never changed in place."""
    accepted: Evaluation
    """The evaluation at `x`."""

    def step(self) -> bool:
        """Go to the next iterate. False if no smaller loss can be found: this is the end.

        Raises Diverged if the loss is not finite and safer steps do not help; `x` is then still
        the last good iterate.
        """

    def go_on_with(self, objective: ObjectiveFunction) -> None:
        """From the same iterate, minimise this objective, which differs from the last one
        by rounding only. Raises Diverged."""

    def shorten_memory(self, pairs: int) -> None:
        """From now on, remember this many steps at most."""

    def state(self) -> OptimizerState:
        """From which `from_state` makes the same optimizer, without an evaluation."""


def evaluate(objective: ObjectiveFunction, x: Tensor, step: int = 0) -> Evaluation:
    """At a point from which there is no way back. Raises Diverged."""
    evaluation = objective(x)
    if not evaluation.is_finite:
        raise Diverged(step)
    return evaluation
