"""How tests wait: for a condition, under one generous ceiling.

No test may depend on how fast or how busy the machine is. A wait ends when its condition holds.
Where a test shows that nobody waits for a timeout, the timeout is set to the ceiling, so that
only a defect can take as long.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 300.0
"""Seconds after which a wait fails. Only a defect takes as long."""

PROGRAM_SECONDS = 6 * PATIENCE_SECONDS
"""Seconds after which a program that does many things in turn is stopped."""

LOOK_SECONDS = 0.02
"""Seconds between two looks at a condition."""


def wait_until(look: Callable[[], T | None]) -> T:
    """Return the first true value that `look` returns. Raises AssertionError after the ceiling."""
    gives_up_at = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < gives_up_at, f"nothing in {PATIENCE_SECONDS:.0f} s"
        time.sleep(LOOK_SECONDS)
    return found


@contextmanager
def no_waiting() -> Iterator[None]:
    """Fail if the body lasts until the ceiling: somebody waited for a timeout."""
    began_at = time.monotonic()
    yield
    assert time.monotonic() - began_at < PATIENCE_SECONDS, "somebody waited for a timeout"
