"""JobRepository in SQLite or PostgreSQL, through SQLAlchemy Core.

Each change of a job is one statement that is guarded by the state it starts from, so that it does
not matter who else is at work; a job's writes are guarded by its attempt as well.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Double,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    case,
    create_engine,
    delete,
    event,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import ColumnElement, FunctionElement

from nst.errors import JobConflict, JobNotFound, LeaseLost, RepositoryError, UnreadableJob
from nst.jobs import stored
from nst.jobs.job import (
    FINAL,
    RETRYABLE,
    Job,
    JobError,
    JobProgress,
    JobResult,
    JobStatus,
    Share,
)
from nst.jobs.ports import QueueState
from nst.metrics import DEPENDENCY_ERRORS

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    from alembic.config import Config

FAIR_GAP_SECONDS = 300.0
"""By so much each unfinished job of an owner puts back the turn of the next one."""

LOCK_SECONDS = 30.0
"""To wait for another writer of SQLite."""

ANSWER_SECONDS = 10.0
"""What PostgreSQL has to answer, also where the machine is there and the server hangs."""

CONNECT_SECONDS = 5

MIGRATION_SECONDS = 3600.0
"""For large tables, and for whoever else migrates."""

MIGRATION_LOCK = 0x6E7374
"""Of PostgreSQL's advisory locks; SQLite lets only one write anyway."""

IDS_AT_ONCE = 1000
"""In one statement; its parameters are limited."""

OLDEST_REVISION = "oldest_revision"
"""Name of the fact about the database: the oldest revision whose program can work with its tables.
A migration that older programs cannot live with sets it to its own revision."""

_JSON = JSON(none_as_null=True)

metadata = MetaData()
jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("order", _JSON, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("idempotency_key", String(200)),
    Column("trace", _JSON, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("queued_at", Double, nullable=False),
    Column("turn_at", Double, nullable=False),
    Column("started_at", Double),
    Column("completed_at", Double),
    Column("attempt", Integer, nullable=False),
    Column("failed_attempts", Integer, nullable=False),
    Column("worker", String(200)),
    Column("lease_expires_at", Double),
    Column("cancel_requested", Boolean, nullable=False),
    Column("steering", _JSON, nullable=False),
    Column("progress", _JSON),
    Column("checkpoint", String(200)),
    Column("result", _JSON),
    Column("error", _JSON),
    Column("cached", Boolean, nullable=False),
    Column("failed_dependencies", Integer, nullable=False, server_default="0"),
    Column("client", String(64), nullable=False, server_default=""),
    Index("jobs_of_client", "client", "status"),
    Index("jobs_of_owner", "owner", "created_at"),
    Index("jobs_by_turn", "status", "turn_at"),
    Index("jobs_by_fingerprint", "fingerprint", "status"),
    Index("jobs_by_idempotency_key", "owner", "idempotency_key", unique=True),
    Index("jobs_by_completion", "completed_at"),
)
shares = Table(
    "shares",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)
deployment = Table(
    "deployment",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
)
"""Facts about the database itself, by name. `id`: 128 random bits."""


class now(FunctionElement[float]):  # noqa: N801 - it is a function of SQL
    """Seconds since 1970 by the database's clock: those of the machines may disagree."""

    type = Double()
    inherit_cache = True


@compiles(now, "sqlite")
def _now_sqlite(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _now_postgresql(*_: Any, **__: Any) -> str:
    return "extract(epoch from statement_timestamp())::double precision"


class SqlJobRepository:
    """Jobs in the database of this URL, whose tables `migrate` makes."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        """`url`: sqlite:////path/jobs.db or postgresql+psycopg://user:password@host/database."""
        self._url = url
        with _errors():
            self._engine = _connect(url, pool_size)

    @property
    def location(self) -> str:
        """The URL without the password."""
        return self._engine.url.render_as_string(hide_password=True)

    def migrate(self, revision: str = "head") -> None:
        """Bring the tables to this revision: 0001 …, head; or back: base, or -1. Tables of a newer
        version that this one can work with stay as they are. Whoever else migrates waits. Raises
        RepositoryError."""
        logging.getLogger("alembic").setLevel(logging.WARNING)  # before it talks while imported
        from alembic import command
        from alembic.util import CommandError

        config = _alembic_config()
        go = command.downgrade if revision in ("base", "-1") else command.upgrade
        with _errors(), self._migrating() as connection:
            if not _is_newer_and_compatible(connection, revision):
                config.attributes["connection"] = connection
                try:
                    go(config, revision)
                except CommandError as error:
                    raise RepositoryError(str(error)) from error

    @contextmanager
    def _migrating(self) -> Iterator[Connection]:
        """A connection that waits for long statements and keeps others from migrating."""
        engine = _connect(self._url, pool_size=1, answer_seconds=MIGRATION_SECONDS)
        try:
            with engine.execution_options(writes=True).begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
                yield connection
        finally:
            engine.dispose()

    def check(self) -> str:
        """What is there, in words. Raises RepositoryError if this version cannot work with the
        tables; a file of SQLite that is still empty gets them from `nst serve`."""
        with self._read() as connection:
            found, newest = _found_revision(connection), _revisions()[0]
            if found is None and self._engine.dialect.name == "sqlite":
                return f"{self.location}, empty until `nst serve` starts"
            if found == newest:
                return f"{self.location}, tables at {found}"
            if _is_newer_and_compatible(connection, "head"):
                return f"{self.location}, tables at {found} of a newer version"
        where = f"are at {found}" if found else "are missing"
        raise RepositoryError(f"its tables {where}, not at {newest}: run `nst migrate`")

    def add(self, job: Job) -> Job:
        values = job.model_dump(mode="json") | {
            "created_at": now(),
            "queued_at": now(),
            "turn_at": _turn(job),
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
                row = connection.execute(_submitted(job.owner, job.idempotency_key)).one()
            return _job(row)

    def get(self, job_id: str) -> Job:
        with self._read() as connection:
            return _get(connection, job_id)

    def find_submitted(self, owner: str, idempotency_key: str) -> Job | None:
        with self._read() as connection:
            row = connection.execute(_submitted(owner, idempotency_key)).first()
            return _job(row) if row else None

    def list(
        self,
        owner: str,
        *,
        status: JobStatus | None = None,
        limit: int = 24,
        before: str | None = None,
    ) -> Sequence[Job]:
        order = (jobs.c.created_at, jobs.c.id)
        statement = select(jobs).where(jobs.c.owner == owner)
        if status:
            statement = statement.where(jobs.c.status == status)
        if before:
            earlier = select(*order).where(jobs.c.id == before).scalar_subquery()
            statement = statement.where(tuple_(*order) < earlier)
        statement = statement.order_by(*(column.desc() for column in order)).limit(limit)
        with self._read() as connection:
            return [_job(row) for row in connection.execute(statement)]

    def unfinished(self, owner: str) -> int:
        with self._read() as connection:
            return connection.execute(_unfinished(jobs.c.owner == owner)).scalar_one()

    def unfinished_of_client(self, client: str) -> int:
        with self._read() as connection:
            return connection.execute(_unfinished(jobs.c.client == client)).scalar_one()

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
            _painted()
            .where(jobs.c.owner == owner, jobs.c.fingerprint == fingerprint)
            .order_by(jobs.c.completed_at.desc())
        )
        with self._read() as connection:
            found = [_job(row) for row in connection.execute(statement)]
            return next((job for job in found if _is_valid(job, connection)), None)

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
            values["progress"] = _dump(progress)
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
            "result": _dump(result),
            "error": _dump(error),
        }
        if progress:
            values["progress"] = _dump(progress)
        return self._write_of_attempt(job_id, attempt, values)

    def give_back(self, job_id: str, attempt: int) -> Job:
        return self._write_of_attempt(job_id, attempt, _queued_again())

    def fail_attempt(self, job_id: str, attempt: int, max_attempts: int, error: JobError) -> Job:
        changes = _failed(jobs.c.failed_attempts, max_attempts, error)
        return self._write_of_attempt(job_id, attempt, changes)

    def put_back(self, job_id: str, attempt: int, max_failures: int, error: JobError) -> Job:
        queued = jobs.alias()
        last_turn = (
            select(func.max(queued.c.turn_at))
            .where(queued.c.status == JobStatus.QUEUED)
            .scalar_subquery()
        )
        behind = {"turn_at": func.coalesce(last_turn + 1.0, now())}
        changes = _failed(jobs.c.failed_dependencies, max_failures, error) | behind
        return self._write_of_attempt(job_id, attempt, changes)

    def sweep(self, max_attempts: int, error: JobError) -> Sequence[Job]:
        # Those that are locked are being swept by somebody else, or show a sign of life just now.
        silent = (
            select(jobs.c.id)
            .where(jobs.c.status == JobStatus.RUNNING, jobs.c.lease_expires_at < now())
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(jobs)
            .where(jobs.c.id.in_(silent))
            .values(_failed(jobs.c.failed_attempts, max_attempts, error))
            .returning(jobs)
        )
        with self._write() as connection:
            return [_job(row) for row in connection.execute(statement)]

    def waiting(self, seconds: float, limit: int) -> Sequence[Job]:
        statement = (
            select(jobs)
            .where(jobs.c.status == JobStatus.QUEUED, jobs.c.queued_at <= now() - seconds)
            .order_by(jobs.c.turn_at)
            .limit(limit)
        )
        with self._read() as connection:
            return [_job(row) for row in connection.execute(statement)]

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
                return _job(row)
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
            return _job(connection.execute(statement.returning(jobs)).one())

    def retry(self, job_id: str) -> Job:
        turn = _turn(self.get(job_id))
        values: dict[str, Any] = {
            "status": JobStatus.QUEUED,
            "queued_at": now(),
            # Not before its old turn: trying again must not be a way to the front.
            "turn_at": case((jobs.c.turn_at > turn, jobs.c.turn_at), else_=turn),
            "started_at": None,
            "completed_at": None,
            "failed_attempts": 0,
            "failed_dependencies": 0,
            "cancel_requested": False,
            "steering": {},
            "progress": None,
            "checkpoint": None,
            "result": None,
            "error": None,
        }
        statement = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.status.in_(RETRYABLE))
            .values(values)
            .returning(jobs)
        )
        with self._write() as connection:
            if row := connection.execute(statement).first():
                return _job(row)
            job = _get(connection, job_id)
            raise JobConflict(
                job_id, f"only a failed or canceled job can be tried again; this is {job.status}"
            )

    def delete(self, job_id: str) -> None:
        with self._write() as connection:
            connection.execute(delete(jobs).where(jobs.c.id == job_id))

    def completed_before(self, time: float, limit: int) -> Sequence[str]:
        statement = select(jobs.c.id).where(jobs.c.completed_at < time).limit(limit)
        with self._read() as connection:
            return connection.execute(statement).scalars().all()

    def existing(self, job_ids: Sequence[str]) -> set[str]:
        found = set[str]()
        with self._read() as connection:
            for start in range(0, len(job_ids), IDS_AT_ONCE):
                some = job_ids[start : start + IDS_AT_ONCE]
                found |= set(connection.scalars(select(jobs.c.id).where(jobs.c.id.in_(some))))
        return found

    def state(self) -> QueueState:
        counts = select(jobs.c.status, func.count()).group_by(jobs.c.status)
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

    def add_share(self, share: Share) -> None:
        try:
            with self._write() as connection:
                connection.execute(insert(shares).values(share.model_dump()))
        except IntegrityError as error:
            raise JobNotFound(share.job_id) from error

    def shares(self, job_id: str) -> Sequence[Share]:
        return self._shares(shares.c.job_id == job_id)

    def find_share(self, token_sha256: str) -> Share | None:
        return next(iter(self._shares(shares.c.token_sha256 == token_sha256)), None)

    def delete_share(self, job_id: str, share_id: str) -> None:
        with self._write() as connection:
            connection.execute(
                delete(shares).where(shares.c.id == share_id, shares.c.job_id == job_id)
            )

    def close(self) -> None:
        self._engine.dispose()

    def _shares(self, condition: ColumnElement[bool]) -> Sequence[Share]:
        statement = select(shares).where(condition, shares.c.expires_at > now())
        with self._read() as connection:
            rows = connection.execute(statement.order_by(shares.c.created_at))
            return [Share.model_validate(row._mapping) for row in rows]

    def _write_of_attempt(self, job_id: str, attempt: int, values: Mapping[str, Any]) -> Job:
        """The one door for what a worker has to say about its job."""
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
        return _job(row)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with _errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        writer = self._engine.execution_options(writes=True)
        with _errors(), writer.begin() as connection:
            yield connection


def _connect(url: str, pool_size: int, answer_seconds: float | None = None) -> Engine:
    if url.startswith("sqlite"):
        return _connect_sqlite(url, answer_seconds or LOCK_SECONDS)
    return _connect_postgresql(url, pool_size, answer_seconds or ANSWER_SECONDS)


def _connect_sqlite(url: str, lock_seconds: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": lock_seconds})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None  # or the driver begins transactions at will
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and then writes would fail if another wrote between.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _connect_postgresql(url: str, pool_size: int, answer_seconds: float) -> Engine:
    from psycopg import Connection, OperationalError

    class ImpatientConnection(Connection[Any]):
        """Is closed when the server, or what is between, does not answer."""

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, timeout or answer_seconds)
            except OperationalError as error:
                if error.sqlstate is None:  # it is not the server that says so
                    self.close()
                raise

    answer_ms = round(1000 * answer_seconds)
    limits = {
        "statement_timeout": answer_ms,
        "lock_timeout": answer_ms,
        "idle_in_transaction_session_timeout": answer_ms,  # a frozen client holds its locks
    }
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=answer_seconds,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        },
    )

    @event.listens_for(engine, "do_connect")
    def connect(_: Any, __: Any, arguments: Any, options: Any) -> Any:
        return ImpatientConnection.connect(*arguments, **options)

    return engine


def _alembic_config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _revisions() -> Sequence[str]:
    """Return those that this version knows, the newest first."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_alembic_config())
    return [revision.revision for revision in script.walk_revisions()]


def _found_revision(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def _is_newer_and_compatible(connection: Connection, wanted: str) -> bool:
    """Return whether the tables are of a newer version of nst and need no change. Raises
    RepositoryError if this version cannot work with them, or cannot bring them to `wanted`."""
    found, known = _found_revision(connection), _revisions()
    if found is None or found in known:
        return False
    if wanted != "head":
        reason = f"its tables are at {found}, which only a newer version of nst can change"
        raise RepositoryError(f"{reason}: run `nst migrate --to {wanted}` of that version")
    fact = select(deployment.c.value).where(deployment.c.name == OLDEST_REVISION)
    oldest = connection.execute(fact).scalar()
    if oldest in known:
        return True
    reason = f"its tables are at {found} and need a version of nst that knows {oldest}"
    raise RepositoryError(f"{reason}; this one ends at {known[0]}: install the newer version")


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).split("\n")[0]
        DEPENDENCY_ERRORS.labels("repository").inc()
        raise RepositoryError(reason) from error


def _get(connection: Connection, job_id: str, *, lock: bool = False) -> Job:
    statement = select(jobs).where(jobs.c.id == job_id)
    row = connection.execute(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise JobNotFound(job_id)
    return _job(row)


def _turn(job: Job) -> ColumnElement[float]:
    """Now, put back by each other unfinished job of the owner or of the client."""
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


def _unfinished(whose: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(jobs).where(whose, jobs.c.status.not_in(FINAL))


def _submitted(owner: str, idempotency_key: str) -> Select[Any]:
    return select(jobs).where(jobs.c.owner == owner, jobs.c.idempotency_key == idempotency_key)


def _painted() -> Select[Any]:
    """Jobs that succeeded by an attempt of their own."""
    return select(jobs).where(jobs.c.status == JobStatus.SUCCEEDED, jobs.c.cached.is_(False))


def _is_valid(job: Job, connection: Connection) -> bool:
    """Return whether the result is what the order would come to now. What was painted last by the
    same model shows which weights the workers have."""
    options, result = job.order.options, job.result
    if job.steering or result is None or result.model != options.model:
        return False
    if options.is_draft:
        return True
    of_model = jobs.c.result["model"].as_string() == result.model
    has_steps = jobs.c.result["steps"].as_integer() > 0  # a draft has other weights
    latest = _painted().where(of_model, has_steps).order_by(jobs.c.completed_at.desc()).limit(1)
    row = connection.execute(latest).first()
    return row is None or row.result["weights_sha256"] == result.weights_sha256


def _queued_again() -> dict[str, Any]:
    """What changes when a running job is no longer its worker's: queued, or canceled."""
    is_canceled = jobs.c.cancel_requested
    return {
        "status": case((is_canceled, JobStatus.CANCELED), else_=JobStatus.QUEUED),
        "completed_at": case((is_canceled, now()), else_=None),
        "queued_at": now(),
        "lease_expires_at": None,
    }


def _failed(counter: Column[int], limit: int, error: JobError) -> dict[str, Any]:
    """What changes when a running job failed once more: queued, or failed if that was the last
    time, or canceled."""
    is_last = counter + 1 >= limit
    is_canceled = jobs.c.cancel_requested
    is_final = or_(is_last, is_canceled)
    return {
        "status": case(
            (is_canceled, JobStatus.CANCELED),
            (is_last, JobStatus.FAILED),
            else_=JobStatus.QUEUED,
        ),
        counter.name: counter + 1,
        "completed_at": case((is_final, now()), else_=None),
        "error": case(
            (is_last & ~is_canceled, literal(_dump(error), _JSON)), else_=literal(None, _JSON)
        ),
        "queued_at": now(),
        "lease_expires_at": None,
    }


def _dump(value: BaseModel | None) -> dict[str, Any] | None:
    return value.model_dump(mode="json") if value else None


def _job(row: Row[Any]) -> Job:
    return stored.show(dict(row._mapping))
