"""Evaluations and seconds to a loss: the naive loop, ours, and ours in float32.

The loops take turns.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

from benchmarks.engine.loops import Loop, busy_cores, idle_cores
from benchmarks.engine.schema import (
    Arm,
    CurvePoint,
    Curves,
    Milestone,
    Precisions,
    Target,
    today,
)
from benchmarks.engine.subjects import Subject
from benchmarks.naive import Point

MILESTONES = (10, 20, 40, 60, 80, 100, 150, 200, 300, 500)
SHARES_OF_START = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
TURN_EVALUATIONS = 10
MOST_POINTS = 60
"""Maximum number of points of a curve in the results.
Milestones and targets are taken from all points."""
PATIENCE = 2
"""Maximum evaluations of our loop to reach the naive loop's loss.
The value is relative to the naive loop's evaluations."""


def measure_curves(subject: Subject, pair: int) -> Curves:
    """Run all loops for `subject.evaluations` evaluations.
    Our loop continues until it reaches the naive loop's lowest loss."""
    evaluations = subject.evaluations
    patient = replace(subject, evaluations=PATIENCE * evaluations)
    with ExitStack() as stack:
        naive = stack.enter_context(closing(Loop(subject, "naive")))
        ours = stack.enter_context(closing(Loop(patient, "ours")))
        in_float32 = stack.enter_context(closing(Loop(replace(subject, precision="fp32"), "ours")))
        take_turns([loop.advance_to for loop in (naive, ours, in_float32)], evaluations)
        while ours.lowest_loss > naive.lowest_loss and not ours.has_ended:
            if ours.evaluations >= patient.evaluations:
                break
            ours.advance_to(ours.evaluations + TURN_EVALUATIONS)
    return summary(subject, pair, naive, ours, in_float32)


def take_turns(loops: Sequence[Callable[[int], None]], evaluations: int) -> None:
    """Run each loop for a few evaluations per round.
    Every other round has the reverse order. A loop is called with the number of the evaluation that
    ends its turn."""
    ends = (*range(TURN_EVALUATIONS, evaluations, TURN_EVALUATIONS), evaluations)
    for number, end in enumerate(ends):
        for loop in loops[:: -1 if number % 2 else 1]:
            loop(end)


def summary(subject: Subject, pair: int, naive: Loop, ours: Loop, in_float32: Loop) -> Curves:
    width, height = subject.size
    start_loss = naive.points[0].loss
    naive_curve = lowest_so_far(naive.points, subject.evaluations)
    our_curve = lowest_so_far(ours.points, PATIENCE * subject.evaluations)
    float32_curve = lowest_so_far(in_float32.points, subject.evaluations)
    return Curves(
        measured_on=today(),
        model=subject.model,
        pair=pair,
        content=subject.content.stem,
        style=subject.style.stem,
        width_pixels=width,
        height_pixels=height,
        start_loss=start_loss,
        naive=arm("fp32", naive_curve, naive),
        ours=arm(subject.precision, our_curve, ours),
        ours_in_float32=arm("fp32", float32_curve, in_float32),
        milestones=tuple(milestones(naive_curve, our_curve)),
        targets=tuple(targets(naive_curve, our_curve, start_loss)),
        precisions=precisions(our_curve, float32_curve),
    )


def arm(precision: str, curve: Sequence[CurvePoint], loop: Loop) -> Arm:
    return Arm(
        precision=precision,
        curve=thinned(curve, MOST_POINTS),
        busy_cores=busy_cores(loop.turns),
        idle_cores=idle_cores(loop.turns),
    )


def lowest_so_far(points: Iterable[Point], evaluations: int) -> tuple[CurvePoint, ...]:
    """Return the curve of the lowest loss up to this evaluation.

    The naive loop also reports the trial points of its line searches; counting the lowest of all
    is in its favour.
    """
    curve: list[CurvePoint] = []
    for point in points:
        if point.evaluation > evaluations:
            break
        loss = min([point.loss, *(before.loss for before in curve[-1:])])
        curve.append(CurvePoint(evaluations=point.evaluation, seconds=point.seconds, loss=loss))
    return tuple(curve)


def milestones(naive: Sequence[CurvePoint], ours: Sequence[CurvePoint]) -> Iterator[Milestone]:
    end = min(naive[-1].evaluations, ours[-1].evaluations)
    for evaluations in (*(m for m in MILESTONES if m < end), end):
        naive_loss = _loss_after(naive, evaluations)
        our_loss = _loss_after(ours, evaluations)
        yield Milestone(
            evaluations=evaluations,
            naive_loss=naive_loss,
            our_loss=our_loss,
            ratio=naive_loss / our_loss,
        )


def targets(
    naive: Sequence[CurvePoint], ours: Sequence[CurvePoint], start_loss: float
) -> Iterator[Target]:
    final = naive[-1].loss
    given = [share * start_loss for share in SHARES_OF_START]
    for loss in (*(loss for loss in given if loss > final), final):
        a, b = _first_at(naive, loss), _first_at(ours, loss)
        yield Target(
            loss=loss,
            share_of_start=loss / start_loss,
            naive=a,
            ours=b,
            evaluations_ratio=a.evaluations / b.evaluations if a and b else None,
            seconds_ratio=a.seconds / b.seconds if a and b else None,
        )


def precisions(auto: Sequence[CurvePoint], float32: Sequence[CurvePoint]) -> Precisions:
    """Compare both precisions at each evaluation in float32 while both loops run."""
    times = [point for point in float32 if auto[0].seconds <= point.seconds <= auto[-1].seconds]
    at_equal_time = {point.seconds: _loss_at(auto, point.seconds) / point.loss for point in times}
    worst = max(at_equal_time, key=lambda seconds: at_equal_time[seconds])
    end = min(auto[-1].evaluations, float32[-1].evaluations)
    return Precisions(
        worst_at_equal_time=at_equal_time[worst],
        worst_seconds=worst,
        after_equal_evaluations=_loss_after(auto, end) / _loss_after(float32, end),
    )


def thinned(curve: Sequence[CurvePoint], count: int) -> tuple[CurvePoint, ...]:
    """Return at most `count` points, evenly spaced from the first to the last."""
    last = len(curve) - 1
    kept = {round(number * last / (count - 1)) for number in range(count)}
    return tuple(curve[index] for index in sorted(kept))


def _loss_at(curve: Sequence[CurvePoint], seconds: float) -> float:
    return [point.loss for point in curve if point.seconds <= seconds][-1]


def _loss_after(curve: Sequence[CurvePoint], evaluations: int) -> float:
    """Return the loss after this number of evaluations.
    If the first step took more evaluations, it is the initial loss."""
    reached = [point.loss for point in curve if point.evaluations <= evaluations]
    return [curve[0].loss, *reached][-1]


def _first_at(curve: Sequence[CurvePoint], loss: float) -> CurvePoint | None:
    return next((point for point in curve if point.loss <= loss), None)
