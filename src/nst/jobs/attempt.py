"""One attempt at a job: fetches the inputs, runs the engine, stores the results."""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from nst.engine_process.messages import (
    Crashed,
    Failed,
    Finished,
    News,
    OutOfSpace,
    Painted,
    Stopped,
    Work,
)
from nst.errors import DependencyError, DiskFull, LeaseLost, StorageFull
from nst.jobs.failures import CRASHED, GONE, TOO_LONG
from nst.jobs.heartbeat import Heartbeat
from nst.jobs.job import (
    CHECKPOINT,
    CHECKPOINTS,
    FRAMES,
    LEARNED,
    Job,
    JobError,
    JobProgress,
    JobResult,
    JobStatus,
    Outcome,
    public_facts,
)
from nst.jobs.learned_styles import keep_learned
from nst.jobs.worker_context import WorkerContext

logger = logging.getLogger(__name__)


class Attempt:
    """One attempt at one job."""

    def __init__(
        self, job: Job, context: WorkerContext, directory: Path, heartbeat: Heartbeat
    ) -> None:
        self._job = job
        self._context = context
        self._directory = directory
        self._heartbeat = heartbeat
        self._is_painting = False
        self._held: News | None = None
        """Message that arrived after a report and is handled after it."""
        learning = job.order.learning
        self._ends_at = time.monotonic() + (
            learning.max_seconds if learning else context.limits.max_job_seconds
        )
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
        except StorageFull as error:  # the storage is only read, so the local disk is full
            raise DiskFull(self._directory, error.reason) from error
        engine = self._context.engine
        engine.start(Work(self._directory, self._job, self._context.settings.checkpoint_seconds))
        self._is_painting = True
        self._heartbeat.engine_listens.set()
        heard_at, stop_by = time.monotonic(), None
        while True:
            self._heartbeat.check()
            self._context.do_housekeeping(self._job)
            if self._context.should_stop.is_set() and stop_by is None:
                engine.stop()
                stop_by = time.monotonic() + self._context.stop_seconds
            news = self._next_news()
            now = time.monotonic()
            if now > self._ends_at and not self._is_too_long:
                self._is_too_long = True
                engine.cancel()
            if news is not None:
                heard_at = now
            elif stop_by is not None and now > stop_by:
                news = Stopped(has_checkpoint=False)
            elif now - heard_at > self._context.silence_seconds:
                news = Crashed(f"no message for {now - heard_at:.0f} s")
            if news is not None and (outcome := self._hear(news)):
                return outcome

    def _next_news(self) -> News | None:
        """Return the next message. Reports that have already arrived are joined into one, else a
        storage that is slower than the steps would show old progress and delay the end."""
        news = self._held or self._listen()
        later: News | None = None
        while isinstance(news, Painted) and isinstance(later := self._listen(0.0), Painted):
            self._context.watch(news)  # it counts every step
            news = later.joined_with(news)
        self._held = later
        return news

    def _listen(self, timeout_seconds: float = 0.2) -> News | None:
        news = self._context.engine.news(timeout_seconds)
        if news is not None:
            self._is_painting = isinstance(news, Painted)
        return news

    def _wind_down(self) -> None:
        """Wait briefly for the engine to finish, so that the next job finds it warm."""
        self._context.engine.cancel()
        ends_at = time.monotonic() + self._context.stop_seconds
        while self._is_painting and time.monotonic() < ends_at:
            self._listen()

    def _fetch(self) -> None:
        order, storage = self._job.order, self._context.storage
        for key in {picture.key for picture in order.inputs}:
            storage.fetch(key, self._directory / Path(key).name)
        if self._job.checkpoint is None:
            storage.delete(f"{self._job.id}/{FRAMES}")  # of a run without a checkpoint
        elif order.film:
            self._fetch_frames()
        else:
            try:
                storage.fetch(self._job.checkpoint, self._directory / CHECKPOINT)
            except (StorageFull, FileNotFoundError) as error:
                logger.warning("job begins again: %s", error, extra=public_facts(self._job))

    def _fetch_frames(self) -> None:
        """Fetch the frames of a film that earlier attempts painted."""
        (self._directory / FRAMES).mkdir()
        for frame in self._context.storage.list(f"{self._job.id}/{FRAMES}"):
            file = self._directory / FRAMES / Path(frame.key).name
            with suppress(FileNotFoundError):  # the engine paints it again
                self._context.storage.fetch(frame.key, file)

    def _hear(self, news: News) -> Outcome | None:
        """Handle a message; return the outcome if it ends the attempt, else None."""
        job, repository = self._job, self._context.repository
        self._context.watch(news)
        match news:
            case Painted(progress, files, has_checkpoint):
                self._show(progress, files)
                if has_checkpoint:
                    self._keep_checkpoint()
                return None
            case Finished(status, result):
                result = self._store(result)
                self._keep_learned()
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
                repository.fail_attempt(
                    job.id, job.attempt, self._context.settings.max_attempts, CRASHED
                )
                return Outcome.CRASHED

    def _store(self, result: JobResult) -> JobResult:
        """Store the files of the result, and return the result with their keys. The keys contain
        the number of the attempt, so that an attempt that lost its lease overwrites nothing."""
        names = {"key": result.key, "first_frame": result.first_frame}
        keys = {
            field: f"{self._job.id}/{self._job.attempt}-{name}"
            for field, name in names.items()
            if name
        }
        for name, key in zip(filter(None, names.values()), keys.values(), strict=True):
            self._context.storage.put(key, self._directory / name)
        return result.model_copy(update=keys)

    def _keep_learned(self) -> None:
        """Store the learned style for the owner of the job. Raises LeaseLost."""
        if self._job.order.learning is None:
            return
        self._heartbeat.check()
        data, context = (self._directory / LEARNED).read_bytes(), self._context
        keep_learned(self._job, data, context.learned_styles, context.storage)

    def _end(
        self,
        status: JobStatus,
        *,
        result: JobResult | None = None,
        error: JobError | None = None,
    ) -> Outcome:
        job, progress = self._job, self._heartbeat.progress
        finished = self._context.repository.finish(
            job.id, job.attempt, status, progress=progress, result=result, error=error
        )
        logger.info("job finished", extra=public_facts(finished))
        if result:
            self._delete_earlier(f"{job.id}/")
        if not finished.can_resume:
            with suppress(DependencyError):  # else they are deleted with the job
                self._context.storage.delete(f"{job.id}/{CHECKPOINTS}")
                if job.order.film:  # the film contains them
                    self._context.storage.delete(f"{job.id}/{FRAMES}")
        return Outcome(status)

    def _show(self, progress: JobProgress, files: Sequence[str]) -> None:
        for name in files:
            self._context.storage.put(f"{self._job.id}/{name}", self._directory / name)
            if name.startswith(FRAMES) and not self._repaints:
                (self._directory / name).unlink()
        self._heartbeat.progress = progress
        self._context.feed.publish(self._job.id, progress)

    @property
    def _repaints(self) -> bool:
        """Whether later passes read the painted frames, which therefore stay on the disk."""
        film = self._job.order.film
        return film is not None and film.passes > 1

    def _keep_checkpoint(self) -> None:
        job = self._job
        if job.order.film:  # its frames are its checkpoint, and they are stored already
            self._context.repository.keep_checkpoint(job.id, job.attempt, f"{job.id}/{FRAMES}")
            return
        key = f"{job.id}/{CHECKPOINTS}{job.attempt}"
        try:
            self._context.storage.put(key, self._directory / CHECKPOINT)
        except (StorageFull, FileNotFoundError) as error:
            # The engine deletes a checkpoint if the next one needs its space.
            logger.warning("checkpoint skipped: %s", error, extra=public_facts(self._job))
            return
        self._context.repository.keep_checkpoint(self._job.id, self._job.attempt, key)
        self._delete_earlier(f"{job.id}/{CHECKPOINTS}")

    def _delete_earlier(self, directory: str) -> None:
        """Delete the files that earlier attempts stored in this directory, whose own replace them.
        Otherwise a job that is canceled and resumed again and again would fill the storage."""
        job, storage = self._job, self._context.storage
        if job.attempt == 1:
            return
        with suppress(DependencyError):  # else they are deleted with the job
            for file in storage.list(directory):
                name = file.key.removeprefix(directory)
                if (number := name.split("-")[0]).isdecimal() and int(number) < job.attempt:
                    storage.delete(file.key)
