"""Films in the engine's process: painted, kept, continued, and ended early."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from cli.test_video import film, frames, sound
from nst import bootstrap, image_writer, images
from nst.bootstrap.workers import paint_jobs
from nst.engine_process.film import KIND
from nst.engine_process.messages import Failed, Finished, News, Painted, Stopped, Work
from nst.engine_process.parent import EngineProcess
from nst.jobs.job import CONTENT, FILM, FIRST_FRAME, PREVIEW, Job, JobStatus
from nst.jobs.order import Film, Order, Picture
from nst.options import StyleTransferOptions
from nst.video import Video
from support.pictures import encoded, panned, picture
from support.waiting import wait_until

FRAMES = 4
TINY: dict[str, Any] = {"size": 32, "total_iterations": 9, "convergence_tolerance": 0}
ENDLESS = TINY | {"total_iterations": 100_000}
"""Options of frames that are unfinished when a test asks for the end."""


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


def work(directory: Path, passes: int = 1, **options: Any) -> Work:
    """Return the work of a job that paints a film with sound; put its files in place."""
    if not (directory / CONTENT).exists():
        film(directory / "in.mp4", panned(FRAMES), sound="aac")
        (directory / "in.mp4").rename(directory / CONTENT)
        (directory / "style-0").write_bytes(encoded(picture(32, 32), "PNG"))
    order = Order(
        content=_picture("in.mp4", "video/mp4"),
        film=Film(frames=FRAMES, seconds=0.4, first_frame="x", passes=passes),
        styles=(_picture("waves.png", "image/png"),),
        options=StyleTransferOptions.from_preset("fast", **TINY | options),
    )
    job = Job(id="1" * 32, owner="anna", order=order, fingerprint="f", attempt=1)
    return Work(directory, job, 1000.0)


def _picture(name: str, content_type: str) -> Picture:
    return Picture(key="x", sha256="a" * 64, name=name, content_type=content_type, size=(48, 32))


def next_of(engine: EngineProcess) -> News:
    return cast("News", wait_until(lambda: engine.news(0.5)))


def to_the_end(engine: EngineProcess) -> list[News]:
    heard = [next_of(engine)]
    while isinstance(heard[-1], Painted):
        heard.append(next_of(engine))
    return heard


def kept(heard: list[News]) -> list[str]:
    """Return the names of the frames that were painted."""
    names = [name for news in heard if isinstance(news, Painted) for name in news.files]
    return [name for name in names if name != PREVIEW]


NAMES = [f"frames/{number:06}.png" for number in range(1, FRAMES + 1)]


def images_of(file: Path) -> list[np.ndarray]:
    return [np.asarray(image) for _, image in frames(file)]


def check_same_frames(one: Path, other: Path) -> None:
    ours, others = images_of(one), images_of(other)
    assert len(ours) == len(others) == FRAMES
    assert all(np.array_equal(*pair) for pair in zip(ours, others, strict=True))


def test_a_draft_then_frame_after_frame_then_the_film(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path))
    draft, *painted, last = to_the_end(idle)
    assert isinstance(draft, Painted)
    assert (draft.progress.frame, draft.progress.preview_step) == (1, 0)
    assert kept(painted) == NAMES
    told = [news.progress for news in painted if isinstance(news, Painted)]
    positions = [progress.position for progress in told]
    assert positions == sorted(positions)
    assert {progress.frame for progress in told} == {1, 2, 3, 4}
    shares = [progress.share or 0.0 for progress in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert [progress.preview_step for progress in told][-1] == FRAMES
    assert told[0].remaining_seconds is None
    assert told[-1].remaining_seconds == 0
    assert isinstance(last, Finished)
    result = last.result
    assert (last.status, result.key, result.frames) == (JobStatus.SUCCEEDED, FILM, FRAMES)
    assert (result.model, result.device, result.stop_reason) == ("vgg16", "cpu", "total_iterations")
    # 9 steps for the first frame, and one for every 28 of them for each later one.
    assert result.steps == 9 + 3 * 1
    found = list(frames(tmp_path / FILM))
    assert [round(time, 3) for time, _ in found] == [0, 0.1, 0.2, 0.3]
    assert found[0][1].shape[:2] == result.size[::-1] == (20, 32)
    assert sound(tmp_path / FILM) == sound(tmp_path / CONTENT) != []
    with Image.open(tmp_path / FIRST_FRAME) as first:
        assert first.size == (32, 21)


def test_a_film_that_was_interrupted_is_the_film_that_it_would_have_been(
    idle: EngineProcess, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    idle.start(work(whole))
    to_the_end(idle)
    idle.start(work(cut))
    while kept([next_of(idle)]) != [NAMES[1]]:
        pass
    idle.kill()
    for name in NAMES[2:]:  # the engine may have painted later frames before it was killed
        (cut / name).unlink(missing_ok=True)
    damaged = (cut / NAMES[1]).read_bytes()[:-100]
    (cut / NAMES[1]).write_bytes(damaged)
    idle.start(work(cut))
    *painted, last = to_the_end(idle)
    assert kept(painted) == NAMES[1:]
    assert isinstance(last, Finished)
    assert last.result.frames == FRAMES
    check_same_frames(cut / FILM, whole / FILM)
    assert sound(cut / FILM) == sound(whole / FILM)


PASSES = 3


def kept_in_passes(count: int) -> list[str]:
    return [f"frames/{number:06}.png" for number in range(1, count + 1)]


@pytest.fixture(scope="module")
def in_passes(engine: EngineProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Paint a film in three passes; return its directory."""
    directory = tmp_path_factory.mktemp("passes")
    engine.start(work(directory, PASSES))
    *painted, last = to_the_end(engine)
    assert kept(painted) == kept_in_passes(PASSES * FRAMES)
    shares = [news.progress.share or 0.0 for news in painted if isinstance(news, Painted)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert isinstance(last, Finished)
    assert (last.status, last.result.frames) == (JobStatus.SUCCEEDED, FRAMES)
    assert last.result.steps == 9 + (PASSES * FRAMES - 1) * 1
    return directory


def test_the_film_is_what_the_last_pass_has_painted(in_passes: Path) -> None:
    """The second pass paints backward, from the last frame; the third one is forward."""
    files = [in_passes / name for name in kept_in_passes(PASSES * FRAMES)[-FRAMES:]]
    painted = [images.load(file, "content") for file in files]
    assert len({image.tobytes() for image in painted}) == FRAMES
    check_same_frames(in_passes / FILM, encoded_film(in_passes, painted))
    first = image_writer.save(painted[0], in_passes / "expected.jpg")
    assert (in_passes / FIRST_FRAME).read_bytes() == first.read_bytes()


def encoded_film(directory: Path, painted: list[Image.Image]) -> Path:
    """Write these images as the frames of a film like that of the job; return its file."""
    rest = iter(painted)
    film = Video.inspect(directory / CONTENT)
    film.repaint(directory / "expected.mp4", KIND, painted[0].size, lambda _: next(rest))
    return directory / "expected.mp4"


@pytest.mark.parametrize("at", [2, FRAMES + 1, 2 * FRAMES, 2 * FRAMES + 2])
def test_passes_that_were_interrupted_give_the_same_film(
    idle: EngineProcess, in_passes: Path, tmp_path: Path, at: int
) -> None:
    """An attempt finds the frames of the attempt before; the last of them is damaged."""
    asked = work(tmp_path, PASSES)
    (tmp_path / "frames").mkdir()
    for name in kept_in_passes(at):
        (tmp_path / name).write_bytes((in_passes / name).read_bytes())
    damaged = tmp_path / kept_in_passes(at)[-1]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    idle.start(asked)
    *painted, last = to_the_end(idle)
    assert kept(painted) == kept_in_passes(PASSES * FRAMES)[at - 1 :]
    assert isinstance(last, Finished)
    check_same_frames(tmp_path / FILM, in_passes / FILM)


@pytest.mark.parametrize(("at", "frames_kept"), [(0, 1), (2, 2), (FRAMES + 1, FRAMES)])
def test_cancel_in_a_pass_keeps_the_newest_frames(
    idle: EngineProcess, in_passes: Path, tmp_path: Path, at: int, frames_kept: int
) -> None:
    asked = work(tmp_path, PASSES, **ENDLESS)
    (tmp_path / "frames").mkdir()
    for name in kept_in_passes(at):
        (tmp_path / name).write_bytes((in_passes / name).read_bytes())
    idle.start(asked)
    assert wait_for_a_step(idle).progress.frame == at + 1
    idle.cancel()
    *_, last = to_the_end(idle)
    assert isinstance(last, Finished)
    assert (last.status, last.result.frames) == (JobStatus.CANCELED, frames_kept)
    assert len(images_of(tmp_path / FILM)) == frames_kept


def test_a_painted_film_says_how_long_the_next_one_takes(tmp_path: Path) -> None:
    options = StyleTransferOptions.from_preset("fast", **TINY)
    assert bootstrap.estimate(options, (48, 32), FRAMES) is None
    engine = EngineProcess(paint_jobs)  # a new process uses the cache directory of this test
    engine.start(work(tmp_path))
    to_the_end(engine)
    engine.close()
    short, long = (bootstrap.estimate(options, (48, 32), count) for count in (4, 40))
    assert short is not None
    assert long is not None
    assert 0 < short < long < 20 * short


def keep_first_frame(directory: Path) -> None:
    """Put the first frame where the worker puts those of an earlier attempt."""
    (directory / "frames").mkdir(exist_ok=True)
    (directory / NAMES[0]).write_bytes(encoded(picture(32, 21), "PNG"))


def wait_for_a_step(engine: EngineProcess) -> Painted:
    news = next_of(engine)
    while isinstance(news, Painted) and news.progress.step == 0:
        news = next_of(engine)
    assert isinstance(news, Painted)
    return news


def test_cancel_keeps_the_frames_so_far(idle: EngineProcess, tmp_path: Path) -> None:
    keep_first_frame(tmp_path)
    idle.start(work(tmp_path, **ENDLESS))
    assert wait_for_a_step(idle).progress.frame == 2
    idle.cancel()
    *_, last = to_the_end(idle)
    assert isinstance(last, Finished)
    assert (last.status, last.result.frames) == (JobStatus.CANCELED, 1)
    assert last.result.stop_reason == "canceled"
    assert len(images_of(tmp_path / FILM)) == 1


def test_cancel_in_the_first_frame_keeps_it_as_it_is(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path, **ENDLESS))
    wait_for_a_step(idle)
    idle.cancel()
    *_, last = to_the_end(idle)
    assert isinstance(last, Finished)
    assert (last.status, last.result.frames) == (JobStatus.CANCELED, 1)
    assert last.result.steps > 0
    assert len(images_of(tmp_path / FILM)) == 1
    assert not (tmp_path / NAMES[0]).exists()  # an unfinished frame is not kept


def test_stop_gives_back_what_another_worker_goes_on_from(
    idle: EngineProcess, tmp_path: Path
) -> None:
    idle.start(work(tmp_path, **ENDLESS))
    wait_for_a_step(idle)
    idle.stop()
    assert to_the_end(idle)[-1] == Stopped(has_checkpoint=False)
    keep_first_frame(tmp_path)
    idle.start(work(tmp_path, **ENDLESS))
    first = wait_for_a_step(idle)
    assert (first.progress.frame, first.progress.preview_step) == (2, 1)
    idle.stop()
    assert to_the_end(idle)[-1] == Stopped(has_checkpoint=True)


def test_a_film_of_drafts(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path, init_method="draft", total_iterations=0))
    *painted, last = to_the_end(idle)
    assert kept(painted) == NAMES
    assert isinstance(last, Finished)
    assert (last.status, last.result.steps) == (JobStatus.SUCCEEDED, 0)


def test_nothing_to_protect_is_said_once(idle: EngineProcess, tmp_path: Path) -> None:
    idle.start(work(tmp_path, total_iterations=2, protect="faces"))
    *_, last = to_the_end(idle)
    assert isinstance(last, Finished)
    assert last.result.notice == "no face was found in any frame, so nothing was protected"


def test_a_film_that_cannot_be_read_fails_by_the_name_of_its_upload(
    idle: EngineProcess, tmp_path: Path
) -> None:
    asked = work(tmp_path)
    (tmp_path / CONTENT).write_bytes(b"no film")
    idle.start(asked)
    *_, last = to_the_end(idle)
    assert isinstance(last, Failed)
    assert last.error.code == "invalid_option"
    assert "'in.mp4'" in last.error.message
    assert str(tmp_path) not in last.error.message
    assert last.result is None


def test_a_late_error_keeps_the_frames_so_far(idle: EngineProcess, tmp_path: Path) -> None:
    """The result of a frame this wide has too few pixels to be painted."""
    asked = work(tmp_path)
    film(tmp_path / "wide.mp4", [picture(96, 32)] * FRAMES)
    (tmp_path / "wide.mp4").rename(tmp_path / CONTENT)
    keep_first_frame(tmp_path)
    idle.start(asked)
    *_, last = to_the_end(idle)
    assert isinstance(last, Failed)
    assert last.error.code == "invalid_image"
    assert last.result
    assert last.result.frames == 1
    assert len(images_of(tmp_path / FILM)) == 1
