"""When a transfer has converged."""

from collections.abc import Sequence


class Convergence:
    """Whether the loss fell by less than a share over a window of steps.

    Counts the lowest loss up to each step, so that Adam's noise does not count.
    """

    def __init__(self, window: int, tolerance: float, lowest: Sequence[float] = ()) -> None:
        """`lowest`: as `lowest` was at a checkpoint."""
        self._window = window
        self._tolerance = tolerance
        self._lowest = list(lowest)

    def add(self, loss: float) -> None:
        """After every step."""
        self._lowest.append(min([loss, *self._lowest[-1:]]))

    def restart(self) -> None:
        """Another loss cannot be compared with those before."""
        self._lowest = []

    @property
    def lowest(self) -> list[float]:
        """All that is needed to judge the steps to come."""
        return self._lowest[-1 - self._window :]

    @property
    def is_reached(self) -> bool:
        if len(self._lowest) <= self._window:
            return False
        before = self._lowest[-1 - self._window]
        return self._lowest[-1] > before * (1 - self._tolerance)
