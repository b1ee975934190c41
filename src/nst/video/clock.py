"""How long the rest of a film takes."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

RECENT_FRAMES = 9
"""Frames whose median time says how long the next ones take: a new shot's first
frame takes longer, and does not count."""
LEAST_FRAMES = 3
"""Frames whose median time is not that of the first one."""


@dataclass(frozen=True, slots=True)
class FilmProgress:
    """Where the painting of a film is."""

    frame: int
    """The one that is being painted, counted from 1 through all passes."""
    frames: int
    """In all passes; 0: unknown."""
    share: float
    """Share of this frame that is painted, 0…1."""
    elapsed_seconds: float
    remaining_seconds: float | None
    """None: unknown."""


class FilmClock:
    """Counts frames and measures those that are painted;
    frames of an earlier run take no time."""

    def __init__(self, frames: int) -> None:
        """`frames` of all passes; 0: unknown."""
        self.done = 0
        """Frames that are finished, now or in an earlier run."""
        self._frames = frames
        self._started = time.monotonic()
        self._recent: deque[float] = deque(maxlen=RECENT_FRAMES)

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Measure the painting of a frame."""
        started = time.monotonic()
        yield
        self._recent.append(time.monotonic() - started)

    @property
    def frame_seconds(self) -> float | None:
        """Seconds that a later frame takes; None before some were painted."""
        from statistics import median  # not for every command's start

        return median(self._recent) if len(self._recent) >= LEAST_FRAMES else None

    @property
    def elapsed_seconds(self) -> float:
        return time.monotonic() - self._started

    def progress(self, share: float) -> FilmProgress:
        """`share` of the next frame that is painted, 0…1."""
        from statistics import median  # not for every command's start

        left = self._frames - self.done - share
        remaining = median(self._recent) * max(left, 0) if self._frames and self._recent else None
        return FilmProgress(self.done + 1, self._frames, share, self.elapsed_seconds, remaining)
