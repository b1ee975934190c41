"""Following a job: its current state, then its state after every change."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from nst.errors import JobNotFound, RepositoryError
from nst.jobs.job import Job, JobStatus
from nst.jobs.ports import JobRepository, ProgressFeed, Subscription

INTERVAL_SECONDS = 0.2
"""Minimum seconds between two changes of a job that is being painted.
Steps can be much faster than people see, and each one costs every listener the whole job."""


@dataclass(frozen=True, slots=True)
class VisibleJob:
    """A job and its place in the queue, as clients see it."""

    job: Job
    place_in_queue: int | None
    """Place in the queue, 1 for the next job; None if the job is not queued."""

    def not_behind(self, earlier: "VisibleJob") -> "VisibleJob":
        """Return this job with the progress of `earlier` if that is further advanced.
        The feed may be ahead of the repository."""
        mine, other = self.job.progress, earlier.job.progress
        is_same_run = (self.job.attempt, self.job.status) == (
            earlier.job.attempt,
            JobStatus.RUNNING,
        )
        if not (is_same_run and other and (mine is None or mine.position < other.position)):
            return self
        return VisibleJob(self.job.model_copy(update={"progress": other}), None)


def see(job: Job, repository: JobRepository) -> VisibleJob:
    """Return the job with its place in the queue."""
    is_queued = job.status is JobStatus.QUEUED
    return VisibleJob(job, repository.place_in_queue(job.id) if is_queued else None)


def follow(
    job: Job,
    repository: JobRepository,
    feed: ProgressFeed,
    *,
    poll_seconds: float,
    ends_at: float,
) -> Iterator[VisibleJob | None]:
    """Yield the job now and after every change, until the job has ended.
    Progress is yielded at intervals, the newest one each time. The iterator also ends when
    the job is deleted, and at `ends_at` on the monotonic clock. It yields None if nothing
    has changed for `poll_seconds`."""
    with feed.subscribe(job.id) as news, suppress(JobNotFound):
        # Read again: changes before the subscription sent no news.
        seen = _look(see(job, repository), repository)
        yield seen
        while not seen.job.status.is_final and time.monotonic() < ends_at:
            now = _next(seen, news, repository, poll_seconds)
            yield None if now == seen else now
            seen = now
            if seen.job.status is JobStatus.RUNNING and seen.job.progress:
                # News that arrives meanwhile waits in the subscription.
                time.sleep(min(INTERVAL_SECONDS, max(0.0, ends_at - time.monotonic())))


def _next(
    seen: VisibleJob, news: Subscription, repository: JobRepository, poll_seconds: float
) -> VisibleJob:
    progress = news.wait(poll_seconds)
    if progress and seen.job.status is JobStatus.RUNNING:
        return VisibleJob(seen.job.model_copy(update={"progress": progress}), None)
    return _look(seen, repository)


def _look(seen: VisibleJob, repository: JobRepository) -> VisibleJob:
    try:
        found = see(repository.get(seen.job.id), repository)
    except RepositoryError:  # a short outage should not end the stream
        return seen
    return found.not_behind(seen)
