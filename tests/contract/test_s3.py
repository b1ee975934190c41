"""Features and failures that only S3 has."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from nst.adapters import storage
from nst.adapters.sql import SqlJobRepository
from nst.adapters.storage import S3Storage, in_s3
from nst.errors import StorageError, StorageFull
from nst.jobs.storage_check import failures
from support import servers
from support.servers import Server
from support.waiting import PATIENCE_SECONDS, no_waiting, wait_until


@pytest.fixture(params=["moto", "versitygw"])
def own_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """Yield a store that may be killed: moto loses its data then, versitygw does not."""
    if request.param == "versitygw" and not servers.has_versitygw():
        pytest.skip("versitygw is not there")
    start = {"moto": servers.moto, "versitygw": servers.versitygw}[request.param]
    with start(tmp_path) as server:
        yield server


@pytest.fixture(params=["moto", "radosgw", "versitygw"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "SILENCE_SECONDS", 1.0)
    monkeypatch.setattr(storage, "RETRY_SECONDS", 2.0)


def open_link(url: str) -> tuple[bytes, str]:
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
        return answer.read(), answer.headers["Content-Type"]


def test_a_link(server: Server) -> None:
    files = servers.in_s3(server)
    files.put("job/1-result.png", b"picture")
    files.put("job/preview.jpg", b"small")
    files.put("job/content", b"upload")
    for key, content in (
        ("job/1-result.png", (b"picture", "image/png")),
        ("job/preview.jpg", (b"small", "image/jpeg")),
    ):
        url = files.link(key, 60)
        assert url is not None
        assert url.startswith(f"http://{server.address}/{servers.BUCKET}/some/where-")
        assert open_link(url) == content
    url = files.link("job/content", 60)
    assert url is not None
    assert open_link(url)[0] == b"upload"


def test_a_link_is_for_one_file_and_for_a_while(radosgw: Server) -> None:
    files = servers.in_s3(radosgw)
    files.put("job/result.png", b"picture")
    files.put("job/other.png", b"secret")
    url, brief = (files.link("job/result.png", seconds) for seconds in (3600, 1))
    assert url is not None
    assert brief is not None
    forged = url.replace("result.png", "other.png")
    longer = brief.replace("X-Amz-Expires=1&", "X-Amz-Expires=1000&")
    assert len({url, brief, forged, longer}) == 4
    for wrong in (forged, longer):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            open_link(wrong)
    assert open_link(url)[0] == b"picture"
    time.sleep(2.1)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        open_link(brief)


def test_links_lead_to_where_clients_are(moto: Server) -> None:
    files = servers.in_s3(moto, public_endpoint="https://pictures.example")
    files.put("job/result.png", b"picture")
    url = files.link("job/result.png", 60)
    assert url is not None
    assert url.startswith(f"https://pictures.example/{servers.BUCKET}/some/where-")


def test_a_store_that_only_we_can_reach(moto: Server) -> None:
    endpoint = f"http://{moto.address}"
    files = in_s3(f"s3://{servers.BUCKET}", servers.s3_settings(endpoint=endpoint))
    files.put("job/result.png", b"picture")
    assert files.link("job/result.png", 60) is None
    assert files.get("job/result.png") == b"picture"


def test_links_of_amazons_own() -> None:
    files = in_s3("s3://pictures/nst", servers.s3_settings(region="eu-central-1"))
    url = files.link("job/result.png", 60)
    assert url is not None
    assert url.startswith("https://pictures.s3.eu-central-1.amazonaws.com/nst/job/result.png?")


def test_a_bucket_that_is_not_there(server: Server, tmp_path: Path) -> None:
    endpoint = f"http://{server.address}"
    files = in_s3("s3://nobodys-bucket/nst", servers.s3_settings(endpoint=endpoint))
    for use in (
        lambda: files.put("job/content", b""),
        lambda: files.get("job/content"),
        lambda: files.list("job/"),
        files.directories,
        lambda: files.delete("job/"),
        lambda: files.fetch("job/content", tmp_path / "target"),
        lambda: files.copy("job/content", "job/copy"),
    ):
        with pytest.raises(StorageError, match="there is no such bucket"):
            use()
    with closing(SqlJobRepository(f"sqlite:///{tmp_path}/jobs.db")) as repository:
        assert failures(repository, files) == {"storage": "storage_failed"}


@pytest.mark.parametrize("wrong", ["access_key_id", "secret_access_key"])
def test_keys_that_are_wrong(radosgw: Server, wrong: str) -> None:
    files = servers.in_s3(radosgw, **{wrong: "wrong"})
    for use in (
        lambda: files.put("job/content", b""),
        lambda: files.get("job/content"),
        lambda: files.list("job/"),
    ):
        with pytest.raises(StorageError, match=r"403|InvalidAccessKeyId|SignatureDoesNotMatch"):
            use()


def test_no_space_left(radosgw: Server, ceph: Path) -> None:
    keys = {"access_key_id": "poor", "secret_access_key": "poorsecret"}
    servers.add_user(ceph, **keys)
    servers.make_bucket(radosgw, keys, "small")
    quota = ["--uid=poor", "--quota-scope=user"]
    servers.administer(ceph, "quota", "set", *quota, "--max-size=100K")
    servers.administer(ceph, "quota", "enable", *quota)
    files = in_s3("s3://small", servers.s3_settings(endpoint=f"http://{radosgw.address}", **keys))
    for data in (b"." * 200_000, b"." * 12_000_000):
        with pytest.raises(StorageFull, match="there is no space left"):
            files.put("job/content", data)
    assert not files.list("job/")
    files.put("job/content", b".")


@pytest.mark.usefixtures("impatient")
def test_nobody_is_there(tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{servers.free_port()}"
    files = in_s3("s3://nst", servers.s3_settings(endpoint=endpoint))
    check_that_it_does_not_answer(files, tmp_path)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("trouble", ["kill", "freeze"])
def test_it_goes_and_comes_back(own_server: Server, tmp_path: Path, trouble: str) -> None:
    files = servers.in_s3(own_server)
    wait_until(lambda: can_put(files, b"before"))
    own_server.kill() if trouble == "kill" else own_server.freeze()
    check_that_it_does_not_answer(files, tmp_path)
    if trouble == "kill":
        own_server.start()
        servers.make_bucket(own_server)  # the bucket may be lost
    else:
        own_server.thaw()
    wait_until(lambda: is_back(files))


def can_put(files: S3Storage, data: bytes) -> bool:
    with suppress(StorageError):
        files.put("job/content", data)
        return True
    return False


def is_back(files: S3Storage) -> bool:
    """Return whether the storage answers with the data that was just put.
    A server that was frozen may carry out earlier requests between put and get."""
    with suppress(StorageError, FileNotFoundError):
        files.put("job/content", b"after")
        return files.get("job/content") == b"after"
    return False


def check_that_it_does_not_answer(files: S3Storage, directory: Path) -> None:
    for action, use in (
        ("write", lambda: files.put("job/content", b"")),
        ("read", lambda: files.get("job/content")),
        ("read", lambda: files.stat("job/content")),
        ("read", lambda: files.list("job/")),
        ("read", lambda: files.fetch("job/content", directory / "target")),
        ("read", lambda: files.delete("job/")),  # deleting begins with a listing
    ):
        with no_waiting(), pytest.raises(StorageError, match=f"cannot {action} job"):
            use()
