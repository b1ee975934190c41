"""Films are read as players show them; frames are compared with numbers."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from nst.errors import InvalidOption
from nst.video import Video
from support.heic import heic
from support.pictures import picture
from unit.video.films import (
    RATE,
    SIZE,
    frame_of,
    grey,
    levels,
    means,
    pixels,
    repaint,
    seconds,
    times,
    write,
)

FRAMES = [grey(level) for level in levels(6)]


def test_a_cover_picture_is_not_the_film(tmp_path: Path) -> None:
    path = tmp_path / "in.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        film = container.add_stream("libx264", rate=RATE)
        assert isinstance(cover, av.VideoStream)
        assert isinstance(film, av.VideoStream)
        cover.width, cover.height, cover.pix_fmt = 100, 100, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        film.width, film.height, film.pix_fmt = *SIZE, "yuv420p"
        container.mux([*cover.encode(frame_of(grey(255, (100, 100))))])
        container.mux(cover.encode())
        for image in FRAMES:
            container.mux(film.encode(frame_of(image)))
        container.mux(film.encode())
    assert Video.inspect(path).size == SIZE
    seen, _ = repaint(path, tmp_path / "out.mp4")
    assert means(seen) == pytest.approx(levels(6), abs=2)


def test_a_song_with_a_cover_is_no_film(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container:
        song = container.add_stream("libmp3lame", rate=44_100)
        cover = container.add_stream("mjpeg", rate=1)
        assert isinstance(song, av.AudioStream)
        assert isinstance(cover, av.VideoStream)
        cover.width, cover.height, cover.pix_fmt = 100, 100, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        container.mux([*cover.encode(frame_of(grey(9, (100, 100))))])
        container.mux(cover.encode())
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 4410), np.int16), "s16", "mono")
        tone.sample_rate = 44_100
        container.mux([*song.encode(tone), *song.encode()])
    with pytest.raises(InvalidOption, match="only a cover picture"):
        Video.inspect(path)


def test_variable_times_and_the_last_duration_are_kept(tmp_path: Path) -> None:
    given = [Fraction(n, 1000) for n in (0, 100, 140, 500, 900, 930)]
    write(tmp_path / "in.mkv", FRAMES, times=given)
    repaint(tmp_path / "in.mkv", tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == [float(time) for time in given]
    assert seconds(tmp_path / "out.mp4") == pytest.approx(1.03, abs=0.01)


def test_a_late_start_becomes_0(tmp_path: Path) -> None:
    given = [Fraction(49_999) + Fraction(n, RATE) for n in range(6)]
    write(tmp_path / "in.ts", FRAMES, times=given)
    repaint(tmp_path / "in.ts", tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == [0, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_times_are_invented_for_a_film_without_any(tmp_path: Path) -> None:
    write(tmp_path / "in.h264", FRAMES)
    repaint(tmp_path / "in.h264", tmp_path / "out.mp4")
    found = times(tmp_path / "out.mp4")
    assert len(found) == 6
    assert np.diff(found) == pytest.approx([found[1]] * 5, abs=0.002)
    assert seconds(tmp_path / "out.mp4") >= 6 / 30


def test_frames_whose_times_are_out_of_order_keep_their_order(tmp_path: Path) -> None:
    moving = [picture(*SIZE).rotate(10 * turn) for turn in range(12)]
    options = {"bf": "3", "x264-params": "b-adapt=0"}
    write(tmp_path / "in.avi", moving, options=options)
    seen, done = repaint(tmp_path / "in.avi", tmp_path / "out.mp4")
    assert done.frames == 12
    found = times(tmp_path / "out.mp4")
    assert found == sorted(set(found))
    assert found[0] == 0
    assert seconds(tmp_path / "out.mp4") == pytest.approx(1.2, abs=0.11)
    for number, image in enumerate(seen):
        errors = [np.abs(pixels(image) - pixels(other)).mean() for other in moving]
        assert np.argmin(errors) == number


@pytest.mark.parametrize("start", [0, 20, 40_000])
def test_joined_recordings_have_no_gap(tmp_path: Path, start: int) -> None:
    first = write(
        tmp_path / "first.ts", FRAMES, times=[Fraction(20_000 + n) / 10 for n in range(6)]
    )
    second = write(
        tmp_path / "second.ts", FRAMES, times=[start + Fraction(n, 10) for n in range(6)]
    )
    (tmp_path / "in.ts").write_bytes(first.read_bytes() + second.read_bytes())
    seen, _ = repaint(tmp_path / "in.ts", tmp_path / "out.mp4")
    assert means(seen) == pytest.approx(levels(6) * 2, abs=2)
    found = times(tmp_path / "out.mp4")
    assert found == sorted(set(found))
    assert found[-1] == pytest.approx(1.1, abs=0.25)


@pytest.mark.parametrize(
    ("matrix", "transpose"),
    [
        ((-1, 0, 0, 1), Image.Transpose.FLIP_LEFT_RIGHT),
        ((1, 0, 0, -1), Image.Transpose.FLIP_TOP_BOTTOM),
        ((-1, 0, 0, -1), Image.Transpose.ROTATE_180),
        ((0, 1, -1, 0), Image.Transpose.ROTATE_270),
        ((0, -1, 1, 0), Image.Transpose.ROTATE_90),
        ((0, 1, 1, 0), Image.Transpose.TRANSPOSE),
        ((0, -1, -1, 0), Image.Transpose.TRANSVERSE),
    ],
)
def test_films_are_turned_and_mirrored_as_players_do(
    tmp_path: Path, matrix: tuple[int, int, int, int], transpose: Image.Transpose
) -> None:
    path = write(tmp_path / "in.mp4", [picture(*SIZE)])
    upright = b"".join(n.to_bytes(4, "big") for n in (1 << 16, 0, 0, 0, 1 << 16))
    a, b, c, d = ((n << 16) % (1 << 32) for n in matrix)
    data = path.read_bytes()
    track = data.index(b"tkhd")
    turned = b"".join(n.to_bytes(4, "big") for n in (a, b, 0, c, d))
    path.write_bytes(data[:track] + data[track:].replace(upright, turned, 1))
    expected = picture(*SIZE).transpose(transpose)
    assert Video.inspect(path).size == expected.size
    (seen,), _ = repaint(path, tmp_path / "out.mp4", expected.size)
    assert np.abs(pixels(seen) - pixels(expected)).mean() < 4


@pytest.mark.parametrize(
    ("aspect", "size"),
    [(Fraction(4, 3), (85, 48)), (Fraction(1, 2), (64, 96)), (Fraction(99), SIZE)],
)
def test_pixels_that_are_not_square(
    tmp_path: Path, aspect: Fraction, size: tuple[int, int]
) -> None:
    path = write(tmp_path / "in.mkv", [picture(*SIZE)], sample_aspect_ratio=aspect)
    assert Video.inspect(path).size == size


def test_a_film_that_changes_its_size_keeps_the_first_one(tmp_path: Path) -> None:
    first = write(tmp_path / "first.h264", FRAMES[:2])
    second = write(tmp_path / "second.h264", [grey(200, (32, 48))] * 2)
    (tmp_path / "in.h264").write_bytes(first.read_bytes() + second.read_bytes())
    seen, _ = repaint(tmp_path / "in.h264", tmp_path / "out.mp4")
    assert [image.size for image in seen] == [SIZE] * 4
    row = pixels(seen[3])[24, :, 0]
    assert row[32] == pytest.approx(200, abs=3)
    assert row[[2, 61]] == pytest.approx([0, 0], abs=3)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_damaged_packet_costs_its_own_frames(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"in{suffix}", FRAMES, options={"g": "1"})
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][3]
        payload = bytes(packet)
    path.write_bytes(path.read_bytes().replace(payload, b"\xff" * len(payload)))
    seen, done = repaint(path, tmp_path / "out.mp4")
    assert (done.frames, done.damaged) == (5, 1)
    kept = [level for number, level in enumerate(levels(6)) if number != 3]
    assert means(seen) == pytest.approx(kept, abs=2)
    assert times(tmp_path / "out.mp4") == [0, 0.1, 0.2, 0.4, 0.5]


def test_a_frame_with_guessed_parts_is_left_out(tmp_path: Path) -> None:
    moving = [picture(*SIZE).rotate(30 * turn) for turn in range(6)]
    path = write(tmp_path / "in.mkv", moving, options={"g": "1"})
    with av.open(str(path)) as container:
        payload = bytes([packet for packet in container.demux(video=0) if packet.size][3])
    # The lengths before the slices stay valid, so that the decoder conceals the broken slices.
    broken = payload[:20] + b"\xaa" * (len(payload) - 25) + payload[-5:]
    path.write_bytes(path.read_bytes().replace(payload, broken))
    seen, done = repaint(path, tmp_path / "out.mp4")
    assert (len(seen), done.damaged) == (5, 1)
    assert times(tmp_path / "out.mp4") == [0, 0.1, 0.2, 0.4, 0.5]
    for image, number in zip(seen, (0, 1, 2, 4, 5), strict=True):
        assert np.abs(pixels(image) - pixels(moving[number])).mean() < 8


def test_a_damaged_first_packet_does_not_cost_the_film(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mkv", FRAMES, options={"g": "1"})
    with av.open(str(path)) as container:
        payload = bytes(next(container.demux(video=0)))
    path.write_bytes(path.read_bytes().replace(payload, b"\xff" * len(payload)))
    _, done = repaint(path, tmp_path / "out.mp4")
    assert done.frames == 5
    assert times(tmp_path / "out.mp4") == [0, 0.1, 0.2, 0.3, 0.4]


def test_ten_bits_are_read(tmp_path: Path) -> None:
    ramp = Image.linear_gradient("L").rotate(90).resize(SIZE).convert("RGB")
    path = write(tmp_path / "in.mkv", [ramp], codec="ffv1", pixels="yuv420p10le")
    (seen,), _ = repaint(path, tmp_path / "out.mp4")
    assert np.abs(pixels(seen) - pixels(ramp)).max() <= 3


IMAGES = [f"in.{ending}" for ending in ("png", "jpg", "webp", "tif", "bmp", "gif", "avif", "heic")]


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_is_no_film(tmp_path: Path, name: str) -> None:
    if name == "in.heic":
        (tmp_path / name).write_bytes(heic(FRAMES[0]))
    else:
        FRAMES[0].save(tmp_path / name)
    with pytest.raises(InvalidOption, match="an image file, which `nst stylize` paints"):
        Video.inspect(tmp_path / name)


@pytest.mark.parametrize("name", ["in.png", "in.gif", "in.avif"])
def test_an_animation_is_a_film(tmp_path: Path, name: str) -> None:
    first, *others = FRAMES[:3]
    first.save(tmp_path / name, save_all=True, append_images=others, duration=100)
    seen, _ = repaint(tmp_path / name, tmp_path / "out.mp4")
    assert means(seen) == pytest.approx(levels(3), abs=3)
