"""Rows of another version of nst: an unreadable row never stops the others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from nst.adapters.sql import SqlJobRepository
from nst.adapters.sql.schema import jobs, learned_styles
from nst.errors import UnreadableJob
from nst.jobs import stored
from nst.jobs.job import Job, JobStatus, new_id
from nst.jobs.learned_styles import StoredStyle
from support.jobs import FAILURE, job, progress, result

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
        {"status": "succeeded", "result": {"key": 1}},
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


def test_a_status_of_another_version_does_not_break_the_counts(
    repository: SqlJobRepository,
) -> None:
    """Every submission asks for the number of queued jobs, and so do the metrics."""
    paused, _ = (repository.add(job()) for _ in range(2))
    change(repository, paused.id, status="paused")
    assert dict(repository.state().jobs) == {
        status: int(status is JobStatus.QUEUED) for status in JobStatus
    }


@pytest.mark.parametrize(
    "stored_result",
    [
        {"key": 1},
        ["no result"],
        {"model": "vgg16", "steps": "many", "weights_sha256": 7},
        {"model": "vgg16", "steps": 0.5},
    ],
    ids=str,
)
def test_a_result_of_another_version_breaks_no_search_for_a_result(
    repository: SqlJobRepository, stored_result: object
) -> None:
    painted, broken = (_painted(repository, fingerprint="same") for _ in range(2))
    change(repository, broken.id, result=stored_result, completed_at=0.0)
    found = repository.find_result("anna", "same")
    assert found is not None
    assert found.id == painted.id


def _painted(repository: SqlJobRepository, **facts: Any) -> Job:
    added = repository.add(job(**facts))
    claimed = repository.claim_next("worker", LEASE)
    assert claimed is not None
    return repository.finish(added.id, 1, JobStatus.SUCCEEDED, result=result(added.id))


# ── text that is not JSON ─────────────────────────────────────────────────────────────────────

NO_JSON = ["", "{", '{"content": ', "glitter", "[" * 100_000]


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqlJobRepository]:
    """Yield a repository in SQLite, whose JSON columns accept any text."""
    opened = SqlJobRepository(f"sqlite:///{tmp_path / 'broken.db'}")
    opened.migrate()
    yield opened
    opened.close()


def break_text(repository: SqlJobRepository, table: str, row: str, column: str, value: str) -> None:
    statement = text(f'UPDATE {table} SET "{column}" = :value WHERE id = :id')  # noqa: S608 - ours
    with repository._write() as connection:
        connection.execute(statement, {"value": value, "id": row})


@pytest.mark.parametrize("value", NO_JSON, ids=lambda value: value[:12] or "empty")
@pytest.mark.parametrize("column", ["order", "trace", "steering", "progress", "error"])
def test_text_that_is_no_json_breaks_only_its_own_job(
    sqlite: SqlJobRepository, column: str, value: str
) -> None:
    broken, healthy = (sqlite.add(job()) for _ in range(2))
    break_text(sqlite, "jobs", broken.id, column, value)
    assert {found.id for found in sqlite.list("anna")} == {broken.id, healthy.id}
    assert sqlite.get(broken.id).error == stored.UNREADABLE
    claimed = sqlite.claim_next("worker", LEASE)
    assert claimed is not None
    assert claimed.id == healthy.id
    failed = sqlite.get(broken.id)
    assert (failed.status, failed.error) == (JobStatus.FAILED, stored.UNREADABLE)
    change(sqlite, healthy.id, lease_expires_at=0.0)
    assert [swept.id for swept in sqlite.sweep(3, FAILURE)] == [healthy.id]


@pytest.mark.parametrize("value", NO_JSON, ids=lambda value: value[:12] or "empty")
def test_a_result_that_is_no_json_breaks_no_search_for_a_result(
    sqlite: SqlJobRepository, value: str
) -> None:
    painted, broken = (_painted(sqlite, fingerprint="same") for _ in range(2))
    break_text(sqlite, "jobs", broken.id, "result", value)
    found = sqlite.find_result("anna", "same")
    assert found is not None
    assert found.id == painted.id


# ── learned styles ────────────────────────────────────────────────────────────────────────────


def added_style(repository: SqlJobRepository) -> StoredStyle:
    style = StoredStyle(
        id=new_id(),
        owner="anna",
        client="",
        name="waves",
        styles=("waves",),
        licence="CC0",
        size_bytes=1,
        sha256="0" * 64,
    )
    return repository.learned_styles.add(style)


@pytest.mark.parametrize(
    "columns", [{"styles": {"waves": 1}}, {"licence": ["CC0"]}, {"styles": "waves"}], ids=str
)
def test_a_learned_style_of_another_version_is_listed_and_can_be_removed(
    repository: SqlJobRepository, columns: dict[str, Any]
) -> None:
    broken, healthy = (added_style(repository) for _ in range(2))
    of_broken = learned_styles.c.id == broken.id
    with repository._write() as connection:
        connection.execute(update(learned_styles).where(of_broken).values(columns))
    _check_styles(repository, broken, healthy)


def test_a_learned_style_of_another_version_is_deleted_when_it_is_unused(
    repository: SqlJobRepository,
) -> None:
    broken = added_style(repository)
    with repository._write() as connection:
        connection.execute(update(learned_styles).values(styles={"waves": 1}))
    deleted = repository.learned_styles.delete_unused(-1.0)
    assert deleted
    assert deleted.key == broken.key
    assert repository.learned_styles.list("anna") == []


@pytest.mark.parametrize("column", ["styles", "licence"])
def test_a_learned_style_whose_text_is_no_json_is_listed_and_can_be_removed(
    sqlite: SqlJobRepository, column: str
) -> None:
    broken, healthy = (added_style(sqlite) for _ in range(2))
    break_text(sqlite, "learned_styles", broken.id, column, "{")
    _check_styles(sqlite, broken, healthy)


def _check_styles(repository: SqlJobRepository, broken: StoredStyle, healthy: StoredStyle) -> None:
    styles = repository.learned_styles
    listed = {style.id: style for style in styles.list("anna")}
    assert listed.keys() == {broken.id, healthy.id}
    assert listed[healthy.id] == healthy
    assert (listed[broken.id].name, listed[broken.id].key) == (broken.name, broken.key)
    styles.delete(broken.id)
    assert styles.list("anna") == [healthy]
