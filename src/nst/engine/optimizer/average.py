"""The average of iterates, which is smoother than any of them.

[Kingma14] Kingma, Ba: Adam, arXiv 1412.6980, §7.2, after Polyak and Juditsky.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class AverageState:
    """State of an average between two steps."""

    vectors: Mapping[str, Tensor]
    numbers: Mapping[str, float]


@dataclass(slots=True)
class Average:
    """Exponentially weighted average of iterates.
    Each iterate has `decay` times the weight of the next one, and the weights add up to 1. With a
    decay of 0 the average is the last iterate itself."""

    decay: float
    count: int = 0
    mean: Tensor | None = None
    """Mean of the iterates, (N,). It is replaced, never changed in place."""

    @classmethod
    def from_state(
        cls, decay: float, vectors: Mapping[str, Tensor], numbers: Mapping[str, float]
    ) -> "Average":
        """Restore an average from its state, or return a new one if the state is empty."""
        return cls(decay, int(numbers.get("averaged", 0)), vectors.get("average"))

    def of(self, x: Tensor) -> Tensor:
        """Add an iterate, the latest, and return the average."""
        if not self.decay:
            return x
        self.count += 1
        # [Kingma14] divides mₜ = βmₜ₋₁ + (1 − β)xₜ by 1 − βᵗ; this updates the quotient directly.
        weight = (1 - self.decay) / (1 - self.decay**self.count)
        self.mean = torch.lerp(x if self.mean is None else self.mean, x, weight)
        return self.mean

    def restart(self) -> None:
        """Forget all iterates, because another loss has other iterates."""
        self.count, self.mean = 0, None

    def state(self) -> AverageState:
        """Return the state from which `from_state` restores the same average."""
        vectors = {} if self.mean is None else {"average": self.mean}
        return AverageState(vectors, {"averaged": self.count})
