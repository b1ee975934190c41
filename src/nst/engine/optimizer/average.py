"""The average of iterates, which is smoother than any of them.

[Kingma14] Kingma, Ba: Adam, arXiv 1412.6980, §7.2, after Polyak and Juditsky.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class AverageState:
    """All that an average knows between two steps."""

    vectors: Mapping[str, Tensor]
    numbers: Mapping[str, float]


@dataclass(slots=True)
class Average:
    """Exponentially weighted: each iterate counts `decay` times what the next one
    does, and the weights add up to 1. With a decay of 0 it is the last iterate
    itself."""

    decay: float
    count: int = 0
    mean: Tensor | None = None
    """(N,). Replaced, never changed in place."""

    @classmethod
    def from_state(
        cls, decay: float, vectors: Mapping[str, Tensor], numbers: Mapping[str, float]
    ) -> "Average":
        """Restore it from `state`, or return a new one without its vectors and numbers."""
        return cls(decay, int(numbers.get("averaged", 0)), vectors.get("average"))

    def of(self, x: Tensor) -> Tensor:
        """With this iterate, the latest."""
        if not self.decay:
            return x
        self.count += 1
        # The source divides mₜ = βmₜ₋₁ + (1 − β)xₜ by 1 − βᵗ; this is the same for the quotient.
        weight = (1 - self.decay) / (1 - self.decay**self.count)
        self.mean = torch.lerp(x if self.mean is None else self.mean, x, weight)
        return self.mean

    def restart(self) -> None:
        """Another loss has other iterates."""
        self.count, self.mean = 0, None

    def state(self) -> AverageState:
        """From which `from_state` makes the same average."""
        vectors = {} if self.mean is None else {"average": self.mean}
        return AverageState(vectors, {"averaged": self.count})
