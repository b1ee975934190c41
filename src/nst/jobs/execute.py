"""What a worker does with a job: the other side.

The engine runs in a process of its own, behind `Engine`, so that whatever happens to it happens
to this attempt alone. The two share a directory; only short messages pass between them.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from nst.errors import (
    DependencyError,
    DiskFull,
    FeedError,
    LeaseLost,
    NSTError,
    StorageFull,
)
from nst.jobs import workplace
from nst.jobs.job import (
    CHECKPOINT,
    CHECKPOINTS,
    FRAMES,
    RESULT,
    Job,
    JobError,
    JobProgress,
    JobResult,
    JobStatus,
    Outcome,
    public_facts,
)
from nst.jobs.ports import ImageStorage, JobRepository, ProgressFeed

CRASHED = JobError(
    code="engine_crashed",
    message="the engine crashed or fell silent in every attempt; try a smaller size",
)
FULL = JobError(
    code=StorageFull.code,
    message="the server has no space left for the pictures; try again later",
)
TOO_LONG = JobError(
    code="time_limit",
    message="the job took longer than this server allows; the picture so far is kept",
)
UNSERVED = JobError(
    code=DependencyError.code,
    message="the server could not read or keep the pictures of this job; try again later",
)
GONE = JobError(
    code="pictures_gone",
    message="the pictures that were uploaded are gone; send them again",
)

PROBE = "probe/file"
"""Key of a file that shows whether the storage works; it stays there."""
HAND_BACK_SECONDS = 1.0
"""Pause between two tries to give a job back while the database does not answer."""
MOST_REFUSALS = 5
"""Tries to give a job back that the database refuses although it answers; then the lease ends."""

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


@dataclass(frozen=True, slots=True)
class OutOfSpace:
    """The directory takes no more files."""

    reason: str


News: TypeAlias = Painted | Finished | Stopped | Failed | Crashed | OutOfSpace


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
        """Stop at once, what it was painting is lost; nothing happens where it paints nothing."""


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
    max_attempts: int = 3
    """That may crash or fall silent before the job has failed."""
    max_job_seconds: float = 24 * 3600
    """Seconds of one attempt, after which the job ends with the picture so far."""
    max_dependency_failures: int = 10
    """How often something outside may fail for one job alone before the job has failed."""
    checkpoint_seconds: float = 30.0
    silence_seconds: float = 900.0
    """An engine that says nothing for so long hangs."""
    stop_seconds: float = 7.0
    """What an engine has to keep its checkpoint when the worker has to go."""
    should_stop: threading.Event = field(default_factory=threading.Event)
    meanwhile: Callable[[], None] = lambda: None
    """Called a few times a second while a job runs. Its exceptions are logged and do not reach the
    job."""
    watch: Callable[[News | Over], None] = lambda _: None
    """Hears what the engine says, and last how the attempt ended."""


def execute_job(job: Job, workshop: Workshop) -> None:
    """Run a claimed job to its end, or give it back. What fails is said to the repository; raises
    DependencyError if something outside failed, after the job was given back: behind the others
    if nothing is wrong without this job."""
    began_at, outcome = time.monotonic(), Outcome.CRASHED
    try:
        with suppress(FeedError):
            workshop.feed.publish(job.id, None)
        with (
            workplace.directory_of(job.id) as directory,
            _Pulse(job, workshop) as pulse,
        ):
            outcome = _Attempt(job, workshop, directory, pulse).run()
    except LeaseLost as error:
        outcome = Outcome.LEASE_LOST
        logger.warning("%s", error, extra=public_facts(job))
        _forget_if_deleted(job, workshop)
    except StorageFull:
        outcome = Outcome.FAILED
        # The database may need the space that is missing, if only to say so.
        _delete_painted(job, workshop)
        with suppress(LeaseLost):
            workshop.repository.finish(job.id, job.attempt, JobStatus.FAILED, error=FULL)
        logger.error("job failed: %s", FULL.code, extra=public_facts(job))
    except DependencyError:
        outcome = _hand_back(job, workshop)
        raise
    except Exception:
        with suppress(NSTError):
            workshop.repository.fail_attempt(job.id, job.attempt, workshop.max_attempts, CRASHED)
        raise
    finally:
        workshop.watch(Over(outcome, time.monotonic() - began_at))
        # What it would still say must not be taken for news of the next job.
        workshop.engine.kill()
        with suppress(FeedError):
            workshop.feed.publish(job.id, None)


def _hand_back(job: Job, workshop: Workshop) -> Outcome:
    """Give the job back, however long the database does not answer: who only waited for the lease
    to run out would lose the job an attempt."""
    refusals = 0
    while refusals < MOST_REFUSALS:
        try:
            back = _put_back(job, workshop)
            logger.info("job given back", extra=public_facts(back))
            return Outcome.FAILED if back.status is JobStatus.FAILED else Outcome.GIVEN_BACK
        except LeaseLost:
            return Outcome.LEASE_LOST
        except DependencyError as error:
            logger.warning("job not given back yet: %s", error, extra=public_facts(job))
        refusals += _answers(workshop.repository)
        _do_other_things(job, workshop)
        if workshop.should_stop.wait(HAND_BACK_SECONDS):
            break
    return Outcome.GIVEN_BACK


def _answers(repository: JobRepository) -> bool:
    try:
        repository.now()
    except DependencyError:
        return False
    return True


def _put_back(job: Job, workshop: Workshop) -> Job:
    repository = workshop.repository
    if not _is_well(workshop):
        return repository.give_back(job.id, job.attempt)
    limit = workshop.max_dependency_failures
    return repository.put_back(job.id, job.attempt, limit, UNSERVED)


def _is_well(workshop: Workshop) -> bool:
    """Return whether storage and disk work without this job: an outage is no job's fault."""
    try:
        workplace.check_space()
        workshop.storage.put(PROBE, b"nst")
        workshop.storage.get(PROBE)
    except (DependencyError, FileNotFoundError):
        return False
    return True


def _do_other_things(job: Job, workshop: Workshop) -> None:
    try:
        workshop.meanwhile()
    except Exception:
        logger.exception("housekeeping failed; the job goes on", extra=public_facts(job))


def _delete_painted(job: Job, workshop: Workshop) -> None:
    with suppress(DependencyError):
        for directory in (FRAMES, CHECKPOINTS):
            workshop.storage.delete(f"{job.id}/{directory}")


def _forget_if_deleted(job: Job, workshop: Workshop) -> None:
    """What this attempt stored after somebody had the job and its files deleted."""
    with suppress(DependencyError):
        if not workshop.repository.existing([job.id]):
            workshop.storage.delete(f"{job.id}/")


class _Attempt:
    """One attempt at one job."""

    def __init__(self, job: Job, workshop: Workshop, directory: Path, pulse: "_Pulse") -> None:
        self._job = job
        self._shop = workshop
        self._directory = directory
        self._pulse = pulse
        self._is_painting = False
        self._ends_at = time.monotonic() + workshop.max_job_seconds
        self._is_too_long = False

    def run(self) -> Outcome:
        try:
            return self._run()
        except LeaseLost:
            self._wind_down()
            raise

    def _run(self) -> Outcome:
        try:
            self._fetch()
        except FileNotFoundError:
            return self._end(JobStatus.FAILED, error=GONE)
        except StorageFull as error:  # the storage is only read here
            raise DiskFull(self._directory, error.reason) from error
        engine = self._shop.engine
        engine.start(Work(self._directory, self._job, self._shop.checkpoint_seconds))
        self._is_painting = True
        self._pulse.engine_listens.set()
        heard_at, stop_by = time.monotonic(), None
        while True:
            self._pulse.check()
            _do_other_things(self._job, self._shop)
            if self._shop.should_stop.is_set() and stop_by is None:
                engine.stop()
                stop_by = time.monotonic() + self._shop.stop_seconds
            news = self._listen()
            now = time.monotonic()
            if now > self._ends_at and not self._is_too_long:
                self._is_too_long = True
                engine.cancel()
            if news is not None:
                heard_at = now
            elif stop_by is not None and now > stop_by:
                news = Stopped(has_checkpoint=False)
            elif now - heard_at > self._shop.silence_seconds:
                news = Crashed(f"it said nothing for {now - heard_at:.0f} s")
            if news is not None and (outcome := self._hear(news)):
                return outcome

    def _listen(self) -> News | None:
        news = self._shop.engine.news(0.2)
        if news is not None:
            self._is_painting = isinstance(news, Painted)
        return news

    def _wind_down(self) -> None:
        """Let the engine end by itself, if it soon does: the next job finds it warm."""
        self._shop.engine.cancel()
        ends_at = time.monotonic() + self._shop.stop_seconds
        while self._is_painting and time.monotonic() < ends_at:
            self._listen()

    def _fetch(self) -> None:
        order, storage = self._job.order, self._shop.storage
        optional = filter(None, (*order.masks, order.detail_map))
        for picture in (order.content, *order.styles, *optional):
            storage.fetch(picture.key, self._directory / Path(picture.key).name)
        if self._job.checkpoint:
            try:
                storage.fetch(self._job.checkpoint, self._directory / CHECKPOINT)
            except (StorageFull, FileNotFoundError) as error:
                logger.warning("job begins again: %s", error, extra=public_facts(self._job))
        else:
            storage.delete(f"{self._job.id}/{FRAMES}")  # of a run that was not gone on with

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
                if self._is_too_long and status is JobStatus.CANCELED:
                    return self._end(JobStatus.FAILED, result=result, error=TOO_LONG)
                return self._end(status, result=result)
            case Stopped(has_checkpoint):
                if has_checkpoint:
                    self._keep_checkpoint()
                repository.give_back(job.id, job.attempt)
                logger.info("job given back", extra=public_facts(job))
                return Outcome.GIVEN_BACK
            case Failed(error):
                return self._end(JobStatus.FAILED, error=error)
            case OutOfSpace(reason):
                raise DiskFull(self._directory, reason)
            case Crashed(reason):
                logger.error("attempt failed: %s", reason, extra=public_facts(job))
                repository.fail_attempt(job.id, job.attempt, self._shop.max_attempts, CRASHED)
                return Outcome.CRASHED

    def _end(
        self,
        status: JobStatus,
        *,
        result: JobResult | None = None,
        error: JobError | None = None,
    ) -> Outcome:
        job, progress = self._job, self._pulse.progress
        finished = self._shop.repository.finish(
            job.id, job.attempt, status, progress=progress, result=result, error=error
        )
        logger.info("job finished", extra=public_facts(finished))
        with suppress(DependencyError):  # else it goes with the job
            self._shop.storage.delete(f"{job.id}/{CHECKPOINTS}")
        return Outcome(status)

    def _show(self, progress: JobProgress, files: Sequence[str]) -> None:
        for name in files:
            self._shop.storage.put(f"{self._job.id}/{name}", self._directory / name)
            if name.startswith(FRAMES):
                (self._directory / name).unlink()
        self._pulse.progress = progress
        with suppress(FeedError):
            self._shop.feed.publish(self._job.id, progress)

    def _keep_checkpoint(self) -> None:
        key = f"{self._job.id}/{CHECKPOINTS}{self._job.attempt}"
        try:
            self._shop.storage.put(key, self._directory / CHECKPOINT)
        except (StorageFull, FileNotFoundError) as error:  # or it made room for the next one
            logger.warning("checkpoint skipped: %s", error, extra=public_facts(self._job))
            return
        self._shop.repository.keep_checkpoint(self._job.id, self._job.attempt, key)


class _Pulse:
    """Renews the lease from a thread, so that it goes on while a large file is stored, and passes
    on to the engine what people ask for."""

    def __init__(self, job: Job, workshop: Workshop) -> None:
        self.progress: JobProgress | None = None
        self.engine_listens = threading.Event()
        """What is asked for before is passed on then."""
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
                logger.warning("no heartbeat: %s", error, extra=public_facts(heard))
                continue
            except Exception:
                # Without heartbeats a job in good health would be taken away.
                logger.exception("a heartbeat failed", extra=public_facts(heard))
                continue
            if self.engine_listens.is_set():
                self._pass_on(job, heard)
                heard = job

    def _pass_on(self, job: Job, heard: Job) -> None:
        if job.cancel_requested and not heard.cancel_requested:
            self._shop.engine.cancel()
        if job.steering != heard.steering:
            self._shop.engine.steer(job.steering)


# ── all jobs ──────────────────────────────────────────────────────────────────────────────────


class SteadyDatabase:
    """Whether the database has answered this worker for as long as a lease, so that every worker
    that lives had the time to renew its own. After an outage all leases have run out."""

    def __init__(self, repository: JobRepository, lease_seconds: float) -> None:
        self._repository = repository
        self._lease_seconds = lease_seconds
        self._steady_since = self._looked_at = -float("inf")
        """By the database's clock, which also tells of a machine that stood still."""

    @property
    def look_seconds(self) -> float:
        """Seconds between two looks. An outage as long as half a lease makes a gap between them."""
        return self._lease_seconds / 6

    def look(self) -> bool:
        """Return whether it is so now. Raises RepositoryError."""
        now = self._repository.now()
        if not 0 <= now - self._looked_at < self._lease_seconds / 2:
            self._steady_since = now
        self._looked_at = now
        return now - self._steady_since > self._lease_seconds


def sweep(workshop: Workshop) -> Sequence[Job]:
    """Jobs whose worker fell silent are queued again, or have failed; returns them. To be called
    while the database is steady. Raises RepositoryError."""
    swept = workshop.repository.sweep(workshop.max_attempts, CRASHED)
    for job in swept:
        logger.warning("worker %s fell silent", job.worker, extra=public_facts(job))
        with suppress(FeedError):
            workshop.feed.publish(job.id, None)
    return swept
