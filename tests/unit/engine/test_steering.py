"""Weights that change while a transfer runs."""

from pathlib import Path
from typing import Any

import pytest
import torch

from nst import Change, Inputs, Progress, StopReason, StyleTransferOptions
from nst.controls import Controls
from nst.engine.optimizer.lbfgs import FIRST_STEP
from nst.engine.snapshot import StepSnapshot
from nst.engine.steering import loss_weights
from nst.engine.style_transfer import IterativeTransfer
from support.pictures import picture
from unit.engine.synthetic import NarrowStore, iterate, narrow_transfer

CONTENT, STYLE = picture(130, 128), picture(80, 70).rotate(180)


def transfer(**options: Any) -> IterativeTransfer:
    defaults: dict[str, Any] = {
        "model": "vgg16",
        "size": 32,
        "total_iterations": 8,
        "convergence_tolerance": 0,
    }
    return narrow_transfer(StyleTransferOptions(**defaults | options))


@pytest.fixture(scope="module")
def method() -> IterativeTransfer:
    return transfer()


def steered(method: IterativeTransfer, at: int, **values: float) -> list[Progress]:
    """Run a transfer whose values change after a step; return its progress."""
    controls, seen = Controls(method.options), []
    for progress in method.steps(Inputs(CONTENT, STYLE), controls=controls):
        seen.append(progress)
        if progress.step == at:
            controls.set(**values)
    return seen


def test_each_term_scales_with_its_weight(method: IterativeTransfer) -> None:
    """A transfer with these weights from the start has the same loss at this image."""
    values = {"content_weight": 2e5, "style_weight": 6e4, "tv_weight": 4.0}
    task = method._prepare(Inputs(CONTENT, STYLE)).task
    x = task.start.flatten() + 10
    before = task.evaluate(x).losses
    task.steer(method.options.model_copy(update=values), task.optimizer())
    after = task.evaluate(x).losses
    assert after.content == pytest.approx(2 * before.content, rel=1e-6)
    assert after.style == pytest.approx(2 * before.style, rel=1e-6)
    assert after.total_variation == pytest.approx(4 * before.total_variation, rel=1e-6)
    fresh = narrow_transfer(method.options.model_copy(update=values))
    assert fresh._prepare(Inputs(CONTENT, STYLE)).task.evaluate(x).losses == after


def test_new_weights_count_from_the_next_step_on_and_are_told(method: IterativeTransfer) -> None:
    plain = list(method.steps(Inputs(CONTENT, STYLE)))
    seen = steered(method, 3, style_weight=0.0)
    assert [p.in_force["style_weight"] for p in seen] == [3e4] * 3 + [0.0] * 5
    assert [p.losses for p in seen[:3]] == [p.losses for p in plain[:3]]
    assert plain[3].losses.style > 0
    assert all(p.losses.style == 0 for p in seen[3:])


def test_the_memory_is_restarted(method: IterativeTransfer) -> None:
    """The first step without memory goes straight downhill; with memory it would not.
    Its length is FIRST_STEP grey levels, or a power of the line search's expansion of it."""
    seen = steered(method, 4, style_weight=3e5)
    task = method._prepare(Inputs(CONTENT, STYLE)).task
    task.options = method.options.model_copy(update={"style_weight": 3e5})
    downhill = -task.evaluate(iterate(seen[3]).flatten()).gradient
    step = (iterate(seen[4]) - iterate(seen[3])).flatten()
    assert torch.cosine_similarity(step, downhill, dim=0) > 0.9999
    assert step.square().mean().sqrt() <= 4 * FIRST_STEP
    later = (iterate(seen[3]) - iterate(seen[2])).flatten()
    task.options = method.options
    downhill = -task.evaluate(iterate(seen[2]).flatten()).gradient
    assert torch.cosine_similarity(later, downhill, dim=0) < 0.999


def test_the_same_values_change_nothing(method: IterativeTransfer) -> None:
    plain = list(method.steps(Inputs(CONTENT, STYLE)))
    seen = steered(method, 3, style_weight=3e4, tv_weight=1)
    assert [(p.losses, p.evaluations) for p in seen] == [(p.losses, p.evaluations) for p in plain]
    assert torch.equal(iterate(seen[-1]), iterate(plain[-1]))


def test_new_weights_reach_the_scales_and_the_precision_to_come() -> None:
    options: Any = {"model": "vgg16", "total_iterations": 6, "convergence_tolerance": 0}
    options = StyleTransferOptions(**options, size=130, scales=2)
    seen = steered(narrow_transfer(options), 1, style_weight=0)
    assert len({p.size for p in seen}) == 2
    assert all(p.losses.style == 0 for p in seen[1:])
    options = StyleTransferOptions(
        model="vgg16",
        size=32,
        total_iterations=40,
        convergence_window=2,
        convergence_tolerance=0.9,
    )
    handing_over = IterativeTransfer(options, device="cpu", weights=NarrowStore())
    handing_over.dtype = torch.bfloat16  # also where auto would not choose it
    seen = steered(handing_over, 1, style_weight=0)
    snapshot = seen[-1].snapshot
    assert isinstance(snapshot, StepSnapshot)
    assert snapshot.task.dtype == torch.float32
    assert all(p.losses.style == 0 for p in seen[1:])


def test_strength_weighs_the_content_from_the_next_step_on(method: IterativeTransfer) -> None:
    seen = steered(method, 3, strength=0.75)
    plain = list(method.steps(Inputs(CONTENT, STYLE)))
    assert [p.in_force["strength"] for p in seen] == [0.5] * 3 + [0.75] * 5
    assert [p.losses for p in seen[:3]] == [p.losses for p in plain[:3]]
    task = method._prepare(Inputs(CONTENT, STYLE)).task
    task.options = method.options.model_copy(update={"strength": 0.75})
    losses = task.evaluate(iterate(seen[-1]).flatten()).losses
    assert losses.content == pytest.approx(seen[-1].losses.content, rel=1e-5)
    assert losses.content < 0.1 * plain[-1].losses.content


def test_the_flourish_fades_towards_strength_0_down_to_what_holds_the_contrast() -> None:
    options = StyleTransferOptions.from_preset("quality", flourish=0.5, style_weight=100)
    strengths = (0.0, 0.25, 0.5, 1.0)
    weights = [loss_weights(options.model_copy(update={"strength": each})) for each in strengths]
    assert [each.flourish for each in weights] == [10, 50, 100, 100]


def test_the_amount_of_colour_is_that_of_the_pictures_only() -> None:
    """The optimizer keeps its memory, and images of earlier steps stay unchanged."""
    options = StyleTransferOptions(
        model="vgg16", size=32, total_iterations=4, convergence_tolerance=0, color="luminance"
    )
    method = narrow_transfer(options)
    plain, seen = list(method.steps(Inputs(CONTENT, STYLE))), steered(method, 2, color_amount=0.25)
    assert [p.in_force["color_amount"] for p in seen] == [1.0] * 2 + [0.25] * 2
    assert [p.losses for p in seen] == [p.losses for p in plain]
    same = [
        a.snapshot.picture().tobytes() == b.snapshot.picture().tobytes()
        for a, b in zip(seen, plain, strict=True)
    ]
    assert same == [True, True, False, False]


def test_an_average_begins_anew(method: IterativeTransfer) -> None:
    options = method.options.model_copy(update={"average": 0.9})
    averaging = narrow_transfer(options)
    plain, seen = steered(method, 3, style_weight=0.0), steered(averaging, 3, style_weight=0.0)
    assert [p.losses for p in seen] == [p.losses for p in plain]
    same = [torch.equal(iterate(a), iterate(b)) for a, b in zip(seen, plain, strict=True)]
    assert same == [True, False, False, True, False, False, False, False]


def test_a_checkpoint_remembers_what_was_steered(method: IterativeTransfer, tmp_path: Path) -> None:
    controls, whole = Controls(method.options), []
    for progress in method.steps(Inputs(CONTENT, STYLE), controls=controls):
        whole.append(progress)
        if progress.step == 2:
            controls.set(tv_weight=100, strength=0.6, color_amount=0.5)
        if progress.step == 5:
            progress.snapshot.save_checkpoint(tmp_path / "c")
    left = list(method.steps(Inputs(CONTENT, STYLE), resume_from=tmp_path / "c"))
    assert [p.losses for p in left] == [p.losses for p in whole[5:]]
    assert all(p.in_force["tv_weight"] == 100 for p in left)
    assert all((p.in_force["strength"], p.in_force["color_amount"]) == (0.6, 0.5) for p in left)
    assert torch.equal(iterate(left[-1]), iterate(whole[-1]))


# ── recording and repeating ───────────────────────────────────────────────────────────────────


def test_what_was_steered_is_recorded_and_repeated_bit_for_bit() -> None:
    """Both scales have a change, and one change sets a value that is already set."""
    options = StyleTransferOptions(
        model="vgg16",
        size=130,
        scales=2,
        total_iterations=6,
        convergence_tolerance=0,
        color="luminance",
    )
    method = narrow_transfer(options)
    controls = Controls(options)
    plans = {1: {"strength": 0.8}, 2: {"strength": 0.8}, 4: {"color_amount": 0.5, "tv_weight": 9}}

    def steer(progress: Progress) -> None:
        controls.set(**plans.get(progress.step, {}))

    first = method.run(Inputs(CONTENT, STYLE), steer, controls=controls)
    assert first.changes == (
        Change(2, {"strength": 0.8}),
        Change(5, {"tv_weight": 9.0, "color_amount": 0.5}),
    )
    again = method.run(Inputs(CONTENT, STYLE), controls=Controls(options, first.changes))
    assert again.image.tobytes() == first.image.tobytes()
    assert again.changes == first.changes
    plain = method.run(Inputs(CONTENT, STYLE))
    assert plain.image.tobytes() != first.image.tobytes()
    assert (plain.changes, plain.stopped_after) == ((), None)


def test_a_stopped_transfer_says_where_and_stops_there_again(method: IterativeTransfer) -> None:
    inputs = Inputs(CONTENT, STYLE)
    stopped = method.run(inputs, lambda progress: progress.step < 3)
    assert (stopped.steps, stopped.stopped_after) == (3, 3)
    again = method.run(inputs, controls=Controls(method.options, stop_after=stopped.stopped_after))
    assert again.image.tobytes() == stopped.image.tobytes()
    assert (again.stop_reason, again.stopped_after) == (StopReason.CANCELED, 3)


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("stop_after", [5, 3])
def test_a_transfer_that_resumes_at_its_planned_end_takes_no_step(
    tmp_path: Path, average: float, stop_after: int
) -> None:
    method = transfer(average=average)
    inputs, controls = Inputs(CONTENT, STYLE), Controls(method.options, stop_after=stop_after)
    for progress in method.steps(inputs):
        if progress.step == 5:
            progress.snapshot.save_checkpoint(tmp_path / "c")
            break
    steps: list[int] = []
    result = method.run(
        inputs,
        lambda progress: steps.append(progress.step),
        resume_from=tmp_path / "c",
        controls=controls,
    )
    assert result.image.tobytes() == progress.snapshot.picture().tobytes()
    assert result.losses == progress.snapshot.losses()
    assert (result.stop_reason, result.stopped_after) == (StopReason.CANCELED, 5)
    assert (result.evaluations, result.history, steps) == (progress.evaluations, (), [5])


def test_a_transfer_resumes_at_its_planned_end_between_two_scales(tmp_path: Path) -> None:
    method = transfer(total_iterations=6, scales=2, size=130)
    inputs, coarse = Inputs(CONTENT, STYLE), list[Progress]()
    for progress in method.steps(inputs):
        if max(progress.size) == 130:
            break
        coarse.append(progress)
        progress.snapshot.save_checkpoint(tmp_path / "c")
    controls = Controls(method.options, stop_after=coarse[-1].step)
    result = method.run(inputs, resume_from=tmp_path / "c", controls=controls)
    assert result.stopped_after == coarse[-1].step
    assert result.image.tobytes() == coarse[-1].snapshot.picture().tobytes()


def test_a_checkpoint_keeps_the_record(method: IterativeTransfer, tmp_path: Path) -> None:
    controls = Controls(method.options, [Change(2, {"tv_weight": 100.0})])
    for progress in method.steps(Inputs(CONTENT, STYLE), controls=controls):
        if progress.step == 4:
            progress.snapshot.save_checkpoint(tmp_path / "c")
    changes = [Change(2, {"tv_weight": 100.0}), Change(6, {"strength": 0.6})]
    result = method.run(
        Inputs(CONTENT, STYLE),
        lambda progress: progress.step < 7,
        resume_from=tmp_path / "c",
        controls=Controls(method.options, changes),
    )
    assert list(result.changes) == changes
    assert (result.steps, result.stopped_after) == (3, 7)
