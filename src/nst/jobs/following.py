"""Following a job: its state now, and again whenever something changes."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from nst.errors import JobNotFound, RepositoryError
from nst.jobs.job import Job, JobStatus
from nst.jobs.ports import JobRepository, ProgressFeed, Subscription


@dataclass(frozen=True, slots=True)
class VisibleJob:
    """A job as a person sees it."""

    job: Job
    place_in_queue: int | None
    """1 for the next one; None if it does not wait."""

    def not_behind(self, earlier: "VisibleJob") -> "VisibleJob":
        """With the progress of the earlier look, where the feed
        was ahead of the repository."""
        mine, other = self.job.progress, earlier.job.progress
        is_same_run = (self.job.attempt, self.job.status) == (
            earlier.job.attempt,
            JobStatus.RUNNING,
        )
        if not (is_same_run and other and (mine is None or mine.position < other.position)):
            return self
        return VisibleJob(self.job.model_copy(update={"progress": other}), None)


def see(job: Job, repository: JobRepository) -> VisibleJob:
    """Return the job and where it stands in the queue."""
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
    """Yield the job now and after every change, to its end.
    Also ends when the job is deleted, and at `ends_at` of the monotonic clock.
    None: nothing has changed for `poll_seconds`."""
    with feed.subscribe(job.id) as news, suppress(JobNotFound):
        seen = _look(see(job, repository), repository)  # again: nobody listened in between
        yield seen
        while not seen.job.status.is_final and time.monotonic() < ends_at:
            now = _next(seen, news, repository, poll_seconds)
            yield None if now == seen else now
            seen = now


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
    except RepositoryError:  # it will be back; a person should not lose the page for that
        return seen
    return found.not_behind(seen)
