"""The database of the jobs: opened, made, checked."""

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
    """Return the jobs in the database. Raises StorageError."""
    from nst.adapters.sql import SqlJobRepository

    if storage.database_url:
        return SqlJobRepository(storage.database_url.get_secret_value())
    make_private(storage.data_dir)
    return SqlJobRepository(f"sqlite:///{storage.data_dir / 'jobs.db'}")


def migrate(revision: str = "head") -> str:
    """Bring the database to this revision, and make Kafka's topics; returns where the
    database is. Raises RepositoryError, QueueError."""
    with _opened(settings().storage) as repository:
        repository.migrate(revision)
    create_topics(settings().kafka)
    return repository.location


def prepare_database() -> None:
    """Make the tables where the database is SQLite.
    PostgreSQL belongs to many processes, maybe of several versions: there only
    `nst migrate` changes anything. Raises RepositoryError if the tables are not
    there or this version cannot work with them."""
    with _opened(settings().storage) as repository:
        if settings().storage.has_own_database:
            repository.migrate()
        else:
            repository.check()


def check_database(storage: "StorageSettings") -> str:
    """Return in words which database it is. Raises RepositoryError."""
    with _opened(storage) as repository:
        return repository.check()


@contextmanager
def _opened(storage: "StorageSettings") -> Iterator["SqlJobRepository"]:
    repository = open_repository(storage)
    try:
        yield repository
    finally:
        repository.close()
