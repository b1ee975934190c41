"""Downloads from a server that breaks off, lies, or supports no ranges."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nst.engine.network.download import DownloadFailed, download
from support.file_server import FileServer, serve

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve({"file.bin": CONTENT}) as server:
        yield server


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "file.bin"


def test_a_file_arrives_whole_and_its_progress_is_told(server: FileServer, target: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    download(f"{server.url}/file.bin", target, SHA256, lambda *numbers: seen.append(numbers))
    assert target.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert not list(target.parent.glob("*.part"))


def test_what_is_there_is_not_fetched_again(server: FileServer, target: Path) -> None:
    for _ in range(2):
        download(f"{server.url}/file.bin", target, SHA256)
    assert len(server.requests) == 1


def test_it_goes_on_where_an_earlier_try_broke_off(server: FileServer, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(CONTENT[:1000])
    download(f"{server.url}/file.bin", target, SHA256)
    assert server.requests == [("/file.bin", "bytes=1000-")]
    assert target.read_bytes() == CONTENT


def test_a_connection_that_keeps_breaking_still_brings_the_file(
    server: FileServer, target: Path
) -> None:
    server.breaks_off_after_bytes = 300_000
    download(f"{server.url}/file.bin", target, SHA256)
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 4


def test_a_server_without_ranges_begins_again(server: FileServer, target: Path) -> None:
    server.knows_ranges = False
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(b"other bytes")
    download(f"{server.url}/file.bin", target, SHA256)
    assert target.read_bytes() == CONTENT


def test_a_part_that_is_whole_already_is_recognised(server: FileServer, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("file.bin.part").write_bytes(CONTENT)
    download(f"{server.url}/file.bin", target, SHA256)
    assert target.read_bytes() == CONTENT


def test_a_web_page_is_not_taken_for_the_file(server: FileServer, target: Path) -> None:
    server.web_page = True
    with pytest.raises(DownloadFailed, match="web page"):
        download(f"{server.url}/file.bin", target, SHA256)
    assert not target.exists()


def test_a_file_with_another_hash_is_thrown_away(server: FileServer, target: Path) -> None:
    server.files["file.bin"] = CONTENT[::-1]
    with pytest.raises(DownloadFailed, match="SHA-256"):
        download(f"{server.url}/file.bin", target, SHA256)
    assert not target.exists()
    assert not target.with_name("file.bin.part").exists()


def test_a_missing_file_and_a_dead_server_say_so(server: FileServer, target: Path) -> None:
    with pytest.raises(DownloadFailed, match="404"):
        download(f"{server.url}/other.bin", target, SHA256)
    with pytest.raises(DownloadFailed, match="refused"):
        download("http://127.0.0.1:9/file.bin", target, SHA256)


def test_two_at_once_fetch_it_once(server: FileServer, target: Path) -> None:
    threads = [
        threading.Thread(target=download, args=(f"{server.url}/file.bin", target, SHA256))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 1
