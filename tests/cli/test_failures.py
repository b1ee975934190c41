"""Failures during a run: nothing that was painted is lost."""

import errno
import os
import resource
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cli.conftest import NST, Nst, Outcome, process, saved
from nst import image_writer
from nst.cli.progress_bar import ProgressBar
from nst.engine.losses.objective import Objective
from nst.engine.optimizer.optimizer import Evaluation
from nst.errors import InvalidImage, StorageError
from nst.progress import Losses, Progress
from support.waiting import PATIENCE_SECONDS

TINY = ("--size=48", "--total-iterations=5", "--model=vgg16")
ENDLESS = ("--size=64", "--total-iterations=100000", "--convergence-tolerance=0", "--model=vgg16")


def wait_for(running: subprocess.Popen[str], text: str) -> None:
    assert running.stderr
    while line := running.stderr.readline():
        if text in line:
            return
    pytest.fail(f"the process ended before it said {text!r}")


def test_ctrl_c_keeps_the_picture_so_far(tmp_path: Path, content: Path, style: Path) -> None:
    running = process("stylize", content, style, "-o", "out.png", *ENDLESS, cwd=tmp_path)
    wait_for(running, "step")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == 130
    assert out == "out.png\n"
    assert "Stopping after this step" in err
    assert "; stopped by you after step" in err
    assert saved(tmp_path / "out.png").size == (64, 43)
    assert "To continue: nst stylize --resume out_checkpoint" in err
    assert {file.name for file in tmp_path.iterdir()} == {"out.png", "out_checkpoint"}


def test_ctrl_c_before_the_first_step_leaves_nothing(
    nst: Nst, tmp_path: Path, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Objective, "__call__", press)
    outcome = nst("stylize", content, style, "-o", "out.png", *TINY)
    assert outcome.code == 130
    assert outcome.err.strip() == "nst: interrupted"
    assert not list(tmp_path.iterdir())


def test_a_second_ctrl_c_stops_at_once_and_keeps_the_picture_too(
    nst: Nst, tmp_path: Path, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press_twice(bar: ProgressBar, progress: Progress) -> None:
        if progress.step == 2:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(ProgressBar, "show_progress", press_twice)
    outcome = nst("stylize", content, style, "-o", "out.png", *TINY)
    assert outcome.code == 130
    assert "Stopping after this step" in outcome.err
    assert "The picture after step 2 is in out.png" in outcome.err
    assert outcome.error_lines[-1] == "nst: interrupted"
    assert saved(tmp_path / "out.png").size == (48, 32)


def test_a_full_disk_on_the_way_keeps_the_picture_so_far(
    nst: Nst, tmp_path: Path, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(bar: ProgressBar, progress: Progress) -> None:
        (tmp_path / "out_frames").touch()  # the file takes the place of the directory

    monkeypatch.setattr(ProgressBar, "show_progress", fill)
    outcome = nst("stylize", content, style, "-o", "out.png", *TINY, "--save-every=2")
    assert outcome.code == 1
    assert "The picture after step 2 is in out.png" in outcome.err
    assert "cannot write out_frames" in outcome.error_lines[-1]
    assert saved(tmp_path / "out.png").size == (48, 32)


def test_any_error_on_the_way_keeps_the_picture_so_far(
    nst: Nst, tmp_path: Path, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(bar: ProgressBar, progress: Progress) -> None:
        if progress.step == 2:
            raise MemoryError  # no error of nst, so it comes with its traceback

    monkeypatch.setattr(ProgressBar, "show_progress", fail)
    with pytest.raises(MemoryError):
        nst("stylize", content, style, "-o", "out.png", *TINY)
    assert saved(tmp_path / "out.png").size == (48, 32)


def test_no_room_for_the_timelapse_keeps_the_picture_so_far(
    nst: Nst, tmp_path: Path, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes
    written: list[Path] = []

    def full(path: Path, data: bytes) -> int:
        if path.parent.name.startswith("nst-"):
            written.append(path)
            if len(written) == 3:  # the photo and the first step have room
                raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    command = ("stylize", content, style, "-o", "out.png", *TINY, "--timelapse=film.gif")
    outcome = nst(*command)
    assert outcome.code == 1
    assert "The picture after step 2 is in out.png" in outcome.err
    assert "No space left on device" in outcome.error_lines[-1]
    assert saved(tmp_path / "out.png").size == (48, 32)


def test_no_room_for_the_first_frame_of_a_timelapse_is_one_line(
    nst: Nst, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "gone")
    outcome = nst("stylize", content, style, *TINY, "--timelapse=film.gif")
    assert outcome.code == 1
    assert "No such file or directory" in outcome.error_lines[-1]


def fail_from_evaluation(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = Objective.__call__

    def evaluate_or_fail(self: Any, x: Any, weights: Any) -> Evaluation:
        evaluation = evaluate(self, x, weights)
        if self.evaluations < number:
            return evaluation
        return Evaluation(Losses(float("nan"), 0.0, 0.0), evaluation.gradient)

    monkeypatch.setattr(Objective, "__call__", evaluate_or_fail)


def test_a_loss_that_stops_being_finite_keeps_the_picture_so_far(
    nst: Nst, tmp_path: Path, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_from_evaluation(8, monkeypatch)
    outcome = nst("stylize", content, style, "-o", "out.png", *TINY, "--total-iterations=50")
    assert outcome.code == 1
    assert "The picture after step" in outcome.err
    assert "not a finite number" in outcome.error_lines[-1]
    assert "smaller weights" in outcome.error_lines[-1]
    assert saved(tmp_path / "out.png").size == (48, 32)


@pytest.mark.parametrize("option", ["style-weight", "content-weight", "tv-weight"])
def test_weights_that_overflow(
    nst: Nst, tmp_path: Path, content: Path, style: Path, option: str
) -> None:
    outcome = nst("stylize", content, style, *TINY, f"--{option}=1e60")
    assert outcome.code == 2
    (line,) = outcome.error_lines
    assert f"nst: --{option} must be a number from 0 to 1e12 (got 1e+60)" in line
    assert not list(tmp_path.iterdir())


def test_a_picture_too_large_for_the_memory(tmp_path: Path, content: Path, style: Path) -> None:
    def limit_memory() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000, 3_000_000_000))

    finished = subprocess.run(
        [NST, "stylize", content, style, "--size=16000", "--preset=classic", "--model=vgg16"],
        cwd=tmp_path,
        preexec_fn=limit_memory,
        env=os.environ | {"OMP_NUM_THREADS": "2"},  # the stack of each thread counts as well
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    line = finished.stderr.strip().splitlines()[-1]
    assert "16000×10643 pixels need more memory than cpu has, even in small tiles" in line
    assert "for example 10666" in line
    assert "--max-memory" in line
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_full_at_the_end_does_not_lose_the_picture(
    nst: Nst, tmp_path: Path, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = image_writer.save

    def full(image: Image.Image, path: Path, **options: Any) -> Path:
        if path.name == "out.png" and path.parent == Path():
            raise StorageError(path, "No space left on device")
        return save(image, path, **options)

    monkeypatch.setattr(image_writer, "save", full)
    outcome = nst("stylize", content, style, "-o", "out.png", *TINY)
    assert outcome.code == 0
    assert "No space left on device; saving to" in outcome.err
    assert saved(outcome.out.strip()).size == (48, 32)


def redirected(redirection: str, *arguments: object, cwd: Path, **environment: str) -> Outcome:
    """Run `nst` with a redirection of the shell, such as 2>&-."""
    finished = subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {redirection}', NST, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    return Outcome(finished.returncode, finished.stdout, finished.stderr)


@pytest.mark.parametrize("redirection", ["2>&-", "2</dev/null"])
def test_no_command_needs_standard_error(
    tmp_path: Path, content: Path, style: Path, redirection: str
) -> None:
    draft = (style, "--preset=draft", "--size=48", "-o", "out.png")
    painted = redirected(redirection, "stylize", content, *draft, cwd=tmp_path)
    assert (painted.code, painted.out) == (0, "out.png\n")
    assert saved(tmp_path / "out.png").size == (48, 32)
    assert redirected(redirection, "stylize", "missing.png", *draft, cwd=tmp_path).code == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_standard_output_that_is_full_is_one_line(
    tmp_path: Path, content: Path, style: Path, unbuffered: str
) -> None:
    draft = ("stylize", content, style, "--preset=draft", "--size=48", "-o", "out.png", "--quiet")
    for command in (draft, ("--help",)):
        outcome = redirected(">/dev/full", *command, cwd=tmp_path, PYTHONUNBUFFERED=unbuffered)
        assert outcome.code == 1
        (line,) = outcome.error_lines
        assert line.startswith("nst: standard output cannot be written: No space left on device")
    assert saved(tmp_path / "out.png").size == (48, 32)


def test_vgg19_by_name_fails_and_lists_every_place_tried(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    outcome = nst("stylize", content, style, "--model=vgg19")
    assert outcome.code == 1
    (line,) = outcome.error_lines
    assert "no usable weights for vgg19" in line
    assert "because offline" in line
    assert "`nst weights fetch vgg19`" in line
    assert not list(tmp_path.iterdir())


def test_debug_shows_where_an_error_comes_from(
    nst: Nst, content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidImage, match="there is no file"):
        nst("stylize", content, "missing.png", "--debug")
