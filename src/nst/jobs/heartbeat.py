"""The heartbeat of a job: renews its lease and forwards requests to the engine."""

import logging
import threading

from nst.errors import DependencyError, LeaseLost
from nst.jobs.job import (
    Job,
    JobProgress,
    public_facts,
)
from nst.jobs.worker_context import WorkerContext

logger = logging.getLogger(__name__)


class Heartbeat:
    """A thread that renews the lease of a job, even while a large file is stored.
    It forwards requests to cancel or steer the job to the engine."""

    def __init__(self, job: Job, context: WorkerContext) -> None:
        self.progress: JobProgress | None = None
        self.engine_listens = threading.Event()
        """Set when the engine accepts requests; earlier ones are forwarded then."""
        self._job = job
        self._context = context
        self._is_over = threading.Event()
        self._lost: LeaseLost | None = None
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{job.id}", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise LeaseLost if a heartbeat found that the lease is lost."""
        if self._lost:
            raise self._lost

    def _run(self) -> None:
        heard = self._job
        while not self._is_over.wait(self._context.heartbeat_seconds):
            try:
                job = self._context.repository.heartbeat(
                    heard.id, heard.attempt, self._context.settings.lease_seconds, self.progress
                )
            except LeaseLost as error:
                self._lost = error
                return
            except DependencyError as error:
                logger.warning("no heartbeat: %s", error, extra=public_facts(heard))
                continue
            except Exception:
                # Without heartbeats the running job would be given to another worker.
                logger.exception("a heartbeat failed", extra=public_facts(heard))
                continue
            if self.engine_listens.is_set():
                self._pass_on(job, heard)
                heard = job

    def _pass_on(self, job: Job, heard: Job) -> None:
        if job.cancel_requested and not heard.cancel_requested:
            self._context.engine.cancel()
        if job.steering != heard.steering:
            self._context.engine.steer(job.steering)
