"""From coarse to fine: the sizes in which a picture is painted, and the time that they take."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile

from nst import images
from nst.options import StyleTransferOptions

FINISHING_ROUNDS = 2
"""With style loss neighbors, which searches anew for each."""

MATCHED_SIDE_PIXELS = 32
"""The same with style loss neighbors, which looks no deeper than block 4."""

MIN_SIDE_PIXELS = 64
"""Shorter side of the coarsest picture: a few features of the deepest layer."""


@dataclass(frozen=True, slots=True)
class Scale:
    """One size of the pyramid."""

    size: tuple[int, int]
    steps: int
    is_coarsest: bool = False
    is_finest: bool = False
    finishing_round: int = 0
    """0 while forms are painted; from 1 on, the finest size is painted once more in detail."""

    @property
    def pixels(self) -> int:
        return math.prod(self.size)


def scales(
    size: tuple[int, int], options: StyleTransferOptions, *, is_held: bool = False
) -> list[Scale]:
    """From coarse to fine, each half as long as the next; the last one has this size. Scales in
    which a network sees nothing, or for which no step is left, are left out.

    `is_held`: whether a frame continues another. It has the finest scale alone, because a coarser
    one would forget what the frame starts from."""
    if is_held:
        return [Scale(size, options.total_iterations, is_finest=True)]
    is_matched = options.is_matched
    smallest = MATCHED_SIDE_PIXELS if is_matched else MIN_SIDE_PIXELS
    halves = [images.fit(size, math.ceil(max(size) / 2**n)) for n in range(1, options.scales)]
    sizes = [size, *(half for half in halves if min(half) >= smallest)][::-1]
    rounds = FINISHING_ROUNDS if is_matched else 0
    shares = [rounds or 1] * len(sizes) + [1] * rounds
    stages = [(each, 0) for each in sizes] + [(size, n) for n in range(1, rounds + 1)]
    found = [
        Scale(each, steps, finishing_round=finishing)
        for (each, finishing), steps in zip(stages, _steps(options, shares), strict=True)
        if steps
    ]
    found[0] = replace(found[0], is_coarsest=True)
    return [replace(each, is_finest=each.size == size) for each in found]


def _steps(options: StyleTransferOptions, shares: Sequence[int]) -> list[int]:
    """All steps, divided by these shares."""
    sums = [sum(shares[:n]) for n in range(len(shares) + 1)]
    ends = [options.total_iterations * each // sums[-1] for each in sums]
    return [end - start for start, end in pairwise(ends)]


class Clock:
    """How long the steps took, and how long those to come will take: a step takes as long as its
    scale has pixels."""

    def __init__(self, scales: Sequence[Scale]) -> None:
        self.scales = scales
        self.steps = 0
        self._started = time.perf_counter()
        self._done = 0
        self._left = {scale: scale.steps * scale.pixels for scale in scales}

    def go_on(self, scale: Scale, scale_steps: int, steps: int) -> None:
        """After this many steps of this scale and of all. Only the time from now on counts."""
        self.steps = steps
        for coarser in list(takewhile(lambda other: other != scale, self._left)):
            self.leave(coarser)
        self._left[scale] -= scale_steps * scale.pixels

    def tick(self, scale: Scale) -> None:
        """After every step."""
        self.steps += 1
        self._done += scale.pixels
        self._left[scale] -= scale.pixels

    def leave(self, scale: Scale) -> None:
        """The steps that it has left will not be taken."""
        del self._left[scale]

    def elapsed_seconds(self) -> float:
        return time.perf_counter() - self._started

    def remaining_seconds(self) -> float:
        return self.elapsed_seconds() / self._done * sum(self._left.values())
