"""Times of frames: in order, invented where the file has none."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Protocol, TypeVar

FRAMES_AHEAD = 8
"""Frames that are decoded before the first of them gets its time. Files whose times are those of
the coded order (AVI with B-frames) are put in order within so many frames."""


class Timed(Protocol):
    """A decoded frame."""

    @property
    def pts(self) -> int | None: ...
    @property
    def time_base(self) -> Fraction | None: ...


AnyTimed = TypeVar("AnyTimed", bound=Timed)


def in_order(frames: Iterable[AnyTimed], step: Fraction) -> Iterator[tuple[Fraction, AnyTimed]]:
    """Yield the frames in their order with strictly increasing times, in seconds.

    A decoder returns frames in the order in which they are shown, so known times are sorted. A
    frame whose time is missing, or not after the one before, is shown `step` seconds after that.
    """
    waiting: deque[AnyTimed] = deque()
    known: list[Fraction] = []
    latest: Fraction | None = None

    def first() -> tuple[Fraction, AnyTimed]:
        nonlocal latest
        frame = waiting.popleft()
        time = heapq.heappop(known) if _time(frame) is not None else None
        if time is None or (latest is not None and time <= latest):
            time = Fraction(0) if latest is None else latest + step
        latest = time
        return time, frame

    for frame in frames:
        waiting.append(frame)
        if (time := _time(frame)) is not None:
            heapq.heappush(known, time)
        if len(waiting) > FRAMES_AHEAD:
            yield first()
    while waiting:
        yield first()


def _time(frame: Timed) -> Fraction | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return frame.pts * frame.time_base
