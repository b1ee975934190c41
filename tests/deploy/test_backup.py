"""A backup as in docs/operations.md is restored whole into an empty database."""

import subprocess
from pathlib import Path

from nst.adapters.sql import SqlJobRepository
from nst.jobs.job import JobStatus, Share
from support import servers
from support.jobs import job, result


def test_jobs_and_shares_come_back(tmp_path: Path) -> None:
    with servers.postgresql(tmp_path) as server:
        before, after = (servers.new_database(server) for _ in range(2))
        jobs = SqlJobRepository(before)
        jobs.migrate()
        queued, done = jobs.add(job()), jobs.add(job())
        jobs.claim_next("worker", 30)
        first = jobs.finish(queued.id, 1, JobStatus.SUCCEEDED, result=result(queued.id))
        jobs.add_share(
            Share(id="1", job_id=queued.id, token_sha256="2" * 64, created_at=0.0, expires_at=4e9),
            most=1,
        )

        dump = subprocess.run(
            ["pg_dump", "--format=custom", plain(before)], check=True, capture_output=True
        ).stdout
        jobs.close()
        restore = ["pg_restore", f"--dbname={plain(after)}", "--clean", "--if-exists"]
        subprocess.run(restore, check=True, input=dump, capture_output=True)

        restored = SqlJobRepository(after)
        restored.migrate()  # the restored database is at head
        assert restored.get(queued.id) == first
        assert restored.get(done.id).status is JobStatus.QUEUED
        assert [share.id for share in restored.shares(queued.id)] == ["1"]
        claimed = restored.claim_next("another worker", 30)
        assert claimed
        assert claimed.id == done.id
        restored.close()


def plain(url: str) -> str:
    """Return the URL as PostgreSQL's own programs accept it."""
    return url.replace("postgresql+psycopg", "postgresql")
