"""Failures of a storage in a folder."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nst.adapters.storage import in_folder
from nst.errors import StorageError, StorageFull
from support.disks import small_disk_in
from support.waiting import wait_until


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of one megabyte."""
    with small_disk_in(tmp_path, "1m") as disk:
        yield disk


def test_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    files = in_folder(small_disk / "pictures")
    files.put("job/content", b"." * 500_000)
    large = tmp_path / "large"
    large.write_bytes(b"." * 7_000_000)
    for data in (b"." * 600_000, b"." * 7_000_000, large):
        with pytest.raises(StorageFull) as error:
            files.put("job/result", data)
        assert error.value.path == Path("job/result")
        assert str(error.value) == "cannot write job/result: there is no space left"
    assert files.get("job/content") == b"." * 500_000
    assert files.stat("job/result") is None
    assert {each.name for each in small_disk.rglob("*") if each.is_file()} == {"content"}
    files.delete("job/")
    files.put("job/content", b"." * 900_000)


KILLED = """
import sys
from pathlib import Path
from nst.adapters.storage import in_folder
files = in_folder(Path(sys.argv[1]))
while True:
    files.put("job/content", b"." * 50_000_000)
"""


def test_nothing_is_left_of_who_was_killed_while_he_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    unfinished: list[Path] = []
    while not unfinished:  # the writer may finish its file just before it is killed
        writer = subprocess.Popen([sys.executable, "-c", KILLED, folder])
        wait_until(lambda: any(folder.glob("job/content#*")))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        unfinished = list(folder.glob("job/content#*"))
    files = in_folder(folder)
    listed = {(file.key, file.size_bytes) for file in files.list("job/")}
    assert listed <= {("job/content", 50_000_000)}
    files.delete("job/")
    assert not files.directories()
    assert not any(folder.iterdir())


def test_only_a_file_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(StorageError, match="taken"):
        in_folder(tmp_path / "taken")
    files = in_folder(tmp_path / "pictures")
    files.put("job/content", b"")
    with pytest.raises(StorageError, match="job/content/more"):
        files.put("job/content/more", b"")


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    files = in_folder(tmp_path / "pictures")
    (tmp_path / "pictures").rmdir()
    with pytest.raises(FileNotFoundError):
        files.get("job/content")
    assert not files.list("job/")
    files.put("job/content", b"new")
    assert files.get("job/content") == b"new"


def test_nobody_else_gets_there(tmp_path: Path) -> None:
    files = in_folder(tmp_path / "pictures")
    files.put("job/content", b"")
    assert files.link("job/content", 60) is None
