"""The process that takes jobs is killed between any two calls of a submission.

Every accepted job exists, no job exists in part, and leftovers are deleted.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from nst.jobs import janitor
from nst.jobs.janitor import clean
from nst.jobs.job import JobStatus
from support import killed_submission
from support.assets import REPOSITORY
from support.service_in_process import CAT, WAVES, House, finishes
from support.waiting import PROGRAM_SECONDS


@pytest.mark.parametrize("order", ["new", "again"])
def test_killed_between_any_two_calls(
    tmp_path: Path, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janitor, "ORPHAN_SECONDS", -1.0)
    command = [sys.executable, "-m", killed_submission.__name__, str(tmp_path), order]
    subprocess.run(command, check=True, timeout=PROGRAM_SECONDS, cwd=REPOSITORY / "tests")
    directories = sorted(tmp_path.iterdir())
    assert len(directories) > 12
    seen = [whats_left(directory) for directory in directories]
    assert seen == sorted(seen)  # no job at first; from one call on, a job
    assert {0, 1} == set(seen)
    assert [(directory / killed_submission.ACCEPTED).exists() for directory in directories] == [
        *[False] * (len(directories) - 1),
        True,
    ]


def whats_left(directory: Path) -> int:
    """Return the number of jobs, and assert that each of them is whole."""
    house = House(directory, keeps=True)
    listed = house.jobs.list("anna", status=None, limit=10, before=None)
    jobs = [job for job in listed if job.idempotency_key]  # the others existed before
    for job in jobs:
        assert house.storage.get(f"{job.id}/content") == CAT
        assert house.storage.get(f"{job.id}/style-0") == WAVES
        # A client without an answer asks again, and gets the same job.
        assert house.submit(idempotency_key="k").id == job.id
        if job.status is JobStatus.QUEUED:
            assert house.work(finishes()).status is JobStatus.SUCCEEDED
        done = house.repository.get(job.id)
        assert done.result
        assert house.storage.stat(done.result.key)
    accepted = directory / killed_submission.ACCEPTED
    if accepted.exists():
        assert accepted.read_text() in {job.id for job in jobs}
    clean(house.repository, house.storage, retention_seconds=3600)
    assert set(house.storage.directories()) == {job.id for job in listed}
    house.close()
    return len(jobs)
