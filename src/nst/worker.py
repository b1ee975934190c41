"""A worker: it takes jobs one at a time and runs the engine in a child process."""

import itertools
import logging
import os
import random
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from nst import metrics, tracing
from nst.engine_process.messages import Finished, News, Painted
from nst.errors import DependencyError, QueueError, StorageFull
from nst.jobs import workplace
from nst.jobs.execute import execute_job
from nst.jobs.janitor import BATCH, clean
from nst.jobs.job import Job, JobLosses, JobProgress, JobStatus, Outcome, public_facts
from nst.jobs.ports import Delivery, JobQueue
from nst.jobs.storage_check import probe_storage
from nst.jobs.sweep import SteadyDatabase, sweep
from nst.jobs.worker_context import AttemptEnded, WorkerContext

IDLE_SECONDS = 2.0
"""Interval at which an idle worker polls the repository, in seconds."""

SWEEP_SECONDS = 5.0
CLEAN_SECONDS = 600.0
GREET_SECONDS = 2.0
"""Maximum wait for the queue before the first log line of a worker, in seconds."""
BACK_OFF_SECONDS = (1.0, 30.0)
"""First and longest pause after a failure of a dependency, in seconds."""

logger = logging.getLogger(__name__)

_numbers = itertools.count(1)
"""Numbers of the workers of this process."""


class Worker:
    """A worker, which takes jobs until `stop` is called."""

    def __init__(
        self,
        queue: JobQueue,
        context: WorkerContext,
        *,
        retention_seconds: float,
        clean_styles: Callable[[], int] = lambda: 0,
        name: str | None = None,
    ) -> None:
        self.name = name or f"{socket.gethostname()}-{os.getpid()}-{next(_numbers)}"
        self._queue = queue
        self._meter = _Meter(self.name)
        self._context = replace(context, meanwhile=self._stay, watch=self._meter.watch)
        self._retention_seconds = retention_seconds
        self._clean_styles = clean_styles
        self._database = SteadyDatabase(context.repository, context.settings.lease_seconds)
        self._due = defaultdict[Callable[[], float], float](float)
        """Time at which each task of housekeeping is due again."""
        self._pause_seconds = 0.0
        self._found_nothing = False
        self._storage_is_full = False

    def run(self) -> None:
        """Take jobs until `stop` is called by another thread or a signal handler.
        Failures of dependencies and of jobs do not end it."""
        workplace.remove_stale_directories()
        self._greet()
        while not self._context.should_stop.is_set():
            try:
                self._work()
                self._pause_seconds = 0.0
            except DependencyError as error:
                self._storage_is_full |= isinstance(error, StorageFull)
                self._back_off(error)
            except Exception:
                logger.exception("unexpected error in worker %s", self.name)
                self._context.should_stop.wait(BACK_OFF_SECONDS[0])
        self._queue.close()
        logger.debug("worker %s is done", self.name)

    def _greet(self) -> None:
        """Log at the start why messages cannot arrive, or later if the queue does not answer."""

        def look() -> None:
            if trouble := self._queue.trouble("worker"):
                logger.warning("%s gets no messages: %s", self.name, trouble)

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        looking.join(GREET_SECONDS)
        logger.debug("%s waits for jobs", self.name)

    def stop(self) -> None:
        """Take no further job; write a checkpoint of the current one and give it back."""
        self._context.should_stop.set()

    def _work(self) -> None:
        self._do_what_is_due(self._sweep, self._clean)
        workplace.check_space()
        if self._storage_is_full:  # the result of a job could not be stored
            probe_storage(self._context.storage)
            self._storage_is_full = False
        # After a job the next one may be waiting without a message.
        delivery = self._receive(self._idle_seconds if self._found_nothing else 0.0)
        # The message only wakes the worker; the repository decides which job is next.
        job = self._context.repository.claim_next(self.name, self._context.settings.lease_seconds)
        if delivery:
            metrics.MESSAGES.labels("job" if job else "nothing").inc()
            with suppress(QueueError):  # a lost commit only wakes another worker in vain
                self._queue.commit(delivery)
        self._found_nothing = job is None
        if job:
            logger.info("job taken by %s", self.name, extra=public_facts(job))
            self._meter.begin(job, self._context.settings.lease_seconds)
            with tracing.span("job", job.trace, job=job.id, attempt=job.attempt):
                execute_job(job, self._context)

    @property
    def _idle_seconds(self) -> float:
        # With a short lease, a longer pause would look like an outage of the database.
        return min(IDLE_SECONDS, self._database.look_seconds)

    def _receive(self, timeout_seconds: float) -> Delivery | None:
        try:
            return self._queue.receive(timeout_seconds)
        except QueueError as error:
            logger.warning("no messages: %s", error)
            self._context.should_stop.wait(self._idle_seconds)
            return None

    def _stay(self) -> None:
        with suppress(QueueError):
            self._queue.stay()
        # Without _clean: a slow storage would keep the worker from its job.
        self._do_what_is_due(self._sweep)

    def _back_off(self, error: DependencyError) -> None:
        first, longest = BACK_OFF_SECONDS
        self._pause_seconds = min(max(first, 2 * self._pause_seconds), longest)
        pause = self._pause_seconds * random.uniform(0.5, 1)  # noqa: S311 - so that not all return at once
        logger.warning("waiting %.0f s: %s", pause, error)
        self._context.should_stop.wait(pause)

    def _do_what_is_due(self, *tasks: Callable[[], float]) -> None:
        metrics.LAST_TURN.labels(self.name).set_to_current_time()
        metrics.LAG.labels(self.name).set(self._queue.lag())
        now = time.monotonic()
        for task in tasks:
            if now >= self._due[task]:
                try:
                    self._due[task] = now + task()
                except DependencyError as error:
                    self._due[task] = now + SWEEP_SECONDS
                    logger.warning("housekeeping postponed: %s", error)
                except Exception:
                    self._due[task] = now + SWEEP_SECONDS
                    logger.exception("housekeeping failed")

    def _sweep(self) -> float:
        pause = min(SWEEP_SECONDS, self._database.look_seconds)
        if not self._database.look():
            return pause
        for job in sweep(self._context, self._database.forgiven_until):
            metrics.LEASES_EXPIRED.inc()
            if not job.status.is_final:
                self._queue.publish(job.id, job.trace)
        return pause

    def _clean(self) -> float:
        gone = clean(self._context.repository, self._context.storage, self._retention_seconds)
        if gone < BATCH:
            gone += self._clean_styles()
        if gone:
            logger.info("%d jobs, learned styles and orphaned directories have been removed", gone)
        return CLEAN_SECONDS if gone < BATCH else 0.0


class _Meter:
    """Metrics of the jobs of a worker."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._progress: JobProgress | None = None

    def begin(self, job: Job, lease_seconds: float) -> None:
        """Start the metrics of a job that has just been claimed."""
        self._progress = None
        metrics.ATTEMPTS_RUNNING.inc()
        if job.attempt == 1 and job.lease_expires_at is not None:
            claimed_at = job.lease_expires_at - lease_seconds
            metrics.WAIT_SECONDS.observe(claimed_at - job.queued_at)

    def watch(self, news: News | AttemptEnded) -> None:
        match news:
            case Painted():
                self._step(news)
            case Finished(status=status, result=result):
                if status is JobStatus.SUCCEEDED:
                    # A canceled job may be resumed; its last result counts all attempts.
                    metrics.EVALUATIONS.inc(result.evaluations)
                self._end_of_transfer()
            case AttemptEnded():
                self._end(news)

    def _step(self, painted: Painted) -> None:
        before, now = self._progress, painted.progress
        self._progress = now
        if before and now.step > before.step:
            metrics.STEP_SECONDS.observe(now.elapsed_seconds - before.elapsed_seconds)
        metrics.RUNNING_STEP.labels(self._worker).set(now.step)
        metrics.RUNNING_LAST_STEP.labels(self._worker).set(now.total_iterations)
        metrics.ENGINE_BYTES.labels(self._worker).set(painted.memory_bytes)
        metrics.ENGINE_GPU_BYTES.labels(self._worker).set(painted.gpu_memory_bytes)
        for term, loss in _terms(now.losses):
            metrics.RUNNING_LOSS.labels(self._worker, term).set(loss)

    def _end_of_transfer(self) -> None:
        if self._progress:
            for term, loss in _terms(self._progress.losses):
                metrics.FINAL_LOSS.labels(term).observe(loss)

    def _end(self, ended: AttemptEnded) -> None:
        metrics.ATTEMPTS_RUNNING.dec()
        metrics.ATTEMPTS.labels(ended.outcome).inc()
        if ended.outcome is Outcome.SUCCEEDED:
            metrics.ATTEMPT_SECONDS.observe(ended.seconds)
        if not self._progress:
            return
        # A finished job must not look like a stalled one. The engine keeps its memory.
        metrics.RUNNING_STEP.remove(self._worker)
        metrics.RUNNING_LAST_STEP.remove(self._worker)
        for term, _ in _terms(self._progress.losses):
            metrics.RUNNING_LOSS.remove(self._worker, term)


def _terms(losses: JobLosses | None) -> Iterable[tuple[str, float]]:
    return losses.model_dump().items() if losses else ()
