"""Attempts of workers at jobs: claims, heartbeats, ends and sweeps.
Each write of a worker carries the number of its attempt, so only the last attempt can write."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Row, case, func, select, update

from nst.adapters.sql import statements
from nst.adapters.sql.connection import Transactions
from nst.adapters.sql.schema import jobs, now
from nst.adapters.sql.statements import as_job
from nst.errors import LeaseLost, UnreadableJob
from nst.jobs import stored
from nst.jobs.job import Job, JobError, JobProgress, JobResult, JobStatus

logger = logging.getLogger(__name__)


class SqlAttempts(Transactions):
    """The part of a JobRepository that workers use."""

    def claim_next(self, worker: str, lease_seconds: float) -> Job | None:
        while (row := self._claim_next(worker, lease_seconds)) is not None:
            try:
                return stored.read(dict(row._mapping))
            except UnreadableJob as error:
                logger.error("job failed: %s", error, extra={"job": row.id})
                with suppress(LeaseLost):
                    status = JobStatus.FAILED
                    self.finish(row.id, row.attempt, status, error=stored.UNREADABLE)
        return None

    def _claim_next(self, worker: str, lease_seconds: float) -> Row[Any] | None:
        first = (
            select(jobs.c.id)
            .where(jobs.c.status == JobStatus.QUEUED)
            .order_by(jobs.c.turn_at, jobs.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        statement = (
            update(jobs)
            .where(jobs.c.id == first, jobs.c.status == JobStatus.QUEUED)
            .values(
                status=JobStatus.RUNNING,
                attempt=jobs.c.attempt + 1,
                worker=worker,
                lease_expires_at=now() + lease_seconds,
                started_at=func.coalesce(jobs.c.started_at, now()),
            )
            .returning(jobs)
        )
        with self._write() as connection:
            return connection.execute(statement).first()

    def heartbeat(
        self, job_id: str, attempt: int, lease_seconds: float, progress: JobProgress | None
    ) -> Job:
        values: dict[str, Any] = {"lease_expires_at": now() + lease_seconds}
        if progress:
            values["progress"] = statements.dump(progress)
        return self._write_of_attempt(job_id, attempt, values)

    def keep_checkpoint(self, job_id: str, attempt: int, key: str) -> None:
        self._write_of_attempt(job_id, attempt, {"checkpoint": key})

    def finish(
        self,
        job_id: str,
        attempt: int,
        status: JobStatus,
        *,
        progress: JobProgress | None = None,
        result: JobResult | None = None,
        error: JobError | None = None,
    ) -> Job:
        values = {
            "status": status,
            "completed_at": now(),
            "lease_expires_at": None,
            "error": statements.dump(error),
        }
        if result:  # else the result of an earlier attempt stays
            values["result"] = statements.dump(result)
        if progress:
            values["progress"] = statements.dump(progress)
        return self._write_of_attempt(job_id, attempt, values)

    def give_back(self, job_id: str, attempt: int) -> Job:
        return self._write_of_attempt(job_id, attempt, statements.queued_again())

    def fail_attempt(self, job_id: str, attempt: int, max_attempts: int, error: JobError) -> Job:
        changes = statements.failed(jobs.c.failed_attempts, max_attempts, error)
        return self._write_of_attempt(job_id, attempt, changes)

    def put_back(self, job_id: str, attempt: int, max_failures: int, error: JobError) -> Job:
        queued = jobs.alias()
        last_turn = (
            select(func.max(queued.c.turn_at))
            .where(queued.c.status == JobStatus.QUEUED)
            .scalar_subquery()
        )
        behind = {"turn_at": func.coalesce(last_turn + 1.0, now())}
        changes = statements.failed(jobs.c.failed_dependencies, max_failures, error) | behind
        return self._write_of_attempt(job_id, attempt, changes)

    def sweep(self, max_attempts: int, error: JobError, forgiven_until: float = 0) -> Sequence[Job]:
        # Locked jobs are being swept by another worker, or are receiving a heartbeat.
        silent = (
            select(jobs.c.id)
            .where(jobs.c.status == JobStatus.RUNNING, jobs.c.lease_expires_at < now())
            .with_for_update(skip_locked=True)
        )
        failures = case((jobs.c.lease_expires_at < forgiven_until, 0), else_=1)
        statement = (
            update(jobs)
            .where(jobs.c.id.in_(silent))
            .values(statements.failed(jobs.c.failed_attempts, max_attempts, error, failures))
            .returning(jobs)
        )
        with self._write() as connection:
            return [as_job(row) for row in connection.execute(statement)]

    def _write_of_attempt(self, job_id: str, attempt: int, values: Mapping[str, Any]) -> Job:
        """Write what a worker reports about its job. Raises LeaseLost."""
        statement = (
            update(jobs)
            .where(
                jobs.c.id == job_id,
                jobs.c.attempt == attempt,
                jobs.c.status == JobStatus.RUNNING,
            )
            .values(values)
            .returning(jobs)
        )
        with self._write() as connection:
            row = connection.execute(statement).first()
        if row is None:
            raise LeaseLost(job_id, attempt)
        return as_job(row)
