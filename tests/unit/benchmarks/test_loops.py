"""Loops that take turns, each in its own process."""

from contextlib import closing
from dataclasses import replace

import pytest
import torch
from benchmarks.engine.convergence import take_turns
from benchmarks.engine.loops import Instant, Loop, Turn, _judged, busy_cores, idle_cores
from benchmarks.engine.subjects import Subject, store_for

from nst.engine.inputs import Inputs


def test_a_loop_works_in_its_turns_only_and_ends_by_itself() -> None:
    subject = Subject("vgg16", 32, store_for("vgg16", None), torch.device("cpu"), evaluations=6)
    with closing(Loop(subject, "naive")) as loop:
        assert loop.evaluations == 0
        loop.advance_to(4)
        assert [point.evaluation for point in loop.points] == [1, 2, 3, 4]
        assert not loop.has_ended
        loop.advance_to(1000)
        assert loop.has_ended
        assert loop.evaluations >= 6
        seen = len(loop.turns)
        loop.advance_to(2000)
        assert len(loop.turns) == seen
    together = subject.naive.run(6)
    losses = [point.loss for point in together]
    assert [point.loss for point in loop.points] == pytest.approx(losses, rel=1e-3)


def test_both_loops_judge_the_same_picture_alike() -> None:
    """The float32 loss of nst agrees with the naive formulas at the same image."""
    subject = Subject("vgg16", 32, store_for("vgg16", None), torch.device("cpu"), 3, "fp32")
    progress = next(subject.ours.steps(Inputs(subject.picture, subject.style)))
    judged = _judged(progress, replace(subject, precision="auto"))
    assert progress.losses.total == pytest.approx(judged, rel=1e-5)


def test_turns_are_short_and_every_other_round_goes_backwards() -> None:
    asked: list[tuple[str, int]] = []
    loops = [lambda end, name=name: asked.append((name, end)) for name in "ab"]
    take_turns(loops, evaluations=25)
    assert asked == [("a", 10), ("b", 10), ("b", 20), ("a", 20), ("a", 25), ("b", 25)]


def test_cores_are_counted_in_turns_and_between_them() -> None:
    turns = [
        Turn((), began=Instant(0, 0), ended=Instant(2, 4), is_last=False),
        Turn((), began=Instant(12, 5), ended=Instant(13, 6), is_last=True),
    ]
    assert busy_cores(turns) == pytest.approx(5 / 3)
    assert idle_cores(turns) == pytest.approx(0.1)
    assert idle_cores(turns[:1]) == 0
