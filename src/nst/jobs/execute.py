"""Execution of a claimed job by a worker.

The engine runs in its own process, behind `Engine`, so that a crash costs only this attempt.
Worker and engine share a directory and exchange short messages.
"""

import logging
import math
import time
from contextlib import suppress

from nst.errors import (
    DependencyError,
    LeaseLost,
    NSTError,
    StorageFull,
)
from nst.jobs import workplace
from nst.jobs.attempt import Attempt
from nst.jobs.failures import CRASHED, FULL, UNSERVED
from nst.jobs.heartbeat import Heartbeat
from nst.jobs.job import (
    CHECKPOINTS,
    FRAMES,
    Job,
    JobError,
    JobStatus,
    Outcome,
    public_facts,
)
from nst.jobs.ports import JobRepository
from nst.jobs.storage_check import probe_storage
from nst.jobs.worker_context import AttemptEnded, WorkerContext

MOST_FILLS = 3
"""Number of attempts in which a job may fill the storage before the job fails.
Attempts during an outage do not count."""
HAND_BACK_SECONDS = 1.0
"""Seconds between attempts to give a job back while the database does not answer."""
MOST_REFUSALS = 5
"""Number of attempts to give a job back while the database answers with errors.
After that the lease expires."""

logger = logging.getLogger(__name__)


def execute_job(job: Job, context: WorkerContext) -> None:
    """Run a claimed job to its end, or give it back.
    Failures of the job are stored in the repository. Raises DependencyError if a
    dependency failed. The job is then queued again, at the end of the queue if the
    dependency works for other jobs."""
    began_at, outcome = time.monotonic(), Outcome.CRASHED
    # The heart beats until the job is given back: a storage that hangs takes as long as a lease.
    with Heartbeat(job, context) as heartbeat:
        try:
            context.feed.publish(job.id, None)
            with workplace.directory_of(job.id) as directory:
                outcome = Attempt(job, context, directory, heartbeat).run()
        except LeaseLost as error:
            outcome = Outcome.LEASE_LOST
            logger.warning("%s", error, extra=public_facts(job))
            _forget_if_deleted(job, context)
        except StorageFull:
            # The database may need the missing space to queue the job again.
            _delete_painted(job, context)
            outcome = _hand_back(
                job, context, min(MOST_FILLS, context.settings.max_dependency_failures), FULL
            )
            raise
        except DependencyError:
            outcome = _hand_back(job, context, context.settings.max_dependency_failures, UNSERVED)
            raise
        except Exception:
            with suppress(NSTError):
                context.repository.fail_attempt(
                    job.id, job.attempt, context.settings.max_attempts, CRASHED
                )
            raise
        finally:
            context.watch(AttemptEnded(outcome, time.monotonic() - began_at))
            # A late message of the engine must not be taken for one about the next job.
            context.engine.kill()
            context.feed.publish(job.id, None)


def _hand_back(job: Job, context: WorkerContext, limit: int, error: JobError) -> Outcome:
    """Give the job back; retry until the database answers, because an expired lease would cost the
    job an attempt. A worker that shuts down retries for the length of a lease, unless it is killed
    earlier. `limit`: number of the job's own failures after which it fails with `error`."""
    refusals, is_outage, ends_at = 0, False, math.inf
    while refusals < MOST_REFUSALS and time.monotonic() < ends_at:
        try:
            back = _put_back(job, context, limit, error, is_outage=is_outage)
            logger.info("job given back", extra=public_facts(back))
            return Outcome.FAILED if back.status is JobStatus.FAILED else Outcome.GIVEN_BACK
        except LeaseLost:
            return Outcome.LEASE_LOST
        except DependencyError as refusal:
            logger.warning("job not given back yet: %s", refusal, extra=public_facts(job))
        answers = _answers(context.repository)
        refusals, is_outage = refusals + answers, is_outage or not answers
        context.do_housekeeping(job)
        if context.should_stop.wait(HAND_BACK_SECONDS):
            ends_at = min(ends_at, time.monotonic() + context.settings.lease_seconds)
            time.sleep(HAND_BACK_SECONDS)
    logger.error("job not given back; its lease expires", extra=public_facts(job))
    return Outcome.LEASE_LOST


def _answers(repository: JobRepository) -> bool:
    try:
        repository.now()
    except DependencyError:
        return False
    return True


def _put_back(
    job: Job, context: WorkerContext, limit: int, error: JobError, *, is_outage: bool
) -> Job:
    repository = context.repository
    if is_outage or not _is_well(context):
        return repository.give_back(job.id, job.attempt)
    return repository.put_back(job.id, job.attempt, limit, error)


def _is_well(context: WorkerContext) -> bool:
    """Return whether storage and disk work for other files; if not, the job is not the cause."""
    try:
        workplace.check_space()
        probe_storage(context.storage)
    except DependencyError:
        return False
    return True


def _delete_painted(job: Job, context: WorkerContext) -> None:
    """Delete the frames and checkpoints of an image, which the next attempt paints again.
    Frames of a film and checkpoints of a network that learns are kept."""
    if not job.order.is_picture:
        return
    with suppress(DependencyError):
        for directory in (FRAMES, CHECKPOINTS):
            context.storage.delete(f"{job.id}/{directory}")


def _forget_if_deleted(job: Job, context: WorkerContext) -> None:
    """Delete the files of the job if the job was deleted meanwhile."""
    with suppress(DependencyError):
        if not context.repository.existing([job.id]):
            context.storage.delete(f"{job.id}/")
