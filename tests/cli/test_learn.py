"""`nst learn`, and `nst stylize` with a learned style."""

import hashlib
import os
import re
import shutil
import signal
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors import SafetensorError, serialize_file

from cli.conftest import Nst, process, saved
from cli.test_video import film
from nst.cli.progress_bar import ProgressBar
from nst.engine.network.files import BUNDLE
from nst.errors import StorageError, StorageFull
from nst.learned_file import KEY
from nst.learning import preview, style_file
from nst.learning.checkpoint import LearningCheckpoint
from nst.learning.painting import LearnedStyle
from nst.learning.training import LearningProgress
from nst.learning.training_run import TrainingRun
from nst.recipe import Recipe
from nst.result import Result
from nst.video import Video
from support.waiting import PATIENCE_SECONDS, wait_until
from unit.learning import tiny

STYLE, OTHER = tiny.STYLES
SMALL = ("--size=32", "--style-size=32", "--channels=4", "--blocks=1", "--precision=fp32")
THREE = (*SMALL, "--steps=3")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.effect_noise((60, 40), 70).convert("RGB").save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def tensors_of(file: Path) -> str:
    return style_file.load(file)[1].tensors_sha256


def test_learn_then_stylize_then_repeat(nst: Nst, tmp_path: Path, photo: Path) -> None:
    learned = nst("learn", STYLE, *THREE, "--licence=CC0-1.0")
    assert (learned.code, learned.out) == (0, "impasto.nst\n")
    assert "learning from the 4 sample photos; more photos make the network better" in learned.err
    assert "step 3/3" in learned.err
    assert "3 steps in" in learned.err
    assert not list(tmp_path.glob("*checkpoint*"))

    outcome = nst("stylize", photo, "impasto.nst", "--size=60")
    assert (outcome.code, outcome.out) == (0, "photo_impasto.png\n")
    assert "60×40 pixels in" in outcome.err
    assert "learned: impasto" in outcome.err
    recipe = Recipe.read(tmp_path / "photo_impasto.png")
    assert recipe.weights_sha256 == tensors_of(tmp_path / "impasto.nst")

    again = nst("stylize", "--from-image", "photo_impasto.png", "-o", "again.png")
    assert again.code == 0
    first, second = (saved(tmp_path / name) for name in ("photo_impasto.png", "again.png"))
    assert first.tobytes() == second.tobytes()


def test_quiet_prints_the_path_alone(nst: Nst, tmp_path: Path) -> None:
    outcome = nst("learn", "sample:impasto", *THREE, "--quiet")
    assert (outcome.code, outcome.out, outcome.err) == (0, "impasto.nst\n", "")


def test_previews_show_three_photos_beside_the_output(nst: Nst, tmp_path: Path) -> None:
    (tmp_path / "two_preview.jpg").write_bytes(b"of another training")
    arguments = ("learn", STYLE, OTHER, *THREE, "-o", "two.nst")
    assert nst(*arguments, "--preview-every=0").code == 0
    assert not (tmp_path / "two_preview-2.jpg").exists()
    assert nst(*arguments).code == 0
    page = saved(tmp_path / "two_preview-2.jpg")
    cell = preview.SIDE_PIXELS + preview.GAP_PIXELS
    assert page.size == (3 * cell + preview.GAP_PIXELS, 3 * cell + preview.GAP_PIXELS)
    assert (tmp_path / "two_preview.jpg").read_bytes() == b"of another training"


def test_a_resumed_training_leaves_the_previews_of_others(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out_preview.jpg").write_bytes(b"of another training")
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_learning", press)
        assert nst("learn", STYLE, *THREE, "-o", "out.nst").code == 130
    so_far = (tmp_path / "out_preview-2.jpg").read_bytes()
    assert nst("learn", "--resume", "out_checkpoint.safetensors").code == 0
    assert (tmp_path / "out_preview-2.jpg").read_bytes() != so_far
    assert (tmp_path / "out_preview.jpg").read_bytes() == b"of another training"


def test_a_graph_belongs_to_a_finished_network(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_learning", press)
        outcome = nst("learn", STYLE, *THREE, "-o", "out.nst", "--export=onnx")
    assert (outcome.code, outcome.out) == (130, "out.nst\n")
    assert "not exported" in outcome.err
    outcome = nst("learn", "--resume", "out_checkpoint.safetensors")
    assert outcome.out == "out.nst\nout.onnx\n"


def test_others_may_read_a_learned_style(nst: Nst, tmp_path: Path) -> None:
    assert nst("learn", STYLE, *THREE, "-o", "out.nst").code == 0
    (tmp_path / "plain").touch()
    assert (tmp_path / "out.nst").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_previews_are_written_while_the_network_learns(tmp_path: Path) -> None:
    running = process("learn", STYLE, *SMALL, "--preview-every=0.001", cwd=tmp_path)
    try:
        wait_until((tmp_path / "impasto_preview.jpg").exists)
        assert not (tmp_path / "impasto.nst").exists()
    finally:
        running.kill()
        running.communicate(timeout=PATIENCE_SECONDS)


def test_several_styles_and_an_onnx_graph(nst: Nst, tmp_path: Path, photo: Path) -> None:
    outcome = nst(
        "learn", STYLE, OTHER, *THREE, "-o", "two.nst", "--export=onnx", "--name=a", "--name=b"
    )
    assert outcome.out.splitlines() == ["two.nst", "two.onnx"]
    assert style_file.load(tmp_path / "two.nst")[1].styles == ("a", "b")
    outcome = nst("stylize", photo, "two.nst", "--size=60", "--style-blend=0.2,0.8")
    assert outcome.code == 0
    outcome = nst("learn", "two.nst", "--export=onnx", "-o", "other.onnx")
    assert (outcome.code, outcome.out) == (0, "other.onnx\n")


def test_sigkill_then_resume_learns_the_same_network(nst: Nst, tmp_path: Path) -> None:
    killed = process(
        "learn", STYLE, *SMALL, "--checkpoint-every=0.001", "-o", "killed.nst", cwd=tmp_path
    )
    checkpoint = tmp_path / "killed_checkpoint.safetensors"
    try:
        wait_until(checkpoint.exists)
    finally:
        killed.kill()
        killed.communicate(timeout=PATIENCE_SECONDS)
    step = LearningCheckpoint.read(checkpoint).step
    steps = f"--steps={step + 2}"
    assert nst("learn", "--resume", checkpoint, steps).out == "killed.nst\n"
    assert nst("learn", STYLE, *SMALL, steps, "-o", "whole.nst").code == 0
    assert tensors_of(tmp_path / "killed.nst") == tensors_of(tmp_path / "whole.nst")
    assert not checkpoint.exists()


def test_ctrl_c_keeps_the_network_so_far(tmp_path: Path) -> None:
    running = process("learn", STYLE, *SMALL, "--checkpoint-every=0.001", cwd=tmp_path)
    try:
        wait_until((tmp_path / "impasto_checkpoint.safetensors").exists)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=PATIENCE_SECONDS)
    finally:
        running.kill()
    assert (running.returncode, out) == (130, "impasto.nst\n")
    assert "To continue: nst learn --resume impasto_checkpoint.safetensors" in err
    assert style_file.load(tmp_path / "impasto.nst")[1].recipe.steps > 0


def full(training_run: TrainingRun, path: Path, **_: bool) -> Path:
    raise StorageError(path, "No space left on device")


def press(bar: ProgressBar, progress: LearningProgress) -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(("is_changed", "result"), [(False, "two-2.nst"), (True, "two-3.nst")])
def test_resume_replaces_the_network_so_far_unless_somebody_changed_it(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_changed: bool, result: str
) -> None:
    (tmp_path / "two.nst").write_bytes(b"another network")
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_learning", press)
        assert nst("learn", STYLE, *SMALL, "--steps=9", "-o", "two.nst").out == "two-2.nst\n"
    if is_changed:
        (tmp_path / "two-2.nst").write_bytes(b"mine")
    again = nst("learn", "--resume", "two_checkpoint.safetensors", "--steps=3")
    assert (again.code, again.out) == (0, f"{result}\n")
    assert (tmp_path / "two.nst").read_bytes() == b"another network"
    assert ((tmp_path / "two-2.nst").read_bytes() == b"mine") == is_changed
    assert len(list(tmp_path.glob("*.nst"))) == (3 if is_changed else 2)
    assert nst("learn", STYLE, *THREE, "-o", "whole.nst").code == 0
    assert tensors_of(tmp_path / result) == tensors_of(tmp_path / "whole.nst")


@pytest.mark.parametrize(("given", "device"), [((), "cpu"), (("--device=auto",), "auto")])
def test_resume_has_the_device_the_export_and_the_permission_to_overwrite(
    nst: Nst,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[str, ...],
    device: str,
) -> None:
    devices: list[str] = []
    begin = TrainingRun.begin

    def remember(*arguments: Any, **facts: Any) -> TrainingRun:
        devices.append(facts["device"])
        return begin(*arguments, **facts)

    monkeypatch.setattr(TrainingRun, "begin", remember)
    (tmp_path / "out.nst").write_bytes(b"earlier")
    command = ("learn", STYLE, *SMALL, "--steps=4", "-o", "out.nst", "--overwrite")
    options = ("--device=cpu", "--export=onnx", "--checkpoint-every=0.0001")
    with monkeypatch.context() as patch:
        patch.setattr(TrainingRun, "save", full)
        patch.setattr(ProgressBar, "show_learning", press)
        assert nst(*command, *options).code == 1
    assert (tmp_path / "out.nst").read_bytes() == b"earlier"
    resumed = nst("learn", "--resume", "out_checkpoint.safetensors", *given)
    assert (resumed.code, resumed.out) == (0, "out.nst\nout.onnx\n")
    assert devices == ["cpu", device]


def test_resume_takes_the_weights_that_are_given(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_learning", press)
        assert nst("learn", STYLE, *THREE, "-o", "out.nst").code == 130
    checkpoint = "out_checkpoint.safetensors"
    assert "other.pth" in nst("learn", "--resume", checkpoint, "--weights=other.pth").err
    moved = shutil.copy(BUNDLE / "vgg16.safetensors", tmp_path / "moved.safetensors")
    assert nst("learn", "--resume", checkpoint, "--weights", moved).out == "out.nst\n"


def test_any_error_keeps_the_network_so_far(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(bar: ProgressBar, progress: LearningProgress) -> None:
        raise MemoryError  # no error of nst, so it comes with its traceback

    monkeypatch.setattr(ProgressBar, "show_learning", fail)
    with pytest.raises(MemoryError):
        nst("learn", STYLE, *THREE, "-o", "out.nst")
    assert style_file.load(tmp_path / "out.nst")[1].recipe.steps == 1


def test_a_checkpoint_that_cannot_be_written_stops_no_learning(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_networks(tensors: Any, file: Path, metadata: dict[str, str]) -> None:
        if KEY not in metadata:
            raise SafetensorError("I/O error: No space left on device (os error 28)")
        serialize_file(tensors, file, metadata=metadata)

    monkeypatch.setattr("safetensors.torch.serialize_file", only_networks)
    outcome = nst("learn", STYLE, *THREE, "--checkpoint-every=0.0001", "-o", "out.nst")
    assert (outcome.code, outcome.out) == (0, "out.nst\n")
    assert "nst: continuing without a checkpoint: cannot write " in outcome.err
    assert {file.name for file in tmp_path.iterdir()} == {"out.nst", "out_preview.jpg"}


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_network_that_cannot_be_written_is_saved_elsewhere(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_stopped: bool
) -> None:
    refuge, save = tmp_path / "refuge", TrainingRun.save
    refuge.mkdir()

    def only_in_refuge(training_run: TrainingRun, path: Path, *, overwrite: bool) -> Path:
        if refuge not in path.parents:
            raise StorageFull(path, "No space left on device")
        return save(training_run, path, overwrite=overwrite)

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(refuge))
        patch.setattr(TrainingRun, "save", only_in_refuge)
        if is_stopped:
            patch.setattr(ProgressBar, "show_learning", press)
        outcome = nst("learn", STYLE, *THREE, "-o", "out.nst")
    assert outcome.code == (130 if is_stopped else 0)
    assert "out.nst: No space left on device; saving to " in outcome.err
    assert style_file.load(tmp_path / outcome.out.strip())[1].styles == ("impasto",)
    if is_stopped:  # the finished network belongs where it was ordered
        assert nst("learn", "--resume", "out_checkpoint.safetensors").out == "out.nst\n"


def test_paths_that_are_not_utf8_are_no_obstacle(nst: Nst, tmp_path: Path) -> None:
    painting = tmp_path / os.fsdecode(b"\xff.jpg")
    try:
        shutil.copy(STYLE, painting)
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    outcome = nst("learn", painting, *THREE, "--checkpoint-every=0.0001", "-o", "out.nst")
    assert outcome.code == 0
    assert style_file.load(tmp_path / "out.nst")[1].styles == ("\ufffd",)


def test_a_new_training_leaves_the_checkpoint_of_another(nst: Nst, tmp_path: Path) -> None:
    other = tmp_path / "impasto_checkpoint.safetensors"
    other.write_bytes(b"hours of learning")
    assert nst("learn", STYLE, *SMALL, "--steps=1", "--checkpoint-every=0.001").code == 0
    assert list(tmp_path.glob("*.safetensors")) == [other]
    assert other.read_bytes() == b"hours of learning"


def test_damaged_photos_are_named(nst: Nst, tmp_path: Path) -> None:
    folder = tiny.photos(tmp_path / "photos", 1)
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    outcome = nst("learn", STYLE, *SMALL, "--steps=8", "--photos", folder)
    assert outcome.code == 0
    (line,) = (line for line in outcome.error_lines if "left out" in line)
    assert line.count("cut.jpg") == 1
    assert re.search(r"^8 steps in .* from 1 photo$", outcome.err, re.MULTILINE)
    assert "from 2 photos" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name an image: nst learn STYLE"),
        (("none.jpg",), "style image: "),
        ((STYLE, "-o", "a.png"), "--output must be a name ending in .nst"),
        ((STYLE, "--photos", "nowhere"), "--photos must be a folder with photos"),
        ((STYLE, "--size=7"), r"--size must be a whole number from 32 to .* \(got 7\)"),
        (
            (STYLE, "--name=a", "--name=b"),
            "--name must be one name for each style, here 1.*'a, b'",
        ),
        ((STYLE, STYLE), "--name must be one name for each style, here 2.*'impasto, impasto'"),
        (("--resume", "none"), "checkpoint: none does not exist"),
        (("--resume", "none", "--seed=1"), "--resume takes everything but --minutes and --steps"),
        (("none.nst", "--export=onnx"), "learned style: none.nst does not exist"),
        (("none.nst",), "to export one: nst learn STYLE.nst --export onnx"),
        (("a.nst", "b.nst", "--export=onnx"), "a learned style is not learned again"),
        (("a.nst", "--export=onnx", "--licence=X"), "a learned style is not learned again"),
        ((STYLE, "--device=gpu"), r"--device must be one of auto, .* \(got 'gpu'\)"),
        ((STYLE, "--precision=bf61"), "--precision must be one of .*; did you mean bf16?"),
        ((STYLE, "--export=onx"), r"--export must be one of onnx \(got 'onx'\); did you mean onnx"),
        ((STYLE, "--minutes=long"), r"--minutes must be a number .* \(got 'long'\)"),
        ((STYLE, "--checkpoint-every=-1"), "--checkpoint-every must be a number of seconds"),
        ((STYLE, "--preview-every=soon"), "--preview-every must be a number of seconds"),
        (("sample:mosaik",), "sample:mosaik does not come with nst"),
        ((STYLE, "--stedy"), "--steady"),
    ],
)
def test_learn_says_what_is_wrong(nst: Nst, arguments: tuple[object, ...], message: str) -> None:
    outcome = nst("learn", *arguments)
    assert outcome.code == 2
    assert len(outcome.error_lines) == 1
    assert re.search(message, outcome.err)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.nst",), "learned style: none.nst does not exist"),
        (("bad.nst",), "learned style: bad.nst is damaged"),
        (("one.nst", "one.nst"), "STYLE must be .*one .nst file alone"),
        (("one.nst", "--preset=quality"), "--preset must be .* with a learned style"),
        (
            ("one.nst", "--style-blend=1,1"),
            "--style-blend must be as many shares as styles, here 1",
        ),
        (("one.nst", "--color=match"), "--color must be .* with a learned style"),
        (("one.nst", "--style-mask=photo.png"), "a learned style takes no --style-mask"),
        (("one.nst", "-o", "a.xyz"), "--output must be a name ending in"),
    ],
)
def test_stylize_says_what_is_wrong(
    nst: Nst, tmp_path: Path, photo: Path, arguments: tuple[object, ...], message: str
) -> None:
    tiny.saved(tmp_path / "one.nst")
    (tmp_path / "bad.nst").write_bytes(b"no network")
    outcome = nst("stylize", photo, *arguments)
    assert outcome.code == 2
    assert len(outcome.error_lines) == 1
    assert re.search(message, outcome.err)


def test_an_option_without_effect_is_named(nst: Nst, tmp_path: Path, photo: Path) -> None:
    tiny.saved(tmp_path / "one.nst")
    useless = ("--strength=1", "--steer=5:strength=1")
    outcome = nst("stylize", photo, "one.nst", *useless, "--device=cpu", "--size=60")
    assert outcome.code == 0
    told = [line for line in outcome.error_lines if "no effect" in line]
    with_learned = "has no effect with a learned style; leave it out, or name an image as the style"
    assert told == [f"nst: --{name} {with_learned}" for name in ("strength", "steer")]


def test_a_photo_that_goes_while_it_is_painted_costs_nothing(
    nst: Nst, tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.saved(tmp_path / "one.nst")
    paint, painted = LearnedStyle.paint, hashlib.sha256(photo.read_bytes()).hexdigest()

    def paint_and_remove(*arguments: Any) -> Result:
        result = paint(*arguments)
        photo.unlink()
        return result

    monkeypatch.setattr(LearnedStyle, "paint", paint_and_remove)
    assert nst("stylize", photo, "one.nst", "-o", "out.png").out == "out.png\n"
    assert Recipe.read(tmp_path / "out.png").content.sha256 == painted


def test_the_optimizer_starts_from_a_learned_style(nst: Nst, tmp_path: Path, photo: Path) -> None:
    tiny.saved(tmp_path / "one.nst")
    arguments = ("--preset=gram", "--size=48", "--model=vgg16", "--scales=1")
    first = ("stylize", photo, STYLE, "--init-image=one.nst", "-o", "a.png")
    assert nst(*first, *arguments, "--total-iterations=2").code == 0
    initial = Recipe.read(tmp_path / "a.png").initial
    assert initial is not None
    assert initial.path == "one.nst"
    assert nst("stylize", "--from-image", "a.png", "-o", "b.png").code == 0
    assert saved(tmp_path / "a.png").tobytes() == saved(tmp_path / "b.png").tobytes()
    other = nst("stylize", OTHER, "--from-image", "a.png", "-o", "c.png")
    assert "left out" not in other.err  # a learned style starts from any photo
    assert Recipe.read(tmp_path / "c.png").initial == initial


# ── many images, and films ────────────────────────────────────────────────────────────────────


def test_batch_paints_with_learned_styles(nst: Nst, tmp_path: Path, photo: Path) -> None:
    tiny.photos(tmp_path / "photos", 2)
    (tmp_path / "styles").mkdir()
    tiny.saved(tmp_path / "styles" / "one.nst")
    (tmp_path / "styles" / "torn.nst").write_bytes(b"no network")
    outcome = nst("batch", "photos", "styles", "-o", "out", "--size=40")
    assert outcome.code == 1
    assert "skipped, not named as pictures" not in outcome.err
    assert "learned style: styles/torn.nst is damaged" in outcome.err
    assert "1 of 4: 40×36 pixels in" in outcome.err
    assert "2 painted, 0 skipped, 1 failed" in outcome.err
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        *("0_one.png", "1_one.png", "contact-sheet.jpg")
    }
    alone = nst("stylize", "photos/0.png", "styles/one.nst", "-o", "alone.png", "--size=40")
    assert alone.code == 0
    assert saved(tmp_path / "alone.png").tobytes() == saved(tmp_path / "out/0_one.png").tobytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mixed*",), "STYLES must be either images or .nst files, not both"),
        (("mixed.nst", "--preset=gram"), "--preset must be none, or draft"),
        (("mixed.nst", "--color=match"), "--color must be style or luminance"),
    ],
)
def test_batch_says_what_is_wrong(
    nst: Nst, tmp_path: Path, photo: Path, arguments: tuple[str, ...], message: str
) -> None:
    tiny.saved(tmp_path / "mixed.nst")
    photo.rename(tmp_path / "mixed.png")
    outcome = nst("batch", "mixed.png", *arguments, "-o", "out")
    assert outcome.code == 2
    assert message in outcome.err


@pytest.mark.parametrize("steady", [False, True])
def test_video_paints_each_frame_with_a_learned_style(
    nst: Nst, tmp_path: Path, photo: Path, steady: bool
) -> None:
    tiny.saved(tmp_path / "one.nst", steady=steady)
    frames = [Image.new("RGB", (48, 32), (60 * number, 90, 120)) for number in range(3)]
    film(tmp_path / "in.mp4", frames)
    outcome = nst("video", "in.mp4", "one.nst", "--size=48", "--preview=1")
    assert (outcome.code, outcome.out) == (0, "in_one.mp4\n")
    assert ("learned without --steady" in outcome.err) != steady
    assert "3 frames in" in outcome.err
    assert Video.inspect(tmp_path / "in_one.mp4").frames == 3
    first = tmp_path / "in_one_preview" / "000001.png"
    assert np.ptp(np.asarray(saved(first)), axis=(0, 1)).max() < 60  # the frame has one colour
    assert not list(tmp_path.glob("*checkpoint*"))


@pytest.mark.parametrize("option", ["--steps=2", "--first-steps=3", "--passes=2"])
def test_video_takes_no_steps_with_a_learned_style(nst: Nst, tmp_path: Path, option: str) -> None:
    tiny.saved(tmp_path / "one.nst")
    outcome = nst("video", "in.mp4", "one.nst", option)
    assert outcome.code == 2
    assert "a learned style takes no --first-steps, --steps or --passes" in outcome.err
