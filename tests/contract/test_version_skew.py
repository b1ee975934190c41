"""Rows of another version of nst: an unreadable row never stops the others."""

from typing import Any

import pytest
from sqlalchemy import select, update

from nst.adapters.sql import SqlJobRepository
from nst.adapters.sql.schema import jobs
from nst.errors import UnreadableJob
from nst.jobs import stored
from nst.jobs.job import Job, JobStatus
from support.jobs import FAILURE, job, progress

LEASE = 3600.0


def change(repository: SqlJobRepository, job_id: str, **columns: Any) -> None:
    """Write columns as another version might do."""
    with repository._write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(columns))


def unknown_option(repository: SqlJobRepository, added: Job) -> Job:
    """Give the job an option that this version does not know."""
    order = added.order.model_dump(mode="json")
    order["options"]["glitter"] = 0.5
    change(repository, added.id, order=order)
    return added


def test_a_job_that_cannot_be_read_fails_and_the_next_one_is_claimed(
    repository: SqlJobRepository,
) -> None:
    unreadable = unknown_option(repository, repository.add(job()))
    healthy = repository.add(job())
    claimed = repository.claim_next("worker", LEASE)
    assert claimed is not None
    assert claimed.id == healthy.id
    failed = repository.get(unreadable.id)
    assert (failed.status, failed.error) == (JobStatus.FAILED, stored.UNREADABLE)
    assert failed.completed_at is not None
    assert repository.claim_next("worker", LEASE) is None


@pytest.mark.parametrize(
    "columns",
    [
        {"order": {"content": "an order of another kind"}},
        {"order": ["no order"]},
        {"steering": {"glitter": "lots"}},
        {"progress": {"step": "many"}},
        {"result": {"key": 1}},
        {"error": {"why": "unknown"}},
        {"trace": {"traceparent": 7}},
        {"status": "paused"},
    ],
)
def test_every_answer_has_the_jobs_that_can_be_read(
    repository: SqlJobRepository, columns: dict[str, Any]
) -> None:
    broken, healthy = (repository.add(job()) for _ in range(2))
    change(repository, broken.id, **columns)
    assert {found.id for found in repository.list("anna")} == {broken.id, healthy.id}
    assert healthy in repository.list("anna")
    assert healthy.id in {found.id for found in repository.waiting(0, limit=10)}
    shown = repository.get(broken.id)
    assert shown.error == stored.UNREADABLE
    assert (shown.owner, shown.created_at) == (broken.owner, broken.created_at)


def test_pictures_and_status_are_shown_of_a_job_with_an_unknown_option(
    repository: SqlJobRepository,
) -> None:
    added = unknown_option(repository, repository.add(job()))
    shown = repository.get(added.id)
    assert shown.status is JobStatus.QUEUED
    assert (shown.order.content, shown.order.styles) == (added.order.content, added.order.styles)
    with repository._read() as connection:
        row = connection.execute(select(jobs).where(jobs.c.id == added.id)).one()
    with pytest.raises(UnreadableJob, match="glitter"):
        stored.read(dict(row._mapping))


def test_housekeeping_and_heartbeats_go_on(repository: SqlJobRepository) -> None:
    """A newer version may change a job that an older one is painting."""
    repository.add(job())
    running = repository.claim_next("worker", LEASE)
    assert running is not None
    unknown_option(repository, running)
    heard = repository.heartbeat(running.id, 1, LEASE, progress(3))
    assert (heard.id, heard.progress) == (running.id, progress(3))
    change(repository, running.id, lease_expires_at=0.0)
    (swept,) = repository.sweep(3, FAILURE)
    assert swept.id == running.id


def test_a_retry_lets_a_version_that_can_read_the_job_paint_it(
    repository: SqlJobRepository,
) -> None:
    added = repository.add(job())
    unknown_option(repository, added)
    assert repository.claim_next("worker", LEASE) is None
    change(repository, added.id, order=added.order.model_dump(mode="json"))  # a newer version
    repository.retry(added.id)
    claimed = repository.claim_next("worker", LEASE)
    assert claimed is not None
    assert (claimed.id, claimed.order) == (added.id, added.order)
