"""The repository of jobs.
Each change of a job is one statement with the expected state in its WHERE
clause, so concurrent changes cannot overwrite each other."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, case, delete, func, literal, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.expression import ColumnElement

from nst.adapters.sql import migrations, statements
from nst.adapters.sql.attempts import SqlAttempts
from nst.adapters.sql.connection import connect, errors
from nst.adapters.sql.learned_styles import SqlLearnedStyles
from nst.adapters.sql.schema import deployment, jobs, now
from nst.adapters.sql.shares import SqlShares
from nst.adapters.sql.statements import as_job
from nst.errors import JobConflict, JobNotFound
from nst.jobs.job import RETRYABLE, Job, JobStatus, ListPosition, not_retryable
from nst.jobs.ports import QueueState


class SqlJobRepository(SqlAttempts, SqlShares):
    """A JobRepository in SQLite or PostgreSQL; `migrate` creates its tables."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        """`url`: sqlite:////path/jobs.db or
        postgresql+psycopg://user:password@host/database."""
        self._url = url
        with errors():
            self._engine = connect(url, pool_size)
        self.learned_styles = SqlLearnedStyles(self._engine)
        """Repository of the learned styles in the same database."""

    @property
    def location(self) -> str:
        """URL of the database without the password."""
        return self._engine.url.render_as_string(hide_password=True)

    def migrate(self, revision: str = "head") -> None:
        """Migrate the tables, see `migrations.migrate`. Raises RepositoryError."""
        migrations.migrate(self._url, revision)

    def check(self) -> str:
        """Check the tables, see `migrations.check`. Raises RepositoryError."""
        with self._read() as connection:
            return migrations.check(connection, self.location)

    def add(self, job: Job) -> Job:
        values = job.model_dump(mode="json") | {
            "created_at": now(),
            "queued_at": now(),
            "turn_at": statements.turn(job),
            "completed_at": now() if job.status.is_final else None,
        }
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        statement = (
            dialect.insert(jobs)
            .values(values)
            .on_conflict_do_nothing(index_elements=["owner", "idempotency_key"])
            .returning(jobs)
        )
        with self._write() as connection:
            row = connection.execute(statement).first()
            if row is None:
                assert job.idempotency_key is not None
                row = connection.execute(statements.submitted(job.owner, job.idempotency_key)).one()
            return as_job(row)

    def get(self, job_id: str) -> Job:
        with self._read() as connection:
            return _get(connection, job_id)

    def find_submitted(self, owner: str, idempotency_key: str) -> Job | None:
        with self._read() as connection:
            row = connection.execute(statements.submitted(owner, idempotency_key)).first()
            return as_job(row) if row else None

    def list(
        self,
        owner: str,
        *,
        status: JobStatus | None = None,
        limit: int = 24,
        before: ListPosition | None = None,
    ) -> Sequence[Job]:
        order = (jobs.c.created_at, jobs.c.id)
        statement = select(jobs).where(jobs.c.owner == owner)
        if status:
            statement = statement.where(jobs.c.status == status)
        if before:
            statement = statement.where(tuple_(*order) < tuple_(*map(literal, before)))
        statement = statement.order_by(*(column.desc() for column in order)).limit(limit)
        with self._read() as connection:
            return [as_job(row) for row in connection.execute(statement)]

    def unfinished(self, owner: str) -> int:
        with self._read() as connection:
            return connection.execute(statements.unfinished(jobs.c.owner == owner)).scalar_one()

    def unfinished_of_client(self, client: str) -> int:
        with self._read() as connection:
            return connection.execute(statements.unfinished(jobs.c.client == client)).scalar_one()

    def place_in_queue(self, job_id: str) -> int | None:
        turn = (jobs.c.turn_at, jobs.c.id)
        mine = select(*turn).where(jobs.c.id == job_id, jobs.c.status == JobStatus.QUEUED)
        earlier = (
            select(func.count())
            .select_from(jobs)
            .where(jobs.c.status == JobStatus.QUEUED, tuple_(*turn) <= mine.scalar_subquery())
        )
        with self._read() as connection:
            return connection.execute(earlier).scalar_one() or None

    def find_result(self, owner: str, fingerprint: str) -> Job | None:
        statement = (
            statements.painted()
            .where(jobs.c.owner == owner, jobs.c.fingerprint == fingerprint)
            .order_by(jobs.c.completed_at.desc())
        )
        with self._read() as connection:
            found = [as_job(row) for row in connection.execute(statement)]
            return next((job for job in found if _is_valid(job, connection)), None)

    def cancel(self, job_id: str) -> Job:
        is_queued = jobs.c.status == JobStatus.QUEUED
        statement = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.status.in_((JobStatus.QUEUED, JobStatus.RUNNING)))
            .values(
                cancel_requested=True,
                status=case((is_queued, JobStatus.CANCELED), else_=jobs.c.status),
                completed_at=case((is_queued, now()), else_=jobs.c.completed_at),
            )
            .returning(jobs)
        )
        with self._write() as connection:
            if row := connection.execute(statement).first():
                return as_job(row)
            job = _get(connection, job_id)
            if job.status is JobStatus.CANCELED:
                return job
            raise JobConflict(job_id, f"the job has {job.status} already, nothing is left to stop")

    def steer(self, job_id: str, changes: Mapping[str, float]) -> Job:
        with self._write() as connection:
            job = _get(connection, job_id, lock=True)
            if job.status is not JobStatus.RUNNING:
                raise JobConflict(
                    job_id, f"only a running job can be steered; this is {job.status}"
                )
            steering = {**job.steering, **changes}
            statement = update(jobs).where(jobs.c.id == job_id).values(steering=steering)
            return as_job(connection.execute(statement.returning(jobs)).one())

    def retry(self, job_id: str) -> Job:
        values: dict[str, Any] = {"steering": {}, "progress": None, "checkpoint": None}
        if job := self._queue_again(job_id, jobs.c.status.in_(RETRYABLE), values):
            return job
        raise not_retryable(self.get(job_id))

    def resume(self, job_id: str) -> Job:
        can_resume = (jobs.c.status == JobStatus.CANCELED) & jobs.c.checkpoint.is_not(None)
        if job := self._queue_again(job_id, can_resume, {}):
            return job
        status = self.get(job_id).status
        raise JobConflict(
            job_id, f"only a canceled job with a checkpoint can be resumed; this is {status}"
        )

    def _queue_again(
        self, job_id: str, is_allowed: ColumnElement[bool], changes: Mapping[str, Any]
    ) -> Job | None:
        """Queue a final job again and return it; None if it is not in an allowed state.
        Its row keeps the result until another attempt has one, see `nst.jobs.stored.read`."""
        turn = statements.turn(self.get(job_id))
        values = {
            "status": JobStatus.QUEUED,
            "queued_at": now(),
            # Not before its old turn: a retry must not move the job forward.
            "turn_at": case((jobs.c.turn_at > turn, jobs.c.turn_at), else_=turn),
            "started_at": None,
            "completed_at": None,
            "failed_attempts": 0,
            "failed_dependencies": 0,
            "cancel_requested": False,
            "error": None,
            **changes,
        }
        statement = update(jobs).where(jobs.c.id == job_id, is_allowed).values(values)
        with self._write() as connection:
            row = connection.execute(statement.returning(jobs)).first()
            return as_job(row) if row else None

    def delete(self, job_id: str) -> None:
        with self._write() as connection:
            connection.execute(delete(jobs).where(jobs.c.id == job_id))

    def delete_completed(self, time: float) -> str | None:
        is_expired = jobs.c.completed_at < time
        one = select(jobs.c.id).where(is_expired).limit(1).scalar_subquery()
        # The condition twice: PostgreSQL checks only the outer one after a concurrent change.
        statement = delete(jobs).where(jobs.c.id == one, is_expired).returning(jobs.c.id)
        with self._write() as connection:
            return connection.execute(statement).scalar()

    def existing(self, job_ids: Sequence[str]) -> set[str]:
        return self._existing(jobs.c.id, job_ids)

    def state(self) -> QueueState:
        counts = (
            select(jobs.c.status, func.count())
            .where(jobs.c.status.in_(JobStatus))  # a newer version may have others
            .group_by(jobs.c.status)
        )
        oldest = select(now() - func.min(jobs.c.queued_at)).where(jobs.c.status == JobStatus.QUEUED)
        with self._read() as connection:
            found = {JobStatus(status): count for status, count in connection.execute(counts)}
            waited = connection.execute(oldest).scalar()
        return QueueState({status: found.get(status, 0) for status in JobStatus}, waited or 0.0)

    def now(self) -> float:
        with self._read() as connection:
            return connection.execute(select(now())).scalar_one()

    def deployment_id(self) -> str:
        fact = select(deployment.c.value).where(deployment.c.name == "id")
        with self._read() as connection:
            return str(connection.execute(fact).scalar_one())

    def close(self) -> None:
        self._engine.dispose()


def _get(connection: Connection, job_id: str, *, lock: bool = False) -> Job:
    statement = select(jobs).where(jobs.c.id == job_id)
    row = connection.execute(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise JobNotFound(job_id)
    return as_job(row)


def _is_valid(job: Job, connection: Connection) -> bool:
    """Return whether the result can be reused, see `JobRepository.find_result`. The latest job of
    the same model shows which weights the workers have."""
    options, result = job.order.options, job.result
    if job.steering or result is None or result.model != options.model:
        return False
    if options.is_draft:
        return True
    of_model = statements.of_result("model") == result.model
    has_steps = statements.of_result("steps") != "0"  # a draft has other weights
    latest = (
        statements.painted()
        .with_only_columns(statements.of_result("weights_sha256"))
        .where(of_model, has_steps)
        .order_by(jobs.c.completed_at.desc())
        .limit(1)
    )
    row = connection.execute(latest).first()
    return row is None or row[0] == result.weights_sha256
