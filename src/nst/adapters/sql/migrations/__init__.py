"""Migrations of the tables, by Alembic; `versions/` holds one revision per file."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from nst.adapters.sql.connection import connect, errors
from nst.adapters.sql.schema import deployment
from nst.errors import RepositoryError

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATION_SECONDS = 3600.0
"""Timeout of a migration, in seconds, for large tables and concurrent migrations."""

MIGRATION_LOCK = 0x6E7374
"""Key of PostgreSQL's advisory lock; SQLite allows only one writer anyway."""

OLDEST_REVISION = "oldest_revision"
"""Name of the row in `deployment` with the oldest revision whose program can use
the tables. A migration that older programs cannot handle sets it to its own
revision."""


def migrate(url: str, revision: str = "head") -> None:
    """Migrate the tables up or down to `revision`.

    It is 0001 …, head, base, or -1 for one step down.

    Tables of a newer, compatible version stay as they are. Concurrent migrations wait for each
    other. Raises RepositoryError.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)  # before the import, which logs
    from alembic import command
    from alembic.util import CommandError

    config = _alembic_config()
    with errors(), _migrating(url) as connection:
        go = command.downgrade if _is_below(revision, connection) else command.upgrade
        if not _is_newer_and_compatible(connection, revision):
            config.attributes["connection"] = connection
            try:
                go(config, revision)
            except CommandError as error:
                raise RepositoryError(str(error)) from error


def check(connection: Connection, location: str) -> str:
    """Return the state of the tables as a text.
    Raises RepositoryError if this version cannot use them. An empty SQLite file is
    fine: `nst serve` creates the tables."""
    found, newest = _found_revision(connection), _revisions()[0]
    if found is None and connection.dialect.name == "sqlite":
        return f"{location}, empty until `nst serve` starts"
    if found == newest:
        return f"{location}, tables at {found}"
    if _is_newer_and_compatible(connection, "head"):
        return f"{location}, tables at {found} of a newer version"
    where = f"are at {found}" if found else "are missing"
    raise RepositoryError(f"its tables {where}, not at {newest}: run `nst migrate`")


@contextmanager
def _migrating(url: str) -> Iterator[Connection]:
    """Open a connection with a long timeout that holds the lock of migrations."""
    engine = connect(url, pool_size=1, answer_seconds=MIGRATION_SECONDS)
    try:
        with engine.execution_options(writes=True).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            yield connection
    finally:
        engine.dispose()


def _alembic_config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def _revisions() -> Sequence[str]:
    """Return the revisions that this version knows, newest first."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_alembic_config())
    return [revision.revision for revision in script.walk_revisions()]


def _found_revision(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def _is_below(wanted: str, connection: Connection) -> bool:
    """Return whether the wanted revision is older than that of the tables."""
    if wanted in ("base", "-1"):
        return True
    found, newest_first = _found_revision(connection), _revisions()
    if wanted not in newest_first or found not in newest_first:
        return False
    return newest_first.index(wanted) > newest_first.index(found)


def _is_newer_and_compatible(connection: Connection, wanted: str) -> bool:
    """Return whether the tables are of a newer, compatible version of nst. Raises RepositoryError
    if this version cannot use them, or cannot migrate them to `wanted`."""
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
