"""`nst` itself, `nst weights` and `nst doctor`."""

import hashlib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.conftest import Nst
from nst import __version__
from nst.cli import serve as serve_command
from nst.cli.errors import EXIT_CODES, exit_code
from nst.engine.network import weights
from nst.engine.network.files import BUNDLE
from nst.engine.network.weights import RELEASES
from nst.errors import NSTError
from support.file_server import serve


def test_help_and_version(nst: Nst) -> None:
    assert nst("--version").out == f"nst, version {__version__}\n"
    for command in ("stylize", "batch", "video", "serve", "worker", "migrate", "weights", "doctor"):
        assert command in nst("--help").out


def test_without_arguments_it_shows_the_help(nst: Nst) -> None:
    outcome = nst()
    assert "Usage: nst" in outcome.out + outcome.err


def test_help_loads_neither_torch_nor_the_terminal_library() -> None:
    code = "import sys; from nst.cli.main import nst; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    slow = {"torch", "onnxruntime", "numpy", "rich.progress", "pydantic_settings"}
    assert not slow & set(loaded)


def test_every_error_has_an_exit_code() -> None:
    def subclasses(cls: type[NSTError]) -> list[type[NSTError]]:
        return [cls, *(found for child in cls.__subclasses__() for found in subclasses(child))]

    codes = {cls.__name__: exit_code(cls.__new__(cls)) for cls in subclasses(NSTError)}
    assert codes == {
        "NSTError": 1,
        "InvalidOption": 2,
        "InvalidImage": 2,
        "InvalidStyleFile": 2,
        "UnsupportedImage": 2,
        "ImageTooLarge": 2,
        "InvalidCheckpoint": 2,
        "JobNotFound": 1,
        "StyleNotFound": 1,
        "PictureNotFound": 1,
        "JobConflict": 1,
        "TooManyStyles": 1,
        "TooManyShares": 1,
        "NotAllowed": 1,
        "TooManyRequests": 1,
        "QueueFull": 1,
        "ServerBusy": 1,
        "UnreadableJob": 1,
        "LeaseLost": 1,
        "TransferError": 1,
        "OutOfMemory": 1,
        "Diverged": 1,
        "WeightsUnavailable": 1,
        "DraftUnavailable": 1,
        "NetworkUnavailable": 1,
        "TransferCanceled": 130,
        "DependencyError": 1,
        "StorageError": 1,
        "StorageFull": 1,
        "DiskFull": 1,
        "RepositoryError": 1,
        "QueueError": 1,
        "FeedError": 1,
        "VideoUnavailable": 1,
    }
    assert set(EXIT_CODES.values()) == {1, 2, 130}


def test_where_the_web_server_does_not_run_serve_says_so(
    nst: Nst, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        serve_command, "find_spec", lambda name: None if name == "fcntl" else find_spec(name)
    )
    outcome = nst("serve")
    assert outcome.code == 2
    assert "on Windows start it in WSL or in Docker" in outcome.err


@pytest.mark.parametrize("command", ["serve", "worker", "migrate", "doctor --services"])
def test_without_the_service_the_commands_say_how_to_install_it(
    nst: Nst, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(serve_command, "find_spec", lambda _: None)
    outcome = nst(*command.split())
    assert outcome.code == 2
    (said,) = outcome.error_lines
    assert said.startswith(
        "nst: the service is not installed; run pip install 'nst[service]' (see `nst "
    )


def test_doctor_says_what_is_here_and_what_is_missing(nst: Nst) -> None:
    outcome = nst("doctor")
    assert outcome.code == 0
    assert f"nst {__version__} runs on Python 3." in outcome.out
    assert "It paints on " in outcome.out
    assert "It computes in " in outcome.out
    assert "The weights of vgg19 are MISSING: `nst weights fetch vgg19` downloads" in outcome.out
    assert f"The weights of vgg16 are in {BUNDLE / 'vgg16.safetensors'}." in outcome.out
    assert "It reads JPEG, PNG, WebP, TIFF, AVIF, GIF, BMP" in outcome.out
    assert outcome.out.endswith("Ready to paint.\n")


def test_doctor_speaks_in_sentences(nst: Nst) -> None:
    for arguments in ((), ("--services",)):
        for line in nst("doctor", *arguments).out.splitlines():
            assert re.fullmatch(r"([A-Z]|nst ).* .*\.", line), line


def test_doctor_fails_where_nothing_can_be_painted(
    nst: Nst, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(weights, "BUNDLE", tmp_path)
    outcome = nst("doctor")
    assert outcome.code == 1
    assert "Not ready" in outcome.out


def test_doctor_checks_the_services_of_a_role(nst: Nst) -> None:
    outcome = nst("doctor", "--services", "--role", "migration")
    assert outcome.code == 0
    assert "Ready to serve." in outcome.out


def test_doctor_has_roles_for_services_only(nst: Nst) -> None:
    outcome = nst("doctor", "--role", "api")
    assert outcome.code == 2
    assert outcome.err == "nst: --role needs --services (see `nst doctor --help`)\n"


def test_weights_list_shows_what_is_here_and_what_can_be_fetched(nst: Nst) -> None:
    out = nst("weights", "list").out
    assert f"vgg16  {BUNDLE / 'vgg16.safetensors'}" in out
    assert "vgg19  not here" in out
    for release in RELEASES:
        assert release.file_name in out
        assert f"nst weights fetch {release.model} --publisher {release.publisher}" in out


def test_weights_path(nst: Nst) -> None:
    assert nst("weights", "path").out == f"{os.environ['NST_CACHE_DIR']}/weights\n"
    assert nst("weights", "path", "vgg16").out == f"{BUNDLE / 'vgg16.safetensors'}\n"
    missing = nst("weights", "path", "vgg19")
    assert missing.code == 1
    assert "`nst weights fetch vgg19`" in missing.err


def test_weights_verify(nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = nst("weights", "verify")
    assert outcome.code == 0
    assert "vgg16  good" in outcome.out
    assert "vgg19  not here" in outcome.out
    assert nst("weights", "verify", "vgg19").code == 1
    (tmp_path / "vgg19.pth").write_bytes(b"<html>")
    monkeypatch.setenv("NST_WEIGHTS_DIR", str(tmp_path))
    outcome = nst("weights", "verify")
    assert outcome.code == 1
    assert "vgg19  BAD" in outcome.out


def test_weights_fetch_from_a_mirror_shows_its_progress(
    nst: Nst, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(2_000_000)
    name = RELEASES[0].file_name
    release = weights.Release(
        "vgg19", "keras", name, 2, hashlib.sha256(content).hexdigest(), mirrors=()
    )
    monkeypatch.setattr(weights, "RELEASES", (release,))
    with serve({name: content}) as server:
        monkeypatch.setenv("NST_WEIGHTS_MIRROR", server.url)
        monkeypatch.setenv("NST_OFFLINE", "0")
        outcome = nst("weights", "fetch", "vgg19")
    assert outcome.code == 0
    assert "Downloading: 2 of 2 MB" in outcome.err
    assert Path(outcome.out.strip()).read_bytes() == content


def test_weights_fetch_offline_says_so(nst: Nst) -> None:
    outcome = nst("weights", "fetch", "vgg19")
    assert outcome.code == 1
    assert "because offline" in outcome.err


def test_weights_fetch_names_a_damaged_file(
    nst: Nst, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vgg19.pth").write_bytes(b"<html>")
    monkeypatch.setenv("NST_WEIGHTS_DIR", str(tmp_path))
    outcome = nst("weights", "fetch", "vgg19")
    assert (outcome.code, outcome.out) == (1, "")
    assert f"{tmp_path / 'vgg19.pth'}: cannot be read" in outcome.err
    assert "because offline" in outcome.err


def test_weights_fetch_names_the_publishers_of_the_model(nst: Nst) -> None:
    outcome = nst("weights", "fetch", "vgg16", "--publisher", "keras")
    assert outcome.code == 2
    assert "--publisher must be torchvision for vgg16 (got 'keras')" in outcome.err


def test_weights_fetch_names_a_mirror_that_is_no_url(
    nst: Nst, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = weights.Release("vgg19", "keras", "a.h5", 2, "0" * 64, mirrors=())
    monkeypatch.setattr(weights, "RELEASES", (release,))
    monkeypatch.setenv("NST_WEIGHTS_MIRROR", "nonsense.example")
    monkeypatch.setenv("NST_OFFLINE", "0")
    outcome = nst("weights", "fetch", "vgg19")
    assert outcome.code == 1
    assert "nonsense.example/a.h5: it is no URL such as https://" in outcome.err
    assert len(outcome.error_lines) == 1


def test_the_bundled_model_needs_no_fetching(nst: Nst) -> None:
    assert nst("weights", "fetch", "vgg16").out == f"{BUNDLE / 'vgg16.safetensors'}\n"


@pytest.fixture
def blocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the data directory of the settings, which is a file and cannot be used."""
    path = tmp_path / "data"
    path.touch()
    monkeypatch.setenv("NST_DATA_DIR", str(path))
    return path


def test_migrate_retries_until_the_database_answers(
    nst: Nst, monkeypatch: pytest.MonkeyPatch, blocked: Path
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: blocked.unlink())
    outcome = nst("migrate", "--wait-seconds", 600)
    assert outcome.code == 0
    assert outcome.out.endswith("is at head\n")
    assert len(outcome.error_lines) == 1
    assert outcome.error_lines[0].startswith(f"Not migrated yet: cannot write {blocked}")


def test_migrate_gives_up_after_the_seconds_that_it_may_wait(
    nst: Nst, monkeypatch: pytest.MonkeyPatch, blocked: Path
) -> None:
    now = 100.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    clock = SimpleNamespace(monotonic=lambda: now, sleep=sleep)
    monkeypatch.setattr(serve_command, "time", clock)
    for arguments, retries in (([], 0), (["--wait-seconds", 12], 3)):
        outcome = nst("migrate", *arguments)
        assert outcome.code == 1
        *said_before, said = outcome.error_lines
        assert len(said_before) == retries  # one every 5 s
        assert said.startswith(f"nst: cannot write {blocked}")
