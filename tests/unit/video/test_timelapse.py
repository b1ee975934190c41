"""Time-lapse films of a painting."""

import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from nst import video
from nst.errors import InvalidOption, VideoUnavailable
from nst.video import Timelapse
from nst.video.timelapse import played
from support.pictures import picture


def grey(level: int) -> Image.Image:
    return Image.new("RGB", (48, 33), (level, level, level))


def levels(path: Path) -> list[int]:
    """Return the brightness of every frame."""
    with av.open(str(path)) as container:
        return [round(f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]


@pytest.fixture
def timelapse() -> Iterator[Timelapse]:
    with Timelapse(grey(0)) as film:
        yield film


@pytest.mark.parametrize("steps", [1, 3, 180, 1000])
def test_a_film_lasts_as_long_however_many_steps_there_are(
    timelapse: Timelapse, tmp_path: Path, steps: int
) -> None:
    for step in range(1, steps + 1):
        timelapse.add(step, lambda level=200 * step // steps: grey(level))  # type: ignore[misc]
    saved = timelapse.save(tmp_path / "film.mp4", grey(255))
    seen = levels(saved)
    assert len(seen) == 9 * 25
    assert seen[0] <= 2
    assert min(seen[-25:]) >= 253
    expected = [0 + 200 * (round(i / 199 * steps)) // steps for i in range(200)]
    assert np.abs(np.array(seen[:200]) - expected).max() <= 4
    assert [file.name for file in tmp_path.iterdir()] == ["film.mp4"]


def test_few_frames_wait_on_disk_and_few_are_rendered(timelapse: Timelapse) -> None:
    rendered, most = 0, 0

    def render() -> Image.Image:
        nonlocal rendered
        rendered += 1
        return grey(9)

    directory = Path(timelapse._directory.name)
    for step in range(1, 20_001):
        timelapse.add(step, render)
        if step % 1000 == 0:
            most = max(most, len(list(directory.iterdir())))
    assert most <= 401
    assert rendered <= 401 + 6 * 200
    timelapse.__exit__(None, None, None)
    assert not directory.exists()


@pytest.mark.parametrize(("name", "most"), [("film.mp4", 200), ("film.webp", 100)])
def test_no_more_frames_are_chosen_than_are_played(name: str, most: int) -> None:
    """The first frame of a film is not among those that are chosen."""
    for count in (0, 1, most - 1):
        assert list(played(range(count), Path(name))) == list(range(count))
    for count in (most, 240, 1000):
        chosen = played(range(count), Path(name))
        gaps = np.diff(chosen)
        assert (len(chosen), chosen[0], chosen[-1]) == (most - 1, 0, count - 1)
        assert 1 <= gaps.min() <= gaps.max() <= gaps.min() + 1


@pytest.mark.parametrize("name", ["film.webp", "film.gif"])
def test_pillow_s_films(timelapse: Timelapse, tmp_path: Path, name: str) -> None:
    for step in range(1, 5):
        timelapse.add(step, lambda level=50 * step: grey(level))  # type: ignore[misc]
    timelapse.save(tmp_path / name, grey(255))
    with Image.open(tmp_path / name) as film:
        assert film.size == (48, 33)
        frames = [
            (np.asarray(frame.convert("RGB")).mean(), frame.info["duration"])
            for frame in ImageSequence.Iterator(film)
        ]
    assert sum(duration for _, duration in frames) == pytest.approx(9000, abs=80)
    assert frames[0][0] == pytest.approx(0, abs=4)
    assert frames[-1][0] == pytest.approx(255, abs=4)
    assert sum(duration for level, duration in frames if level > 251) >= 1000


def test_an_existing_film_stays(timelapse: Timelapse, tmp_path: Path) -> None:
    (tmp_path / "film.gif").write_text("mine")
    assert timelapse.save(tmp_path / "film.gif", grey(1)) == tmp_path / "film-2.gif"
    assert (tmp_path / "film.gif").read_text() == "mine"
    timelapse.save(tmp_path / "film.gif", grey(1), overwrite=True)
    assert (tmp_path / "film.gif").read_bytes()[:3] == b"GIF"


def test_without_h264_it_is_mpeg4(
    timelapse: Timelapse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def codec() -> str:
        with av.open(str(timelapse.save(tmp_path / "film.mp4", grey(9)))) as container:
            return container.streams.video[0].codec_context.name

    assert codec() == "h264"
    monkeypatch.setattr(av, "codecs_available", av.codecs_available - {"libx264"})
    assert codec() == "mpeg4"


def test_what_cannot_be_written_is_said_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video.check_output(tmp_path / "film.mp4", "timelapse")
    with pytest.raises(InvalidOption, match=r"timelapse: .* a name ending in .mp4, .webp, .gif"):
        video.check_output(tmp_path / "film.avi", "timelapse")
    monkeypatch.setitem(sys.modules, "av", None)
    video.check_output(tmp_path / "film.webp", "timelapse")
    with pytest.raises(VideoUnavailable, match=r"pip install 'nst\[video\]'"):
        video.check_output(tmp_path / "film.mp4", "timelapse")


def test_sides_are_made_even(timelapse: Timelapse, tmp_path: Path) -> None:
    with av.open(str(timelapse.save(tmp_path / "film.mp4", picture(48, 33)))) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.pix_fmt) == (48, 32, "yuv420p")
