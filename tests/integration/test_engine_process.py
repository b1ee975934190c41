"""The engine in its process: its reports while it paints, and requests to it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import png
import pytest
from PIL import Image

from nst import images
from nst.bootstrap.workers import paint_jobs
from nst.engine_process.messages import Failed, Finished, News, Painted, Stopped, Work
from nst.engine_process.parent import EngineProcess
from nst.engine_process.picture import DRAFT_STEPS, MOST_FRAMES, PicturePainting
from nst.engine_process.sentences import sentence as sentence_for
from nst.errors import (
    Diverged,
    DraftUnavailable,
    InvalidImage,
    NetworkUnavailable,
    NSTError,
    OutOfMemory,
    StorageError,
    WeightsUnavailable,
)
from nst.jobs.job import CHECKPOINT, CONTENT, DETAIL_MAP, INITIAL, PREVIEW, RESULT, Job, JobStatus
from nst.jobs.order import Order, Picture
from nst.options import StyleTransferOptions
from nst.recipe import Recipe
from support.pictures import encoded, picture
from support.waiting import wait_until

TINY: dict[str, Any] = {
    "size": 32,
    "total_iterations": 12,
    "convergence_tolerance": 0,
    "model": "vgg16",
}
ENDLESS = TINY | {"total_iterations": 100_000}


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    """Yield one engine for all tests; it stays warm between jobs, as in a worker."""
    running = EngineProcess(paint_jobs)
    yield running
    running.close()


@pytest.fixture
def idle(engine: EngineProcess) -> Iterator[EngineProcess]:
    yield engine
    engine.kill()  # a test may have left it painting


def work(directory: Path, checkpoint_seconds: float = 1000.0, **options: Any) -> Work:
    """Return the work of a job, with its images where the worker puts them."""
    for name, size in ((CONTENT, (48, 32)), ("style-0", (32, 32))):
        if not (directory / name).exists():
            (directory / name).write_bytes(encoded(picture(*size), "PNG"))
    order = Order(
        content=_picture("cat.png", "a" * 64),
        styles=(_picture("waves.png", "b" * 64),),
        options=StyleTransferOptions.from_preset("classic", **TINY | options),
    )
    job = Job(id="1" * 32, owner="anna", order=order, fingerprint="f", attempt=1)
    return Work(directory, job, checkpoint_seconds)


def _picture(name: str, sha256: str) -> Picture:
    return Picture(key="x", sha256=sha256, name=name, content_type="image/png", size=(48, 32))


def next_of(engine: EngineProcess) -> News:
    def look() -> News | None:
        return engine.news(0.5)

    return cast("News", wait_until(look))


def to_the_end(engine: EngineProcess) -> list[News]:
    heard = [next_of(engine)]
    while isinstance(heard[-1], Painted):
        heard.append(next_of(engine))
    return heard


def steps(heard: list[News]) -> list[int]:
    return [news.progress.step for news in heard if isinstance(news, Painted)]


def test_a_draft_then_every_step_then_the_picture(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path, save_every=5))
    draft, *painted, last = to_the_end(idle)
    assert isinstance(draft, Painted)
    assert (draft.progress.step, draft.progress.preview_step) == (0, 0)
    assert (draft.progress.losses, draft.files) == (None, [PREVIEW])
    assert draft.progress.remaining_seconds is None  # no step has been measured
    assert steps(painted) == list(range(1, 13))
    frames = [name for news in painted if isinstance(news, Painted) for name in news.files]
    assert [name for name in frames if name != PREVIEW] == [
        "frames/000005.jpg",
        "frames/000010.jpg",
    ]
    assert (tmp_path / "frames/000010.jpg").is_file()
    assert isinstance(last, Finished)
    assert (last.status, last.result.steps, last.result.model) == ("succeeded", 12, "vgg16")
    with Image.open(tmp_path / RESULT) as result:
        assert result.size == last.result.size == (32, 21)
    recipe = Recipe.read(tmp_path / RESULT)
    assert (recipe.content.path, recipe.styles[0].path) == ("cat.png", "waves.png")
    assert recipe.options["save_every"] == 5


def test_the_draft_stays_until_the_painting_shows_more(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path))
    told = [news.progress for news in to_the_end(idle) if isinstance(news, Painted)]
    assert {progress.preview_step for progress in told if progress.step < DRAFT_STEPS} == {0}


@pytest.mark.parametrize(
    ("step", "size", "is_past"),
    [(9, (64, 43), False), (10, (64, 43), True), (10, (32, 21), True), (10, (16, 11), False)],
)
def test_when_the_painting_replaces_the_draft(
    tmp_path: Path, step: int, size: tuple[int, int], is_past: bool
) -> None:
    nothing = cast("Any", None)
    painting = PicturePainting(
        tmp_path, work(tmp_path).job, [], nothing, nothing, nothing, draft_side_pixels=64
    )
    progress = cast("Any", SimpleNamespace(step=step, size=size))
    assert painting._is_past_draft(progress) is is_past


@pytest.mark.parametrize("steps", [2, 0])
def test_16_bits_where_they_are_asked_for(idle: EngineProcess, tmp_path: Path, steps: int) -> None:
    idle.start(work(tmp_path, bit_depth=16, init_method="draft", total_iterations=steps))
    assert isinstance(to_the_end(idle)[-1], Finished)
    *_, info = png.Reader(bytes=(tmp_path / RESULT).read_bytes()).read()
    assert info["bitdepth"] == 16
    assert Recipe.read(tmp_path / RESULT).options["bit_depth"] == "16"


def test_losses_add_up_and_fall(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path))
    _, *painted, _ = to_the_end(idle)
    losses = [news.progress.losses for news in painted if isinstance(news, Painted)]
    for loss in losses:
        assert loss
        parts = loss.content + loss.style + loss.total_variation
        assert loss.total == pytest.approx(parts)
    assert losses[0]
    assert losses[-1]
    assert losses[-1].total < losses[0].total


def test_a_draft_alone(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path, init_method="draft", total_iterations=0))
    (only,) = to_the_end(idle)
    assert isinstance(only, Finished)
    assert (only.status, only.result.steps) == (JobStatus.SUCCEEDED, 0)
    assert (tmp_path / RESULT).is_file()


def test_who_asked_to_protect_faces_learns_that_there_are_none(
    idle: EngineProcess, tmp_path: Path
) -> None:
    idle.start(work(tmp_path, protect="faces"))
    *_, last = to_the_end(idle)
    assert isinstance(last, Finished)
    assert last.result.notice == "no face was found"


def test_a_result_is_painted_on(idle: EngineProcess, tmp_path: Path) -> None:
    """Painting starts from the given image at once, without a draft before it."""
    asked = work(tmp_path, total_iterations=1, content_weight=1e-6, style_weight=1e-6)
    Image.new("RGB", (24, 16), "teal").save(tmp_path / INITIAL, "PNG")
    order = asked.job.order.model_copy(update={"initial": _picture("earlier.png", "5" * 64)})
    idle.start(replace(asked, job=asked.job.model_copy(update={"order": order})))
    first, last = to_the_end(idle)
    assert steps([first]) == [1]
    assert isinstance(last, Finished)
    painted = np.asarray(images.load(tmp_path / RESULT, "content"), dtype=float)
    assert np.abs(painted - (0, 128, 128)).mean() < 30
    assert (
        json.loads(images.read_recipe(tmp_path / RESULT) or "")["initial"]["path"] == "earlier.png"
    )


def test_a_detail_map_of_another_shape_fails_the_job(idle: EngineProcess, tmp_path: Path) -> None:
    asked = work(tmp_path)
    picture(48, 48).save(tmp_path / DETAIL_MAP, "PNG")
    order = asked.job.order.model_copy(update={"detail_map": _picture("detail.png", "4" * 64)})
    idle.start(replace(asked, job=asked.job.model_copy(update={"order": order})))
    *_, last = to_the_end(idle)
    assert isinstance(last, Failed)
    assert last.error.code == "invalid_image"
    assert "48×48 pixels have another shape than the content's 48×32" in last.error.message


def test_cancel_keeps_the_picture_after_this_step(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path, **ENDLESS))
    while steps([next_of(idle)]) != [3]:
        pass
    idle.cancel()
    *painted, last = to_the_end(idle)
    assert isinstance(last, Finished)
    assert (last.status, last.result.stop_reason) == (JobStatus.CANCELED, "canceled")
    assert last.result.steps == (steps(painted) or [3])[-1]
    assert (tmp_path / RESULT).is_file()
    # The owner of the job may continue it.
    idle.start(work(tmp_path, **ENDLESS))
    assert steps([next_of(idle)]) == [last.result.steps + 1]
    idle.cancel()
    to_the_end(idle)


def test_stop_keeps_a_checkpoint_from_which_it_goes_on(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path, **ENDLESS))
    while steps([next_of(idle)]) != [3]:
        pass
    idle.stop()
    *painted, last = to_the_end(idle)
    assert last == Stopped(has_checkpoint=True)
    stopped_at = (steps(painted) or [3])[-1]
    assert (tmp_path / CHECKPOINT).is_file()
    idle.start(work(tmp_path, **ENDLESS))
    first = next_of(idle)
    assert steps([first]) == [stopped_at + 1]  # without a second draft
    idle.cancel()
    *painted, last = to_the_end(idle)
    assert isinstance(last, Finished)
    assert last.result.steps == steps([first, *painted])[-1]


def test_checkpoints_from_time_to_time(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path, checkpoint_seconds=0))
    heard = to_the_end(idle)
    kept = steps([one for one in heard if isinstance(one, Painted) and one.has_checkpoint])
    assert kept == list(range(1, 12))  # the last step needs no checkpoint


def test_a_checkpoint_that_cannot_be_used_means_from_the_beginning(
    idle: EngineProcess, tmp_path: Path
) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"nonsense")
    idle.start(work(tmp_path))
    *painted, last = to_the_end(idle)
    assert steps(painted) == list(range(1, 13))
    assert isinstance(last, Finished)


def test_steering_is_in_force_from_the_next_step(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path, **ENDLESS))
    first = next_of(idle)
    while not steps([first])[0]:
        first = next_of(idle)
    assert isinstance(first, Painted)
    assert first.progress.in_force["style_weight"] == 3e4
    idle.steer({"style_weight": 7.0})
    while style_weight(next_of(idle)) != 7.0:
        pass
    assert {style_weight(next_of(idle)) for _ in range(3)} == {7.0}


def style_weight(news: News) -> float:
    assert isinstance(news, Painted)
    return news.progress.in_force["style_weight"]


def test_steering_of_an_earlier_attempt_is_in_force_at_once(
    idle: EngineProcess, tmp_path: Path
) -> None:
    made = work(tmp_path)
    job = made.job.model_copy(update={"steering": {"tv_weight": 5.0}})
    idle.start(Work(tmp_path, job, 1000.0))
    _, first, *_ = to_the_end(idle)
    assert isinstance(first, Painted)
    assert first.progress.in_force["tv_weight"] == 5.0


def test_what_the_engine_refuses_fails_and_the_next_one_is_painted(
    idle: EngineProcess, tmp_path: Path
) -> None:
    (tmp_path / CONTENT).write_bytes(b"no picture")
    idle.start(work(tmp_path))
    (only,) = to_the_end(idle)
    assert isinstance(only, Failed)
    assert only.error.code == "unsupported_image"
    (tmp_path / CONTENT).unlink()
    idle.start(work(tmp_path))
    assert isinstance(to_the_end(idle)[-1], Finished)


def test_frames_are_not_so_many_that_they_fill_the_disk(
    idle: EngineProcess, tmp_path: Path
) -> None:
    total = 5 * MOST_FRAMES
    idle.start(work(tmp_path, total_iterations=total, save_every=1))
    frames: list[str] = []
    while len(frames) < 3:
        news = next_of(idle)
        assert isinstance(news, Painted)
        frames += [name for name in news.files if name != PREVIEW]
    assert frames == ["frames/000005.jpg", "frames/000010.jpg", "frames/000015.jpg"]


def test_large_previews_are_made_smaller(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path, init_method="content", size=1100, total_iterations=1))
    assert steps([next_of(idle)]) == [0]
    assert max(images.load(tmp_path / PREVIEW, "content").size) == 1024


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OutOfMemory((3000, 2000), "cpu"),
            "3000×2000 pixels need more memory than there is; try a smaller size",
        ),
        (
            WeightsUnavailable("vgg19", ["/home/x/.cache/nst"]),
            "this server has no weights for vgg19; choose the model vgg16",
        ),
        (
            DraftUnavailable(Path("/srv/draft.onnx"), "it is damaged"),
            "this server cannot paint drafts; start from another picture",
        ),
        (
            NetworkUnavailable(Path("/srv/faces.onnx"), "it is damaged"),
            "this server cannot find faces or people; ask its operator to install nst again",
        ),
        (
            StorageError(Path("/tmp/x"), "no space"),  # noqa: S108 - never opened
            "this server could not keep what was painted; try again later",
        ),
        (Diverged(7), str(Diverged(7))),
        (InvalidImage("content", "too small"), "content image: too small"),
    ],
)
def test_sentences_for_people_name_no_files_and_no_commands(error: NSTError, sentence: str) -> None:
    assert sentence_for(error) == sentence
