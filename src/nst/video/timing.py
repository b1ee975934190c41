"""Times of frames: sorted, and made up where the file has none."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Protocol, TypeVar

FRAMES_AHEAD = 8
"""Number of frames that are decoded before the first of them gets its time.
In files whose times are those of the coded order (AVI with B-frames), the times are sorted within
this number of frames."""

JUMP_SECONDS = 10
"""Longest jump, in seconds, that is kept in the times of a broadcast format.
Longer jumps are closed; players do the same."""


class Timed(Protocol):
    """Decoded frame."""

    @property
    def pts(self) -> int | None: ...
    @property
    def time_base(self) -> Fraction | None: ...


class Packet(Protocol):
    """Packet of any stream."""

    pts: int | None
    dts: int | None
    duration: int | None
    time_base: Fraction | None


class Continuity:
    """Correction of jumps in the times of packets, as in recordings that were joined.

    All streams are shifted together, so that sound and frames stay synchronized.
    """

    def __init__(self) -> None:
        self._offset = Fraction(0)
        self._next: dict[int, Fraction] = {}

    def close(self, packet: Packet, stream: int) -> None:
        """Shift the packet's times if they jump; `stream`: index of its stream."""
        if packet.dts is None or not packet.time_base:
            return
        time = packet.dts * packet.time_base + self._offset
        expected = self._next.get(stream, time)
        if abs(time - expected) > JUMP_SECONDS:
            self._offset += expected - time
            time = expected
        self._next[stream] = time + (packet.duration or 0) * packet.time_base
        ticks = round(self._offset / packet.time_base)
        packet.dts += ticks
        if packet.pts is not None:
            packet.pts += ticks


AnyTimed = TypeVar("AnyTimed", bound=Timed)


def in_order(frames: Iterable[AnyTimed], step: Fraction) -> Iterator[tuple[Fraction, AnyTimed]]:
    """Yield the frames in their order with strictly increasing times, in seconds.

    A decoder returns frames in the order in which they are shown, so known times are sorted. A
    frame whose time is missing, or not after that of the previous frame, is shown `step` seconds
    after the previous frame.
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
