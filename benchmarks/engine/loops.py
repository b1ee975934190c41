"""Loops that are compared, each in a process; only one of them runs at a time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from multiprocessing.connection import Connection
from typing import Self

import torch

from benchmarks.engine.child import Child
from benchmarks.engine.schema import Variant
from benchmarks.engine.subjects import Subject
from benchmarks.naive import Point
from nst.engine.inputs import Inputs
from nst.engine.snapshot import StepSnapshot
from nst.progress import Progress

OnPoint = Callable[[Point], None]


@dataclass(frozen=True, slots=True)
class Instant:
    seconds: float
    cpu_seconds: float
    """CPU time that all threads of the process have used so far."""

    @classmethod
    def now(cls) -> Self:
        return cls(time.perf_counter(), time.process_time())


@dataclass(frozen=True, slots=True)
class Turn:
    points: tuple[Point, ...]
    began: Instant
    ended: Instant
    is_last: bool


class Loop:
    """Loop in a separate process, which runs only while `advance_to` waits for it."""

    def __init__(self, subject: Subject, variant: Variant) -> None:
        """Start the process and wait until weights, images and targets are prepared."""
        self._child = Child(_serve, subject, variant)
        self.points: list[Point] = []
        self.turns: list[Turn] = []

    @property
    def has_ended(self) -> bool:
        return bool(self.turns) and self.turns[-1].is_last

    @property
    def evaluations(self) -> int:
        return self.points[-1].evaluation if self.points else 0

    @property
    def lowest_loss(self) -> float:
        return min(point.loss for point in self.points)

    def advance_to(self, evaluations: int) -> None:
        """Run the loop up to this number of evaluations, or to its end.

        Raises EOFError if the process has died; the process itself prints the reason.
        """
        if self.has_ended or self.evaluations >= evaluations:
            return
        turn: Turn = self._child.ask(evaluations)
        self.turns.append(turn)
        self.points += turn.points

    def close(self) -> None:
        self._child.close()


def busy_cores(turns: Sequence[Turn]) -> float:
    """Return CPU time / time during the turns."""
    return _cores([(turn.began, turn.ended) for turn in turns])


def idle_cores(turns: Sequence[Turn]) -> float:
    """Return CPU time / time between the turns."""
    return _cores([(turn.ended, following.began) for turn, following in pairwise(turns)])


def _cores(spans: Sequence[tuple[Instant, Instant]]) -> float:
    seconds = sum(end.seconds - start.seconds for start, end in spans)
    cpu_seconds = sum(end.cpu_seconds - start.cpu_seconds for start, end in spans)
    return cpu_seconds / seconds if seconds else 0.0


# ── In the loop's own process ─────────────────────────────────────────────────────────────────


def _serve(connection: Connection, subject: Subject, variant: Variant) -> None:
    loop = _prepared_naive(subject) if variant == "naive" else _prepared_ours(subject)
    connection.send("prepared")
    worker = _Worker(connection)
    loop(worker.report)
    worker.hand_over(is_last=True)


class _Worker:
    """Collector of points, which waits for the next turn at the goal of each turn."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._wait()

    def report(self, point: Point) -> None:
        self._points.append(point)
        if point.evaluation >= self._goal:
            self.hand_over(is_last=False)
            self._wait()

    def hand_over(self, *, is_last: bool) -> None:
        self._connection.send(Turn(tuple(self._points), self._began, Instant.now(), is_last))

    def _wait(self) -> None:
        self._goal: int = self._connection.recv()
        self._points: list[Point] = []
        self._began = Instant.now()


def _prepared_naive(subject: Subject) -> Callable[[OnPoint], object]:
    return partial(subject.naive.run, subject.evaluations)


def _prepared_ours(subject: Subject) -> Callable[[OnPoint], object]:
    """Return our transfer as a loop.
    Its clock, like that of the naive loop, is stopped while `on_point` runs."""
    steps = subject.ours.steps(Inputs(subject.picture, subject.style))

    def run(on_point: OnPoint) -> None:
        seconds = 0.0
        while True:
            started = time.perf_counter()
            progress = next(steps, None)
            seconds += time.perf_counter() - started
            if progress is None:
                return
            on_point(Point(progress.evaluations, seconds, _judged(progress, subject)))

    return run


def _judged(progress: Progress, subject: Subject) -> float:
    """Return the loss in float32 by the naive loop's formulas.
    Our own loss in float32 is equal to it."""
    if subject.precision == "fp32":
        return progress.losses.total
    assert isinstance(progress.snapshot, StepSnapshot)
    with torch.no_grad():
        return subject.naive.loss(progress.snapshot.image).item()
