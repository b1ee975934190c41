"""`nst batch`: many images, one network; a failed image does not stop others."""

import os
import re
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cli.conftest import NEW_PROCESS_BYTES, Nst, process, saved
from cli.test_failures import wait_for
from nst.cli import batch_inputs, batch_painting
from nst.cli import contact_sheet as contact_sheets
from nst.cli.batch_outputs import Outputs
from nst.cli.contact_sheet import Cell, contact_sheet
from nst.cli.progress_bar import ProgressBar
from nst.engine import style_transfer
from nst.engine.network.weights import Weights, WeightsStore
from nst.errors import Diverged
from nst.progress import Progress
from nst.recipe import Recipe
from support.pictures import SAMPLES, picture
from support.waiting import PATIENCE_SECONDS

TINY = ("--size=48", "--total-iterations=2", "--scales=1", "--model=vgg16")
DRAFT = ("--preset=draft", "--size=48")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Create images a and b, styles x and y, and files that are no images."""
    for directory, names in {"contents": "ab", "styles": "xy"}.items():
        (tmp_path / directory).mkdir()
        for turn, name in enumerate(names):
            picture().rotate(90 * turn).save(tmp_path / directory / f"{name}.png")
        (tmp_path / directory / "notes.txt").write_text("no picture")
        (tmp_path / directory / ".hidden.png").write_text("no picture")
    return tmp_path


def names(directory: Path) -> set[str]:
    return {file.name for file in directory.iterdir()}


CROSS = {"a_x.png", "a_y.png", "b_x.png", "b_y.png"}


def test_every_content_is_painted_in_every_style(
    nst: Nst, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, load = [], WeightsStore.load

    def count(store: WeightsStore, model: str) -> Weights:
        loaded.append(model)
        return load(store, model)

    monkeypatch.setattr(WeightsStore, "load", count)
    outcome = nst("batch", "contents", "styles", "-o", "out", *TINY)
    assert outcome.code == 0
    assert names(pictures / "out") == CROSS | {"contact-sheet.jpg"}
    assert outcome.out.splitlines() == [f"out/{name}" for name in sorted(CROSS)] + [
        "out/contact-sheet.jpg"
    ]
    assert outcome.error_lines[-1] == "4 painted, 0 skipped, 0 failed"
    assert loaded.count("vgg16") == 1
    recipe = Recipe.read(pictures / "out" / "b_x.png")
    assert (recipe.content.path, recipe.styles[0].path) == ("../contents/b.png", "../styles/x.png")


def test_a_batch_paints_what_stylize_paints(nst: Nst, pictures: Path) -> None:
    nst("batch", "contents", "styles", "-o", "out", *TINY)
    nst("stylize", "contents/b.png", "styles/y.png", "-o", "alone.png", *TINY)
    batch, alone = saved(pictures / "out" / "b_y.png"), saved(pictures / "alone.png")
    assert np.array_equal(np.asarray(batch), np.asarray(alone))


def test_the_faces_of_every_photo_are_protected(
    nst: Nst, tmp_path: Path, style: Path, detail_maps: list[Image.Image | None]
) -> None:
    (tmp_path / "contents").mkdir()
    shutil.copy(SAMPLES / "content" / "astronaut.jpg", tmp_path / "contents" / "face.jpg")
    picture().save(tmp_path / "contents" / "none.png")
    outcome = nst("batch", "contents", style, "-o", "out", *TINY, "--protect=faces")
    assert outcome.code == 0
    assert [map_ is not None for map_ in detail_maps] == [True, False]
    assert "contents/none.png: no face was found; nothing is protected" in outcome.err


def test_pairs_single_pictures_and_patterns(nst: Nst, pictures: Path) -> None:
    nst("batch", "contents", "styles", "-o", "pairs", "--pairs", "--format=jpg", *DRAFT)
    assert names(pictures / "pairs") == {"a_x.jpg", "b_y.jpg", "contact-sheet.jpg"}
    nst("batch", "contents/b.png", pictures / "styles" / "[xz].*", "-o", "some", *DRAFT)
    assert names(pictures / "some") == {"b_x.png", "contact-sheet.jpg"}


def test_what_is_there_is_skipped_unless_told_otherwise(nst: Nst, pictures: Path) -> None:
    nst("batch", "contents/a.png", "styles", "-o", "out", *DRAFT)
    before = (pictures / "out" / "a_x.png").read_bytes()
    again = nst("batch", "contents", "styles", "-o", "out", *DRAFT, "--size=40")
    assert again.code == 0
    assert "out/a_x.png exists: skipped" in again.error_lines
    assert again.error_lines[-1] == "2 painted, 2 skipped, 0 failed"
    assert (pictures / "out" / "a_x.png").read_bytes() == before
    assert names(pictures / "out") == CROSS | {"contact-sheet.jpg", "contact-sheet-2.jpg"}
    idle = nst("batch", "contents", "styles", "-o", "out", *DRAFT)
    assert idle.out == ""
    nst("batch", "contents", "styles", "-o", "out", "--overwrite", *DRAFT, "--size=40")
    assert (pictures / "out" / "a_x.png").read_bytes() != before


def test_a_bad_file_is_reported_once_and_left_out(nst: Nst, pictures: Path) -> None:
    (pictures / "contents" / "aa.jpg").write_bytes(b"\xff\xd8 cut short")
    (pictures / "styles" / "bad.png").touch()
    outcome = nst("batch", "contents", "styles", "-o", "out", *DRAFT)
    assert outcome.code == 1
    assert names(pictures / "out") == CROSS | {"contact-sheet.jpg"}
    reports = [line for line in outcome.error_lines if line.startswith("nst: ")]
    assert len(reports) == 2
    assert "style image: styles/bad.png" in reports[0]
    assert "content image: contents/aa.jpg" in reports[1]
    assert outcome.error_lines[-1] == "4 painted, 0 skipped, 2 failed (5 pictures are missing)"


def test_an_error_names_the_file_of_many(nst: Nst, pictures: Path) -> None:
    picture(10, 10).save(pictures / "contents" / "tiny.png")
    outcome = nst("batch", "contents", "styles/x.png", "-o", "out", *DRAFT)
    assert "nst: contents/tiny.png: content image: 10×10 pixels are too few" in outcome.err


def test_files_of_one_stem_have_results_of_their_own(nst: Nst, pictures: Path) -> None:
    picture().save(pictures / "contents" / "a.jpg")
    outcome = nst("batch", "contents", "styles/x.png", "-o", "out", *DRAFT)
    assert outcome.code == 0
    assert outcome.error_lines[-1] == "3 painted, 0 skipped, 0 failed"
    results = {"a.jpg_x.png", "a.png_x.png", "b_x.png"}
    assert names(pictures / "out") == results | {"contact-sheet.jpg"}
    assert Recipe.read(pictures / "out" / "a.jpg_x.png").content.path == "../contents/a.jpg"
    again = nst("batch", "contents", "styles/x.png", "-o", "out", *DRAFT)
    assert again.error_lines[-1] == "0 painted, 3 skipped, 0 failed"


def test_files_of_one_name_in_two_directories(nst: Nst, pictures: Path) -> None:
    for directory in ("2023", "2024"):
        (pictures / directory).mkdir()
        picture().save(pictures / directory / "a.png")
    outcome = nst("batch", "202?/a.png", "styles/x.png", "-o", "out", *DRAFT)
    assert outcome.code == 0
    assert names(pictures / "out") == {"a.png_x.png", "a.png_x-2.png", "contact-sheet.jpg"}


def test_photos_that_come_later_keep_no_other_from_being_painted(nst: Nst, pictures: Path) -> None:
    """A result belongs to the photo that its recipe names, whatever it is called."""
    for turn, directory in enumerate(("b", "a", "0")):
        (pictures / "years" / directory).mkdir(parents=True)
        picture().rotate(90 * turn).save(pictures / "years" / directory / "img.png")
        outcome = nst("batch", "years/*/img.png", "styles/x.png", "-o", "out", *DRAFT)
        assert outcome.error_lines[-1] == f"1 painted, {turn} skipped, 0 failed"
    results = list((pictures / "out").glob("img*.png"))
    painted = {Recipe.read(path).content.path for path in results}
    assert painted == {f"../years/{directory}/img.png" for directory in "ba0"}
    assert len(results) == 3


def test_names_that_come_out_alike_have_numbers(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path, ".png", [], [])
    pairs = [("a", "b_c"), ("a_b", "c"), ("a", "b_c")]
    found = [outputs.of(Path(content), Path(style)).name for content, style in pairs]
    assert found == ["a_b_c.png", "a_b_c-2.png", "a_b_c.png"]


def test_a_file_that_comes_later_takes_no_name_of_another(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path, ".png", [], [])
    found = [outputs.of(Path(content), Path("x.png")).name for content in ("a.png", "a.jpg")]
    assert found == ["a_x.png", "a.jpg_x.png"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["contents", "styles/x.png", "-o", "out", "--pairs"], "2 contents and 1 styles"),
        (
            ["gone", "styles", "-o", "out"],
            "CONTENTS must be a picture, a directory of pictures, or a pattern in quo",
        ),
        (["contents", "no*.png", "-o", "out"], "'photos/*.jpg' (got 'no*.png')"),
        (["contents", "styles", "-o", "contents"], "another directory than that of the contents"),
        (["contents", "styles", "-o", "styles"], "another directory than that of the styles"),
        (["contents/?.png", "styles", "-o", "contents"], "another directory than that of the cont"),
        (["contents", "styles", "-o", "contents/a.png"], "a place that can be written"),
        (["contents", "styles"], "Missing option"),
        (["contents", "styles", "-o", "out", "--pairs", "--watch"], "exclude each other"),
        (["contents/a.png", "styles", "-o", "out", "--watch"], "a directory to watch"),
        (["contents", "styles", "-o", "out", "--size=3"], "from 32 to 16000 (got 3)"),
        (["a.png", "b.png", "styles", "-o", "out"], "but there are 3; put a pattern like 'photos"),
        (["https://example.org/a.jpg", "styles", "-o", "out"], "so download it first"),
        (["contents", "styles", "-o", "out", "--format=jpeg"], "did you mean jpg?"),
    ],
)
def test_bad_usage(nst: Nst, pictures: Path, arguments: list[str], says: str) -> None:
    outcome = nst("batch", *arguments)
    assert outcome.code == 2
    (line,) = outcome.error_lines
    assert says in line
    assert names(pictures) == {"contents", "styles"}


def test_ctrl_c_keeps_the_picture_so_far_and_ends_the_batch(pictures: Path) -> None:
    endless = (*TINY, "--total-iterations=100000", "--convergence-tolerance=0")
    running = process("batch", "contents", "styles", "-o", "out", *endless, cwd=pictures)
    wait_for(running, "step")
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=PATIENCE_SECONDS)
    assert running.returncode == 130
    says = "out/a_x_unfinished.png is not finished; the next batch paints out/a_x.png"
    assert f"nst: {says}" in err.splitlines()
    assert names(pictures / "out") == {"a_x_unfinished.png"}


def press_twice(bar: ProgressBar, progress: Progress) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)


def diverge(bar: ProgressBar, progress: Progress) -> None:
    raise Diverged(progress.step)


@pytest.mark.parametrize(("act", "code"), [(press_twice, 130), (diverge, 1)])
def test_the_next_batch_paints_what_was_not_finished(
    nst: Nst,
    pictures: Path,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[ProgressBar, Progress], None],
    code: int,
) -> None:
    batch = ("batch", "contents/a.png", "styles/x.png", "-o", "out", *TINY)
    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "show_progress", act)
        stopped = nst(*batch)
    assert stopped.code == code
    assert "The picture after step 1 is in out/a_x_unfinished.png" in stopped.error_lines
    assert names(pictures / "out") == {"a_x_unfinished.png"}
    again = nst(*batch)
    assert again.error_lines[-1] == "1 painted, 0 skipped, 0 failed"
    assert "a_x.png" in names(pictures / "out")


def test_a_stopped_batch_that_overwrites_keeps_the_finished_picture(
    nst: Nst, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press(bar: ProgressBar, progress: Progress) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    (pictures / "out").mkdir()
    for name in ("a_x.png", "a_x_unfinished.png"):
        (pictures / "out" / name).write_bytes(b"mine")
    monkeypatch.setattr(ProgressBar, "show_progress", press)
    assert nst("batch", "contents", "styles", "-o", "out", "--overwrite", *TINY).code == 130
    assert names(pictures / "out") == {*("a_x.png", "a_x_unfinished.png", "a_x_unfinished-2.png")}
    for name in ("a_x.png", "a_x_unfinished.png"):
        assert (pictures / "out" / name).read_bytes() == b"mine"


def test_a_picture_that_needs_too_much_memory_does_not_end_the_batch(
    nst: Nst, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = iter([10**10])  # bytes that this process holds before the first picture
    monkeypatch.setattr(style_transfer, "used_bytes", lambda _: next(used, NEW_PROCESS_BYTES))
    outcome = nst("batch", "contents", "styles/x.png", "-o", "out", "--max-memory=8GB", *TINY)
    assert outcome.code == 1
    says = r"--max-memory must be at least 1\d\.\d GB, which 48×36 pixels need .* \(got '8 GB'\)"
    assert re.search(f"^nst: contents/a.png with styles/x.png: {says}$", outcome.err, re.MULTILINE)
    assert outcome.error_lines[-1] == "1 painted, 0 skipped, 1 failed"


def test_a_watched_directory(nst: Nst, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new image is painted once its file is complete.
    Ctrl-C while the command waits for images is no failure."""
    whole = (pictures / "contents" / "b.png").read_bytes()
    ends = iter([20, 40, len(whole)])  # sizes of a file that is copied slowly
    looks = 0

    def meanwhile(_: float) -> None:
        """Act in place of the pause between two looks at the directory."""
        nonlocal looks
        looks += 1
        if end := next(ends, None):
            (pictures / "contents" / "new.png").write_bytes(whole[:end])
        elif looks > 10:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(batch_inputs, "time", SimpleNamespace(sleep=meanwhile))
    outcome = nst("batch", "contents", "styles/x.png", "-o", "out", "--watch", *DRAFT)
    assert outcome.code == 0
    assert outcome.error_lines[-1] == "3 painted, 0 skipped, 0 failed"
    assert names(pictures / "out") == {"a_x.png", "b_x.png", "new_x.png", "contact-sheet.jpg"}


def test_a_file_that_was_incomplete_is_painted_when_it_is_complete(
    nst: Nst, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy pauses for longer than two looks, so its first part is tried, too."""
    whole = (pictures / "contents" / "b.png").read_bytes()
    (pictures / "contents" / "new.png").write_bytes(whole[:40])
    looks = 0

    def meanwhile(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks == 4:
            (pictures / "contents" / "new.png").write_bytes(whole)
        elif looks > 10:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(batch_inputs, "time", SimpleNamespace(sleep=meanwhile))
    outcome = nst("batch", "contents", "styles", "-o", "out", "--watch", *DRAFT)
    assert outcome.err.count("contents/new.png") == 1
    assert outcome.error_lines[-1] == "6 painted, 0 skipped, 0 failed"
    assert outcome.code == 0
    assert names(pictures / "out") == CROSS | {"new_x.png", "new_y.png", "contact-sheet.jpg"}


def labels(sheet: pytest.MonkeyPatch, nst: Nst, *arguments: object) -> list[list[str]]:
    """Run the batch and return the labels of its contact sheet."""
    pages: list[list[list[str]]] = []

    def remember(rows: Sequence[Sequence[Cell]]) -> Image.Image:
        pages.append([[cell.label for cell in row] for row in rows])
        return contact_sheet(rows)

    sheet.setattr(batch_painting, "contact_sheet", remember)
    nst("batch", *arguments)
    (page,) = pages
    return page


def test_the_contact_sheet_says_what_is_missing_or_from_before(
    nst: Nst, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pictures / "out").mkdir()
    picture().save(pictures / "out" / "a_x.png")
    (pictures / "styles" / "z.png").touch()
    page = labels(monkeypatch, nst, "contents", "styles", "-o", "out", *DRAFT)
    assert page == [
        ["", "x", "y", "z: cannot be used"],
        ["a", "from before", "", "failed"],
        ["b", "", "", "failed"],
    ]


def test_the_contact_sheet_of_a_stopped_batch_says_what_is_not_finished(
    nst: Nst, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def press_in_the_third(bar: ProgressBar, progress: Progress) -> None:
        if bar.place and bar.place.number == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(ProgressBar, "show_progress", press_in_the_third)
    page = labels(monkeypatch, nst, "contents", "styles", "-o", "out", *TINY)
    assert page == [["", "x", "y"], ["a", "", ""], ["b", "not finished", "not painted"]]


def test_a_contact_sheet_has_every_picture_in_its_place(tmp_path: Path) -> None:
    colours = [["red", "lime"], ["blue", "yellow"], ["cyan", "magenta"]]
    for colour in [name for row in colours for name in row]:
        Image.new("RGB", (300, 300), colour).save(tmp_path / f"{colour}.png")
    (tmp_path / "lime.png").write_text("damaged")
    page = contact_sheet(
        [[Cell("long name " * 9, tmp_path / f"{name}.png") for name in row] for row in colours]
    )
    at = [
        page.getpixel((round((x + 0.5) * page.width / 2), round((y + 0.4) * page.height / 3)))
        for y in range(3)
        for x in range(2)
    ]
    white = (255, 255, 255)
    red, blue, yellow, cyan = (255, 0, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)
    assert at == [red, white, blue, yellow, cyan, (255, 0, 255)]
    assert page.getpixel((page.width - 2, 100)) == white


def test_a_large_contact_sheet_has_several_pages(
    nst: Nst, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_sheets, "PAGE_CELLS", 2)
    sheets = {"contact-sheet.jpg", *(f"contact-sheet-{number}.jpg" for number in (2, 3, 4))}
    command = ("batch", "contents", "styles", "-o", "out", *DRAFT)
    for option in ((), ("--overwrite",)):
        outcome = nst(*command, *option)
        assert outcome.code == 0
        assert names(pictures / "out") == CROSS | sheets
        assert {Path(line).name for line in outcome.out.splitlines()} == CROSS | sheets


@pytest.mark.parametrize(("rows", "columns"), [(1100, 3), (3, 1700)])
def test_no_page_of_a_contact_sheet_is_too_large_for_a_jpeg_file(rows: int, columns: int) -> None:
    cells = [[Cell(f"{row} {column}", None) for column in range(columns)] for row in range(rows)]
    for is_table in (False, True):
        pages = list(contact_sheets.pages_of(cells, is_table=is_table))
        shown = {cell.name for page in pages for row in page for cell in row}
        assert shown == {cell.name for row in cells for cell in row}
        assert all((page[0][0].name == "0 0") for page in pages) or not is_table
        sides = [max(contact_sheet(page).size) for page in pages]
        assert max(sides) < 65_500


def test_an_option_without_effect_is_told_once(nst: Nst, pictures: Path) -> None:
    outcome = nst("batch", "contents", "styles", "-o", "out", *DRAFT, "--seed=3")
    assert outcome.code == 0
    assert [line.split()[1] for line in outcome.error_lines if "no effect" in line] == ["--seed"]
