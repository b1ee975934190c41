"""Timer of the files that a command writes at intervals while it runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

SHARE_OF_TIME = 0.05
"""Maximum share of the time that is spent on writing files.
Large files are therefore written less often."""


class IntervalTimer:
    """Timer of files that are written at intervals: checkpoints and previews."""

    def __init__(self, every_seconds: float) -> None:
        """Start the timer. `every_seconds`: the interval; 0 for never."""
        self._every_seconds = every_seconds
        self._due = time.monotonic() + every_seconds

    def is_due(self, *, now: bool) -> bool:
        """Return whether the interval is over or `now` is true; never for interval 0."""
        return bool(self._every_seconds) and (now or time.monotonic() >= self._due)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure the writing of a file; a slow one delays the next."""
        started = time.monotonic()
        yield
        ended = time.monotonic()
        self._due = ended + max(self._every_seconds, (ended - started) / SHARE_OF_TIME)
