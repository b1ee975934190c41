"""Estimate of the time until a film is finished."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

RECENT_FRAMES = 9
"""Number of frames whose median time is the estimate for the next ones.
The median ignores the first frame of a new shot, which takes longer."""
LEAST_FRAMES = 3
"""Minimum number of frames whose median time ignores the first frame of a film."""


@dataclass(frozen=True, slots=True)
class FilmProgress:
    """Progress of painting a film."""

    frame: int
    """Number of the frame that is being painted, from 1 through all passes."""
    frames: int
    """Number of frames in all passes; 0: unknown."""
    share: float
    """Share of this frame that is painted, 0…1."""
    elapsed_seconds: float
    remaining_seconds: float | None
    """Estimated seconds until the film is finished; None: unknown."""


class FilmClock:
    """Clock that counts frames and measures those that are painted.
    Frames of an earlier run are counted but take no time."""

    def __init__(self, frames: int) -> None:
        """Start the clock. `frames`: number in all passes; 0: unknown."""
        self.done = 0
        """Number of frames that are finished, in this run or an earlier one."""
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
        """Estimated seconds per frame; None before `LEAST_FRAMES` were painted."""
        from statistics import median  # here, so that not every command imports it

        return median(self._recent) if len(self._recent) >= LEAST_FRAMES else None

    @property
    def elapsed_seconds(self) -> float:
        return time.monotonic() - self._started

    def progress(self, share: float) -> FilmProgress:
        """Return the progress when this `share` of the next frame, 0…1, is painted."""
        from statistics import median  # here, so that not every command imports it

        left = self._frames - self.done - share
        remaining = median(self._recent) * max(left, 0) if self._frames and self._recent else None
        return FilmProgress(self.done + 1, self._frames, share, self.elapsed_seconds, remaining)
