"""Films are written as tagged BT.709; sound and alpha are kept where possible."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from nst.files import FILMS, free_path
from nst.video import CONTAINERS, Video
from nst.video.reading import Reader
from nst.video.writing import Writer
from unit.video.films import frame_of, grey, levels, pixels, repaint, seconds, times, write

PATCHES = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 30, 40), (30, 200, 40), (40, 30, 200)]
HERTZ = 440


def chart() -> Image.Image:
    image = Image.new("RGB", (16 * len(PATCHES), 48))
    for number, colour in enumerate(PATCHES):
        image.paste(colour, (16 * number, 0, 16 * number + 16, 48))
    return image


def saved(path: Path, image: Image.Image, *, has_alpha: bool = False) -> Path:
    kind = CONTAINERS[path.suffix]
    with Writer(path, kind, image.size, rate=10, has_alpha=has_alpha) as writer:
        for number in range(3):
            writer.write_image(image, Fraction(number, 10), Fraction(1, 10))
    return path


def patches(image: Image.Image) -> list[Sequence[float]]:
    return [tuple(pixels(image)[24, 16 * number + 8]) for number in range(len(PATCHES))]


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("has_alpha", [False, True])
def test_films_are_tagged_bt709(tmp_path: Path, suffix: str, has_alpha: bool) -> None:
    path = saved(tmp_path / f"out{suffix}", chart(), has_alpha=has_alpha)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        tags = (context.color_primaries, context.color_trc, context.colorspace)
        assert (*map(int, tags), int(context.color_range)) == (1, 1, 1, 1)
        frame = next(container.decode(stream))
        luma = np.frombuffer(bytes(frame.planes[0]), np.uint8).reshape(48, -1)[24, 8 : 16 * 6 : 16]
    if frame.format.name in ("yuv420p", "yuva420p"):
        weights = np.array([0.2126, 0.7152, 0.0722])
        assert luma == pytest.approx(16 + 219 * (np.array(PATCHES) @ weights) / 255, abs=2)
    with Reader(path) as reader:
        _, first = reader.first()
    for found, expected in zip(patches(first), PATCHES, strict=True):
        assert found == pytest.approx(expected, abs=3)


def test_a_film_in_bt709_keeps_its_colours(tmp_path: Path) -> None:
    path = saved(tmp_path / "in.mp4", chart())
    repaint(path, tmp_path / "out.mp4", chart().size)
    with Reader(tmp_path / "out.mp4") as reader:
        _, first = reader.first()
    for found, expected in zip(patches(first), PATCHES, strict=True):
        assert found == pytest.approx(expected, abs=4)


@pytest.mark.parametrize("suffix", [".mov", ".webm"])
def test_transparency_is_kept_where_the_file_can(tmp_path: Path, suffix: str) -> None:
    image = chart()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    first = saved(tmp_path / f"in{suffix}", image, has_alpha=True)
    assert Video.inspect(first).has_alpha
    seen, _ = repaint(first, tmp_path / f"out{suffix}", image.size)
    with Reader(tmp_path / f"out{suffix}") as reader:
        _, last = reader.first()
    for found in (seen[0], last):
        difference = pixels(found.getchannel("A")) - pixels(image.getchannel("A"))
        assert np.abs(difference).max() <= 4


def test_transparency_becomes_white_in_mp4(tmp_path: Path) -> None:
    image = chart()
    image.putalpha(0)
    path = saved(tmp_path / "in.mov", image, has_alpha=True)
    repaint(path, tmp_path / "out.mp4", image.size)
    with Reader(tmp_path / "out.mp4") as reader:
        _, first = reader.first()
    assert first.mode == "RGB"
    assert pixels(first).min() >= 253


@pytest.mark.parametrize("name", ["out.mp4", "out.mov"])
def test_the_last_frame_is_shown_as_long_as_it_was(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with Writer(path, CONTAINERS[path.suffix], (64, 48), rate=10) as writer:
        for number in range(3):
            length = Fraction(7 if number == 2 else 1, 10)
            writer.write_image(grey(90), Fraction(number, 10), length)
    assert seconds(path) == pytest.approx(0.9, abs=0.001)


@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
def test_variable_times_are_written(
    tmp_path: Path, encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [Fraction(n, 1000) for n in (0, 33, 67, 500, 501, 1200)]
    write(tmp_path / "in.mkv", [grey(level) for level in levels(6)], times=given)
    monkeypatch.setattr(av, "codecs_available", av.codecs_available & {encoder, "h264"})
    repaint(tmp_path / "in.mkv", tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        name = container.streams.video[0].codec_context.name
    assert name == encoder.replace("libx264", "h264")
    assert times(tmp_path / "out.mp4") == [float(time) for time in given]


# ── sound ─────────────────────────────────────────────────────────────────────────────────────


def with_sound(
    path: Path, codec: str, *, rate: int = 48_000, layout: str = "stereo", start: int = 0
) -> Path:
    """Write a film of 1 s with a tone; both begin after `start` seconds."""
    with av.open(str(path), "w") as container:
        film = container.add_stream("libx264", rate=10, options={"bf": "0"})
        sound = container.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(film, av.VideoStream)
        assert isinstance(sound, av.AudioStream)
        film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
        tone = np.sin(2 * np.pi * HERTZ * np.arange(rate) / rate) * 9999
        channels = sound.layout.nb_channels
        samples = np.repeat(tone.astype(np.int16), channels)[np.newaxis]
        heard = av.AudioFrame.from_ndarray(samples, "s16", layout)
        heard.sample_rate, heard.time_base = rate, Fraction(1, rate)
        heard.pts = start * rate
        for number in range(10):
            frame = frame_of(grey(20 * number))
            frame.pts, frame.time_base = 10 * start + number, Fraction(1, 10)
            container.mux(film.encode(frame))
        container.mux([*film.encode(), *sound.encode(heard), *sound.encode()])
    return path


def heard(path: Path) -> tuple[str, float, float]:
    """Return the sound's codec, length in seconds, and frequency."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        frames = list(container.decode(stream))
        samples = np.concatenate([frame.to_ndarray()[0].astype(float) for frame in frames])
        if frames[0].format.is_packed:
            samples = samples[:: stream.layout.nb_channels]
        rate, name = stream.rate, stream.codec_context.codec.canonical_name
    strongest = int(np.argmax(np.abs(np.fft.rfft(samples - samples.mean()))))
    return name, len(samples) / rate, strongest * rate / len(samples)


@pytest.mark.parametrize(
    ("source", "codec", "target", "name"),
    [
        ("in.mov", "pcm_s16le", "out.mp4", "aac"),
        ("in.mkv", "pcm_s16le", "out.mp4", "aac"),
        ("in.mkv", "libmp3lame", "out.webm", "opus"),
        ("in.mkv", "aac", "out.webm", "opus"),
        ("in.mp4", "aac", "out.mp4", "aac"),
        ("in.ts", "aac", "out.mp4", "aac"),
        ("in.ts", "aac", "out.webm", "opus"),
        ("in.avi", "pcm_s16le", "out.mp4", "aac"),
        ("in.avi", "libmp3lame", "out.mp4", "mp3"),
        ("in.mkv", "libopus", "out.webm", "opus"),
        ("in.mov", "pcm_s16le", "out.mov", "pcm_s16le"),
    ],
)
def test_sound_is_copied_or_converted(
    tmp_path: Path, source: str, codec: str, target: str, name: str
) -> None:
    with_sound(tmp_path / source, codec)
    repaint(tmp_path / source, tmp_path / target)
    found, length, frequency = heard(tmp_path / target)
    assert found == name
    assert times(tmp_path / target)[0] == 0
    assert length == pytest.approx(1, abs=0.06)
    assert frequency == pytest.approx(HERTZ, abs=2)


@pytest.mark.parametrize(
    ("rate", "layout"), [(44_100, "mono"), (192_000, "stereo"), (48_000, "5.1"), (8_000, "mono")]
)
def test_sound_of_any_rate_is_converted(tmp_path: Path, rate: int, layout: str) -> None:
    with_sound(tmp_path / "in.mov", "pcm_s16le", rate=rate, layout=layout)
    repaint(tmp_path / "in.mov", tmp_path / "out.mp4")
    _, length, frequency = heard(tmp_path / "out.mp4")
    assert length == pytest.approx(1, abs=0.15)
    assert frequency == pytest.approx(HERTZ, abs=2)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_begins_with_the_film(tmp_path: Path, codec: str) -> None:
    path = with_sound(tmp_path / "in.mkv", codec, start=500)
    repaint(path, tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4")[0] == 0
    with av.open(str(tmp_path / "out.mp4")) as container:
        first = next(container.decode(audio=0)).time
        assert first == pytest.approx(0, abs=0.05)
    assert seconds(tmp_path / "out.mp4", "audio") == pytest.approx(1, abs=0.06)


def test_sound_ends_with_the_film_that_is_cut_short(tmp_path: Path) -> None:
    path = with_sound(tmp_path / "in.mkv", "aac")
    left = iter([True, True, True, False])
    Video.inspect(path).repaint(
        tmp_path / "out.mp4",
        CONTAINERS[".mp4"],
        (64, 48),
        lambda image: image if next(left) else None,
    )
    assert len(times(tmp_path / "out.mp4")) == 3
    assert seconds(tmp_path / "out.mp4", "audio") == pytest.approx(0.3, abs=0.05)


def test_films_get_numbers_before_their_extension(tmp_path: Path) -> None:
    assert set(FILMS) == set(CONTAINERS)
    for extension in FILMS:
        (tmp_path / f"film{extension}").touch()
        assert free_path(tmp_path / f"film{extension}").name == f"film-2{extension}"
