"""The sweep: jobs whose worker stopped responding are queued again or fail."""

import logging
from collections.abc import Sequence

from nst.errors import RepositoryError
from nst.jobs.failures import CRASHED
from nst.jobs.job import (
    Job,
    public_facts,
)
from nst.jobs.ports import JobRepository
from nst.jobs.worker_context import WorkerContext

logger = logging.getLogger(__name__)


class SteadyDatabase:
    """Record of whether the database has answered for the length of a lease.
    Only then could every live worker renew its lease; after an outage all have expired."""

    def __init__(self, repository: JobRepository, lease_seconds: float) -> None:
        self._repository = repository
        self._lease_seconds = lease_seconds
        self._steady_since = self._looked_at = -float("inf")
        """Times by the database's clock, which also reveals that this machine was suspended."""
        self._is_out = False
        self.forgiven_until = 0.0
        """Time until which leases expire that nobody has renewed since the last outage."""

    @property
    def look_seconds(self) -> float:
        """Interval of `look`, in seconds; it reveals an outage of half a lease."""
        return self._lease_seconds / 6

    def look(self) -> bool:
        """Return whether the database is steady now. Raises RepositoryError."""
        try:
            now = self._repository.now()
        except RepositoryError:
            self._is_out = True
            raise
        if self._is_out:
            self._is_out, self.forgiven_until = False, now + self._lease_seconds
        if not 0 <= now - self._looked_at < self._lease_seconds / 2:
            self._steady_since = now
        self._looked_at = now
        return now - self._steady_since > self._lease_seconds


def sweep(context: WorkerContext, forgiven_until: float = 0) -> Sequence[Job]:
    """Queue or fail the jobs whose lease has expired, and return them.
    Call it only while the database is steady. `forgiven_until`: see `SteadyDatabase`. Raises
    RepositoryError."""
    swept = context.repository.sweep(context.settings.max_attempts, CRASHED, forgiven_until)
    for job in swept:
        logger.warning("worker %s stopped responding", job.worker, extra=public_facts(job))
        context.feed.publish(job.id, None)
    return swept
