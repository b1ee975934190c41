"""Ways to wait in tests: for a condition, with one generous timeout.

No test may depend on how fast or how busy the machine is. A wait ends when its condition holds.
Where a test shows that nothing waits for a timeout, the timeout is set to `PATIENCE_SECONDS`, which
only a defect can take.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 300.0
"""Seconds after which a wait for one condition fails.
Only a defect takes as long."""

PROGRAM_SECONDS = 6 * PATIENCE_SECONDS
"""Timeout in seconds of a program that takes many steps, such as a benchmark."""

SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.01, 0.1
"""Seconds between the first checks of a condition, and between the later ones.
Checks cost time of the processor, which whatever is waited for needs."""


def wait_until(look: Callable[[], T | None]) -> T:
    """Return the first true value of `look`.
    Raises AssertionError after `PATIENCE_SECONDS`."""
    gives_up_at = time.monotonic() + PATIENCE_SECONDS
    pause_seconds = SHORTEST_PAUSE_SECONDS
    while not (found := look()):
        assert time.monotonic() < gives_up_at, f"nothing in {PATIENCE_SECONDS:.0f} s"
        time.sleep(pause_seconds)
        pause_seconds = min(1.5 * pause_seconds, LONGEST_PAUSE_SECONDS)
    return found


@contextmanager
def no_waiting() -> Iterator[None]:
    """Assert that the body takes less than `PATIENCE_SECONDS`.
    Raises AssertionError if it waited for a timeout."""
    began_at = time.monotonic()
    yield
    assert time.monotonic() - began_at < PATIENCE_SECONDS, "it waited for a timeout"
