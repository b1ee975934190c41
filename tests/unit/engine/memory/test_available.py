"""Free memory of a container, by both versions of Linux's control groups."""

from pathlib import Path

import pytest
import torch

from nst.engine.memory import available
from nst.engine.memory.available import available_bytes

KIB = 1024
FILES = {
    "v2": ("memory.max", "memory.current"),
    "v1": ("memory.limit_in_bytes", "memory.usage_in_bytes"),
}
STAT = {
    "v2": "anon 20480\ninactive_anon 8192\ninactive_file 61440\nactive_file 4096\n",
    "v1": "cache 4096\ninactive_file 8192\ntotal_cache 70000\ntotal_inactive_file 61440\n",
}


@pytest.fixture(params=["v2", "v1"])
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Move the control groups into an empty directory, and return one of both versions."""
    groups = [
        group._replace(directory=tmp_path / name)
        for name, group in zip(FILES, available._CONTROL_GROUPS, strict=True)
    ]
    monkeypatch.setattr(available, "_CONTROL_GROUPS", groups)
    return str(request.param)


def container(tmp_path: Path, version: str, limit: object, stat: str | None) -> None:
    """Write the files of a container that uses 100 KiB."""
    directory = tmp_path / version
    directory.mkdir()
    limit_file, used_file = FILES[version]
    (directory / limit_file).write_text(f"{limit}\n")
    (directory / used_file).write_text(f"{100 * KIB}\n")
    if stat is not None:
        (directory / "memory.stat").write_text(stat)


def test_cached_files_are_free_memory(version: str, tmp_path: Path) -> None:
    container(tmp_path, version, 128 * KIB, STAT[version])
    assert available_bytes(torch.device("cpu")) == (128 - 100 + 60) * KIB


@pytest.mark.parametrize("stat", [None, "", "anon 20480\n"])
def test_without_a_number_of_cached_files_none_count(
    version: str, tmp_path: Path, stat: str | None
) -> None:
    container(tmp_path, version, 128 * KIB, stat)
    assert available_bytes(torch.device("cpu")) == 28 * KIB


def test_a_container_without_limit_has_the_memory_of_the_machine(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container(tmp_path, version, "max" if version == "v2" else 2**63 - 4096, STAT[version])
    monkeypatch.setattr(available, "_field_bytes", lambda *_: 7 * KIB)
    assert available_bytes(torch.device("cpu")) == 7 * KIB
