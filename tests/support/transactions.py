"""Two transactions at the same time, in SQLite and in PostgreSQL."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Executable, event, text

from nst.adapters.sql import SqlJobRepository
from support.waiting import PATIENCE_SECONDS, wait_until

T = TypeVar("T")

WAITING = text("SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
"""Query of PostgreSQL for the statements that wait for the end of another transaction."""


def during(repository: SqlJobRepository, change: Executable, call: Callable[[], T]) -> T:
    """Call a function that changes the same row during the transaction of a change.

    The transaction ends when the function waits for its end; return what the function returns.
    """
    with ThreadPoolExecutor(1) as pool:
        with repository._write() as connection:
            connection.execute(change)
            begins = threading.Event()
            event.listen(repository._engine, "before_cursor_execute", lambda *_: begins.set())
            called = pool.submit(call)
            assert begins.wait(PATIENCE_SECONDS)
            wait_until(lambda: called.done() or _is_waiting(connection))
            assert not called.done()
        return called.result()


def _is_waiting(connection: Connection) -> bool:
    """Return whether a statement waits for this transaction.
    SQLite cannot be asked, but another writer can only begin or wait."""
    return connection.dialect.name == "sqlite" or connection.execute(WAITING).scalar_one() > 0
