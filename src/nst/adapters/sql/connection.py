"""Connections to SQLite and PostgreSQL with timeouts."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Engine, create_engine, event, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from nst.errors import RepositoryError
from nst.metrics import DEPENDENCY_ERRORS

LOCK_SECONDS = 30.0
"""Maximum wait for another writer of SQLite, in seconds."""

ANSWER_SECONDS = 10.0
"""Timeout of a statement of PostgreSQL, in seconds, also if the server hangs."""

CONNECT_SECONDS = 5

IDS_AT_ONCE = 1000
"""Maximum number of ids in one statement, because its parameters are limited."""


def connect(url: str, pool_size: int, answer_seconds: float | None = None) -> Engine:
    if url.startswith("sqlite"):
        return _connect_sqlite(url, answer_seconds or LOCK_SECONDS)
    return _connect_postgresql(url, pool_size, answer_seconds or ANSWER_SECONDS)


def _connect_sqlite(url: str, lock_seconds: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": lock_seconds}, json_deserializer=read_json)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None  # else the driver begins transactions itself
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        # A short log leaves room on a small disk: 200 pages are 0.8 MB.
        connection.execute("PRAGMA wal_autocheckpoint=200")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that first reads and then writes would fail if another one wrote in between.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _connect_postgresql(url: str, pool_size: int, answer_seconds: float) -> Engine:
    from psycopg import Connection, OperationalError

    class TimeoutConnection(Connection[Any]):
        """A connection that closes itself if the server or the network does not answer."""

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            try:
                return super().wait(gen, interval, timeout or answer_seconds)
            except OperationalError as error:
                if error.sqlstate is None:  # the error does not come from the server
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
        json_deserializer=read_json,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
        },
    )

    @event.listens_for(engine, "do_connect")
    def connect(_: Any, __: Any, arguments: Any, options: Any) -> Any:
        return TimeoutConnection.connect(*arguments, **options)

    return engine


class BrokenJSON:
    """Value of a column whose text is not JSON; no field of a model accepts it."""


def read_json(text: str | bytes) -> Any:
    """Return the value of a JSON text, or BrokenJSON.
    An exception would keep the other rows of the same statement from the caller."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return BrokenJSON()


@contextmanager
def errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).split("\n")[0]
        DEPENDENCY_ERRORS.labels("repository").inc()
        raise RepositoryError(reason) from error


class Transactions:
    """Transactions of a repository, which raise RepositoryError."""

    _engine: Engine

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        writer = self._engine.execution_options(writes=True)
        with errors(), writer.begin() as connection:
            yield connection

    def _existing(self, column: Column[Any], ids: Sequence[str]) -> set[str]:
        """Return the ids that a column has, found in one transaction."""
        found = set[str]()
        with self._read() as connection:
            for start in range(0, len(ids), IDS_AT_ONCE):
                some = ids[start : start + IDS_AT_ONCE]
                found |= set(connection.scalars(select(column).where(column.in_(some))))
        return found
