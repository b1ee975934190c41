"""Execution of a claimed job by a worker.

The engine runs in a process of its own, behind `Engine`, so that a crash costs only this attempt.
Worker and engine share a directory and exchange short messages.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from nst.engine_process.messages import (
    Crashed,
    Engine,
    Failed,
    Finished,
    News,
    OutOfSpace,
    Painted,
    Stopped,
    Work,
)
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

PROBES = "probe/"
"""Directory of the file that is written to check whether the storage works."""
PROBE_BYTES = 1 << 20
"""Size of that file: about a result."""
MOST_FILLS = 3
"""Number of attempts in which a job may fill the storage
by itself before it fails."""
HAND_BACK_SECONDS = 1.0
"""Seconds between attempts to give a job back while the database does not answer."""
MOST_REFUSALS = 5
"""Number of attempts to give a job back if the database
answers with errors; then the lease expires."""

logger = logging.getLogger(__name__)

# ── one job ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Over:
    """The end of an attempt."""

    outcome: Outcome
    seconds: float


@dataclass(slots=True)
class Workshop:
    """Dependencies and limits of a worker."""

    repository: JobRepository
    storage: ImageStorage
    feed: ProgressFeed
    engine: Engine
    lease_seconds: float = 30.0
    heartbeat_seconds: float = 1.0
    max_attempts: int = 3
    """Number of attempts that may crash or lose their lease before the job fails."""
    max_job_seconds: float = 24 * 3600
    """Maximum seconds of one attempt; then the job ends with the current image."""
    max_dependency_failures: int = 10
    """Number of dependency failures of one job before the job fails."""
    checkpoint_seconds: float = 30.0
    silence_seconds: float = 900.0
    """Seconds without a message after which the engine counts as hung."""
    stop_seconds: float = 7.0
    """Seconds that the engine has to write its checkpoint when the worker shuts down."""
    should_stop: threading.Event = field(default_factory=threading.Event)
    meanwhile: Callable[[], None] = lambda: None
    """Housekeeping, called a few times a second while a job runs.
    Its exceptions are logged and do not affect the job."""
    watch: Callable[[News | Over], None] = lambda _: None
    """Observer of the engine's messages and of the end of the attempt."""


def execute_job(job: Job, workshop: Workshop) -> None:
    """Run a claimed job to its end, or give it back.
    Failures of the job are stored in the repository. Raises DependencyError if a
    dependency failed; the job is back in the queue then, at its end if the
    dependency works for other jobs."""
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
        # The database may need the space that is missing, if only to take the job back.
        _delete_painted(job, workshop)
        outcome = _hand_back(job, workshop, min(MOST_FILLS, workshop.max_dependency_failures), FULL)
        raise
    except DependencyError:
        outcome = _hand_back(job, workshop, workshop.max_dependency_failures, UNSERVED)
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


def _hand_back(job: Job, workshop: Workshop, limit: int, error: JobError) -> Outcome:
    """Give the job back, however long the database does not answer: an expired lease would cost the
    job an attempt. `limit`: failures of its own after which the job ends with `error`."""
    refusals = 0
    while refusals < MOST_REFUSALS:
        try:
            back = _put_back(job, workshop, limit, error)
            logger.info("job given back", extra=public_facts(back))
            return Outcome.FAILED if back.status is JobStatus.FAILED else Outcome.GIVEN_BACK
        except LeaseLost:
            return Outcome.LEASE_LOST
        except DependencyError as refusal:
            logger.warning("job not given back yet: %s", refusal, extra=public_facts(job))
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


def _put_back(job: Job, workshop: Workshop, limit: int, error: JobError) -> Job:
    repository = workshop.repository
    if not _is_well(workshop):
        return repository.give_back(job.id, job.attempt)
    return repository.put_back(job.id, job.attempt, limit, error)


def _is_well(workshop: Workshop) -> bool:
    """Return whether storage and disk work for other files: an outage is not the job's fault."""
    try:
        workplace.check_space()
        check_storage(workshop.storage)
    except DependencyError:
        return False
    return True


def check_storage(storage: ImageStorage) -> None:
    """Write and read a file of the size of a result.
    Raises StorageError, StorageFull."""
    key = f"{PROBES}file"
    storage.put(key, bytes(PROBE_BYTES))
    with suppress(FileNotFoundError):  # another worker checks, too, and has deleted it
        storage.get(key)
    storage.delete(PROBES)


def _do_other_things(job: Job, workshop: Workshop) -> None:
    try:
        workshop.meanwhile()
    except Exception:
        logger.exception("housekeeping failed; the job goes on", extra=public_facts(job))


def _delete_painted(job: Job, workshop: Workshop) -> None:
    """Delete what the next attempt paints again; the frames of a film are kept."""
    if job.order.film:
        return
    with suppress(DependencyError):
        for directory in (FRAMES, CHECKPOINTS):
            workshop.storage.delete(f"{job.id}/{directory}")


def _forget_if_deleted(job: Job, workshop: Workshop) -> None:
    """Delete what this attempt stored if the job was deleted meanwhile."""
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
        """Wait briefly for the engine to finish, so that the next job finds it warm."""
        self._shop.engine.cancel()
        ends_at = time.monotonic() + self._shop.stop_seconds
        while self._is_painting and time.monotonic() < ends_at:
            self._listen()

    def _fetch(self) -> None:
        order, storage = self._job.order, self._shop.storage
        optional = filter(None, (*order.masks, order.detail_map, order.initial))
        for picture in (order.content, *order.styles, *optional):
            storage.fetch(picture.key, self._directory / Path(picture.key).name)
        if self._job.checkpoint is None:
            storage.delete(f"{self._job.id}/{FRAMES}")  # of a run that was not continued
        elif order.film:
            self._fetch_frames()
        else:
            try:
                storage.fetch(self._job.checkpoint, self._directory / CHECKPOINT)
            except (StorageFull, FileNotFoundError) as error:
                logger.warning("job begins again: %s", error, extra=public_facts(self._job))

    def _fetch_frames(self) -> None:
        """Fetch the frames of a film that earlier attempts have painted."""
        (self._directory / FRAMES).mkdir()
        for frame in self._shop.storage.list(f"{self._job.id}/{FRAMES}"):
            file = self._directory / FRAMES / Path(frame.key).name
            with suppress(FileNotFoundError):  # it is painted again
                self._shop.storage.fetch(frame.key, file)

    def _hear(self, news: News) -> Outcome | None:
        """Handle a message; return the outcome if it ends the attempt, else None."""
        job, repository = self._job, self._shop.repository
        self._shop.watch(news)
        match news:
            case Painted(progress, files, has_checkpoint):
                self._show(progress, files)
                if has_checkpoint:
                    self._keep_checkpoint()
                return None
            case Finished(status, result):
                result = self._store(result)
                if self._is_too_long and status is JobStatus.CANCELED:
                    return self._end(JobStatus.FAILED, result=result, error=TOO_LONG)
                return self._end(status, result=result)
            case Stopped(has_checkpoint):
                if has_checkpoint:
                    self._keep_checkpoint()
                repository.give_back(job.id, job.attempt)
                logger.info("job given back", extra=public_facts(job))
                return Outcome.GIVEN_BACK
            case Failed(error, result):
                stored = result and self._store(result)
                return self._end(JobStatus.FAILED, result=stored, error=error)
            case OutOfSpace(reason):
                raise DiskFull(self._directory, reason)
            case Crashed(reason):
                logger.error("attempt failed: %s", reason, extra=public_facts(job))
                repository.fail_attempt(job.id, job.attempt, self._shop.max_attempts, CRASHED)
                return Outcome.CRASHED

    def _store(self, result: JobResult) -> JobResult:
        """Store the files of the result, and return it with their keys. Each attempt has its own
        names for them: one that has been given up and wakes again writes over nothing."""
        names = {"key": result.key, "first_frame": result.first_frame}
        keys = {
            field: f"{self._job.id}/{self._job.attempt}-{name}"
            for field, name in names.items()
            if name
        }
        for name, key in zip(filter(None, names.values()), keys.values(), strict=True):
            self._shop.storage.put(key, self._directory / name)
        return result.model_copy(update=keys)

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
        if not finished.can_resume:
            with suppress(DependencyError):  # else it goes with the job
                self._shop.storage.delete(f"{job.id}/{CHECKPOINTS}")
                if job.order.film:  # which has all that its frames have
                    self._shop.storage.delete(f"{job.id}/{FRAMES}")
        return Outcome(status)

    def _show(self, progress: JobProgress, files: Sequence[str]) -> None:
        for name in files:
            self._shop.storage.put(f"{self._job.id}/{name}", self._directory / name)
            if name.startswith(FRAMES) and not self._repaints:
                (self._directory / name).unlink()
        self._pulse.progress = progress
        with suppress(FeedError):
            self._shop.feed.publish(self._job.id, progress)

    @property
    def _repaints(self) -> bool:
        """Whether the engine goes on from frames that are stored already."""
        film = self._job.order.film
        return film is not None and film.passes > 1

    def _keep_checkpoint(self) -> None:
        job = self._job
        if job.order.film:  # whose frames are stored already
            self._shop.repository.keep_checkpoint(job.id, job.attempt, f"{job.id}/{FRAMES}")
            return
        key = f"{job.id}/{CHECKPOINTS}{job.attempt}"
        try:
            self._shop.storage.put(key, self._directory / CHECKPOINT)
        except (StorageFull, FileNotFoundError) as error:  # or it made room for the next one
            logger.warning("checkpoint skipped: %s", error, extra=public_facts(self._job))
            return
        self._shop.repository.keep_checkpoint(self._job.id, self._job.attempt, key)


class _Pulse:
    """A thread that renews the lease, also while a large file is stored, and forwards requests to
    cancel or steer to the engine."""

    def __init__(self, job: Job, workshop: Workshop) -> None:
        self.progress: JobProgress | None = None
        self.engine_listens = threading.Event()
        """Set when the engine accepts requests; earlier ones are forwarded then."""
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
    """Tracks whether the database has answered for the length of a lease, so that
    every live worker could renew its own. After an outage all leases have expired."""

    def __init__(self, repository: JobRepository, lease_seconds: float) -> None:
        self._repository = repository
        self._lease_seconds = lease_seconds
        self._steady_since = self._looked_at = -float("inf")
        """Times by the database's clock, which also reveals that this machine was suspended."""

    @property
    def look_seconds(self) -> float:
        """Interval of `look`, in seconds: an outage of half a lease leaves a gap."""
        return self._lease_seconds / 6

    def look(self) -> bool:
        """Return whether the database is steady now. Raises RepositoryError."""
        now = self._repository.now()
        if not 0 <= now - self._looked_at < self._lease_seconds / 2:
            self._steady_since = now
        self._looked_at = now
        return now - self._steady_since > self._lease_seconds


def sweep(workshop: Workshop) -> Sequence[Job]:
    """Queue or fail the jobs whose lease has expired, and return them.
    Call it only while the database is steady. Raises RepositoryError."""
    swept = workshop.repository.sweep(workshop.max_attempts, CRASHED)
    for job in swept:
        logger.warning("worker %s fell silent", job.worker, extra=public_facts(job))
        with suppress(FeedError):
            workshop.feed.publish(job.id, None)
    return swept
