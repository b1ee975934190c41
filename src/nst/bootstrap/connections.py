"""Connections to external systems, which a process opens and closes together."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nst.bootstrap.database import open_repository
from nst.bootstrap.feed import open_feed, open_limiter
from nst.bootstrap.process import settings
from nst.bootstrap.queue import open_queue
from nst.bootstrap.storage import open_storage

if TYPE_CHECKING:
    from nst.adapters.sql import SqlJobRepository
    from nst.jobs.ports import ImageStorage, JobQueue, ProgressFeed, RateLimiter


@dataclass(frozen=True, slots=True)
class Ports:
    """Connections to the external systems that the settings name."""

    repository: "SqlJobRepository"
    queue: "JobQueue"
    storage: "ImageStorage"
    feed: "ProgressFeed"
    limiter: "RateLimiter"

    def close(self) -> None:
        for port in (self.queue, self.feed, self.repository):
            port.close()


@contextmanager
def ports() -> Iterator[Ports]:
    """Open the connections for the duration of the context.
    Raises InvalidOption, DependencyError."""
    storage = settings().storage
    opened = Ports(
        repository=open_repository(storage),
        queue=open_queue(settings().kafka),
        storage=open_storage(settings()),
        feed=open_feed(storage),
        limiter=open_limiter(storage),
    )
    try:
        yield opened
    finally:
        opened.close()
