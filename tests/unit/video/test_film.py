"""A film is painted frame by frame; an early end loses no finished frame."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from nst.video import CONTAINERS, FilmResult, Video
from nst.video.colour import Colours
from unit.video.films import SIZE, grey, levels, times, write


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write(tmp_path / "in.mp4", [grey(level) for level in levels(6)])


def failing(at: int, error: BaseException) -> Callable[..., Image.Image]:
    """Return a painter that fails at this frame, counted from 1."""
    count = 0

    def paint(*arguments: object) -> Image.Image:
        nonlocal count
        count += 1
        if count == at:
            raise error
        return grey(9)

    return paint


def repaint(film: Path, paint: Callable[[Image.Image], Image.Image | None]) -> FilmResult:
    return Video.inspect(film).repaint(film.with_name("out.mp4"), CONTAINERS[".mp4"], SIZE, paint)


@pytest.mark.parametrize("error", [ValueError("no"), MemoryError(), KeyboardInterrupt()])
def test_a_late_error_keeps_the_frames_before(film: Path, error: BaseException) -> None:
    done = repaint(film, failing(4, error))
    assert (done.frames, done.failure) == (3, error)
    assert times(film.with_name("out.mp4")) == [0, 0.1, 0.2]


def test_an_error_in_the_first_frame_is_raised(film: Path) -> None:
    with pytest.raises(ValueError, match="no"):
        repaint(film, failing(1, ValueError("no")))


def test_a_source_that_breaks_keeps_the_frames_before(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = RuntimeError("broken")
    video = Video.inspect(film)
    monkeypatch.setattr(Colours, "image", failing(3, error))
    out = film.with_name("out.mp4")
    done = video.repaint(out, CONTAINERS[".mp4"], SIZE, lambda image: image)
    assert (done.frames, done.failure) == (2, error)
    assert times(out) == [0, 0.1]


def test_a_whole_film_has_no_failure(film: Path) -> None:
    done = repaint(film, lambda image: image)
    assert (done.frames, done.damaged, done.failure) == (6, 0, None)


def test_images_are_those_that_are_painted(film: Path) -> None:
    painted: list[Image.Image] = []

    def paint(image: Image.Image) -> Image.Image:
        painted.append(image)
        return image

    repaint(film, paint)
    assert list(Video.inspect(film).images()) == painted
    assert len(painted) == 6
