"""`nst stylize --resume`: an interrupted run continues and gives the same image."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cli.conftest import Nst, process, saved
from cli.test_failures import wait_for
from nst import Inputs, NeuralStyleTransfer
from nst.cli.checkpoints import COMMAND_NAME
from nst.cli.progress_bar import ProgressBar
from nst.engine.checkpoint import Checkpoint
from nst.errors import StorageError
from nst.progress import CHECKPOINT_NAME, Progress
from nst.recipe import Recipe
from support.pictures import picture
from support.waiting import PATIENCE_SECONDS

TINY = ("--size=32", "--model=vgg16", "--precision=fp32", "--convergence-tolerance=0")
OFTEN = "--checkpoint-every=0.001"


def press_at_two(bar: ProgressBar, progress: Progress) -> None:
    if progress.step == 2:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def interrupted(
    nst: Nst, tmp_path: Path, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Return a checkpoint of step 2 of 4, left by Ctrl-C, beside its images."""
    for name, file in (("content.png", content), ("style.png", style)):
        saved(file).resize((96, 64)).save(tmp_path / name)
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_progress", press_at_two)
        nst(*stylize(), "--no-recipe")
    return tmp_path / "out_checkpoint"


def stylize(output: str = "out.png") -> tuple[str, ...]:
    return ("stylize", "content.png", "style.png", "-o", output, *TINY, "--total-iterations=4")


KILLED = """
import os, signal, sys
from nst.cli.main import main
from nst.cli.progress_bar import ProgressBar

def kill_at_five(bar, progress):
    if progress.step == 5:
        os.kill(os.getpid(), signal.SIGKILL)

ProgressBar.show_progress = kill_at_five
main(sys.argv[1:])
"""


def test_after_sigkill_it_goes_on_to_the_same_picture(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    command = ("stylize", content, style, *TINY, "--total-iterations=20")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *command, "-o", "out.png", OFTEN], cwd=tmp_path, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    directory = tmp_path / "out_checkpoint"
    assert not (tmp_path / "out.png").exists()
    resumed = nst("stylize", "--resume", directory)
    assert resumed.code == 0
    assert resumed.out == "out.png\n"
    assert not directory.exists()
    assert nst(*command, "-o", "whole.png").code == 0
    assert saved(tmp_path / "out.png").tobytes() == saved(tmp_path / "whole.png").tobytes()
    assert Recipe.read(tmp_path / "out.png") == Recipe.read(tmp_path / "whole.png")


def test_after_ctrl_c_it_goes_on_from_any_directory(
    nst: Nst, interrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    so_far = (tmp_path / "out.png").read_bytes()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    resumed = nst("stylize", "--resume", "../out_checkpoint")
    assert resumed.code == 0
    assert resumed.out == "../out.png\n"
    assert "32×21 pixels, 2 steps" in resumed.err
    monkeypatch.chdir(tmp_path)
    nst(*stylize("whole.png"))
    assert saved(tmp_path / "out.png").tobytes() == saved(tmp_path / "whole.png").tobytes()
    assert (tmp_path / "out.png").read_bytes() != so_far
    assert "nst-recipe" not in saved(tmp_path / "out.png").info
    assert not interrupted.exists()


@pytest.mark.parametrize(
    ("kept", "named", "used"),
    [  # auto uses one of the two
        ("fp32", (), "fp32"),
        ("bf16", (), "bf16"),
        ("fp32", ("--precision=bf16",), "bf16"),
        ("bf16", ("--precision=fp32",), "fp32"),
    ],
)
def test_precision_of_the_checkpoint_unless_another_is_named(
    nst: Nst, interrupted: Path, kept: str, named: tuple[str, ...], used: str
) -> None:
    edit_command(interrupted, precision=kept)
    resumed = nst("stylize", "--resume", interrupted, *named)
    assert resumed.code == 0
    assert f" on cpu in {used};" in resumed.err


def test_weights_of_the_checkpoint_unless_others_are_named(nst: Nst, interrupted: Path) -> None:
    edit_command(interrupted, weights="kept.pth")
    assert "kept.pth" in nst("stylize", "--resume", interrupted).err
    other = nst("stylize", "--resume", interrupted, "--weights=named.pth").err
    assert "named.pth" in other
    assert "kept.pth" not in other


@pytest.mark.parametrize("given", [(), ("--max-memory=3GB", "--device=auto")])
def test_memory_and_device_of_the_checkpoint_unless_others_are_given(
    nst: Nst, interrupted: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...]
) -> None:
    used: list[tuple[str, int | None]] = []
    create = NeuralStyleTransfer.__init__

    def remember(transfer: NeuralStyleTransfer, *arguments: Any, **facts: Any) -> None:
        used.append((facts["device"], facts["max_memory_bytes"]))
        create(transfer, *arguments, **facts)

    monkeypatch.setattr(NeuralStyleTransfer, "__init__", remember)
    options = ("--max-memory=2GB", "--device=cpu")
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_progress", press_at_two)
        nst(*stylize("part.png"), *options)
    assert nst("stylize", "--resume", "part_checkpoint", *given).code == 0
    assert used == [("cpu", 2_000_000_000), ("auto", 3_000_000_000) if given else used[0]]


def test_a_checkpoint_of_an_older_nst_goes_on(nst: Nst, interrupted: Path) -> None:
    file = interrupted / COMMAND_NAME
    new = ("device", "max_memory", "overwrite", "timelapse")
    command = json.loads(file.read_text())
    file.write_text(json.dumps({name: command[name] for name in command if name not in new}))
    assert nst("stylize", "--resume", interrupted).out == "out.png\n"


def test_the_time_lapse_is_saved_after_an_interruption_too(
    nst: Nst, interrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_progress", press_at_two)
        outcome = nst(*stylize("part.png"), "--timelapse=part.gif")
        assert outcome.out == "part.png\npart.gif\n"
    so_far = (tmp_path / "part.gif").read_bytes()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    outcome = nst("stylize", "--resume", "../part_checkpoint")
    assert outcome.out == "../part.png\n../part-2.gif\n"
    assert (tmp_path / "part.gif").read_bytes() == so_far


def kill_overwriting(tmp_path: Path) -> None:
    """Kill a run with --overwrite that has painted over nothing yet."""
    (tmp_path / "out.png").write_bytes(b"earlier")
    options = (*stylize()[1:], "--total-iterations=20", "--overwrite", OFTEN)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, "stylize", *options], cwd=tmp_path, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "out.png").read_bytes() == b"earlier"


@pytest.mark.parametrize(("named", "replaced"), [((), True), (("-o", "other.png"), False)])
def test_overwrite_of_the_checkpoint_concerns_its_own_output(
    nst: Nst, interrupted: Path, tmp_path: Path, named: tuple[str, ...], replaced: bool
) -> None:
    (tmp_path / "other.png").write_bytes(b"other")
    kill_overwriting(tmp_path)
    outcome = nst("stylize", "--resume", "out_checkpoint-2", *named)
    assert outcome.out == ("out.png\n" if replaced else "other-2.png\n")
    assert ((tmp_path / "out.png").read_bytes() != b"earlier") == replaced
    assert (tmp_path / "other.png").read_bytes() == b"other"


def test_overwrite_ends_with_the_picture_so_far(
    nst: Nst, interrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_progress", press_at_two)
        assert nst(*stylize(), "--overwrite").out == "out.png\n"
    (tmp_path / "out.png").write_bytes(b"mine")
    assert nst("stylize", "--resume", "out_checkpoint-2").out == "out-2.png\n"
    assert (tmp_path / "out.png").read_bytes() == b"mine"


def edit_command(checkpoint: Path, **values: str) -> None:
    file = checkpoint / COMMAND_NAME
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_a_picture_so_far_that_somebody_changed_stays(
    nst: Nst, interrupted: Path, tmp_path: Path
) -> None:
    picture().save(tmp_path / "out.png")
    mine = (tmp_path / "out.png").read_bytes()
    assert nst("stylize", "--resume", interrupted).out == "out-2.png\n"
    assert (tmp_path / "out.png").read_bytes() == mine


def test_the_picture_of_another_run_stays(
    nst: Nst, interrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run that is stopped, too, finishes its image under its own number."""
    first = (tmp_path / "out.png").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_progress", press_at_two)
        assert nst(*stylize(), "--seed=1").out == "out-2.png\n"
    assert nst("stylize", "--resume", "out_checkpoint-2").out == "out-2.png\n"
    assert (tmp_path / "out.png").read_bytes() == first
    assert not (tmp_path / "out-3.png").exists()


def test_what_is_stopped_twice_is_finished_in_the_same_file(
    nst: Nst, tmp_path: Path, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(bar: ProgressBar, progress: Progress) -> None:
        if progress.step in (1, 3):
            os.kill(os.getpid(), signal.SIGINT)

    command = ("stylize", content, style, *TINY, "--total-iterations=6")
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_progress", press)
        assert nst(*command, "-o", "out.png").out == "out.png\n"
        stopped = nst("stylize", "--resume", "out_checkpoint")
        assert (stopped.code, stopped.out) == (130, "out.png\n")
    assert nst("stylize", "--resume", "out_checkpoint").out == "out.png\n"
    assert [file.name for file in tmp_path.iterdir()] == ["out.png"]
    nst(*command, "-o", "whole.png")
    assert saved(tmp_path / "out.png").tobytes() == saved(tmp_path / "whole.png").tobytes()


def test_several_styles_and_masks_go_on(nst: Nst, interrupted: Path, tmp_path: Path) -> None:
    left = Image.new("L", (96, 64))
    left.paste(255, (0, 0, 48, 64))
    left.save(tmp_path / "left.png")
    command = ("stylize", "content.png", "style.png", "content.png", "--style-blend=0.2,0.8")
    options = (*TINY, "--total-iterations=4", "--style-mask=-", "--style-mask=left.png")
    assert nst(*command, *options, "-o", "whole.png").code == 0
    stop = pytest.MonkeyPatch()
    with stop.context() as patch:
        patch.setattr(ProgressBar, "show_progress", press_at_two)
        nst(*command, *options, "-o", "part.png")
    assert nst("stylize", "--resume", "part_checkpoint").out == "part.png\n"
    assert saved(tmp_path / "part.png").tobytes() == saved(tmp_path / "whole.png").tobytes()
    assert Recipe.read(tmp_path / "part.png") == Recipe.read(tmp_path / "whole.png")


def test_a_detail_map_goes_on(
    nst: Nst, interrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, maps = NeuralStyleTransfer.run, []

    def remember(transfer: NeuralStyleTransfer, inputs: Inputs, *rest: Any, **facts: Any) -> Any:
        assert isinstance(inputs.detail_map, Image.Image)
        maps.append(inputs.detail_map.tobytes())
        return run(transfer, inputs, *rest, **facts)

    monkeypatch.setattr(NeuralStyleTransfer, "run", remember)
    drawn = Image.linear_gradient("L").resize((96, 64))
    drawn.save(tmp_path / "map.png")
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_progress", press_at_two)
        nst(*stylize("part.png"), "--detail-map=map.png")
    assert nst("stylize", "--resume", "part_checkpoint").out == "part.png\n"
    assert maps == [drawn.tobytes()] * 2
    recipe = Recipe.read(tmp_path / "part.png")
    assert recipe.detail_map
    assert recipe.detail_map.path == "map.png"


def test_another_run_leaves_the_checkpoint_alone(
    nst: Nst, interrupted: Path, tmp_path: Path
) -> None:
    before = (interrupted / CHECKPOINT_NAME).read_bytes()
    assert nst(*stylize(), OFTEN).code == 0
    assert (interrupted / CHECKPOINT_NAME).read_bytes() == before
    assert not (tmp_path / "out_checkpoint-2").exists()


def test_what_is_not_ours_stays_in_the_directory(nst: Nst, interrupted: Path) -> None:
    (interrupted / "notes.txt").touch()
    (interrupted / ".nst-0123.tmp").touch()  # left by a killed process
    assert nst("stylize", "--resume", interrupted, "-o", "other.jpg").out == "other.jpg\n"
    assert [file.name for file in interrupted.iterdir()] == ["notes.txt"]


def test_no_checkpoints_if_nobody_wants_them(tmp_path: Path, content: Path, style: Path) -> None:
    command = ("stylize", content, style, "-o", "out.png", *TINY, "--total-iterations=100000")
    running = process(*command, "--checkpoint-every=0", cwd=tmp_path)
    wait_for(running, "step")
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == 130
    assert "To continue" not in err
    assert [file.name for file in tmp_path.iterdir()] == ["out.png"]


def test_a_disk_too_full_for_checkpoints_does_not_stop_the_painting(
    nst: Nst, tmp_path: Path, content: Path, style: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(checkpoint: Checkpoint, path: Path) -> None:
        raise StorageError(path, "No space left on device")

    monkeypatch.setattr(Checkpoint, "save", full)
    outcome = nst("stylize", content, style, "-o", "out.png", *TINY, "--total-iterations=2", OFTEN)
    assert outcome.code == 0
    assert "continuing without a checkpoint: cannot write" in outcome.err
    assert "No space left on device" in outcome.err
    assert [file.name for file in tmp_path.iterdir()] == ["out.png"]


def refused(nst: Nst, directory: Path, says: str) -> None:
    def files() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in directory.rglob("*") if file.is_file()}

    before = files()
    outcome = nst("stylize", "--resume", directory)
    assert outcome.code == 2
    (line,) = outcome.error_lines
    assert line.startswith("nst: checkpoint: ")
    assert says in line
    assert outcome.out == ""
    assert files() == before


def test_no_directory_and_damaged_files(nst: Nst, interrupted: Path, tmp_path: Path) -> None:
    refused(nst, tmp_path / "missing", "name a directory that nst stylize left")
    refused(nst, tmp_path, "name a directory that nst stylize left")
    file = interrupted / CHECKPOINT_NAME
    file.write_bytes(file.read_bytes()[:-100])
    refused(nst, interrupted, "damaged, cut short")
    file.unlink()
    refused(nst, interrupted, "does not exist")
    (interrupted / COMMAND_NAME).write_text("{")
    refused(nst, interrupted, "damaged command.json")


def test_other_pictures(nst: Nst, interrupted: Path, tmp_path: Path) -> None:
    picture().save(tmp_path / "style.png")
    refused(nst, interrupted, "style.png, from which")
    (tmp_path / "content.png").unlink()
    refused(nst, interrupted, "no longer exists")


def test_options_cannot_be_changed(nst: Nst, interrupted: Path) -> None:
    for more in (["--style-weight=5"], ["a.png", "b.png"], ["--preset=fast"], ["--style-mask=-"]):
        outcome = nst("stylize", "--resume", interrupted, *more)
        assert outcome.code == 2
        assert "--resume takes pictures and options from the checkpoint" in outcome.err


def test_edited_options_are_another_transfer(nst: Nst, interrupted: Path) -> None:
    command = interrupted / COMMAND_NAME
    command.write_text(command.read_text().replace('"size":32', '"size":40'))
    refused(nst, interrupted, "was made with size 32, not 40")
