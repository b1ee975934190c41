"""What a worker does with a job: the other side.

The engine runs in a process of its own, behind `Engine`, so that whatever happens to it happens
to this attempt alone. The two share a directory; only short messages pass between them.
"""

import logging
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from nst.errors import (
    DependencyError,
    FeedError,
    LeaseLost,
    NSTError,
    StorageFull,
)
from nst.jobs.job import Job, JobError, JobProgress, JobResult, JobStatus, Outcome
from nst.jobs.ports import ImageStorage, JobRepository, ProgressFeed
from nst.jobs.submit import forget

MAX_ATTEMPTS = 3

CRASHED = JobError(
    code="engine_crashed",
    message="the engine crashed or fell silent in every attempt; try a smaller size",
)

CONTENT, CHECKPOINT, PREVIEW, RESULT = "content", "checkpoint", "preview.jpg", "result.png"
"""Names of files in the directory of a job and, behind its id, in the storage."""

ORPHAN_SECONDS = 3600.0
"""A directory without a job may belong to one that is being submitted; not for so long."""

logger = logging.getLogger(__name__)

# ── between worker and engine ─────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Work:
    """What the engine's process is told to do. Must survive pickling."""

    directory: Path
    """Holds the pictures and perhaps a checkpoint, and takes what is painted."""
    job: Job
    checkpoint_seconds: float


@dataclass(frozen=True, slots=True)
class Painted:
    """A step has been taken; the names are of files in the directory."""

    progress: JobProgress
    files: Sequence[str] = ()
    """Previews and frames."""
    has_checkpoint: bool = False
    memory_bytes: int = 0
    """Resident, of the engine's process."""
    gpu_memory_bytes: int = 0
    """That the engine holds; 0 without a GPU."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The picture is there, also if it was asked to stop."""

    status: JobStatus
    result: JobResult


@dataclass(frozen=True, slots=True)
class Stopped:
    """Asked to, it has kept a checkpoint, if there was anything to keep."""

    has_checkpoint: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """The engine says that there is no point in trying again."""

    error: JobError


@dataclass(frozen=True, slots=True)
class Crashed:
    """It is gone, or said something that it never should; what it said is for the log."""

    reason: str


News: TypeAlias = Painted | Finished | Stopped | Failed | Crashed


class Engine(Protocol):
    """The process that paints, one job at a time."""

    def start(self, work: Work) -> None: ...

    def news(self, timeout_seconds: float) -> News | None:
        """None: there was none in time."""

    def steer(self, steering: Mapping[str, float]) -> None: ...

    def cancel(self) -> None:
        """Stop after this step and keep the picture."""

    def stop(self) -> None:
        """Stop after this step and keep a checkpoint."""

    def kill(self) -> None:
        """At once; what it was doing is lost."""


# ── one job ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Over:
    """What is heard last of an attempt."""

    outcome: Outcome
    seconds: float


@dataclass(slots=True)
class Workshop:
    """What a worker works with."""

    repository: JobRepository
    storage: ImageStorage
    feed: ProgressFeed
    engine: Engine
    lease_seconds: float = 30.0
    heartbeat_seconds: float = 1.0
    checkpoint_seconds: float = 30.0
    silence_seconds: float = 900.0
    """An engine that says nothing for so long hangs."""
    stop_seconds: float = 7.0
    """What an engine has to keep its checkpoint when the worker has to go."""
    should_stop: threading.Event = field(default_factory=threading.Event)
    meanwhile: Callable[[], None] = lambda: None
    """Called a few times a second while a job runs."""
    watch: Callable[[News | Over], None] = lambda _: None
    """Hears what the engine says, and last how the attempt ended."""


def execute_job(job: Job, workshop: Workshop) -> None:
    """Run a claimed job to its end, or give it back. What fails is said to the repository; raises
    DependencyError if something outside failed, after the job was given back."""
    began_at, outcome = time.monotonic(), Outcome.CRASHED
    try:
        with (
            tempfile.TemporaryDirectory(prefix="nst-job-") as directory,
            _Pulse(job, workshop) as p,
        ):
            outcome = _Attempt(job, workshop, Path(directory), p).run()
    except LeaseLost as error:
        outcome = Outcome.LEASE_LOST
        workshop.engine.kill()
        logger.warning("%s", error)
    except StorageFull as error:
        outcome = Outcome.FAILED
        workshop.engine.kill()
        full = JobError(code=error.code, message="the server has no space left for the pictures")
        workshop.repository.finish(job.id, job.attempt, JobStatus.FAILED, error=full)
    except DependencyError:
        outcome = Outcome.GIVEN_BACK
        workshop.engine.kill()
        with suppress(NSTError):
            workshop.repository.give_back(job.id, job.attempt)
        raise
    finally:
        workshop.watch(Over(outcome, time.monotonic() - began_at))
        with suppress(FeedError):
            workshop.feed.publish(job.id, None)


class _Attempt:
    """One attempt at one job."""

    def __init__(self, job: Job, workshop: Workshop, directory: Path, pulse: "_Pulse") -> None:
        self._job = job
        self._shop = workshop
        self._directory = directory
        self._pulse = pulse

    def run(self) -> Outcome:
        self._fetch()
        engine = self._shop.engine
        engine.start(Work(self._directory, self._job, self._shop.checkpoint_seconds))
        heard_at, stop_by = time.monotonic(), None
        while True:
            self._pulse.check()
            self._shop.meanwhile()
            if self._shop.should_stop.is_set() and stop_by is None:
                engine.stop()
                stop_by = time.monotonic() + self._shop.stop_seconds
            news = engine.news(0.2)
            now = time.monotonic()
            if news is not None:
                heard_at = now
            elif stop_by is not None and now > stop_by:
                engine.kill()
                news = Stopped(has_checkpoint=False)
            elif now - heard_at > self._shop.silence_seconds:
                engine.kill()
                news = Crashed(f"it said nothing for {now - heard_at:.0f} s")
            if news is not None and (outcome := self._hear(news)):
                return outcome

    def _fetch(self) -> None:
        order, storage = self._job.order, self._shop.storage
        for picture in (order.content, *order.styles, *filter(None, order.masks)):
            storage.fetch(picture.key, self._directory / Path(picture.key).name)
        if self._job.checkpoint:
            with suppress(FileNotFoundError):
                storage.fetch(self._job.checkpoint, self._directory / CHECKPOINT)

    def _hear(self, news: News) -> Outcome | None:
        """None: the attempt goes on."""
        job, repository = self._job, self._shop.repository
        self._shop.watch(news)
        match news:
            case Painted(progress, files, has_checkpoint):
                self._show(progress, files)
                if has_checkpoint:
                    self._keep_checkpoint()
                return None
            case Finished(status, result):
                # Each attempt has its own name for the result: one that has been given up and
                # wakes again writes over nothing.
                key = f"{job.id}/{job.attempt}-{RESULT}"
                self._shop.storage.put(key, self._directory / RESULT)
                result = result.model_copy(update={"key": key})
                return self._end(status, result=result)
            case Stopped(has_checkpoint):
                if has_checkpoint:
                    self._keep_checkpoint()
                repository.give_back(job.id, job.attempt)
                return Outcome.GIVEN_BACK
            case Failed(error):
                return self._end(JobStatus.FAILED, error=error)
            case Crashed(reason):
                logger.error("job %s, attempt %d: %s", job.id, job.attempt, reason)
                repository.fail_attempt(job.id, job.attempt, MAX_ATTEMPTS, CRASHED)
                return Outcome.CRASHED

    def _end(
        self,
        status: JobStatus,
        *,
        result: JobResult | None = None,
        error: JobError | None = None,
    ) -> Outcome:
        job, progress = self._job, self._pulse.progress
        self._shop.repository.finish(
            job.id, job.attempt, status, progress=progress, result=result, error=error
        )
        logger.info("job %s: %s", job.id, status)
        return Outcome(status)

    def _show(self, progress: JobProgress, files: Sequence[str]) -> None:
        for name in files:
            self._shop.storage.put(f"{self._job.id}/{name}", self._directory / name)
        self._pulse.progress = progress
        with suppress(FeedError):
            self._shop.feed.publish(self._job.id, progress)

    def _keep_checkpoint(self) -> None:
        key = f"{self._job.id}/{self._job.attempt}-{CHECKPOINT}"
        self._shop.storage.put(key, self._directory / CHECKPOINT)
        self._shop.repository.keep_checkpoint(self._job.id, self._job.attempt, key)


class _Pulse:
    """Renews the lease from a thread, so that it goes on while a large file is stored, and passes
    on to the engine what people ask for."""

    def __init__(self, job: Job, workshop: Workshop) -> None:
        self.progress: JobProgress | None = None
        self._job = job
        self._shop = workshop
        self._is_over = threading.Event()
        self._lost: LeaseLost | None = None
        self._thread = threading.Thread(target=self._run, name=f"pulse-{job.id}", daemon=True)

    def __enter__(self) -> "_Pulse":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def check(self) -> None:
        """Raises LeaseLost."""
        if self._lost:
            raise self._lost

    def _run(self) -> None:
        heard = self._job
        while not self._is_over.wait(self._shop.heartbeat_seconds):
            try:
                job = self._shop.repository.heartbeat(
                    heard.id, heard.attempt, self._shop.lease_seconds, self.progress
                )
            except LeaseLost as error:
                self._lost = error
                return
            except DependencyError as error:
                logger.warning("job %s: no heartbeat: %s", heard.id, error)
                continue
            if job.cancel_requested and not heard.cancel_requested:
                self._shop.engine.cancel()
            if job.steering != heard.steering:
                self._shop.engine.steer(job.steering)
            heard = job


# ── all jobs ──────────────────────────────────────────────────────────────────────────────────


def sweep(workshop: Workshop) -> Sequence[Job]:
    """Jobs whose worker fell silent are queued again, or have failed; returns them. Raises
    RepositoryError."""
    swept = workshop.repository.sweep(MAX_ATTEMPTS, CRASHED)
    for job in swept:
        logger.warning("job %s: its worker %s fell silent, now %s", job.id, job.worker, job.status)
        with suppress(FeedError):
            workshop.feed.publish(job.id, None)
    return swept


def clean(repository: JobRepository, storage: ImageStorage, retention_seconds: float) -> int:
    """Forget what is older than the retention, and files that belong to no job; returns how many
    directories went. Raises DependencyError."""
    now = repository.now()
    expired = repository.completed_before(now - retention_seconds, limit=1000)
    for job_id in expired:
        forget(job_id, repository, storage)
    directories = storage.directories()
    orphans = sorted(set(directories) - repository.existing(directories))
    gone = [name for name in orphans if _is_old(storage, name)]
    for name in gone:
        storage.delete(f"{name}/")
    return len(expired) + len(gone)


def _is_old(storage: ImageStorage, directory: str) -> bool:
    newest = max((file.modified_at for file in storage.list(f"{directory}/")), default=0.0)
    return newest < time.time() - ORPHAN_SECONDS
