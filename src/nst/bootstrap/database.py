"""The database of the jobs: opening, migration and checks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nst.bootstrap.process import settings
from nst.bootstrap.queue import create_topics
from nst.bootstrap.storage import make_private

if TYPE_CHECKING:
    from nst.adapters.sql import SqlJobRepository
    from nst.settings.groups import StorageSettings


def open_repository(storage: "StorageSettings") -> "SqlJobRepository":
    """Return the repository of jobs in the database. Raises StorageError."""
    from nst.adapters.sql import SqlJobRepository

    if storage.database_url:
        return SqlJobRepository(storage.database_url.get_secret_value())
    make_private(storage.data_dir)
    return SqlJobRepository(f"sqlite:///{storage.data_dir / 'jobs.db'}")


def migrate(revision: str = "head") -> str:
    """Migrate the database to this revision and create the Kafka topics.
    Return the location of the database. Raises RepositoryError, QueueError."""
    with _opened(settings().storage) as repository:
        repository.migrate(revision)
    create_topics(settings().kafka)
    return repository.location


def prepare_database() -> None:
    """Create or migrate the tables in SQLite; only check them in PostgreSQL.
    Many processes, perhaps of several versions, share a PostgreSQL database, so that
    only `nst migrate` changes it. Raises RepositoryError if the tables are missing or
    this version cannot use them."""
    with _opened(settings().storage) as repository:
        if settings().storage.has_own_database:
            repository.migrate()
        else:
            repository.check()


def check_database(storage: "StorageSettings") -> str:
    """Return the location and the state of the database as a text.
    Raises RepositoryError."""
    with _opened(storage) as repository:
        return repository.check()


@contextmanager
def _opened(storage: "StorageSettings") -> Iterator["SqlJobRepository"]:
    repository = open_repository(storage)
    try:
        yield repository
    finally:
        repository.close()
