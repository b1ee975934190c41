"""`nst video --resume`: a late error keeps the frames, and the film continues."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cli.conftest import Nst, process
from cli.test_video import film, frames, sound
from nst import StyleTransferOptions, image_writer
from nst.cli.checkpoints import COMMAND_NAME
from nst.cli.film_frames import Frames
from nst.cli.machine import MachineOptions
from nst.cli.painter import Painter
from nst.errors import Diverged, StorageError
from nst.video import Video
from support.pictures import picture

TINY = ("--size=32", "--first-steps=3", "--steps=2", "--precision=fp32")
FRAMES = 8

KILLED = """
import os, signal, sys
from nst.cli.main import main
from nst.cli.progress_bar import ProgressBar

def kill_at_seven(bar, film, progress):
    if film.frame == 7:
        os.kill(os.getpid(), signal.SIGKILL)

ProgressBar.show_frame = kill_at_seven
main(sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def source(tmp_path: Path, style: Path) -> None:
    turned = [picture(48, 32).rotate(20 * turn) for turn in range(FRAMES)]
    film(tmp_path / "in.mp4", turned, sound="aac")
    shutil.copy(style, tmp_path / "style.jpg")


def video(output: str = "out.mp4") -> tuple[str, ...]:
    return ("video", "in.mp4", "style.jpg", "-o", output, *TINY)


def stand_in(
    patch: pytest.MonkeyPatch, number: int = 0, act: Callable[[], object] = lambda: None
) -> None:
    """Replace the engine by one that blends frames.
    Each frame is blended with its painted neighbour by 0.5, and in later passes with its own
    latest version by 0.3. `act` is called before frame `number`, counted over all passes."""

    def painted(
        frames: Frames, frame: Image.Image, latest: Image.Image | None
    ) -> Image.Image | None:
        if frames._clock.done + 1 == number:
            act()
        before = frames._before.painted if frames._before else frame
        mixed = Image.blend(before, frame, 0.5)
        if latest:
            mixed = Image.blend(mixed, latest, 0.3)
        return None if frames._ctrl_c.pressed else mixed

    patch.setattr(Frames, "_painted", painted)


def fail() -> None:
    raise Diverged(1)


def fail_to_write(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def same(first: Path, second: Path) -> bool:
    ours, others = list(frames(first)), list(frames(second))
    is_equal = [
        time == when and np.array_equal(image, other)
        for (time, image), (when, other) in zip(ours, others, strict=True)
    ]
    return len(ours) == FRAMES and all(is_equal) and sound(first) == sound(second) != []


@pytest.fixture
def whole(nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the film of an uninterrupted run."""
    stand_in(monkeypatch)
    assert nst(*video("whole.mp4")).code == 0
    assert not (tmp_path / "whole_checkpoint").exists()
    return tmp_path / "whole.mp4"


def test_a_film_killed_at_frame_7_is_the_film_that_it_would_have_been(tmp_path: Path) -> None:
    """The engine is real; each run has a process of its own, as for a person."""

    def run(*command: object) -> subprocess.Popen[str]:
        running = process(*command, cwd=tmp_path)
        running.communicate()
        return running

    assert run(*video("whole.mp4")).returncode == 0
    command = [sys.executable, "-c", KILLED, *video()]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "out.mp4").exists()
    kept = sorted(file.name for file in (tmp_path / "out_checkpoint").iterdir())
    assert kept == [*(f"{number:06}.png" for number in range(1, 7)), COMMAND_NAME]
    assert run("video", "--resume", "out_checkpoint").returncode == 0
    assert same(tmp_path / "out.mp4", tmp_path / "whole.mp4")
    assert not (tmp_path / "out_checkpoint").exists()


def test_after_ctrl_c_it_goes_on_from_any_directory(
    nst: Nst, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stand_in(patch, 4, interrupt)
        outcome = nst(*video())
    assert outcome.code == 130
    assert outcome.error_lines[-1] == "To continue: nst video --resume out_checkpoint"
    assert len(list(frames(tmp_path / "out.mp4"))) == 3
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert nst("video", "--resume", "../out_checkpoint").out == "../out.mp4\n"
    assert same(tmp_path / "out.mp4", whole)


def test_a_film_so_far_that_somebody_changed_stays(
    nst: Nst, interrupted: Path, tmp_path: Path, whole: Path
) -> None:
    (tmp_path / "out.mp4").write_bytes(b"mine")
    assert nst("video", "--resume", interrupted).out == "out-2.mp4\n"
    assert (tmp_path / "out.mp4").read_bytes() == b"mine"
    assert same(tmp_path / "out-2.mp4", whole)


def test_the_options_of_a_film_stay_unless_others_are_given(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines: list[MachineOptions] = []
    create = Painter.__init__

    def remember(painter: Painter, options: StyleTransferOptions, machine: MachineOptions) -> None:
        machines.append(machine)
        create(painter, options, machine)

    monkeypatch.setattr(Painter, "__init__", remember)
    (tmp_path / "out_preview").mkdir()  # of an earlier film
    given = ("--device=cpu", "--max-memory=2GB", "--preview=2")
    with monkeypatch.context() as patch:
        stand_in(patch, 3, interrupt)
        assert nst(*video(), *given).code == 130
        assert nst("video", "--resume", "out_checkpoint", "--max-memory=3GB").code == 130
    stand_in(monkeypatch)
    assert nst("video", "--resume", "out_checkpoint").code == 0
    assert [(each.device, each.max_memory) for each in machines] == [
        ("cpu", 2_000_000_000),
        ("cpu", 3_000_000_000),
        ("cpu", 3_000_000_000),
    ]
    previews = sorted(file.name for file in (tmp_path / "out_preview-2").iterdir())
    assert previews == [f"{number:06}.png" for number in range(2, FRAMES + 1, 2)]
    assert not list((tmp_path / "out_preview").iterdir())
    assert not (tmp_path / "out_preview-3").exists()


def test_a_film_that_could_not_be_written_overwrites_as_it_would_have(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.mp4").write_bytes(b"earlier")
    stand_in(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(Video, "repaint", fail_to_write)
        assert nst(*video(), *PASSES, "--overwrite").code == 1
    assert (tmp_path / "out.mp4").read_bytes() == b"earlier"
    assert nst("video", "--resume", "out_checkpoint").out == "out.mp4\n"
    assert len(list(frames(tmp_path / "out.mp4"))) == FRAMES


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_late_error_keeps_the_frames_so_far(
    nst: Nst, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, is_ours: bool
) -> None:
    """Only an error of nst comes as one line; any other has a traceback."""
    with monkeypatch.context() as patch:
        stand_in(patch, 5, fail if is_ours else lambda: bytearray(1 << 60))
        if is_ours:
            outcome = nst(*video())
            assert outcome.code == 1
            assert outcome.error_lines[-3:] == [
                "To continue: nst video --resume out_checkpoint",
                "The film so far is in out.mp4",
                f"nst: {Diverged(1)}",
            ]
        else:
            with pytest.raises(MemoryError):
                nst(*video())
    assert len(list(frames(tmp_path / "out.mp4"))) == 4
    assert nst("video", "--resume", "out_checkpoint", "--overwrite").code == 0
    assert same(tmp_path / "out.mp4", whole)


def test_a_film_that_cannot_be_written_is_not_painted_again(
    nst: Nst, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repaint = Video.repaint

    def full(*arguments: Any) -> None:
        repaint(*arguments)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Video, "repaint", full)
        outcome = nst(*video())
    assert outcome.code == 1
    assert outcome.error_lines[-2] == "To continue: nst video --resume out_checkpoint"
    assert "No space left" in outcome.error_lines[-1]
    stand_in(monkeypatch, 1, fail)
    assert nst("video", "--resume", "out_checkpoint").code == 0
    assert same(tmp_path / "out.mp4", whole)


def test_a_disk_too_full_for_checkpoints_does_not_stop_the_film(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = image_writer.save

    def full(image: Any, path: Path, **options: Any) -> Path:
        if path.name == "000003.png":
            raise StorageError(path, "No space left on device")
        return save(image, path, **options)

    stand_in(monkeypatch)
    monkeypatch.setattr(image_writer, "save", full)
    outcome = nst(*video())
    assert outcome.code == 0
    assert outcome.err.count("continuing without a checkpoint: cannot write") == 1
    assert len(list(frames(tmp_path / "out.mp4"))) == FRAMES
    assert not (tmp_path / "out_checkpoint").exists()


# ── several passes ────────────────────────────────────────────────────────────────────────────

PASSES = ("--passes=3",)


@pytest.mark.parametrize("number", [3, FRAMES + 1, FRAMES + 4, 2 * FRAMES + 2])
@pytest.mark.parametrize(("act", "code"), [(fail, 1), (interrupt, 130)])
def test_a_film_of_three_passes_goes_on_from_any_of_them(
    nst: Nst,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    act: Callable[[], object],
    code: int,
) -> None:
    with monkeypatch.context() as patch:
        stand_in(patch)
        assert nst(*video("whole.mp4"), *PASSES).code == 0
        assert not (tmp_path / "whole_checkpoint").exists()
        stand_in(patch, number, act)
        assert nst(*video(), *PASSES).code == code
    assert len(list(frames(tmp_path / "out.mp4"))) == min(number - 1, FRAMES)
    painted: list[int] = []
    stand_in(monkeypatch, 3 * FRAMES, lambda: painted.append(1))
    assert nst("video", "--resume", "out_checkpoint", "--overwrite").code == 0
    assert painted == [1]
    assert same(tmp_path / "out.mp4", tmp_path / "whole.mp4")
    assert not (tmp_path / "out_checkpoint").exists()


def test_several_passes_finish_in_the_same_file_after_two_interruptions(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stand_in(patch, 3, interrupt)
        assert nst(*video(), *PASSES).code == 130
        stand_in(patch)
        patch.setattr(Video, "repaint", fail_to_write)
        assert nst("video", "--resume", "out_checkpoint").code == 1
    stand_in(monkeypatch)
    assert nst("video", "--resume", "out_checkpoint").out == "out.mp4\n"


def test_passes_go_forward_and_backward(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second pass begins with the last frame, which has no frame before it."""
    neighbours: list[bool] = []

    def painted(frames: Frames, frame: Image.Image, latest: Image.Image | None) -> Image.Image:
        neighbours.append(frames._before is not None)
        seen.append(latest is not None)
        return frame

    seen: list[bool] = []
    monkeypatch.setattr(Frames, "_painted", painted)
    assert nst(*video(), "--passes=2").code == 0
    assert neighbours == [False, *[True] * (FRAMES - 1)] * 2
    assert seen == [False] * FRAMES + [True] * FRAMES


def test_several_passes_need_room_for_their_frames(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = image_writer.save

    def full(image: Any, path: Path, **options: Any) -> Path:
        if path.name == "000003.png":
            raise StorageError(path, "No space left on device")
        return save(image, path, **options)

    stand_in(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(image_writer, "save", full)
        outcome = nst(*video(), *PASSES)
    assert outcome.code == 1
    assert "cannot write" in outcome.error_lines[-1]
    assert len(list(frames(tmp_path / "out.mp4"))) == 2


@pytest.fixture
def interrupted(nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with monkeypatch.context() as patch:
        stand_in(patch, 2, interrupt)
        nst(*video())
    return tmp_path / "out_checkpoint"


def refused(nst: Nst, *arguments: object) -> str:
    outcome = nst("video", *arguments)
    assert outcome.code == 2
    (line,) = outcome.error_lines
    return line


def test_what_cannot_go_on_is_said(nst: Nst, interrupted: Path, tmp_path: Path) -> None:
    assert "a directory that nst video left" in refused(nst, "--resume", tmp_path)
    for option in (
        *("--steps=3", "--first-steps=1", "--passes=2"),
        *("--preset=draft", "--content-weight=2"),
    ):
        line = refused(nst, "--resume", interrupted, option)
        assert "takes film, style and options from the checkpoint" in line
    assert "nst video VIDEO STYLE" in refused(nst)
    assert "nst video VIDEO STYLE" in refused(nst, "in.mp4")
    film(tmp_path / "in.mp4", [picture(48, 32)])
    assert "in.mp4, from which" in refused(nst, "--resume", interrupted)
    (interrupted / COMMAND_NAME).write_text("{}")
    assert "damaged or not of a film" in refused(nst, "--resume", interrupted)


def test_a_damaged_frame_is_painted_again(
    nst: Nst, interrupted: Path, tmp_path: Path, whole: Path
) -> None:
    file = interrupted / "000001.png"
    file.write_bytes(file.read_bytes()[:-100])
    assert nst("video", "--resume", interrupted, "--overwrite").code == 0
    assert same(tmp_path / "out.mp4", whole)
