"""A transfer that continues from a checkpoint equals an uninterrupted one."""

import json
import weakref
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from nst import Controls, Inputs, Progress, StopReason, StyleTransferOptions
from nst.engine import beginning, inputs, scales
from nst.engine.network.weights import WeightsStore
from nst.engine.optimizer.lbfgs import HISTORY_SIZE
from nst.engine.pictures.styles import Masks, Styles
from nst.engine.style_transfer import IterativeTransfer
from nst.errors import InvalidCheckpoint, StorageError, StorageFull
from nst.progress import CHECKPOINT_NAME
from support.pictures import picture
from unit.engine.synthetic import NarrowStore, narrow_projections

BUNDLED = WeightsStore(offline=True)
KEY = "nst-checkpoint"
TWO_SCALES = 40
"""Side in pixels of an image with two scales, as small as `small_scales` allows."""
CONTENT, STYLE = picture(130, 128), picture(80, 70).rotate(180)
MASK = Image.linear_gradient("L").resize(CONTENT.size)
Story = list[tuple[Any, ...]]


@pytest.fixture(scope="module", autouse=True)
def small_scales() -> Iterator[None]:
    """Let small images have several scales; their quality does not matter here."""
    with pytest.MonkeyPatch.context() as patch, narrow_projections():
        for name in ("MIN_SIDE_PIXELS", "MATCHED_SIDE_PIXELS"):
            patch.setattr(scales, name, 16)
        yield


def transfer(
    precision: str = "fp32", weights: WeightsStore | None = None, **options: Any
) -> IterativeTransfer:
    """Return a transfer with a narrow network, unless `weights` says otherwise."""
    defaults: dict[str, Any] = {
        "model": "vgg16",
        "size": 32,
        "total_iterations": 12,
        "convergence_tolerance": 0,
    }
    return IterativeTransfer(
        StyleTransferOptions(**defaults | options),
        device="cpu",
        precision=precision,
        weights=weights or NarrowStore(),
    )


def told(progress: Progress) -> tuple[Any, ...]:
    """Return all of a step that does not depend on the clock: losses and every pixel."""
    return (
        progress.step,
        progress.size,
        progress.evaluations,
        progress.losses,
        progress.stop_reason,
        dict(progress.in_force),
        progress.snapshot.picture().tobytes(),
    )


def save(progress: Progress, path: Path) -> None:
    progress.snapshot.save_checkpoint(path)


def uninterrupted(method: IterativeTransfer, *styles: Image.Image, masks: Masks = ()) -> Story:
    chosen = list(styles) or STYLE
    return [told(progress) for progress in method.steps(Inputs(CONTENT, chosen, masks=masks))]


def interrupted(
    method: IterativeTransfer, at: int, path: Path, *styles: Image.Image, masks: Masks = ()
) -> Story:
    """Run up to a step, and from its checkpoint to the end."""
    chosen, before = list(styles) or STYLE, []
    for progress in islice(method.steps(Inputs(CONTENT, chosen, masks=masks)), at):
        before.append(told(progress))
    save(progress, path)
    rest = method.steps(Inputs(CONTENT, chosen, masks=masks), resume_from=path)
    return before + [told(p) for p in rest]


@cache
def six_steps(optimizer: str, scales: int) -> tuple[IterativeTransfer, Story]:
    size = TWO_SCALES if scales == 2 else 32
    method = transfer(optimizer=optimizer, scales=scales, size=size, total_iterations=6)
    return method, uninterrupted(method)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize(("scales", "at"), [(1, 3), (2, 2), (2, 3), (2, 5)])
def test_it_goes_on_bit_for_bit(optimizer: str, scales: int, at: int, tmp_path: Path) -> None:
    """The run is interrupted in every scale and between both scales."""
    method, whole = six_steps(optimizer, scales)
    assert len(whole) == 6
    assert len({size for _, size, *_ in whole}) == scales
    assert interrupted(method, at, tmp_path / "c") == whole


@cache
def two_scales(option: str, value: Any) -> tuple[IterativeTransfer, Story]:
    options: dict[str, Any] = {
        option: value,
        "scales": 2,
        "size": TWO_SCALES,
        "total_iterations": 6,
    }
    method = transfer(**options)
    return method, uninterrupted(method)


@pytest.mark.parametrize("at", [2, 3, 4, 5])
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("average", 0.9),
        ("style_loss", "wasserstein"),
        ("style_loss", "neighbors"),
        ("padding", "replicate"),
    ],
)
def test_every_way_of_painting_goes_on_bit_for_bit(
    option: str, value: Any, at: int, tmp_path: Path
) -> None:
    """The run is interrupted in the first of two scales, between them, in the second."""
    method, whole = two_scales(option, value)
    assert interrupted(method, at, tmp_path / "c") == whole
    with safe_open(tmp_path / "c", "pt") as file:
        assert ("average" in set(file.keys())) == (option == "average" and at > 3)


@pytest.mark.parametrize("at", [5, 6, 7, 12])
def test_finishing_goes_on_bit_for_bit_around_a_search(at: int, tmp_path: Path) -> None:
    """There are two steps before the finishing; the second search is before its fifth."""
    method = transfer(style_loss="neighbors", total_iterations=13)
    (painted, finishing) = scales.scales((32, 32), method.options)
    assert (painted.steps, finishing.search(4), finishing.search(5)) == (2, 1, 2)
    assert interrupted(method, at, tmp_path / "c") == uninterrupted(method)


@pytest.mark.parametrize("at", [8, 9])
def test_a_face_goes_on_bit_for_bit_after_the_strength_was_steered(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above half strength, what the search before step 7 saw of a face depends on the strength."""
    monkeypatch.setattr(inputs, "find_face_map", lambda _content: MASK)
    method = transfer(style_loss="neighbors", total_iterations=11)
    controls, whole = Controls(method.options), []
    for progress in method.steps(Inputs(CONTENT, STYLE), controls=controls):
        whole.append(told(progress))
        if progress.step == 7:
            controls.set(strength=0.7)
        if progress.step == at:
            save(progress, tmp_path / "c")
    rest = method.steps(Inputs(CONTENT, STYLE), resume_from=tmp_path / "c")
    assert [told(progress) for progress in rest] == whole[at:]


@pytest.mark.parametrize("style_loss", ["gram", "neighbors"])
@pytest.mark.parametrize("masks", [(), (MASK,)], ids=["blend", "mask"])
def test_several_styles_go_on_bit_for_bit(masks: Masks, style_loss: str, tmp_path: Path) -> None:
    method = transfer(total_iterations=6, style_blend=(0.3, 0.7), style_loss=style_loss)
    styles = (STYLE, CONTENT.rotate(90))
    whole = uninterrupted(method, *styles, masks=masks)
    assert interrupted(method, 3, tmp_path / "c", *styles, masks=masks) == whole


def test_the_checkpoint_of_a_version_without_an_option_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_as_before(progress: Progress, path: Path) -> None:
        write(progress, path)
        with safe_open(path, "pt") as file:
            facts = json.loads(file.metadata()[KEY])
        for written in (facts["origin"]["options"], facts["in_force"]):
            del written["flourish"]
        save_file(load_file(path), path, {KEY: json.dumps(facts)})

    write = save
    monkeypatch.setitem(globals(), "save", save_as_before)
    method = transfer(total_iterations=4)
    assert interrupted(method, 2, tmp_path / "c") == uninterrupted(method)


def test_a_hundred_steps_are_fifty_and_fifty(tmp_path: Path) -> None:
    method = transfer(total_iterations=100)
    whole = uninterrupted(method)
    assert len(whole) == 100
    assert interrupted(method, 50, tmp_path / "c") == whole


@pytest.mark.parametrize("style_loss", ["gram", "neighbors"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_bf16_goes_on_bit_for_bit(optimizer: str, style_loss: str, tmp_path: Path) -> None:
    method = transfer("bf16", total_iterations=6, optimizer=optimizer, style_loss=style_loss)
    assert interrupted(method, 4, tmp_path / "c") == uninterrupted(method)


def test_after_the_hand_over_it_goes_on_in_fp32(tmp_path: Path) -> None:
    method = transfer("auto", total_iterations=60, convergence_tolerance=0.9, convergence_window=2)
    method.dtype = torch.bfloat16  # also where auto would not choose it
    whole = uninterrupted(method)
    for at in (1, len(whole) - 1):
        assert interrupted(method, at, tmp_path / "c") == whole
    with safe_open(tmp_path / "c", "pt") as file:
        assert json.loads(file.metadata()[KEY])["precision"] == "fp32"


def test_the_window_of_convergence_is_remembered(tmp_path: Path) -> None:
    options: dict[str, Any] = {"convergence_tolerance": 0.3, "convergence_window": 9}
    method = transfer(weights=BUNDLED, total_iterations=100, **options)
    whole = uninterrupted(method)
    assert len(whole) < 20  # a forgotten window would take nine steps more
    assert interrupted(method, len(whole) - 2, tmp_path / "c") == whole


def test_bytes_directories_and_files_are_the_same_to_it(tmp_path: Path) -> None:
    *_, last = islice(transfer().steps(Inputs(CONTENT, STYLE)), 9)
    file = tmp_path / CHECKPOINT_NAME
    save(last, file)
    assert [f.name for f in tmp_path.iterdir()] == [CHECKPOINT_NAME]
    results = [
        transfer().run(Inputs(CONTENT, STYLE), resume_from=source)
        for source in (file, str(tmp_path), file.read_bytes())
    ]
    assert len({result.image.tobytes() for result in results}) == 1
    assert results[0].stop_reason is StopReason.TOTAL_ITERATIONS
    assert results[0].steps == 3


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / CHECKPOINT_NAME
    save(next(iter(transfer().steps(Inputs(CONTENT, STYLE)))), path)
    return path


def refusal(
    source: Any,
    method: IterativeTransfer | None = None,
    content: Image.Image = CONTENT,
    style: Styles = STYLE,
    masks: Masks = (),
    detail_map: Image.Image | None = None,
) -> str:
    inputs = Inputs(content, style, masks=masks, detail_map=detail_map)
    with pytest.raises(InvalidCheckpoint) as caught:
        (method or transfer()).run(inputs, resume_from=source)
    return str(caught.value)


@pytest.mark.parametrize("length", [0, 5, 1000, -1])
def test_a_file_cut_short_is_refused_and_stays(
    checkpoint: Path, tmp_path: Path, length: int
) -> None:
    cut = tmp_path / "cut"
    cut.write_bytes(checkpoint.read_bytes()[:length])
    before = cut.read_bytes()
    assert "cut short" in refusal(cut)
    assert "cut short" in refusal(before)
    assert cut.read_bytes() == before


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path)
    (tmp_path / "text").write_text("hello")
    assert "no checkpoint" in refusal(tmp_path / "text")
    save_file({"x": torch.zeros(3)}, tmp_path / "other")
    assert "no checkpoint" in refusal(tmp_path / "other")


def test_another_format_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    with safe_open(checkpoint, "pt") as file:
        values = json.loads(file.metadata()[KEY])
    newer = json.dumps(values | {"format": 2, "nst": "9.0"})
    save_file(load_file(checkpoint), tmp_path / "newer", {KEY: newer})
    assert "was written by nst 9.0" in refusal(tmp_path / "newer")


def test_other_pictures_options_and_weights_are_refused(checkpoint: Path) -> None:
    assert "another content picture" in refusal(checkpoint, content=STYLE)
    assert "another style picture" in refusal(checkpoint, style=CONTENT)
    assert "another style 1 picture" in refusal(checkpoint, style=[STYLE, CONTENT])
    assert "another mask 1 picture" in refusal(checkpoint, masks=[MASK])
    assert "another detail map picture" in refusal(checkpoint, detail_map=MASK)
    assert "with tv_weight 1.0, not 2.0" in refusal(checkpoint, transfer(tv_weight=2.0))
    method = transfer()
    object.__setattr__(method.weights, "sha256", "0" * 64)
    assert "other weights" in refusal(checkpoint, method)


def test_a_finished_transfer_has_nothing_to_go_on_with(tmp_path: Path) -> None:
    *_, last = transfer(total_iterations=2).steps(Inputs(CONTENT, STYLE))
    save(last, tmp_path / "c")
    says = refusal(tmp_path / "c", transfer(total_iterations=2))
    assert f"{tmp_path / 'c'} is of a finished transfer" in says


def test_a_checkpoint_of_other_scales_is_refused(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version may have divided the steps otherwise."""
    monkeypatch.setattr(beginning, "scales", lambda *_, **__: [scales.Scale((32, 32), 0)])
    assert "was made by a version with other scales" in refusal(checkpoint, transfer())
    monkeypatch.setattr(beginning, "scales", lambda *_, **__: [scales.Scale((16, 16), 12)])
    assert "start the transfer again" in refusal(checkpoint, transfer())


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last, before = tmp_path / CHECKPOINT_NAME, checkpoint.read_bytes()
    last.write_bytes(before)

    def write_half(_: object, file: Path, __: object) -> None:
        file.write_bytes(before[: len(before) // 2])
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("nst.engine.checkpoint.save_file", write_half)
    progress = next(iter(transfer().steps(Inputs(CONTENT, STYLE))))
    with pytest.raises(StorageFull):
        save(progress, last)
    assert last.read_bytes() == before
    assert list(tmp_path.iterdir()) == [last]


def test_a_checkpoint_cannot_be_written_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    progress = next(iter(transfer().steps(Inputs(CONTENT, STYLE))))
    with pytest.raises(StorageError):
        save(progress, tmp_path / "file" / "c")


def test_another_precision_goes_on_from_the_same_picture(tmp_path: Path) -> None:
    checkpoint, inputs = tmp_path / CHECKPOINT_NAME, Inputs(CONTENT, STYLE)
    save(next(iter(transfer(weights=BUNDLED).steps(inputs))), checkpoint)
    result, same = (
        transfer(each, BUNDLED).run(inputs, resume_from=checkpoint) for each in ("bf16", "fp32")
    )
    difference = np.asarray(result.image, dtype=float) - np.asarray(same.image)
    assert 0 < np.abs(difference).mean() < 3


def test_only_the_time_since_it_went_on_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six steps are taken, three in each size; the sixth is as large as the fifth."""
    method, _ = six_steps("lbfgs", 2)
    save(list(islice(method.steps(Inputs(CONTENT, STYLE)), 3))[-1], tmp_path / "c")
    now = 100.0
    monkeypatch.setattr(scales, "time", SimpleNamespace(perf_counter=lambda: now))
    steps = method.steps(Inputs(CONTENT, STYLE), resume_from=tmp_path / "c")
    fourth = next(steps)
    assert (fourth.elapsed_seconds, fourth.remaining_seconds) == (0, None)
    now += 5
    fifth = next(steps)
    assert fifth.elapsed_seconds == 5
    assert fifth.remaining_seconds == pytest.approx(5)
    assert next(steps).remaining_seconds == 0


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_checkpoint_of_an_earlier_step_may_be_saved_later(optimizer: str, tmp_path: Path) -> None:
    """The transfer may be in another scale by then; the average is that of the step."""
    method = transfer(
        optimizer=optimizer, scales=2, size=TWO_SCALES, total_iterations=6, average=0.9
    )
    whole = list(method.steps(Inputs(CONTENT, STYLE)))
    for at in (2, 4, 5):
        save(whole[at - 1], tmp_path / "c")
        left = method.steps(Inputs(CONTENT, STYLE), resume_from=tmp_path / "c")
        assert [told(p) for p in left] == [told(p) for p in whole[at:]]


def test_a_snapshot_that_let_its_vectors_go_has_no_checkpoint(tmp_path: Path) -> None:
    progress = next(iter(transfer().steps(Inputs(CONTENT, STYLE))))
    light = progress.snapshot.without_checkpoint()
    assert light.picture().tobytes() == progress.snapshot.picture().tobytes()
    with pytest.raises(ValueError, match="without the optimizer's vectors"):
        light.save_checkpoint(tmp_path / "c")


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_what_was_read_is_not_kept(optimizer: str, tmp_path: Path) -> None:
    """The vectors of a checkpoint are freed as the optimizer forgets them."""
    method, _ = six_steps(optimizer, 1)
    save(list(islice(method.steps(Inputs(CONTENT, STYLE)), 3))[-1], tmp_path / "c")
    prepared = method._prepare(Inputs(CONTENT, STYLE), resume_from=tmp_path / "c")
    assert prepared.task.checkpoint
    held = weakref.ref(prepared.task.checkpoint)
    next(method._optimize(prepared))
    assert held() is None


@pytest.mark.parametrize(
    "options",
    [
        {"style_loss": "gram"},
        {"style_loss": "gram", "average": 0.9},
        {"style_loss": "neighbors"},
        {"style_loss": "gram", "optimizer": "adam"},
    ],
    ids=str,
)
def test_the_plan_says_how_large_a_checkpoint_is(tmp_path: Path, options: dict[str, Any]) -> None:
    method = transfer(total_iterations=HISTORY_SIZE + 5, **options)
    for progress in method.steps(Inputs(CONTENT, STYLE)):
        last = progress
    save(last, tmp_path / "checkpoint")
    assert last.memory_plan is not None
    planned = last.memory_plan.checkpoint_bytes
    with safe_open(tmp_path / "checkpoint", framework="pt") as opened:
        keys = list(opened.keys())
        vectors = [opened.get_tensor(key) for key in keys]
    forgotten = HISTORY_SIZE - sum(key.startswith("s") and key[1:].isdigit() for key in keys)
    if options.get("optimizer") != "adam":
        planned -= 2 * forgotten * vectors[0].nbytes
    assert sum(vector.nbytes for vector in vectors) == planned


def test_a_scale_that_has_not_moved_can_be_continued(tmp_path: Path) -> None:
    """Its iterate is still the image that the scale began with, in the same memory."""
    method = transfer(style_loss="neighbors", style_weight=0, strength=0, scales=1)
    steps = uninterrupted(method)
    assert len(steps) > 1
    assert interrupted(method, 1, tmp_path / "checkpoint") == steps
