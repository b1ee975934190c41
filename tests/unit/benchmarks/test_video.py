"""The benchmark of painted films: its clips, its measure, its verdicts, and a tiny run."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.engine import machine
from benchmarks.engine.schema import today
from benchmarks.video import __main__ as video
from benchmarks.video.clips import Clip, clips
from benchmarks.video.measure import warping_error
from benchmarks.video.schema import Films, PaintedFilm
from benchmarks.video.targets import verdicts
from click.testing import CliRunner
from PIL import Image

from conftest import SAMPLES
from nst import images
from nst.engine.device import resolve_device
from nst.engine.pictures.flow import warped

PICTURES = {
    name: images.load(SAMPLES / "content" / f"{name}.jpg", "content") for name in video.CONTENTS
}
FRAMES = 4
CLIPS = {clip.name: clip for clip in clips(PICTURES, 160, FRAMES)}


def test_the_clips_are_named_as_the_command_names_them() -> None:
    assert tuple(CLIPS) == video.CLIPS


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
@pytest.mark.parametrize("number", range(1, FRAMES))
def test_the_true_motion_makes_a_frame_of_the_one_before(clip: Clip, number: int) -> None:
    before, frame = (np.asarray(clip.frame(n), np.float32) for n in (number - 1, number))
    visible = clip.visible(number)
    apart = np.abs(frame - warped(before, clip.flow(number))).mean(-1)[visible]
    assert apart.mean() < np.abs(frame - before).mean() / 3
    assert visible.mean() > 0.8


def test_only_what_was_hidden_or_outside_is_not_visible() -> None:
    assert CLIPS["zoom"].visible(1).all()  # the camera comes closer
    assert not CLIPS["pan"].visible(1)[:, -2:].any()
    assert CLIPS["pan"].visible(1)[:-2, :-4].all()
    top = CLIPS["two layers"].visible(1)
    assert 0 < (~top[10:-10, 10:-10]).mean() < 0.1


def test_a_still_film_of_a_pan_flickers_and_the_clip_itself_does_not() -> None:
    clip = CLIPS["pan"]
    itself = warping_error([clip.frame(number) for number in range(FRAMES)], clip)
    still = warping_error([clip.frame(0)] * FRAMES, clip)
    assert itself < still / 20


def test_the_error_is_the_mean_squared_distance() -> None:
    """Two grey frames: 0.1 apart in each of three channels, everywhere."""
    frames = [Image.new("RGB", (160, 120), (level,) * 3) for level in (51, 76, 51)]
    distance = 3 * (25 / 255) ** 2
    assert warping_error(frames, CLIPS["pan"]) == pytest.approx(distance, rel=1e-5)


def row(method: str, error: float, precision: float = 0.4, seconds: float = 8) -> PaintedFilm:
    return PaintedFilm(
        measured_on=today(),
        clip="pan",
        method=method,
        warping_error=error,
        precision=precision,
        coverage=0.4,
        content_distance=0.2,
        first_seconds=8,
        later_seconds=seconds,
    )


def films(*rows: PaintedFilm) -> Films:
    return Films(
        nst_version="0",
        machine=machine.describe(resolve_device("cpu")),
        model="vgg16",
        judge="vgg19",
        preset="fast",
        style="impasto",
        width=160,
        frames=4,
        rows=rows,
    )


def test_verdicts_compare_with_both_other_ways() -> None:
    found = films(
        row("alone", 0.03), row("started", 0.02), row("flow", 0.01, precision=0.44, seconds=1)
    )
    judged = {each.what: each for each in verdicts(found)}
    assert {what: each.is_met for what, each in judged.items()} == {
        "pan: warping error, flow / started": True,
        "pan: warping error, flow / alone": True,
        "pan: precision, flow / alone": False,
        "pan: coverage, flow / alone": True,
        "pan: seconds of a later frame, flow / alone": True,
    }
    assert list(verdicts(films(row("alone", 0.03)))) == []


def test_without_a_judge_it_says_so(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(video.main, [f"--weights-dir={tmp_path}"])
    assert outcome.exit_code == 2
    assert "name --weights-dir" in outcome.output


def test_it_runs(vgg19_directory: Path, tmp_path: Path) -> None:
    output = tmp_path / "films.json"
    arguments = (
        *("--clip=pan", "--width=64", "--frames=2", "--steps=2"),
        *(f"--weights-dir={vgg19_directory}", f"--output={output}", f"--keep={tmp_path / 'kept'}"),
    )
    done = CliRunner().invoke(video.main, arguments)
    assert done.exit_code == 0, done.output
    found = Films.model_validate_json(output.read_text())
    assert [each.method for each in found.rows] == ["alone", "started", "flow"]
    assert len(list((tmp_path / "kept").iterdir())) == 6
    assert "pan: warping error, flow / alone" in done.output
    shown = CliRunner().invoke(video.main, ["--show", str(output)])
    assert shown.output == done.output[done.output.index("2 frames") :]
