"""Measurements and summaries of the benchmark."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
import torch
from benchmarks.engine.arithmetic import convolution_flops, products
from benchmarks.engine.convergence import (
    lowest_so_far,
    milestones,
    precisions,
    targets,
    thinned,
)
from benchmarks.engine.scaling import exponent, repeats_at
from benchmarks.engine.schema import CurvePoint, SizeTime
from benchmarks.engine.subjects import CONTENT, STYLE, Subject, store_for
from benchmarks.engine.timing import interleave, ratios, spread
from benchmarks.naive import Point
from torch.utils.flop_counter import FlopCounterMode

from nst.engine.inputs import Inputs


def test_operations_are_those_that_torch_counts() -> None:
    subject = Subject("vgg16", 50, store_for("vgg16", None), torch.device("cpu"))
    encoder = subject.ours._prepare(Inputs(CONTENT, STYLE)).task.objective.encoder
    image = subject.naive.start
    with FlopCounterMode(display=False) as counter:
        encoder.backward(encoder(image), lambda *_: None)
    assert convolution_flops(encoder.path, *subject.size) == counter.get_total_flops()


def test_every_library_multiplies_the_same_matrices() -> None:
    found = products(64, torch.device("cpu"))
    by_mm, *others = [product.multiply() for product in found if product.dtype == "float32"]
    for product in others:
        torch.testing.assert_close(product.to_dense(), by_mm, rtol=1e-4, atol=1e-4)


def test_subjects_take_turns_and_only_rounds_after_the_warm_up_count() -> None:
    calls = ""

    def call(name: str) -> None:
        nonlocal calls
        calls += name

    seconds = interleave(
        {"a": lambda: call("a"), "b": lambda: call("b")},
        warm_up=1,
        repeats=2,
        device=torch.device("cpu"),
    )
    assert calls == "bbaa" + "aabb" + "bbaa"  # every turn begins with a call that is not counted
    assert {name: len(values) for name, values in seconds.items()} == {"a": 2, "b": 2}


def test_what_a_subject_needs_lasts_for_its_turns_only() -> None:
    events: list[str] = []

    @contextmanager
    def room() -> Iterator[None]:
        events.append("enter")
        yield
        events.append("leave")

    interleave(
        {"plain": lambda: events.append("plain"), "roomy": lambda: events.append("roomy")},
        warm_up=0,
        repeats=1,
        device=torch.device("cpu"),
        within={"roomy": room},
    )
    assert events == ["enter", "roomy", "roomy", "leave", "plain", "plain"]


def test_a_spread_has_median_and_interquartile_range() -> None:
    summary = spread([5, 1, 2, 4, 3])
    assert (summary.median, summary.iqr, summary.n) == (3, 2, 5)
    assert spread([7]).iqr == 0


def test_a_ratio_is_taken_round_by_round() -> None:
    assert ratios([2, 20], [1, 10]).values == (2, 2)


def curve(*losses: float) -> list[Point]:
    return [Point(number, 0.5 * number, loss) for number, loss in enumerate(losses, start=1)]


def test_a_curve_never_rises_and_ends_with_the_run() -> None:
    points = lowest_so_far(curve(9, 4, 6, 3, 1), evaluations=4)
    assert [point.loss for point in points] == [9, 4, 4, 3]


def test_milestones_compare_after_equal_evaluations() -> None:
    naive = lowest_so_far(curve(*range(30, 10, -1)), evaluations=20)
    ours = lowest_so_far(curve(*range(30, 0, -2)), evaluations=15)
    found = [(m.evaluations, m.naive_loss, m.our_loss) for m in milestones(naive, ours)]
    assert found == [(10, 21, 12), (15, 16, 2)]


def test_the_last_target_is_where_the_naive_loop_ended() -> None:
    naive = lowest_so_far(curve(100, 50, 20), evaluations=3)
    ours = lowest_so_far(curve(100, 20, 5), evaluations=3)
    first, last = targets(naive, ours, start_loss=100)
    assert (first.loss, last.loss) == (30, 20)
    assert first.evaluations_ratio == last.evaluations_ratio == 1.5


def test_a_loss_that_is_never_reached_has_no_ratio() -> None:
    naive = lowest_so_far(curve(100, 20), evaluations=2)
    ours = lowest_so_far(curve(100, 90), evaluations=2)
    assert all(target.ours is None for target in targets(naive, ours, start_loss=100))
    assert all(target.seconds_ratio is None for target in targets(naive, ours, start_loss=100))


def points(*seconds_and_losses: tuple[float, float]) -> list[CurvePoint]:
    return [
        CurvePoint(evaluations=number, seconds=seconds, loss=loss)
        for number, (seconds, loss) in enumerate(seconds_and_losses, start=1)
    ]


def test_precisions_are_compared_when_float32_has_just_got_somewhere() -> None:
    auto = points((1, 100), (2, 60), (3, 50), (4, 30))
    float32 = points((1.5, 90), (3.5, 40), (5.5, 20))
    found = precisions(auto, float32)
    # The ratio is 100 : 90 at 1.5 s and 50 : 40 at 3.5 s; at 5.5 s the automatic run has ended.
    assert (found.worst_at_equal_time, found.worst_seconds) == (1.25, 3.5)
    assert found.after_equal_evaluations == 50 / 20


def test_a_thinned_curve_keeps_its_ends_and_whole_short_curves() -> None:
    whole = points(*((second, 1000 - second) for second in range(1, 301)))
    thin = thinned(whole, 60)
    assert len(thin) == 60
    assert (thin[0], thin[-1]) == (whole[0], whole[-1])
    assert {b.evaluations - a.evaluations for a, b in pairwise(thin)} == {5, 6}
    assert thinned(whole[:7], 60) == tuple(whole[:7])


def test_the_exponent_is_that_of_a_power_of_the_pixels() -> None:
    sizes = [
        SizeTime(side_pixels=side, seconds=spread([3 * (side * side) ** 1.1]))
        for side in (128, 256, 1024)
    ]
    assert exponent(sizes) == pytest.approx(1.1)


def test_large_pictures_are_timed_less_often() -> None:
    assert [repeats_at(side, 7) for side in (128, 512, 724, 2048)] == [7, 7, 3, 2]
