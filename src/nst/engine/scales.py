"""From coarse to fine: the sizes in which a picture is
painted, and the work that they take.

Work is counted in pixels × evaluations of the loss. Small scales take longer than their pixels
say, and each scale is prepared before its first step; both are counted as the pixels and
evaluations that take the same time.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile

from nst import image_sizes
from nst.options import StyleTransferOptions

FINISHING_ROUNDS = 2
"""With style loss neighbors, which searches anew for each."""
FEW_STEPS = 60
"""Number of steps below which one round finishes: the
search for a second one takes as long as five steps, and
does not bring the painting nearer to the style."""

MATCHED_SIDE_PIXELS = 32
"""The same with style loss neighbors, which looks no deeper than block 4."""

MIN_SIDE_PIXELS = 64
"""Shorter side of the coarsest picture: a few features of the deepest layer."""


FIXED_PIXELS = 4600
"""Pixels whose share of an evaluation takes as long as
the part that is the same at every size."""

PREPARATION, MATCHED_PREPARATION = 2, 5
"""Evaluations that take as long as the preparation of a scale: its targets, and
with style loss neighbors the search for the matches."""

FINISHING_FACTOR = 1.25
"""Time of an evaluation in a finishing round, relative to one before."""


@dataclass(frozen=True, slots=True)
class Scale:
    """One size of the pyramid."""

    size: tuple[int, int]
    steps: int
    is_coarsest: bool = False
    is_finest: bool = False
    finishing_round: int = 0
    """0 while forms are painted; from 1 on, the finest size
    is painted once more in detail."""
    preparation: int = 0
    """Evaluations that take as long as its preparation."""

    @property
    def pixels(self) -> int:
        return math.prod(self.size)

    @property
    def evaluation_work(self) -> float:
        """Work of one evaluation, in pixels."""
        return (self.pixels + FIXED_PIXELS) * (FINISHING_FACTOR if self.finishing_round else 1.0)

    @property
    def work(self) -> float:
        """Work of the preparation and of all steps, in pixels × evaluations."""
        return (self.preparation + self.steps) * self.evaluation_work


def scales(
    size: tuple[int, int], options: StyleTransferOptions, *, is_held: bool = False
) -> list[Scale]:
    """From coarse to fine, each half as long as the next; the last one has this size.
    Scales in which a network sees nothing, or for which no step is left, are left
    out.

    `is_held`: whether a frame continues another. It has the finest scale alone, because a coarser
    one would forget what the frame starts from; with style loss neighbors it is a finishing
    round, which is what the frame before has ended with."""
    is_matched = options.is_matched
    if is_held:
        steps, rounds = options.total_iterations, _finishing_rounds(options)
        return [Scale(size, steps, is_finest=True, finishing_round=rounds)]
    smallest = MATCHED_SIDE_PIXELS if is_matched else MIN_SIDE_PIXELS
    halves = [image_sizes.fit(size, math.ceil(max(size) / 2**n)) for n in range(1, options.scales)]
    sizes = [size, *(half for half in halves if min(half) >= smallest)][::-1]
    rounds = _finishing_rounds(options)
    shares = [rounds or 1] * len(sizes) + [1] * rounds
    stages = [(each, 0) for each in sizes] + [(size, n) for n in range(1, rounds + 1)]
    preparation = MATCHED_PREPARATION if is_matched else PREPARATION
    found = [
        Scale(each, steps, finishing_round=finishing, preparation=preparation)
        for (each, finishing), steps in zip(stages, _steps(options, shares), strict=True)
        if steps
    ]
    found[0] = replace(found[0], is_coarsest=True)
    return [replace(each, is_finest=each.size == size) for each in found]


def _finishing_rounds(options: StyleTransferOptions) -> int:
    if not options.is_matched:
        return 0
    return 1 if options.total_iterations < FEW_STEPS else FINISHING_ROUNDS


def _steps(options: StyleTransferOptions, shares: Sequence[int]) -> list[int]:
    """All steps, divided by these shares."""
    sums = [sum(shares[:n]) for n in range(len(shares) + 1)]
    ends = [options.total_iterations * each // sums[-1] for each in sums]
    return [end - start for start, end in pairwise(ends)]


def work(size: tuple[int, int], options: StyleTransferOptions) -> float:
    """Return the work of a transfer whose result has this width and height, in pixels
    × evaluations; 0 for a draft."""
    return 0.0 if options.is_draft else sum(scale.work for scale in scales(size, options))


class Clock:
    """How much of the work is done, and how long the rest will take."""

    def __init__(self, scales: Sequence[Scale]) -> None:
        """To be made when the first scale is prepared."""
        self.scales = scales
        self.steps = 0
        self._started = time.perf_counter()
        self._scale = scales[0]
        """The last one that was prepared."""
        self._skipped = self._done = 0.0
        self._first: tuple[float, float] | None = None
        """Seconds and work after the first step, which also warms up what computes."""
        self._left = {scale: scale.work for scale in scales}
        self._skip(self._scale, self._scale.preparation)

    def go_on(self, scale: Scale, scale_steps: int, steps: int) -> None:
        """After this many steps of this scale and of all.
        Only the time from now on counts."""
        self.steps = steps
        for coarser in list(takewhile(lambda other: other != scale, self._left)):
            self._skipped += self._left[coarser]
            self.leave(coarser)
        preparation = 0 if scale is self._scale else scale.preparation
        self._skip(scale, preparation + scale_steps)
        self._scale = scale

    def tick(self, scale: Scale) -> None:
        """After every step."""
        self.steps += 1
        evaluations = 1 if scale is self._scale else 1 + scale.preparation
        self._scale = scale
        self._done += evaluations * scale.evaluation_work
        self._left[scale] -= evaluations * scale.evaluation_work
        self._first = self._first or (self.elapsed_seconds(), self._done)

    def _skip(self, scale: Scale, evaluations: int) -> None:
        self._skipped += evaluations * scale.evaluation_work
        self._left[scale] -= evaluations * scale.evaluation_work

    def leave(self, scale: Scale) -> None:
        """The steps that it has left will not be taken."""
        del self._left[scale]

    def share(self) -> float:
        """Return the part of all work that is done, 0…1."""
        done = self._skipped + self._done
        return min(1.0, done / (done + self._work_left()))

    def elapsed_seconds(self) -> float:
        return time.perf_counter() - self._started

    def remaining_seconds(self) -> float | None:
        """At the speed since the first step; None if there is no other yet."""
        if self._first is None or self._first[1] == self._done:
            return None
        seconds, work = self._first
        seconds_per_work = (self.elapsed_seconds() - seconds) / (self._done - work)
        return seconds_per_work * self._work_left()

    def _work_left(self) -> float:
        return max(0.0, sum(self._left.values()))
