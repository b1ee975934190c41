"""ImageStorage, in memory, a folder and S3, does what its docstrings promise.

Three servers of S3 are tested.
"""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from nst.jobs.ports import ImageStorage

LARGE_BYTES = 23_000_001
"""Size in bytes: more than one part of an upload, and no whole number of parts."""


def test_bytes_come_back(files: ImageStorage) -> None:
    files.put("job/content", b"\x00\xff\r\n" * 100)
    assert files.get("job/content") == b"\x00\xff\r\n" * 100
    files.put("job/content", b"")
    assert files.get("job/content") == b""
    assert b"".join(files.stream("job/content")) == b""


def test_files_come_back(files: ImageStorage, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "new" / "target"
    source.write_bytes(b"a picture")
    files.put("job/1-result.png", source)
    files.fetch("job/1-result.png", target)
    assert target.read_bytes() == b"a picture"
    files.put("job/1-result.png", b"another")
    files.fetch("job/1-result.png", target)
    assert target.read_bytes() == b"another"
    assert source.read_bytes() == b"a picture"
    assert list(target.parent.iterdir()) == [target]


def test_large_files_come_back(
    files: ImageStorage, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    data = os.urandom(LARGE_BYTES)
    source.write_bytes(data)
    files.put("job/large", source)
    stored = files.stat("job/large")
    assert stored is not None
    assert stored.size_bytes == LARGE_BYTES
    files.fetch("job/large", target)
    assert target.read_bytes() == data
    pieces = list(files.stream("job/large", 5_000_000, 12_345_678))
    assert b"".join(pieces) == data[5_000_000:12_345_678]
    if "memory" not in request.node.callspec.id:
        assert max(map(len, pieces)) < 6_000_000  # nothing holds the whole file


def test_parts_of_a_file(files: ImageStorage) -> None:
    files.put("job/content", b"0123456789")
    for start, stop in ((0, None), (3, None), (9, None), (0, 4), (3, 4), (2, 10), (5, 1000)):
        assert b"".join(files.stream("job/content", start, stop)) == b"0123456789"[start:stop]


def test_what_is_not_there(files: ImageStorage, tmp_path: Path) -> None:
    files.put("job/content", b"")
    for key in ("job/nothing", "nobody/content", "job"):
        with pytest.raises(FileNotFoundError):
            files.get(key)
        with pytest.raises(FileNotFoundError):
            files.stream(key)
        with pytest.raises(FileNotFoundError):
            files.fetch(key, tmp_path / "target")
        assert files.stat(key) is None
    with pytest.raises(FileNotFoundError):
        files.copy("job/nothing", "job/copy")
    assert {each.name for each in tmp_path.iterdir()} <= {"files"}
    assert not files.list("nobody/")
    files.delete("nobody/")
    files.delete("job/nothing")


def test_what_is_known_about_a_file(files: ImageStorage) -> None:
    before = time.time()
    files.put("job/content", b"12345")
    stored = files.stat("job/content")
    assert stored is not None
    assert (stored.key, stored.size_bytes) == ("job/content", 5)
    assert before - 2 < stored.modified_at < time.time() + 2
    assert stored.etag
    assert '"' not in stored.etag
    assert files.stat("job/content") == stored
    (listed,) = files.list("job/")
    assert replace(listed, modified_at=stored.modified_at) == stored
    assert abs(listed.modified_at - stored.modified_at) < 1  # some storages keep whole seconds
    files.put("job/content", b"67890")
    changed = files.stat("job/content")
    assert changed is not None
    assert changed.etag != stored.etag


def test_a_file_is_deleted_alone(files: ImageStorage) -> None:
    keys = ["a/checkpoints/1", "a/checkpoints/12", "a/checkpoints/1-state"]
    for key in keys:
        files.put(key, b"state")
    files.delete("a/checkpoints/1")
    assert [file.key for file in files.list("a/checkpoints/")] == sorted(keys[1:])


def test_files_of_a_directory(files: ImageStorage) -> None:
    keys = ["a/content", "a/frames/000001.jpg", "a/frames/000002.jpg", "a/style-0"]
    for key in (*reversed(keys), "ab/content", "b/a/content"):
        files.put(key, key.encode())
    assert [file.key for file in files.list("a/")] == keys
    assert [file.key for file in files.list("a/frames/")] == keys[1:3]
    assert sorted(files.directories()) == ["a", "ab", "b"]
    files.delete("a/frames/")
    assert [file.key for file in files.list("a/")] == ["a/content", "a/style-0"]
    files.delete("a/")
    files.delete("a/")
    assert not files.list("a/")
    assert sorted(files.directories()) == ["ab", "b"]
    assert files.get("ab/content") == b"ab/content"


def test_more_files_than_fit_into_one_answer(
    files: ImageStorage, request: pytest.FixtureRequest
) -> None:
    """S3 lists 1000 files at a time; moto, which is slow, gets fewer."""
    count = 100 if "moto" in request.node.callspec.id else 1100
    names = [f"{number:06d}.jpg" for number in range(count)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: files.put(f"many/{name}", b"."), names))
    assert [file.key for file in files.list("many/")] == [f"many/{name}" for name in names]
    files.delete("many/")
    assert not files.list("many/")
    assert not files.directories()


def test_more_directories_than_fit_into_one_answer(
    files: ImageStorage, request: pytest.FixtureRequest
) -> None:
    count = 100 if "moto" in request.node.callspec.id else 1100
    names = [f"{number:032x}" for number in range(count)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: files.put(f"{name}/content", b"."), names))
    assert sorted(files.directories()) == names


def test_copies(files: ImageStorage) -> None:
    files.put("a/result.png", b"picture")
    files.copy("a/result.png", "b/result.png")
    files.delete("a/")
    assert files.get("b/result.png") == b"picture"
    files.put("c/result.png", b"newer")
    files.copy("c/result.png", "b/result.png")
    assert files.get("b/result.png") == b"newer"


@pytest.mark.parametrize("name", ["a b", "ü", "a+b", "a%41", "a&b=c", "a#b", "a'b", "ab.c.d", "日"])
def test_names_with_odd_characters(files: ImageStorage, name: str) -> None:
    files.put(f"{name}/{name}", name.encode())
    assert files.get(f"{name}/{name}") == name.encode()
    assert [file.key for file in files.list(f"{name}/")] == [f"{name}/{name}"]
    assert list(files.directories()) == [name]
    files.copy(f"{name}/{name}", f"{name}/copy")
    files.delete(f"{name}/")
    assert not files.directories()


@pytest.mark.parametrize(
    "key", ["../outside", "job/../../outside", "job/./content", "job//content"]
)
def test_keys_that_lead_elsewhere(files: ImageStorage, tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="path"):
        files.put(key, b"")
    with pytest.raises(ValueError, match="path"):
        files.get(key)
    with pytest.raises(ValueError, match="path"):
        files.delete(f"{key}/")
    assert not (tmp_path / "outside").exists()


def test_a_file_is_whole_at_any_time(files: ImageStorage) -> None:
    """A reader gets a whole file while two writers replace it again and again."""
    versions = [bytes([number]) * 300_000 for number in range(2)]
    files.put("job/preview.jpg", versions[0])
    is_over = threading.Event()

    def write(data: bytes) -> None:
        while not is_over.is_set():
            files.put("job/preview.jpg", data)

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, data) for data in versions]
        try:
            for _ in range(30):
                assert files.get("job/preview.jpg") in versions
        finally:
            is_over.set()
        for writer in writers:
            writer.result()
    assert [file.key for file in files.list("job/")] == ["job/preview.jpg"]


def test_deleting_at_the_same_time(files: ImageStorage) -> None:
    for number in range(40):
        files.put(f"job/{number}", b"")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(files.delete, ["job/"] * 4))
    assert not files.list("job/")
    assert not files.directories()
