"""Growth of the time of our evaluation with the number of pixels."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import linear_regression

from benchmarks.engine.schema import Scaling, SizeTime, today
from benchmarks.engine.subjects import Subject
from benchmarks.engine.timing import seconds_of_call, spread
from nst.engine.inputs import Inputs
from nst.engine.memory.kept import kept_memory

FULL_REPEATS_SIDE = 512
"""Longest side of an image that is repeated fully.
Repeats of larger images decrease as their area grows; larger images are also disturbed less."""
LEAST_REPEATS = 2


def measure_scaling(subjects: Iterable[Subject], *, repeats: int) -> Scaling:
    """Measure square images, smallest first, all with one model."""
    models, sizes = zip(*((s.model, measure_size(s, repeats)) for s in subjects), strict=True)
    return Scaling(
        measured_on=today(),
        model=models[0],
        sizes=sizes,
        exponent=exponent(sizes),
        segment_exponents=tuple(exponent(segment) for segment in pairwise(sizes)),
    )


def measure_size(subject: Subject, repeats: int) -> SizeTime:
    task = subject.ours._prepare(Inputs(subject.picture, subject.style)).task
    x = task.start.flatten()
    with kept_memory():
        task.evaluate(x)
        seconds = [
            seconds_of_call(lambda: task.evaluate(x), subject.device)
            for _ in range(repeats_at(subject.height_pixels, repeats))
        ]
    return SizeTime(side_pixels=subject.height_pixels, seconds=spread(seconds))


def repeats_at(side: int, repeats: int) -> int:
    affordable = repeats * FULL_REPEATS_SIDE**2 // side**2
    return max(LEAST_REPEATS, min(repeats, affordable))


def exponent(sizes: Sequence[SizeTime]) -> float:
    """Return p in seconds = c · pixels^p, by least squares of the logarithms."""
    pixels = [math.log(size.pixels) for size in sizes]
    seconds = [math.log(size.seconds.median) for size in sizes]
    return linear_regression(pixels, seconds).slope
