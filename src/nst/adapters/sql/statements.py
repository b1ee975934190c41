"""Parts of SQL statements about jobs, and conversion of rows to jobs."""

from typing import Any

from pydantic import BaseModel
from sqlalchemy import Column, Row, Select, String, case, cast, func, literal, or_, select
from sqlalchemy.sql.expression import ColumnElement

from nst.adapters.sql.schema import NULLABLE_JSON, is_json, jobs, now
from nst.jobs import stored
from nst.jobs.job import FINAL, Job, JobError, JobStatus

FAIR_GAP_SECONDS = 300.0
"""Delay of a job for each other unfinished job of its client, in seconds."""


def turn(job: Job) -> ColumnElement[float]:
    """Return the turn of a job: the current time plus a delay.
    The delay is FAIR_GAP_SECONDS for each other unfinished job of its owner or client."""
    others = jobs.alias()
    mine = others.c.owner == job.owner
    if job.client:
        mine |= others.c.client == job.client
    waiting = (
        select(func.count())
        .select_from(others)
        .where(mine, others.c.status.not_in(FINAL), others.c.id != job.id)
        .scalar_subquery()
    )
    return now() + FAIR_GAP_SECONDS * waiting


def unfinished(whose: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(jobs).where(whose, jobs.c.status.not_in(FINAL))


def submitted(owner: str, idempotency_key: str) -> Select[Any]:
    return select(jobs).where(jobs.c.owner == owner, jobs.c.idempotency_key == idempotency_key)


def painted() -> Select[Any]:
    """Select jobs that succeeded and did not reuse the result of another."""
    return select(jobs).where(jobs.c.status == JobStatus.SUCCEEDED, jobs.c.cached.is_(False))


def of_result(field: str) -> ColumnElement[str | None]:
    """Return a field of a job's result as text; NULL if the result has no such field.
    It accepts every text, because a statement must not fail for one row."""
    return case((is_json(jobs.c.result), cast(jobs.c.result[field].as_string(), String)))


def queued_again() -> dict[str, Any]:
    """Return the new values of a running job that is queued again.
    The job is canceled instead if that was requested."""
    is_canceled = jobs.c.cancel_requested
    return {
        "status": case((is_canceled, JobStatus.CANCELED), else_=JobStatus.QUEUED),
        "completed_at": case((is_canceled, now()), else_=None),
        "queued_at": now(),
        "lease_expires_at": None,
    }


def failed(
    counter: Column[int], limit: int, error: JobError, failures: ColumnElement[int] | int = 1
) -> dict[str, Any]:
    """Return the new values of a running job after a failure.
    The job is queued again, fails if `counter` reaches `limit`, or is canceled if that
    was requested. `failures`: how much is added to the counter."""
    is_last = counter + failures >= limit
    is_canceled = jobs.c.cancel_requested
    is_final = or_(is_last, is_canceled)
    return {
        "status": case(
            (is_canceled, JobStatus.CANCELED),
            (is_last, JobStatus.FAILED),
            else_=JobStatus.QUEUED,
        ),
        counter.name: counter + failures,
        "completed_at": case((is_final, now()), else_=None),
        "error": case(
            (is_last & ~is_canceled, literal(dump(error), NULLABLE_JSON)),
            else_=literal(None, NULLABLE_JSON),
        ),
        "queued_at": now(),
        "lease_expires_at": None,
    }


def dump(value: BaseModel | None) -> dict[str, Any] | None:
    return value.model_dump(mode="json") if value else None


def as_job(row: Row[Any]) -> Job:
    """Return the job in a row, see `nst.jobs.stored.show`."""
    return stored.show(dict(row._mapping))
