"""`nst video`: frames in their order, each painted from the one before."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer
from numpy.typing import NDArray
from PIL import Image, ImageOps

from cli.conftest import Nst, saved
from nst import Inputs, NeuralStyleTransfer, StyleTransferOptions, bootstrap, images
from nst.cli.film_frames import Frames
from nst.cli.progress_bar import ProgressBar
from nst.film_options import later_options
from nst.progress import Progress
from nst.video import CONTAINERS
from nst.video.clock import FilmProgress
from nst.video.reading import Reader
from nst.video.writing import Writer
from support.pictures import SAMPLES, picture

TINY = ("--first-steps=4", "--steps=2")
FRAMES = 5

Picture = NDArray[np.float64]
"""Image of a frame, (H, W, 3), 0…255."""


def film(
    path: Path, images: list[Image.Image], *, sound: str | None = None, rate: int = 10
) -> None:
    """Write a film in H.264; `sound`: codec of noise that lasts as long as the film."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=rate)
        pictures.width, pictures.height = images[0].size if images else (48, 32)
        pictures.pix_fmt = "yuv420p"
        noise = container.add_stream(sound, rate=48_000) if sound else None
        for image in images:
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode())
        if isinstance(noise, av.AudioStream):
            samples = np.random.default_rng(0).integers(-999, 999, 48_000 * len(images) // rate)
            add_sound(container, noise, samples)


def add_sound(
    container: OutputContainer, stream: av.AudioStream, samples: NDArray[np.int64]
) -> None:
    frame = av.AudioFrame.from_ndarray(samples.astype(np.int16)[np.newaxis], "s16", "mono")
    frame.sample_rate = 48_000
    container.mux([*stream.encode(frame), *stream.encode()])


def frames(path: Path) -> Iterator[tuple[float, Picture]]:
    """Yield the time in seconds and the image of each frame."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            assert frame.time is not None
            yield frame.time, frame.to_ndarray(format="rgb24").astype(float)


def sound(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        streams = container.streams.audio
        return [bytes(packet) for packet in container.demux(*streams) if streams and packet.size]


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def flicker(pictures: list[Picture]) -> float:
    return float(np.mean([np.abs(a - b).mean() for a, b in pairwise(pictures)]))


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """Create a film whose frames are all the same."""
    film(tmp_path / "still.mp4", [picture(48, 32)] * FRAMES, sound="aac")
    return tmp_path / "still.mp4"


def test_frames_times_size_and_sound_are_kept(nst: Nst, tmp_path: Path, style: Path) -> None:
    turned = [picture(48, 32).rotate(40 * turn) for turn in range(FRAMES)]
    film(tmp_path / "in.mp4", turned, sound="aac")
    outcome = nst("video", "in.mp4", style, "-o", "out.mp4", "--preset=draft")
    assert outcome.code == 0
    assert outcome.out == "out.mp4\n"
    assert "48×32 pixels, 5 frames in" in outcome.err
    before, after = list(frames(tmp_path / "in.mp4")), list(frames(tmp_path / "out.mp4"))
    assert [when for when, _ in after] == [when for when, _ in before]
    assert after[0][1].shape == (32, 48, 3)
    assert sound(tmp_path / "out.mp4") == sound(tmp_path / "in.mp4") != []
    painted = [image for _, image in after]
    for number, image in enumerate(painted):  # every frame resembles its own original most
        alike = [np.corrcoef(image.ravel(), original.ravel())[0, 1] for _, original in before]
        assert np.argmax(alike) == number
        assert alike[number] < 0.99


def test_little_flickers(nst: Nst, tmp_path: Path, still: Path, style: Path) -> None:
    steps = ("--first-steps=12", "--steps=3")
    nst("video", still, style, "-o", "out.mp4", *steps)
    painted = [image for _, image in frames(tmp_path / "out.mp4")]
    assert len(painted) == FRAMES
    alone = [
        NeuralStyleTransfer(
            StyleTransferOptions.from_preset(
                "fast", size=48, init_method="random", seed=seed, total_iterations=12
            )
        ).run(Inputs(picture(48, 32), style))
        for seed in range(3)
    ]
    apart = flicker([np.asarray(result.image).astype(float) for result in alone])
    assert flicker(painted) < apart / 4


def test_the_faces_of_every_frame_are_protected(
    nst: Nst, tmp_path: Path, style: Path, detail_maps: list[Image.Image | None]
) -> None:
    face = images.load(SAMPLES / "content" / "astronaut.jpg", "content").convert("RGB")
    film(tmp_path / "in.mp4", [face.resize((256, 256)), Image.new("RGB", (256, 256))])
    outcome = nst("video", "in.mp4", style, "-o", "out.mp4", "--size=48", "--protect=faces", *TINY)
    assert outcome.code == 0
    assert [map_ is not None for map_ in detail_maps] == [True, False]


def test_size_preset_and_a_name_of_its_own(nst: Nst, tmp_path: Path, still: Path) -> None:
    picture().save(tmp_path / "style.png")
    for _ in range(2):
        nst("video", still, "style.png", "--preset=draft", "--size=64")
    for name in ("still_style.mp4", "still_style-2.mp4"):
        assert [image.shape for _, image in frames(tmp_path / name)] == [(42, 64, 3)] * FRAMES


def test_previews_are_kept(nst: Nst, tmp_path: Path, still: Path, style: Path) -> None:
    arguments = ("--preset=draft", "--size=64", "--preview=2")
    assert nst("video", still, style, "-o", "out.mp4", *arguments).code == 0
    kept = sorted((tmp_path / "out_preview").iterdir())
    assert [file.name for file in kept] == ["000002.png", "000004.png"]
    assert saved(kept[0]).size == (64, 43)


def test_the_size_that_is_told_is_that_of_the_film(
    nst: Nst, tmp_path: Path, still: Path, style: Path
) -> None:
    """Sides of a film are even; half of 48×32 would be 34×23."""
    outcome = nst("video", still, style, "-o", "out.mp4", "--preset=draft", "--size=34")
    with av.open(str(tmp_path / "out.mp4")) as container:
        video = container.streams.video[0]
        size = f"{video.width}×{video.height}"
    assert size == "34×22"
    assert f"{size} pixels," in outcome.err


def test_a_film_is_not_painted_over_itself(nst: Nst, tmp_path: Path) -> None:
    film(tmp_path / "own.mp4", [picture(96, 64)] * 2)
    before = (tmp_path / "own.mp4").read_bytes()
    outcome = nst("video", "own.mp4", "sample:cubist", "-o", "own.mp4", "--overwrite")
    assert outcome.code == 2
    assert "this file is an input" in outcome.err
    assert (tmp_path / "own.mp4").read_bytes() == before


def test_previews_of_an_earlier_film_stay_unless_it_is_overwritten(
    nst: Nst, tmp_path: Path, still: Path
) -> None:
    arguments = ("-o", "out.mp4", "--preset=draft", "--size=48", "--preview=1")
    assert nst("video", still, "sample:mosaic", *arguments).code == 0
    first = contents(tmp_path / "out_preview")
    assert nst("video", still, "sample:cubist", *arguments).code == 0
    assert contents(tmp_path / "out_preview") == first
    second = contents(tmp_path / "out_preview-2")
    assert second.keys() == first.keys()
    assert second != first
    assert nst("video", still, "sample:cubist", *arguments, "--overwrite").code == 0
    assert contents(tmp_path / "out_preview") == second
    assert not (tmp_path / "out_preview-3").exists()


def test_without_opencv_it_is_said_before_anything_is_painted(
    nst: Nst, tmp_path: Path, still: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    outcome = nst("video", still, style, "-o", "out.mp4", *TINY)
    assert outcome.code == 1
    assert outcome.error_lines == [
        "nst: videos need OpenCV; get it with `pip install 'nst[video]'`",
    ]
    assert nst("video", still, style, "-o", "out.mp4", "--preset=draft", "--size=48").code == 0


def test_the_time_is_told_before_it_begins_once_it_was_measured(
    nst: Nst, still: Path, style: Path
) -> None:
    first, second = (
        nst("video", still, style, "--first-steps=2", "-o", output, "--passes=2").error_lines
        for output in ("a.mp4", "b.mp4")
    )
    assert not any("about" in line for line in first)
    assert any(re.fullmatch(r"48×32 pixels, 5 frames: about \d+ (s|min)", line) for line in second)


def test_the_time_that_is_told_counts_the_steps_of_later_frames(
    nst: Nst, still: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def painted(frames: Frames, frame: Image.Image, latest: object) -> Image.Image:
        return frame

    monkeypatch.setattr(Frames, "_painted", painted)
    first = StyleTransferOptions.from_preset("fast", size=48, total_iterations=1)
    bootstrap.keep_frame_speed(later_options(first, 20), (48, 32), 6000.0)
    outcome = nst("video", still, style, "--first-steps=1", "--steps=20", "-o", "out.mp4")
    assert "48×32 pixels, 5 frames: about 7 h" in outcome.error_lines


def test_drafts_have_one_pass(nst: Nst, still: Path, style: Path) -> None:
    outcome = nst("video", still, style, "--preset=draft", "--passes=2")
    assert outcome.code == 2
    assert "--passes must be 1 with a draft or a learned style, where no frame" in outcome.err


def test_another_shot_is_painted_as_a_first_frame(
    nst: Nst, tmp_path: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shots = [picture(96, 64), picture(96, 64), ImageOps.invert(picture(96, 64))]
    film(tmp_path / "in.mp4", shots)
    steps: dict[int, int] = {}

    def note(bar: ProgressBar, film: FilmProgress, progress: Progress) -> None:
        steps[film.frame] = progress.total_iterations

    monkeypatch.setattr(ProgressBar, "show_frame", note)
    assert nst("video", "in.mp4", style, "-o", "out.mp4", "--size=48", *TINY).code == 0
    assert steps == {1: 4, 2: 2, 3: 4}


def test_sound_that_mp4_cannot_hold_is_converted(nst: Nst, tmp_path: Path, style: Path) -> None:
    film(tmp_path / "in.mkv", [picture(48, 32)] * 2, sound="pcm_s16le")
    outcome = nst("video", "in.mkv", style, "-o", "out.mp4", "--preset=draft")
    assert outcome.code == 0
    assert outcome.error_lines[0] == "The sound is converted to AAC."
    assert len(list(frames(tmp_path / "out.mp4"))) == 2
    assert sound(tmp_path / "out.mp4") != []


def test_transparency_goes_through_where_the_file_can(
    nst: Nst, tmp_path: Path, style: Path
) -> None:
    cut_out = picture(64, 48)
    shape = Image.new("L", (64, 48))
    shape.paste(255, (16, 12, 48, 36))
    cut_out.putalpha(shape)
    kind = CONTAINERS[".mov"]
    with Writer(tmp_path / "in.mov", kind, (64, 48), rate=10, has_alpha=True) as writer:
        writer.write_image(cut_out, Fraction(0), Fraction(1, 10))
    told = "Transparent parts become white: an MP4 file holds no transparency, .mov and .webm do."
    for name in ("out.mov", "out.webm", "out.mp4"):
        outcome = nst("video", "in.mov", style, "-o", name, "--preset=draft")
        assert outcome.code == 0
        assert (told in outcome.error_lines) == (name == "out.mp4")
        with Reader(tmp_path / name) as reader:
            _, first = reader.first()
        if name == "out.mp4":
            assert min(np.asarray(first)[2, 2]) >= 250
        else:
            alpha = np.asarray(first.getchannel("A")).astype(float)
            assert alpha[2, 2] <= 4
            assert alpha[24, 32] >= 251


def test_a_damaged_film_is_said(nst: Nst, tmp_path: Path, style: Path) -> None:
    film(tmp_path / "in.mp4", [picture(48, 32).rotate(turn) for turn in range(4)])
    with av.open(str(tmp_path / "in.mp4")) as container:
        payload = bytes([packet for packet in container.demux(video=0) if packet.size][-1])
    data = (tmp_path / "in.mp4").read_bytes()
    (tmp_path / "in.mp4").write_bytes(data.replace(payload, b"\xff" * len(payload)))
    outcome = nst("video", "in.mp4", style, "-o", "out.mp4", "--preset=draft")
    assert outcome.code == 0
    assert "The film is damaged: 1 of its packets could not be read" in outcome.error_lines[-1]
    assert len(list(frames(tmp_path / "out.mp4"))) == 3


def test_what_lies_on_its_side_is_put_upright(nst: Nst, tmp_path: Path, style: Path) -> None:
    film(tmp_path / "in.mp4", [Image.new("RGB", (64, 32))])
    upright = b"".join(n.to_bytes(4, "big") for n in (1 << 16, 0, 0, 0, 1 << 16))
    # The matrix that telephones write: the x axis becomes y, and y becomes -x.
    turned = [0, 1 << 16, 0, (1 << 32) - (1 << 16), 0]
    data = (tmp_path / "in.mp4").read_bytes()
    track = data.index(b"tkhd")
    head, matrix = (
        data[:track],
        data[track:].replace(upright, b"".join(n.to_bytes(4, "big") for n in turned), 1),
    )
    (tmp_path / "in.mp4").write_bytes(head + matrix)
    nst("video", "in.mp4", style, "-o", "out.mp4", "--preset=draft")
    ((_, image),) = frames(tmp_path / "out.mp4")
    assert image.shape == (64, 32, 3)


def test_ctrl_c_keeps_the_frames_so_far(
    nst: Nst, tmp_path: Path, still: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(bar: ProgressBar, film: FilmProgress, progress: Progress) -> None:
        if (film.frame, progress.step) == (3, 1):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(ProgressBar, "show_frame", press)
    outcome = nst("video", still, style, "-o", "out.mp4", *TINY)
    assert outcome.code == 130
    assert "2 frames in" in outcome.err
    assert len(list(frames(tmp_path / "out.mp4"))) == 2


def test_ctrl_c_in_the_first_frame_leaves_nothing(
    nst: Nst, tmp_path: Path, still: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProgressBar, "show_frame", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    outcome = nst("video", still, style, "-o", "out.mp4", *TINY)
    assert outcome.code == 130
    assert outcome.error_lines[-1] == "nst: interrupted"
    assert [file.name for file in tmp_path.iterdir()] == ["still.mp4"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gone.mp4"], "VIDEO must be a film (got 'gone.mp4'); there is no file"),
        (["https://example.org/film.mp4"], "this is an address, so download it first"),
        (["text.mp4"], "Invalid data"),
        (["sound.mp4"], "a video with at least one frame"),
        (["empty.mp4"], "VIDEO must be"),
        (["still.mp4", "-o", "out.avi"], "a name ending in .mp4"),
        (["still.mp4", "--steps=-1"], "--steps"),
        (
            ["still.mp4", "--steps=0"],
            "--steps must be at least 1 (got 0); 0 is for --init-method draft",
        ),
        (["still.mp4", "--first-steps=0"], "--first-steps must be at least 1 (got 0); 0 is for --"),
        (["still.mp4", "--size=3"], "--size must be a whole number from 32 to 16000 (got 3)"),
    ],
)
def test_bad_input(
    nst: Nst, tmp_path: Path, still: Path, style: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    film(tmp_path / "empty.mp4", [])
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        add_sound(container, stream, np.zeros(4800, int))
    left = {file.name for file in tmp_path.iterdir()}
    outcome = nst("video", arguments[0], style, *arguments[1:])
    assert outcome.code == 2
    (line,) = outcome.error_lines
    assert says in line
    assert {file.name for file in tmp_path.iterdir()} == left


@pytest.mark.parametrize(("steps", "told"), [((), ["--strength"]), (("--steps=1",), [])])
def test_an_option_without_effect_is_told_once(
    nst: Nst, still: Path, style: Path, steps: tuple[str, ...], told: list[str]
) -> None:
    """The first frame is a draft; later frames that take steps obey the strength."""
    outcome = nst("video", still, style, "--preset=draft", "--size=48", "--strength=0.7", *steps)
    assert outcome.code == 0
    assert [line.split()[1] for line in outcome.error_lines if "no effect" in line] == told
