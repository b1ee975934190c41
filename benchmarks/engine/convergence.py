"""Evaluations and seconds to a loss: both loops from the same picture."""

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import cast

import torch

from benchmarks.engine.schema import Convergence, CurvePoint, Milestone, Target
from benchmarks.engine.subjects import CONTENT, STYLE, Subject
from benchmarks.engine.timing import BusyCores
from benchmarks.naive import Point
from nst.progress import Progress

MILESTONES = (10, 20, 40, 60, 80, 100, 150, 200, 300, 500)
SHARES_OF_START = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)


class OurLoop:
    """Our transfer, advanced on demand; its clock runs only then."""

    def __init__(self, subject: Subject) -> None:
        self.points: list[Point] = []
        self._steps = subject.ours.steps(CONTENT, STYLE)
        self._naive = subject.naive
        self._seconds = 0.0

    def advance_to(self, evaluations: int) -> None:
        """Take steps until there have been so many evaluations, or there is no further step."""
        while not self.points or self.points[-1].evaluation < evaluations:
            started = time.perf_counter()
            progress = next(self._steps, None)
            self._seconds += time.perf_counter() - started
            if progress is None:
                return
            self.points.append(Point(progress.evaluations, self._seconds, self._loss(progress)))

    def _loss(self, progress: Progress) -> float:
        """By the naive loop's formulas in float32, whatever precision ours computes in."""
        (image, *_) = cast("partial[object]", progress.render).args
        with torch.no_grad():
            return self._naive.loss(image).item()


def measure_convergence(subject: Subject) -> Convergence:
    """Evaluation by evaluation by turns, until both have had `subject.evaluations`."""
    evaluations = subject.evaluations
    busy_cores = BusyCores()
    ours = OurLoop(subject)
    naive = subject.naive.run(evaluations, lambda point: ours.advance_to(point.evaluation))
    ours.advance_to(evaluations)
    width, height = subject.size
    start_loss = naive[0].loss
    naive_curve = lowest_so_far(naive, evaluations)
    our_curve = lowest_so_far(ours.points, evaluations)
    return Convergence(
        model=subject.model,
        width_pixels=width,
        height_pixels=height,
        start_loss=start_loss,
        naive=naive_curve,
        ours=our_curve,
        milestones=tuple(milestones(naive_curve, our_curve)),
        targets=tuple(targets(naive_curve, our_curve, start_loss)),
        busy_cores=busy_cores(),
    )


def lowest_so_far(points: Iterable[Point], evaluations: int) -> tuple[CurvePoint, ...]:
    """The curve up to this evaluation.

    The naive loop also reports what its line searches merely tried; counting the lowest of all
    this is in its favour.
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
        if naive_loss and our_loss:
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


def _loss_after(curve: Sequence[CurvePoint], evaluations: int) -> float | None:
    reached = [point.loss for point in curve if point.evaluations <= evaluations]
    return reached[-1] if reached else None


def _first_at(curve: Sequence[CurvePoint], loss: float) -> CurvePoint | None:
    return next((point for point in curve if point.loss <= loss), None)
