"""The Adam optimizer.

[Kingma14] Kingma, Ba: Adam, arXiv 1412.6980.
"""

from typing import Self

import torch
from torch import Tensor

from nst.engine.optimizer.optimizer import ObjectiveFunction, OptimizerState, evaluate
from nst.errors import Diverged

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # [Kingma14] algorithm 1
MAX_RETRIES = 10


class Adam:
    """Adam, [Kingma14] algorithm 1.

    A step to a loss that is not finite is undone and halved. After an error of the objective the
    step can be retried.
    """

    def __init__(self, objective: ObjectiveFunction, x: Tensor, *, learning_rate: float) -> None:
        self.x = x
        self.accepted = evaluate(objective, x)
        self._objective = objective
        self._learning_rate = learning_rate
        self._steps = 0
        self._age = 0
        self._mean = torch.zeros_like(x)
        self._square = torch.zeros_like(x)
        self._average_in(self.accepted.gradient)

    @classmethod
    def from_state(cls, objective: ObjectiveFunction, state: OptimizerState) -> Self:
        self = cls.__new__(cls)
        self.x, self.accepted, self._steps = state.x, state.accepted, state.steps
        self._objective = objective
        self._learning_rate = state.numbers["learning_rate"]
        self._age = int(state.numbers["age"])
        self._mean, self._square = state.vectors["mean"], state.vectors["square"]
        return self

    def state(self) -> OptimizerState:
        return OptimizerState.at(self.x, self.accepted, self._steps).with_more(
            {"mean": self._mean, "square": self._square},
            {"learning_rate": self._learning_rate, "age": self._age},
        )

    def step(self) -> bool:
        for _ in range(MAX_RETRIES):
            x = self._next()
            evaluation = self._objective(x)
            if evaluation.is_finite:
                self.x, self.accepted = x, evaluation
                self._steps += 1
                self._average_in(evaluation.gradient)
                return True
            self._forget()
            self._learning_rate /= 2
        raise Diverged(self._steps)

    def go_on_with(self, objective: ObjectiveFunction) -> None:
        self._objective = objective
        self.accepted = evaluate(objective, self.x, self._steps)

    def shorten_memory(self, pairs: int) -> None:
        """Do nothing, because two averages are all that Adam remembers."""

    def _next(self) -> Tensor:
        mean = self._mean / (1 - BETA1**self._age)
        square = self._square / (1 - BETA2**self._age)
        return self.x - self._learning_rate * mean / (square.sqrt() + EPSILON)

    def _average_in(self, gradient: Tensor) -> None:
        self._age += 1
        self._mean = BETA1 * self._mean + (1 - BETA1) * gradient
        self._square = BETA2 * self._square + (1 - BETA2) * gradient * gradient

    def _forget(self) -> None:
        """Forget all gradients but the last."""
        self._age = 0
        self._mean = torch.zeros_like(self.x)
        self._square = torch.zeros_like(self.x)
        self._average_in(self.accepted.gradient)
