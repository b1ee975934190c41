"""What a running transfer reports."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image


class StopReason(StrEnum):
    """Why a transfer ended."""

    TOTAL_ITERATIONS = "total_iterations"
    CONVERGED = "converged"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Losses:
    """The terms of the loss, each already multiplied by its weight."""

    content: float
    style: float
    total_variation: float

    @property
    def total(self) -> float:
        return self.content + self.style + self.total_variation


@dataclass(frozen=True, slots=True)
class Progress:
    """The state after an optimizer step."""

    step: int
    total_iterations: int
    evaluations: int
    """How often the loss and its gradient have been computed so far."""
    losses: Losses
    """Losses of the picture that `render` returns."""
    elapsed_seconds: float
    remaining_seconds: float
    """At the speed so far, if the transfer goes on to `total_iterations`."""
    stop_reason: StopReason | None
    """Set on the last step only."""
    render: Callable[[], Image.Image]
    """The picture after this step; may be called at any time, also later."""
