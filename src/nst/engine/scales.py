"""Scales: the sizes in which an image is painted, coarse to fine, and their work.

Work is counted in pixels × evaluations of the loss. Small scales take longer than their pixels
suggest, and each scale is prepared before its first step; both are counted as the pixels and
evaluations that take the same time.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise, takewhile

from nst import image_sizes
from nst.options import StyleTransferOptions

COARSER_SHARE, FINEST_SHARE, FINISHING_SHARE = 4, 1, 5
"""Shares of the steps with style loss neighbors.
They are for each coarser scale, where steps are cheap, for the finest one, and for its
finishing."""
SEARCH_STEPS = 4
"""Number of steps of the finishing before its matches are searched again.
A search takes as long as two and a half steps. With three steps images of 400 pixels come 1 %
nearer to the style, with twelve they stay 6 % farther from it."""

LARGE_SIDE_PIXELS = 512
"""Longest side up to which a size gets its full share with style loss neighbors.
Twice this side has half the share. The strokes are painted by then, and their detail needs few
steps: with these shares and a fifth scale an image of 1024×768 pixels takes two thirds of the time.
It is a little nearer to the style and farther from the photo."""
LEAST_FACTOR, FEW_STEPS = Fraction(1, 2), 54
"""Minimum factor of the share of a large size, with up to this many steps.
With more steps the minimum is smaller in proportion.
With one and two steps at 2048×2048, the strokes of preset fast were grainy."""

MATCHED_SIDE_PIXELS = 32
"""Minimum shorter side of the coarsest image with style loss neighbors.
This style loss uses no layer deeper than block 4."""

MIN_SIDE_PIXELS = 64
"""Minimum shorter side of the coarsest image.
It holds a few features of the deepest layer."""


FIXED_PIXELS = 4600
"""Number of pixels that take as long as the constant part of an evaluation.
The constant part is the same at every size."""

PREPARATION, MATCHED_PREPARATION = 2, 3
"""Numbers of evaluations that take as long as the preparation of a scale.
The preparation computes the targets and, with style loss neighbors, searches for the matches."""

FINISHING_FACTOR = 1.125
"""Time of a step while finishing, relative to an earlier step.
It contains the step's share of a search."""


@dataclass(frozen=True, slots=True)
class Scale:
    """One size of the pyramid."""

    size: tuple[int, int]
    steps: int
    is_coarsest: bool = False
    is_finest: bool = False
    is_finishing: bool = False
    """Whether the finest size is painted once more, in detail."""
    preparation: int = 0
    """Number of evaluations that take as long as the preparation of this scale."""

    @property
    def pixels(self) -> int:
        return math.prod(self.size)

    @property
    def evaluation_work(self) -> float:
        """Work of one evaluation, in pixels."""
        return (self.pixels + FIXED_PIXELS) * (FINISHING_FACTOR if self.is_finishing else 1.0)

    @property
    def work(self) -> float:
        """Work of the preparation and of all steps, in pixels × evaluations."""
        return (self.preparation + self.steps) * self.evaluation_work

    def search(self, step: int) -> int:
        """Return the number of the search that a step uses, from 1; 0 before finishing.

        `step`: number of the step in this scale, from 1.
        """
        return 1 + (step - 1) // SEARCH_STEPS if self.is_finishing else 0


def scales(
    size: tuple[int, int], options: StyleTransferOptions, *, is_held: bool = False
) -> list[Scale]:
    """Return the scales from coarse to fine; the last one has this size.

    Each is half as long as the next. Scales in which a network sees nothing, or for which no step
    is left, are omitted. With style loss neighbors there is one scale more for each doubling beyond
    LARGE_SIDE_PIXELS, so that large images have the same large forms as small ones.

    `is_held`: whether a frame continues another. It then has the finest scale alone, because a
    coarser one would forget the image that the frame starts from; with style loss neighbors it is
    finished, as the last scale of the frame before.
    """
    is_matched = options.is_matched
    if is_held:
        steps = options.total_iterations
        return [Scale(size, steps, is_finest=True, is_finishing=is_matched)]
    smallest = MATCHED_SIDE_PIXELS if is_matched else MIN_SIDE_PIXELS
    count = options.scales + _added_scales(size, options)
    halves = [image_sizes.fit(size, math.ceil(max(size) / 2**n)) for n in range(1, count)]
    sizes = [size, *(half for half in halves if min(half) >= smallest)][::-1]
    stages = [(each, False) for each in sizes]
    shares: list[int | Fraction] = [1] * len(sizes)
    if is_matched:
        stages.append((size, True))
        whole = [COARSER_SHARE] * (len(sizes) - 1) + [FINEST_SHARE, FINISHING_SHARE]
        factors = [_large_factor(each, options.total_iterations) for each, _ in stages]
        shares = [share * factor for share, factor in zip(whole, factors, strict=True)]
    preparation = MATCHED_PREPARATION if is_matched else PREPARATION
    found = [
        Scale(each, steps, is_finishing=finishing, preparation=preparation)
        for (each, finishing), steps in zip(stages, _steps(options, shares), strict=True)
        if steps
    ]
    found[0] = replace(found[0], is_coarsest=True)
    return [replace(each, is_finest=each.size == size) for each in found]


def _added_scales(size: tuple[int, int], options: StyleTransferOptions) -> int:
    """Return the number of scales that a large image has more than a small one.

    A single scale remains a single one: it continues an image whose forms are painted.
    """
    if not options.is_matched or options.scales == 1:
        return 0
    return max(0, round(math.log2(max(size) / LARGE_SIDE_PIXELS)))


def _large_factor(size: tuple[int, int], all_steps: int) -> Fraction:
    """Return the factor of the share of steps for this size; 1 up to LARGE_SIDE_PIXELS."""
    least = LEAST_FACTOR * min(Fraction(1), Fraction(FEW_STEPS, all_steps))
    return max(least, min(Fraction(1), Fraction(LARGE_SIDE_PIXELS, max(size))))


def _steps(options: StyleTransferOptions, shares: Sequence[int | Fraction]) -> list[int]:
    """Return the steps of each stage: all steps, divided by these shares."""
    sums = [sum(shares[:n]) for n in range(len(shares) + 1)]
    ends = [options.total_iterations * each // sums[-1] for each in sums]
    return [end - start for start, end in pairwise(ends)]


def work(size: tuple[int, int], options: StyleTransferOptions) -> float:
    """Return the work of a transfer, in pixels × evaluations; 0 for a draft.

    `size`: width and height of the result.
    """
    return 0.0 if options.is_draft else sum(scale.work for scale in scales(size, options))


class Clock:
    """Clock of a transfer: the share of the work that is done, and the time left."""

    def __init__(self, scales: Sequence[Scale]) -> None:
        """Start the clock; call this when the first scale is prepared."""
        self.scales = scales
        self.steps = 0
        self._started = time.perf_counter()
        self._scale = scales[0]
        """Scale that was prepared last."""
        self._skipped = self._done = 0.0
        self._first: tuple[float, float] | None = None
        """Seconds and work after the first step, which also includes the warm-up."""
        self._left = {scale: scale.work for scale in scales}
        self._skip(self._scale, self._scale.preparation)

    def go_on(self, scale: Scale, scale_steps: int, steps: int) -> None:
        """Continue after this many steps of this scale and of all scales.

        Only the time from now on counts.
        """
        self.steps = steps
        for coarser in list(takewhile(lambda other: other != scale, self._left)):
            self._skipped += self._left[coarser]
            self.leave(coarser)
        preparation = 0 if scale is self._scale else scale.preparation
        self._skip(scale, preparation + scale_steps)
        self._scale = scale

    def tick(self, scale: Scale) -> None:
        """Count a step; call this after every step."""
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
        """Forget the steps that this scale has left, because they will not be taken."""
        del self._left[scale]

    def share(self) -> float:
        """Return the share of all work that is done, 0…1."""
        done = self._skipped + self._done
        return min(1.0, done / (done + self._work_left()))

    def elapsed_seconds(self) -> float:
        return time.perf_counter() - self._started

    def remaining_seconds(self) -> float | None:
        """Return the seconds left, at the speed since the first step.

        Return None if there is no step after the first yet.
        """
        if self._first is None or self._first[1] == self._done:
            return None
        seconds, work = self._first
        seconds_per_work = (self.elapsed_seconds() - seconds) / (self._done - work)
        return seconds_per_work * self._work_left()

    def _work_left(self) -> float:
        return max(0.0, sum(self._left.values()))
