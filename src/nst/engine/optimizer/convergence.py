"""Test of whether a transfer has converged."""

from collections.abc import Sequence


class Convergence:
    """Test of whether the loss fell by less than a share over a window of steps.

    The test uses the lowest loss up to each step, so that Adam's noise does not count.
    """

    def __init__(self, window: int, tolerance: float, lowest: Sequence[float] = ()) -> None:
        """Create the test.

        `lowest`: value of the property `lowest` at a checkpoint.
        """
        self._window = window
        self._tolerance = tolerance
        self._lowest = list(lowest)

    def add(self, loss: float) -> None:
        """Add the loss after a step; call this after every step."""
        self._lowest.append(min([loss, *self._lowest[-1:]]))

    def restart(self) -> None:
        """Forget all losses, because another loss cannot be compared with them."""
        self._lowest = []

    @property
    def lowest(self) -> list[float]:
        """Losses that are needed to judge the next steps."""
        return self._lowest[-1 - self._window :]

    @property
    def is_reached(self) -> bool:
        if len(self._lowest) <= self._window:
            return False
        before = self._lowest[-1 - self._window]
        return self._lowest[-1] > before * (1 - self._tolerance)
