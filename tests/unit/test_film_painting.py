"""Films of which earlier attempts have painted all frames: nothing is left but to write them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nst import image_writer
from nst.engine.transfer import NeuralStyleTransfer
from nst.engine_process.film import FilmPainting, frame_name
from nst.engine_process.job_requests import EarlyEnd
from nst.jobs.job import CONTENT, FILM, FRAMES, JobProgress
from nst.jobs.order import Film, Order
from nst.options import StyleTransferOptions
from nst.video import Video
from support import jobs
from unit.video.films import grey, levels, write

COUNT = 5
EVERY_FRAME = [*range(1, COUNT + 1)]

Requests = Callable[[list[JobProgress]], EarlyEnd]
"""Function that returns the request to the film after these reports."""


def after(reports: int, request_: EarlyEnd) -> Requests:
    """Return a function that makes this request after so many reports."""
    return lambda told: request_ if len(told) >= reports else None


def painted(
    directory: Path, requests: Requests = lambda _: None, passes: int = 1
) -> tuple[FilmPainting, list[JobProgress], int]:
    """Write a film whose frames are all painted; return its painting, the reports, and the number
    of frames in the film."""
    images = [grey(level) for level in levels(COUNT)]
    write(directory / "film.mp4", images).rename(directory / CONTENT)
    (directory / FRAMES).mkdir()
    for number, image in enumerate(images * passes, 1):
        image_writer.save(image, directory / frame_name(number))
    style = image_writer.save(grey(99), directory / "style.png")
    order = Order(
        content=jobs.picture("x", "content", "film.mp4"),
        film=Film(frames=COUNT, seconds=0.5, first_frame="x", passes=passes),
        styles=(jobs.picture("x", "style-0", "style.png"),),
        options=StyleTransferOptions.from_preset("fast", size=64, total_iterations=9),
    )
    told = list[JobProgress]()
    painting = FilmPainting(
        directory,
        order,
        [style],
        NeuralStyleTransfer(order.options),
        lambda: requests(told),
        lambda progress, _files, _is_checkpoint: told.append(progress),
    )
    film = painting.paint()
    frames = [*Video.inspect(directory / FILM).images()]
    assert (film.failure, film.frames) == (None, len(frames))
    return painting, told, len(frames)


def test_every_frame_that_is_written_again_is_reported(tmp_path: Path) -> None:
    """The worker kills an engine that says nothing for a long time."""
    painting, told, frames = painted(tmp_path)
    assert (frames, painting.ends_early) == (COUNT, False)
    assert [progress.frame for progress in told] == EVERY_FRAME
    assert [progress.share for progress in told] == [number / COUNT for number in EVERY_FRAME]
    assert {(progress.step, progress.total_iterations) for progress in told} == {(0, 9)}


def test_the_preview_stays_that_of_the_newest_painted_frame(tmp_path: Path) -> None:
    _, told, _ = painted(tmp_path)
    assert {progress.preview_step for progress in told} == {COUNT}


@pytest.mark.parametrize("request_", ["cancel", "stop"])
@pytest.mark.parametrize(("reports", "expected"), [(0, 1), (3, 3)])
def test_a_film_that_is_written_again_ends_on_request(
    tmp_path: Path, request_: EarlyEnd, reports: int, expected: int
) -> None:
    """The film has the frames so far, and at least one."""
    painting, _, frames = painted(tmp_path, after(reports, request_))
    assert (frames, painting.ends_early) == (expected, True)


def test_frames_of_passes_are_reported_while_they_are_read_and_written(tmp_path: Path) -> None:
    painting, told, frames = painted(tmp_path, passes=2)
    assert (frames, painting.ends_early) == (COUNT, False)
    in_passes = [*range(1, 2 * COUNT + 1)]
    assert [progress.frame for progress in told] == [*in_passes, *[2 * COUNT] * COUNT]
    assert {progress.preview_step for progress in told} == {2 * COUNT}


@pytest.mark.parametrize(("request_", "expected"), [("cancel", COUNT), ("stop", 2)])
def test_a_request_while_the_film_of_passes_is_written(
    tmp_path: Path, request_: EarlyEnd, expected: int
) -> None:
    """A film is canceled as a whole; after a stop, another attempt writes it."""
    painting, _, frames = painted(tmp_path, after(2 * COUNT + 2, request_), passes=2)
    assert (frames, painting.ends_early) == (expected, request_ == "stop")
