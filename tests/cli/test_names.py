"""Names of files: long names, brackets, existing files, a batch that continues."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.conftest import NST, Nst
from cli.test_video import film
from nst import files, image_files, image_writer, images
from nst.cli import batch_inputs
from nst.cli.film_frames import Frames
from nst.cli.painter import Painter
from nst.cli.painting import Painting
from nst.errors import StorageError
from nst.image_reader import HEIC_REMEDY
from support.pictures import picture

TINY = ("--preset=classic", "--size=48")


@pytest.fixture
def paintings(monkeypatch: pytest.MonkeyPatch) -> list[Painting]:
    """Return the requested paintings; a small image at once replaces each of them."""
    asked: list[Painting] = []

    def paint(painter: Painter, painting: Painting) -> int:
        asked.append(painting)
        images.load(painting.content, "content")
        files.check_output(painting.output)
        image_writer.save(picture(), painting.output, overwrite=painting.overwrite)
        return 0

    monkeypatch.setattr(Painter, "paint", paint)
    return asked


def saved_pictures(directory: Path, *names: str) -> None:
    directory.mkdir(exist_ok=True)
    for name in names:
        picture().save(directory / name)


LONG = ["n" * 246, "ö" * 123]  # 246 bytes each


@pytest.mark.parametrize("stem", LONG)
def test_names_derived_from_long_ones_fit(
    nst: Nst, tmp_path: Path, paintings: list[Painting], stem: str
) -> None:
    saved_pictures(tmp_path, f"{stem}.png", "x.png")
    assert nst("stylize", f"{stem}.png", "x.png", *TINY).code == 0
    assert nst("stylize", f"{stem}.png", "x.png", "-o", f"{stem}.png", *TINY).code == 0
    for painting in paintings:
        assert painting.checkpoints
        for path in (painting.output, painting.frames, painting.checkpoints):
            assert len(os.fsencode(path.name)) <= 255
            assert path.name[0] == stem[0]
    assert paintings[1].frames.name.endswith("_frames")
    second = image_writer.save(picture(), tmp_path / f"{stem}.png")
    assert second.name.endswith("-3.png")  # after the content image and the result


@pytest.mark.parametrize("stem", LONG)
def test_names_derived_from_that_of_a_film_fit(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stem: str
) -> None:
    monkeypatch.setattr(Frames, "_painted", lambda frames, frame, latest: frame)
    film(tmp_path / f"{stem}.mp4", [picture(48, 32)] * 2)
    saved_pictures(tmp_path, "x.png")
    for command in (("-o", f"{stem}.mov"), ("-o", f"{stem}.mov"), ()):
        outcome = nst("video", f"{stem}.mp4", "x.png", *command, "--preset=draft")
        assert outcome.code == 0
        assert "without a checkpoint" not in outcome.err
    names = {file.name for file in tmp_path.iterdir()} - {"x.png"}
    assert {name[0] for name in names} == {stem[0]}
    assert sorted(Path(name).suffix for name in names) == [".mov", ".mov", ".mp4", ".mp4"]


@pytest.mark.parametrize("stem", LONG)
def test_long_names_in_a_batch(
    nst: Nst, tmp_path: Path, paintings: list[Painting], stem: str
) -> None:
    saved_pictures(tmp_path / "contents", f"{stem}.png", "b.png")
    saved_pictures(tmp_path / "styles", f"{stem}.png")
    outcome = nst("batch", "contents", "styles", "-o", "out", *TINY)
    assert outcome.code == 0
    assert outcome.error_lines[-1] == "2 painted, 0 skipped, 0 failed"


def test_a_directory_with_brackets_in_its_name(
    nst: Nst, tmp_path: Path, paintings: list[Painting]
) -> None:
    saved_pictures(tmp_path / "photos [2024]", "a.png", "b.png", "c.jpg")
    saved_pictures(tmp_path, "x.png")
    assert nst("batch", "photos [2024]/*.png", "x.png", "-o", "out", *TINY).code == 0
    assert nst("batch", tmp_path / "photos [2024]" / "*.jpg", "x.png", "-o", "o", *TINY).code == 0
    assert [painting.content.name for painting in paintings] == ["a.png", "b.png", "c.jpg"]


def test_a_pattern_with_brackets_that_finds_nothing_has_a_hint(nst: Nst, tmp_path: Path) -> None:
    saved_pictures(tmp_path, "cat [1] a.png", "x.png")
    outcome = nst("batch", "cat [1]*.png", "x.png", "-o", "out", *TINY)
    assert outcome.code == 2
    assert "[12] stands for 1 or 2, and [[] for a bracket" in outcome.error_lines[-1]


def test_the_path_of_a_result_is_printed_whatever_its_bytes_are(
    tmp_path: Path, content: Path, style: Path
) -> None:
    try:
        shutil.copy(content, tmp_path / os.fsdecode(b"\xff.jpg"))
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    finished = subprocess.run(
        [NST, "stylize", b"\xff.jpg", style, "--preset=draft", "--size=48"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},  # as in the locale en_US.UTF-8
        capture_output=True,
        check=False,
    )
    assert finished.returncode == 0
    assert finished.stdout == b"\xff_impasto.png\n"
    assert (tmp_path / os.fsdecode(b"\xff_impasto.png")).is_file()


def reads_only(monkeypatch: pytest.MonkeyPatch, *formats: str) -> None:
    monkeypatch.setattr(image_files, "READABLE", formats)
    uncached = image_files.readable_suffixes.__wrapped__
    monkeypatch.setattr(batch_inputs, "readable_suffixes", uncached)


def test_what_is_skipped_is_named(
    nst: Nst, tmp_path: Path, paintings: list[Painting], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads_only(monkeypatch, "PNG")
    saved_pictures(tmp_path / "contents", "a.png")
    for name in ("notes.txt", "IMG_1.HEIC", ".hidden"):
        (tmp_path / "contents" / name).touch()
    (tmp_path / "contents" / "2024.png").mkdir()
    outcome = nst("batch", "contents", "contents/a.png", "-o", "out", *TINY)
    assert outcome.code == 0
    assert outcome.error_lines[:2] == [
        "contents: skipped, not named as pictures: 2024.png/, IMG_1.HEIC, notes.txt",
        f"contents: for HEIC photos {HEIC_REMEDY}",
    ]
    (tmp_path / "contents" / "a.png").rename(tmp_path / "a.png")
    outcome = nst("batch", "contents", "a.png", "-o", "out", *TINY)
    assert outcome.code == 2
    assert f"contents: for HEIC photos {HEIC_REMEDY}" in outcome.error_lines


def test_heic_photos_are_pictures_where_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "IMG_1.HEIC").touch()
    reads_only(monkeypatch, "PNG", "HEIC")
    assert batch_inputs.files_in(tmp_path) == [tmp_path / "IMG_1.HEIC"]


def test_no_file_ends_a_batch(
    nst: Nst, tmp_path: Path, paintings: list[Painting], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved_pictures(tmp_path / "contents", *(f"{name}.png" for name in "abcd"))
    (tmp_path / "contents" / "b.png").write_text("damaged")
    (tmp_path / "out" / "c_a.png").mkdir(parents=True)
    save = image_writer.save

    def fail_for_a(*arguments: object, **facts: object) -> Path:
        if arguments[1] == Path("out/a_a.png"):
            raise StorageError(Path("out/a_a.png"), "Input/output error")
        return save(*arguments, **facts)  # type: ignore[arg-type]

    monkeypatch.setattr(image_writer, "save", fail_for_a)
    outcome = nst("batch", "contents", "contents/a.png", "-o", "out", "--overwrite", *TINY)
    assert outcome.code == 1
    assert outcome.error_lines[-1] == "1 painted, 0 skipped, 3 failed"
    assert (tmp_path / "out" / "d_a.png").is_file()
    reports = [line for line in outcome.error_lines if line.startswith("nst: ")]
    for report, words in zip(
        reports, ["Input/output error", "damaged|not a picture", "this is a directory"], strict=True
    ):
        assert any(word in report for word in words.split("|"))


def test_the_output_directory_is_checked_before_anything_is_painted(
    nst: Nst, tmp_path: Path, paintings: list[Painting]
) -> None:
    saved_pictures(tmp_path / "contents", "a.png")
    outcome = nst("batch", "contents", "contents", "-o", "contents/a.png", *TINY)
    assert outcome.code == 2
    assert "a place that can be written" in outcome.error_lines[-1]
    assert paintings == []


def test_a_file_in_the_way_of_a_directory_is_said_at_once(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    (tmp_path / "out_frames").touch()
    outcome = nst("stylize", content, style, "-o", "out.png", *TINY, "--save-every=2")
    assert outcome.code == 2
    (line,) = outcome.error_lines
    assert "another name for" in line
    assert "out_frames" in line
    assert not (tmp_path / "out.png").exists()
