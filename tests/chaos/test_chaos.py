"""A short run of the driver; `make chaos` runs a long one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chaos.driver import Books, Chaos, Report, small_disk
from nst.adapters.sql import SqlJobRepository
from nst.adapters.storage import FolderStorage, in_folder
from nst.jobs import janitor
from nst.jobs.job import new_id
from support.assets import REPOSITORY

JOBS = 16
KINDS = {
    "kill_a_worker",
    "kill_an_api",
    "freeze_a_worker",
    "restart_the_broker",
    "restart_redis",
    "stop_the_database",
    "send_nonsense",
    "fill_the_disk",
}


def test_nothing_is_lost_and_nothing_is_done_twice(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    driver = REPOSITORY / "tests" / "chaos" / "driver.py"
    command = [sys.executable, str(driver), f"--jobs={JOBS}", f"--report={report}"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = json.loads(report.read_text())
    assert sum(found["states"].values()) == JOBS
    not_checked = [] if os.geteuid() == 0 else ["fill_the_disk"]
    assert found["not_checked"] == not_checked
    assert ("disk full: NOT CHECKED" in finished.stderr) == bool(not_checked)
    assert set(found["injected"]) == KINDS - set(not_checked), "not everything that can fail did"


# ── the driver itself ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("has_small_disk", [True, False])
def test_only_a_small_disk_is_filled(*, has_small_disk: bool) -> None:
    report = Report(jobs=0)
    system: Any = SimpleNamespace(has_small_disk=has_small_disk)
    deeds = {deed.__name__ for deed in Chaos(system, report, seed=0).deeds}
    assert deeds == KINDS if has_small_disk else KINDS - {"fill_the_disk"}
    assert report.not_checked == ([] if has_small_disk else ["fill_the_disk"])


def test_without_root_there_is_no_small_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with small_disk(tmp_path, 1) as is_there:
        assert not is_there
        assert not tmp_path.is_mount()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FolderStorage]:
    """Yield the storage of a system without jobs, which has the files of one submission."""
    repository = SqlJobRepository(f"sqlite:///{tmp_path / 'jobs.db'}")
    repository.migrate()
    storage = in_folder(tmp_path / "pictures")
    storage.put(janitor.DEPLOYMENT_KEY, repository.deployment_id().encode())
    storage.put(f"{new_id()}/content", b"x")
    yield storage
    repository.close()


def balanced(directory: Path) -> Report:
    report = Report(jobs=0)
    url = f"sqlite:///{directory / 'jobs.db'}"
    system: Any = SimpleNamespace(store=directory, database_url=url, workers=[])
    client: Any = SimpleNamespace(accepted=set())
    Books(system, client, report).balance()
    return report


def test_the_janitor_deletes_the_files_of_no_job(tmp_path: Path, store: FolderStorage) -> None:
    report = balanced(tmp_path)
    assert (report.orphans, report.problems) == (1, [])
    assert not store.directories()


def test_files_of_no_job_that_stay_are_a_problem(
    tmp_path: Path, store: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janitor, "clean", lambda *_: 0)
    (name,) = store.directories()
    assert balanced(tmp_path).problems == [f"the files of {name} belong to no job"]
