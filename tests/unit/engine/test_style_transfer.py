"""The method, step by step, on small images."""

import logging
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from itertools import count, islice, pairwise, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.naive import CONTENT_LAYER as NAIVE_CONTENT_LAYER
from benchmarks.naive import STYLE_LAYERS as NAIVE_STYLE_LAYERS
from benchmarks.naive import NaiveTransfer
from PIL import Image

from nst import (
    Inputs,
    NeuralStyleTransfer,
    Progress,
    Result,
    StopReason,
    StyleTransferOptions,
    image_sizes,
    images,
)
from nst.engine import device, preparation, scale_task, style_transfer
from nst.engine.draft import paint_draft
from nst.engine.losses.layers import CONTENT_LAYER, STYLE_LAYERS
from nst.engine.memory.kept import memory_for
from nst.engine.memory.plan import MIN_HISTORY_SIZE, MIN_TILE_SIDE, predict
from nst.engine.network.encoder import Encoder
from nst.engine.network.weights import WeightsStore
from nst.engine.pictures.styles import style_size
from nst.engine.scale_task import in_float32
from nst.engine.snapshot import StepSnapshot
from nst.engine.steering import loss_weights
from nst.engine.style_transfer import IterativeTransfer
from nst.errors import (
    Diverged,
    InvalidImage,
    InvalidOption,
    OutOfMemory,
    TransferCanceled,
    WeightsUnavailable,
)
from nst.progress import MemoryPlan
from support.pictures import picture
from unit.engine.synthetic import NarrowStore, iterate, limit_of_tiles


def transfer(
    precision: str = "fp32", weights: WeightsStore | None = None, **options: Any
) -> IterativeTransfer:
    """Return a transfer with a narrow network, unless `weights` says otherwise."""
    defaults: dict[str, Any] = {"model": "vgg16", "size": 64, "total_iterations": 5}
    return IterativeTransfer(
        StyleTransferOptions(**defaults | options),
        device="cpu",
        precision=precision,
        weights=weights or NarrowStore(),
    )


BUNDLED = WeightsStore(offline=True)


def rgb(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def result() -> Result:
    return transfer(weights=BUNDLED).run(Inputs(picture(), picture(80, 40).rotate(180)))


def test_the_layers_are_those_of_the_classic_method() -> None:
    assert CONTENT_LAYER == NAIVE_CONTENT_LAYER
    assert STYLE_LAYERS == NAIVE_STYLE_LAYERS


def by_hand(picture: Image.Image) -> torch.Tensor:
    """Return the image as (1, 3, H, W), RGB 0…255 minus the mean colour."""
    mean = np.array([123.68, 116.779, 103.939], dtype=np.float32)
    pixels = np.asarray(picture, dtype=np.float32) - mean
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()


def naive_loop(
    method: IterativeTransfer, content: Path, style: Path, dtype: torch.dtype = torch.float32
) -> NaiveTransfer:
    """Return the same transfer as a naive loop, which shares no code with the engine."""
    photo, painting = images.load(content, "content"), images.load(style, "style")
    size = image_sizes.fit(photo.size, method.options.size)
    style_size = (round(painting.width * size[1] / painting.height), size[1])
    return NaiveTransfer(
        method.weights.model,
        {name: tensor.to(dtype) for name, tensor in method.weights.tensors.items()},
        by_hand(images.resize(photo, size)).to(dtype),
        by_hand(images.resize(painting, style_size)).to(dtype),
    )


@pytest.mark.parametrize("model", ["vgg16", "vgg19"])
def test_the_first_losses_are_the_formulas(
    model: str, content: Path, style: Path, request: pytest.FixtureRequest
) -> None:
    """Loss and gradient away from the start agree with the naive loop in float64."""
    directory = request.getfixturevalue("vgg19_directory") if model == "vgg19" else None
    method = IterativeTransfer(
        StyleTransferOptions.from_preset("classic", model=model, size=80),
        device="cpu",
        precision="fp32",
        weights=WeightsStore(directory=directory, offline=True),
    )
    task = method._prepare(Inputs(content, style)).task
    evaluation = task.evaluate(task.start.flatten() + 10)
    reference = naive_loop(method, content, style, torch.float64)
    image = (task.start.double() + 10).requires_grad_()
    assert evaluation.loss == pytest.approx(reference.evaluate(image), rel=1e-4)
    assert image.grad is not None
    error = (evaluation.gradient.double() - image.grad.flatten()).norm() / image.grad.norm()
    assert error < 1e-2  # rounding may switch a ReLU or a pooling


@cache
def sixty_evaluations_of_the_naive_loop(content: Path, style: Path) -> tuple[NaiveTransfer, float]:
    """Return the loop and its lowest loss."""
    theirs = naive_loop(transfer(weights=BUNDLED), content, style)
    assert theirs.start.shape[2:] == (43, 64)
    return theirs, min(point.loss for point in theirs.run(60)[:60])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_sixty_evaluations_get_as_low_as_torch_s_lbfgs(
    content: Path, style: Path, precision: str
) -> None:
    theirs, lowest = sixty_evaluations_of_the_naive_loop(content, style)
    method = transfer(precision, BUNDLED, total_iterations=60, convergence_tolerance=0)
    steps = takewhile(lambda p: p.evaluations <= 60, method.steps(Inputs(content, style)))
    *_, last = steps
    assert theirs.loss(iterate(last)).item() <= 1.02 * lowest


def test_bf16_hands_over_to_fp32_where_it_can_gain_no_more() -> None:
    """Painted like itself, an image soon has a zero or useless gradient in bfloat16."""
    options: Any = {"total_iterations": 60, "convergence_tolerance": 0.9, "convergence_window": 2}
    method = transfer("auto", **options)
    method.dtype = torch.bfloat16  # also where auto would not choose it
    prepared = method._prepare(Inputs(picture(), picture(40, 40)))
    seen = list(method._optimize(prepared))
    alone = transfer("bf16", **options).run(Inputs(picture(), picture(40, 40)))
    assert seen[-1].stop_reason is StopReason.CONVERGED
    assert seen[-1].step > alone.steps
    evaluations = [p.evaluations for p in seen]
    assert evaluations == sorted(evaluations)
    # The losses after the handover are those of float32.
    task = prepared.task
    objective = task.objective_in(task.scene, method.options, torch.float32, task.plan, 0)
    reached = iterate(seen[-1]).flatten()
    assert seen[-1].losses.total == pytest.approx(
        objective(reached, loss_weights(method.options)).loss, rel=1e-4
    )


def test_bf16_stays_where_there_is_no_memory_for_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan before the start does not contain fp32, so a scale must not be refused for it."""
    monkeypatch.setattr(style_transfer, "used_bytes", lambda _: 10**9)
    inputs, size = Inputs(picture(), picture(40, 40)), (192, 144)
    options: Any = {"convergence_tolerance": 0.9, "convergence_window": 2}
    method = transfer("auto", size=192, scales=2, total_iterations=12, **options)
    method.dtype = torch.bfloat16  # also where auto would not choose it
    demand = method._preparation(inputs)._demand(size, torch.bfloat16)
    smallest, too_large = (
        predict(each, MIN_TILE_SIDE, MIN_HISTORY_SIZE) for each in (demand, in_float32(demand))
    )
    method.max_memory_bytes = (smallest.peak_bytes + too_large.peak_bytes) // 2
    *_, last = method.steps(inputs)
    assert last.stop_reason is StopReason.CONVERGED
    assert isinstance(last.snapshot, StepSnapshot)
    assert last.snapshot.task.dtype == torch.bfloat16


def test_the_precision_that_was_used_is_told() -> None:
    for precision in ("fp32", "bf16", "fp16"):
        assert (
            transfer(precision, total_iterations=1).run(Inputs(picture(), picture())).precision
            == precision
        )
    with pytest.raises(InvalidOption, match="precision: 'fp8'"):
        transfer("fp8")


@pytest.mark.parametrize(("is_fast", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_precision_auto_depends_on_the_device(
    monkeypatch: pytest.MonkeyPatch, is_fast: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(device, "has_fast_bfloat16", lambda _: is_fast)
    assert transfer("auto").dtype == expected


def test_adam_lowers_the_loss_as_torch_s_does(content: Path, style: Path) -> None:
    method = transfer(optimizer="adam", learning_rate=5, total_iterations=20)
    history = method.run(Inputs(content, style)).history
    reference = naive_loop(method, content, style)
    image = reference.start.clone().requires_grad_()
    adam = torch.optim.Adam([image], lr=5)
    for losses in history:
        reference.evaluate(image)
        adam.step()
        assert losses.total == pytest.approx(reference.loss(image).item(), rel=5e-2)
    assert history[-1].total < 0.6 * history[0].total


def test_the_result_has_the_picture_the_losses_and_the_story(result: Result) -> None:
    assert result.image.size == (64, 48)
    assert result.image.mode == "RGB"
    assert result.steps == len(result.history) == 5
    assert result.losses == result.history[-1]
    assert result.stop_reason is StopReason.TOTAL_ITERATIONS
    assert result.evaluations >= 6
    assert result.model == "vgg16"
    assert len(result.weights_sha256) == 64
    assert result.prepare_seconds > 0
    assert result.optimize_seconds > 0
    assert all(later.total < earlier.total for earlier, later in pairwise(result.history))
    assert result.losses.total == (
        result.losses.content + result.losses.style + result.losses.total_variation
    )


def test_the_same_seed_gives_the_same_picture_and_another_seed_another() -> None:
    def random_start(seed: int) -> np.ndarray:
        options: Any = {"init_method": "random", "seed": seed, "total_iterations": 3}
        return rgb(transfer(**options).run(Inputs(picture(), picture())).image)

    assert np.array_equal(random_start(1), random_start(1))
    assert not np.array_equal(random_start(1), random_start(2))


def test_the_four_starting_pictures() -> None:
    content, style = picture(64, 48), picture(48, 48).rotate(90)

    def start(init_method: str) -> torch.Tensor:
        return transfer(init_method=init_method)._prepare(Inputs(content, style)).task.start

    assert torch.equal(start("content"), by_hand(content))
    assert torch.equal(start("style"), by_hand(images.resize(style, (64, 48))))
    assert torch.equal(start("draft"), by_hand(paint_draft(content, style, (64, 48))))
    assert start("random").std().item() == pytest.approx(90, rel=0.02)
    assert start("random").mean().item() == pytest.approx(0, abs=2)


def test_any_picture_can_be_the_start(content: Path, style: Path) -> None:
    """The start is the given image, resized."""
    start = picture(100, 30)
    method = transfer(size=64)
    task = method._prepare(Inputs(content, style, initial=start)).task
    (width, height) = task.scale.size
    assert torch.equal(task.start, by_hand(images.resize(start, (width, height))).float())
    with_content = method.run(Inputs(content, style, initial=images.load(content, "content")))
    assert with_content.history == method.run(Inputs(content, style)).history


def test_steps_yields_after_every_step_and_its_pictures_stay(content: Path, style: Path) -> None:
    seen = list(transfer().steps(Inputs(content, style)))
    assert [p.step for p in seen] == [1, 2, 3, 4, 5]
    assert [p.stop_reason for p in seen] == [None] * 4 + [StopReason.TOTAL_ITERATIONS]
    assert seen[0].remaining_seconds is None  # the first step also warms up
    assert all(p.remaining_seconds and p.remaining_seconds > 0 for p in seen[1:-1])
    assert seen[-1].remaining_seconds == 0
    pictures = [rgb(p.snapshot.picture()) for p in seen]
    assert all(not np.array_equal(a, b) for a, b in pairwise(pictures))
    assert [p.elapsed_seconds for p in seen] == sorted(p.elapsed_seconds for p in seen)


def test_the_losses_told_are_those_of_the_picture_told(content: Path, style: Path) -> None:
    """A trial point of the line search would have another loss than the image shown."""
    method = transfer(weights=BUNDLED)
    prepared = method._prepare(Inputs(content, style))
    for progress in method._optimize(prepared):
        shown = by_hand(progress.snapshot.picture())
        rounding = 0.02
        again = prepared.task.evaluate(shown.flatten()).losses.total
        assert progress.losses.total == pytest.approx(again, rel=rounding)


def test_it_stops_when_the_loss_hardly_falls_any_more() -> None:
    options: Any = {"total_iterations": 500, "convergence_tolerance": 0.2, "convergence_window": 5}
    result = transfer(**options).run(Inputs(picture(), picture(40, 40)))
    assert result.stop_reason is StopReason.CONVERGED
    assert 5 < result.steps < 500
    before, last = result.history[-6].total, result.history[-1].total
    assert last > 0.8 * before


def test_without_a_tolerance_it_goes_on() -> None:
    options: Any = {"total_iterations": 30, "convergence_tolerance": 0, "convergence_window": 1}
    assert transfer(**options).run(Inputs(picture(), picture(40, 40))).steps == 30


def test_where_nothing_can_be_gained_it_stops_at_once() -> None:
    same = picture()
    result = transfer(tv_weight=0).run(Inputs(same, same))
    assert result.stop_reason is StopReason.CONVERGED
    assert np.array_equal(rgb(result.image), rgb(same))


def test_a_callback_can_cancel_and_gets_the_picture_so_far() -> None:
    def cancel_at_two(progress: Progress) -> None:
        if progress.step == 2:
            raise TransferCanceled

    result = transfer().run(Inputs(picture(), picture(40, 40)), cancel_at_two)
    assert result.stop_reason is StopReason.CANCELED
    assert result.steps == 2


def test_other_errors_of_a_callback_come_through() -> None:
    def fail(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        transfer().run(Inputs(picture(), picture()), fail)


def test_transparency_comes_back_on_the_result() -> None:
    content = picture(64, 48)
    content.putalpha(Image.linear_gradient("L").resize((64, 48)))
    result = transfer(total_iterations=1).run(Inputs(content, picture()))
    assert result.image.mode == "RGBA"
    assert np.array_equal(
        np.asarray(result.image.getchannel("A")), np.asarray(content.getchannel("A"))
    )


def test_paths_pictures_and_arrays_are_the_same_to_it(content: Path, style: Path) -> None:
    def paint(content: Any, style: Any) -> np.ndarray:
        return rgb(transfer(total_iterations=1).run(Inputs(content, style)).image)

    opened = images.load(content, "content"), images.load(style, "style")
    expected = paint(content, style)
    assert np.array_equal(paint(str(content), style.read_bytes()), expected)
    assert np.array_equal(paint(*opened), expected)
    assert np.array_equal(paint(*(np.asarray(image) for image in opened)), expected)


def test_the_style_picture_keeps_its_aspect_ratio_and_its_size_has_a_limit() -> None:
    assert style_size((300, 100), content_size=(64, 48)) == (144, 48)
    assert style_size((100, 300), content_size=(64, 48)) == (16, 48)
    width, height = style_size((20_000, 1_000), content_size=(640, 480))
    assert width / height == pytest.approx(20, rel=0.01)
    assert width * height <= 4.01 * 640 * 480


@pytest.mark.parametrize("size", [(2000, 20), (20, 2000)])
def test_a_result_too_thin_for_the_deepest_layer_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InvalidImage, match="too few") as caught:
        transfer().run(Inputs(picture(*size), picture()))
    assert caught.value.role == "content"


def test_weights_that_overflow_are_an_error_that_says_what_to_do(
    content: Path, style: Path
) -> None:
    painter = transfer()
    painter.options = painter.options.model_copy(update={"style_weight": 1e38})
    with pytest.raises(Diverged, match="smaller weights"):
        painter.run(Inputs(content, style))


def test_a_device_that_is_not_here_is_refused() -> None:
    missing = "mps" if torch.cuda.is_available() else "cuda"
    with pytest.raises(InvalidOption, match="device"):
        NeuralStyleTransfer(device=missing)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("std::bad_alloc"),
        MemoryError(),
    ],
)
def test_running_out_of_memory_names_the_size_and_a_smaller_one(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    method = transfer(size=96)
    monkeypatch.setattr("nst.engine.losses.objective.Objective.__call__", fail)
    with pytest.raises(OutOfMemory, match=r"96×72 pixels .* for example 64") as caught:
        method.run(Inputs(picture(), picture()))
    assert caught.value.size == (96, 72)


def test_other_runtime_errors_are_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr("nst.engine.losses.objective.Objective.__call__", fail)
    with pytest.raises(RuntimeError, match="something else"):
        transfer().run(Inputs(picture(), picture()))


def test_without_vgg19_it_goes_on_with_the_bundled_vgg16_and_says_so_in_one_line(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    store = WeightsStore(cache=tmp_path, offline=True)
    options = StyleTransferOptions(size=64, total_iterations=1)
    with caplog.at_level(logging.WARNING):
        result = IterativeTransfer(options, weights=store).run(Inputs(picture(), picture()))
    assert result.model == "vgg16"
    (record,) = caplog.records
    assert "using vgg16" in record.message
    assert "\n" not in record.message


def test_a_model_asked_for_by_name_is_not_replaced(tmp_path: Path) -> None:
    store = WeightsStore(cache=tmp_path, offline=True)
    options = StyleTransferOptions(model="vgg19")
    with pytest.raises(WeightsUnavailable, match="nst weights fetch vgg19"):
        IterativeTransfer(options, weights=store).run(Inputs(picture(), picture()))


def test_vgg19_paints(content: Path, style: Path, vgg19_directory: Path) -> None:
    store = WeightsStore(directory=vgg19_directory, offline=True)
    options = StyleTransferOptions(size=96, total_iterations=10)
    result = IterativeTransfer(options, weights=store).run(Inputs(content, style))
    assert result.model == "vgg19"
    assert result.losses.total < 0.6 * result.history[0].total


def test_the_engine_reads_no_environment() -> None:
    """It only asks torch for huge pages, in a variable that torch reads."""
    directory = Path(images.__file__).parent / "engine"
    for file in directory.rglob("*.py"):
        text = file.read_text().replace('os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")', "")
        assert not re.search("environ|getenv", text), file.name


def test_scales_are_painted_from_coarse_to_fine(content: Path, style: Path) -> None:
    method = transfer(size=256, scales=3, total_iterations=8, convergence_tolerance=0)
    seen = list(method.steps(Inputs(content, style)))
    sizes = [image_sizes.fit(images.load(content, "content").size, side) for side in (128, 256)]
    assert [p.size for p in seen] == [sizes[0]] * 4 + [sizes[1]] * 4  # 64 would be too small
    assert [p.step for p in seen] == list(range(1, 9))
    assert {p.total_iterations for p in seen} == {8}
    assert [p.stop_reason for p in seen] == [None] * 7 + [StopReason.TOTAL_ITERATIONS]
    evaluations = [p.evaluations for p in seen]
    assert evaluations == sorted(set(evaluations))
    assert {p.snapshot.picture().size for p in seen} == {sizes[1]}
    remaining = seen[3].remaining_seconds
    assert remaining is not None
    assert remaining > seen[3].elapsed_seconds - seen[0].elapsed_seconds  # the larger scale remains
    assert seen[-1].remaining_seconds == 0


def test_a_finer_scale_goes_on_from_the_coarser_one(content: Path, style: Path) -> None:
    method = transfer(size=192, scales=2, total_iterations=40, convergence_tolerance=0)
    coarse, fine = islice(method.steps(Inputs(content, style)), 19, 21)
    alone = transfer(size=192, total_iterations=1).run(Inputs(content, style))
    assert fine.losses.total < 0.7 * alone.losses.total
    difference = rgb(coarse.snapshot.picture()) - rgb(fine.snapshot.picture())
    assert np.abs(difference).mean() < 25


def test_a_scale_that_has_converged_leaves_its_steps_out() -> None:
    options: Any = {"total_iterations": 400, "convergence_tolerance": 0.4, "convergence_window": 5}
    first = next(transfer(size=128, scales=2, **options).steps(Inputs(picture(), picture(40, 40))))
    assert first.size == (128, 96)  # 48 pixels are too few for another scale
    seen = list(transfer(size=192, scales=2, **options).steps(Inputs(picture(), picture(40, 40))))
    coarse = [p for p in seen if p.size == (96, 72)]
    assert 5 < len(coarse) < 200
    assert seen[-1].size == (192, 144)
    assert seen[-1].stop_reason is StopReason.CONVERGED
    assert [p.step for p in seen] == list(range(1, len(seen) + 1))


def test_fewer_steps_than_scales() -> None:
    inputs = Inputs(picture(64, 64), picture())
    seen = list(transfer(size=256, scales=3, total_iterations=2).steps(inputs))
    assert seen[-1].size == (256, 256)
    assert seen[-1].step == 2


def test_the_other_network_judges_the_result(
    content: Path, style: Path, vgg19_directory: Path
) -> None:
    store = WeightsStore(directory=vgg19_directory, offline=True)
    for model, judge in (("vgg16", "vgg19"), ("vgg19", "vgg16")):
        options = StyleTransferOptions(size=96, total_iterations=3, model=model)  # type: ignore[arg-type]
        distances = IterativeTransfer(options, weights=store).run(Inputs(content, style)).distances
        assert distances is not None
        assert distances.judge == judge
        assert distances.style == max(distances.precision, distances.coverage)
        assert 0 < distances.style < distances.worst_tenth < 1
        assert 0 < distances.content < 1


def test_without_another_network_nothing_is_judged(tmp_path: Path) -> None:
    method = IterativeTransfer(
        StyleTransferOptions(size=64, total_iterations=1, model="vgg16"),
        weights=WeightsStore(cache=tmp_path, offline=True),
    )
    assert method.run(Inputs(picture(), picture())).distances is None


def let_memory_run_out(monkeypatch: pytest.MonkeyPatch, at_pixels: int, from_call: int = 0) -> None:
    """Let the encoder run out of memory at this many pixels, as on a small machine."""
    outputs, calls = Encoder._outputs, count()

    def outputs_or_fail(self: Encoder, image: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        if next(calls) >= from_call and image.shape[2] * image.shape[3] >= at_pixels:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return outputs(self, image)

    monkeypatch.setattr(Encoder, "_outputs", outputs_or_fail)


WIDE, SQUARE = picture(272, 64), picture(64, 64).rotate(180)


@cache
def undisturbed_result(optimizer: str) -> Result:
    return transfer(size=272, optimizer=optimizer, total_iterations=4).run(Inputs(WIDE, SQUARE))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("from_call", [0, 2, 5], ids=["targets", "start", "later"])
def test_where_memory_runs_out_it_goes_on_with_smaller_tiles(
    optimizer: str,
    from_call: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    method = transfer(size=272, optimizer=optimizer, total_iterations=4)
    undisturbed = undisturbed_result(optimizer)
    let_memory_run_out(monkeypatch, at_pixels=272 * 64, from_call=from_call)
    result = method.run(Inputs(WIDE, SQUARE))
    (record,) = caplog.records
    assert "memory ran out; continuing with tiles of about 136 pixels" in record.message
    assert undisturbed.memory_plan
    assert result.memory_plan
    assert (undisturbed.memory_plan.tiles, result.memory_plan.tiles) == (1, 2)
    assert result.memory_plan.history_size == (20 if optimizer == "lbfgs" else 0)
    assert [losses.total for losses in result.history] == pytest.approx(
        [losses.total for losses in undisturbed.history], rel=1e-2
    )
    assert np.abs(rgb(result.image) - rgb(undisturbed.image)).mean() < 0.5


def test_where_memory_runs_out_in_the_smallest_tiles_too_it_is_an_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    let_memory_run_out(monkeypatch, at_pixels=1)
    with pytest.raises(OutOfMemory, match=r"even in small tiles.*--max-memory"):
        transfer(size=600).run(Inputs(picture(600, 64), picture()))
    sides = [record.args[0] for record in caplog.records if isinstance(record.args, tuple)]
    assert sides == [300, 150, 128, 128]  # the last attempt only reduces the history


def test_a_limit_makes_tiles_and_the_plan_says_so_before() -> None:
    method = transfer(size=400, total_iterations=1)
    photo = picture(400, 200)
    whole = method.plan(Inputs(photo, picture()))
    method.max_memory_bytes = limit = limit_of_tiles(method, Inputs(photo, picture()), (400, 200))
    plan = method.plan(Inputs(photo, picture()))
    assert (whole.tiles, whole.size) == (1, (400, 200))
    assert plan.tiles > 1
    assert plan.peak_bytes <= limit


def test_each_scale_keeps_or_returns_memory_as_its_own_plan_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    followed: list[MemoryPlan] = []

    def follow(plan: MemoryPlan) -> AbstractContextManager[None]:
        followed.append(plan)
        return memory_for(plan)

    for module in (preparation, style_transfer):
        monkeypatch.setattr(module, "memory_for", follow)
    transfer(size=192, scales=2, total_iterations=2).run(Inputs(picture(), picture()))
    assert [plan.size for plan in followed] == 2 * [(96, 72)] + 2 * [(192, 144)]


def test_a_new_plan_of_a_scale_decides_whether_memory_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    switched: list[MemoryPlan] = []
    monkeypatch.setattr(scale_task, "switch_to", switched.append)
    options: Any = {"convergence_tolerance": 0.9, "convergence_window": 2}
    handing_over = transfer("auto", total_iterations=20, **options)
    handing_over.dtype = torch.bfloat16  # also where auto would not choose it
    *_, last = handing_over.steps(Inputs(picture(), picture(40, 40)))
    assert switched == [last.memory_plan]
    let_memory_run_out(monkeypatch, at_pixels=272 * 64)
    retried = transfer(size=272, total_iterations=1).run(Inputs(WIDE, SQUARE))
    assert switched[1:] == [retried.memory_plan]


def test_a_limit_below_the_smallest_plan_is_refused() -> None:
    method = IterativeTransfer(transfer().options, device="cpu", max_memory_bytes=10**8)
    with pytest.raises(
        InvalidOption, match=r"max_memory_bytes: '0.1 GB'.*at least \d\.\d GB"
    ) as caught:
        method.run(Inputs(picture(), picture()))
    assert caught.value.field == "max_memory_bytes"


def test_more_than_is_free_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nst.engine.memory.budget.available_bytes", lambda _: 10**6)
    with pytest.raises(OutOfMemory):
        transfer().run(Inputs(picture(), picture()))


def test_the_result_is_the_average_of_the_steps_and_its_losses_are_its_own() -> None:
    content, style = picture(), picture(80, 40).rotate(180)
    plain = list(transfer(total_iterations=6).steps(Inputs(content, style)))
    method = transfer(total_iterations=6, average=0.8)
    seen = list(method.steps(Inputs(content, style)))
    assert [p.losses for p in seen] == [p.losses for p in plain]
    iterates = [iterate(p) for p in plain]
    weights = [0.8 ** (5 - n) for n in range(6)]
    weighted = [w * x for w, x in zip(weights, iterates, strict=True)]
    average = torch.stack(weighted).sum(0) / sum(weights)
    found = iterate(seen[-1])
    torch.testing.assert_close(found, average)
    task = method._prepare(Inputs(content, style)).task
    exact = task.evaluate(average.flatten()).losses
    result = method.run(Inputs(content, style))
    assert result.losses.total == pytest.approx(exact.total, rel=1e-5)
    assert result.losses != result.history[-1]
    shown = by_hand(result.image)
    assert result.losses.total == pytest.approx(task.evaluate(shown.flatten()).loss, rel=0.02)


def test_only_the_last_scale_is_averaged() -> None:
    content, style = picture(130, 128), picture(80, 70).rotate(180)
    options: Any = {"size": 130, "scales": 2, "total_iterations": 6, "convergence_tolerance": 0}
    plain, averaged = (
        [iterate(p) for p in method.steps(Inputs(content, style))]
        for method in (transfer(**options), transfer(**options, average=0.9))
    )
    same = [torch.equal(*pair) for pair in zip(plain, averaged, strict=True)]
    assert same == [True, True, True, True, False, False]


def test_a_canceled_average_has_its_own_losses() -> None:
    def cancel_at_three(progress: Progress) -> None:
        if progress.step == 3:
            raise TransferCanceled

    method = transfer(average=0.9)
    result = method.run(Inputs(picture(), picture(40, 40)), cancel_at_three)
    shown = method._prepare(Inputs(picture(), picture(40, 40))).task.evaluate(
        by_hand(result.image).flatten()
    )
    assert result.losses.total == pytest.approx(shown.loss, rel=0.02)
    assert result.losses != result.history[-1]


LEFT = Image.new("L", (64, 48))
LEFT.paste(255, (0, 0, 24, 48))


def test_a_list_of_one_style_is_that_style() -> None:
    one, listed = (
        transfer().run(Inputs(picture(), s)) for s in (picture(40, 40), [picture(40, 40)])
    )
    assert one.history == listed.history
    assert one.distances == listed.distances


def test_shares_of_styles_go_from_one_to_the_other() -> None:
    content, one, other = picture(), picture(40, 40).rotate(90), picture(50, 40).rotate(180)
    alone = transfer().run(Inputs(content, other))
    all_of_the_second = transfer(style_blend=(0, 1)).run(Inputs(content, [one, other]))
    assert np.array_equal(rgb(all_of_the_second.image), rgb(alone.image))
    half = transfer().run(Inputs(content, [one, other]))
    assert not np.array_equal(rgb(half.image), rgb(alone.image))


@pytest.mark.parametrize("style_loss", ["gram", "wasserstein"])
def test_where_no_mask_is_white_the_content_stays(style_loss: str) -> None:
    """The content stays with every initial image, 20 pixels away from the mask.
    A region this small is not eroded in full."""
    for init_method in ("content", "style", "random", "draft"):
        method = transfer(init_method=init_method, style_loss=style_loss, tv_weight=0)
        image = method.run(Inputs(picture(), picture(40, 40).rotate(90), masks=[LEFT])).image
        change = np.abs(rgb(image) - rgb(picture()))
        assert change[:, 44:].mean() < 1, init_method
        assert change[:, :16].mean() > 2, init_method


def test_a_draft_in_several_styles_and_regions() -> None:
    options = StyleTransferOptions.from_preset("draft", size=64)
    method = NeuralStyleTransfer(options)
    one, other = picture(40, 40).rotate(90), picture(50, 40).rotate(180)
    drafts = [rgb(method.run(Inputs(picture(), style)).image) for style in (one, other)]
    masked = rgb(method.run(Inputs(picture(), [one, other], masks=[LEFT])).image)
    mean = np.abs(masked - (drafts[0] + drafts[1]) / 2)
    assert mean[:, :22].max() <= 1
    assert np.array_equal(masked[:, 26:], drafts[1][:, 26:])
    alone = rgb(method.run(Inputs(picture(), one, masks=[LEFT])).image)
    assert np.array_equal(alone[:, 26:], rgb(picture())[:, 26:])


def test_masks_that_do_not_fit_are_refused() -> None:
    for run in (transfer().run, NeuralStyleTransfer(StyleTransferOptions.from_preset("draft")).run):
        with pytest.raises(InvalidImage, match=r"mask image: .*another shape"):
            run(Inputs(picture(), picture(), masks=[picture(48, 48)]))
        with pytest.raises(InvalidOption, match="masks"):
            run(Inputs(picture(), picture(), masks=[LEFT, LEFT]))


def test_strength_weighs_the_content_against_the_style(content: Path, style: Path) -> None:
    def away_from_the_content(strength: float) -> float:
        options = StyleTransferOptions(strength=strength)
        method = transfer(size=64, total_iterations=20, strength=strength)
        return method.run(Inputs(content, style)).losses.content / options.content_weight_in_force

    weak, less, plain = (away_from_the_content(strength) for strength in (0.0, 0.25, 0.5))
    assert weak < 0.5 * less < 0.5 * plain
    assert StyleTransferOptions().content_weight_in_force == 1e5
    assert StyleTransferOptions(strength=1.0).content_weight_in_force == pytest.approx(10)


def test_the_style_scale_is_that_of_the_style_picture() -> None:
    assert style_size((400, 200), (300, 200)) == (400, 200)
    assert style_size((400, 200), (300, 200), 0.5) == (200, 100)
    assert style_size((400, 200), (300, 200), 10) == (693, 346)  # four times the area of the result
    assert style_size((400, 200), (300, 200), 0.1) == (64, 32)  # not smaller than a network sees
    assert style_size((400, 200), (30, 20), 0.5) == (40, 20)  # not larger than without a scale
