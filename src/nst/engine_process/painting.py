"""A job in the engine's process: an image, a film or a learned style."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from nst import files, tracing
from nst.engine.memory import available
from nst.engine.network.weights import WeightsStore
from nst.engine.transfer import NeuralStyleTransfer
from nst.engine_process.film import FilmPainting
from nst.engine_process.job_requests import JobRequests
from nst.engine_process.learning import Learner
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
from nst.engine_process.picture import PicturePainting, Save
from nst.engine_process.sentences import as_job_error
from nst.errors import NSTError, StorageError, StorageFull
from nst.film_options import later_options
from nst.jobs.job import CHECKPOINT, Job, JobProgress, JobStatus, public_facts
from nst.learned_file import SUFFIX
from nst.learning.transfer import LearnedTransfer
from nst.options import StyleTransferOptions
from nst.progress import StopReason
from nst.result import Result

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpeedLog:
    """Functions that record the speed of painting for later estimates."""

    speed: Callable[[Result], None] = lambda _: None
    frame_speed: Callable[[StyleTransferOptions, tuple[int, int], float], None] = (
        lambda _options, _size, _seconds: None
    )
    """Function that records the seconds of a frame that continues another one.
    Its arguments are the options, the size and the seconds of the frame."""


@dataclass(frozen=True, slots=True)
class EngineContext:
    """Device, weights and callbacks that all jobs of a process share."""

    device: str
    """Device of NeuralStyleTransfer: auto, cuda, mps or cpu."""
    weights: WeightsStore
    speed_log: SpeedLog
    say: Callable[[News], None]


@dataclass(slots=True)
class Painting:
    """Execution of one job."""

    work: Work
    requests: JobRequests
    context: EngineContext
    kept_at: float = field(default_factory=time.monotonic)

    def paint(self) -> News:
        """Run the job to its end; return the last message about it."""
        try:
            return self._result()
        except StorageError as error:  # the engine writes only into the directory
            return OutOfSpace(str(error))
        except NSTError as error:
            logger.warning("%s", error, extra=public_facts(self._job))
            return Failed(as_job_error(error))
        except Exception as error:
            if isinstance(error, OSError) and error.errno in files.NO_SPACE:
                return OutOfSpace(str(error))
            logger.exception("unexpected error in the engine", extra=public_facts(self._job))
            return Crashed(f"{type(error).__name__}: {error}")

    def _result(self) -> News:
        order = self._job.order
        if order.learning:
            return self._learned()
        return self._film() if order.film else self._picture()

    @property
    def _job(self) -> Job:
        return self.work.job

    @property
    def _styles(self) -> Sequence[Path]:
        styles = enumerate(self._job.order.styles)
        suffixes = [(number, SUFFIX if style.is_learned else "") for number, style in styles]
        return [self._file(f"style-{number}{suffix}") for number, suffix in suffixes]

    def _file(self, name: str) -> Path:
        return self.work.directory / name

    def _phase(self, name: str) -> AbstractContextManager[None]:
        return tracing.span(f"engine.{name}", self._job.trace, job=self._job.id)

    def _picture(self) -> News:
        is_draft = self._job.order.options.is_draft
        with self._phase("draft" if is_draft else "transfer"):
            painting = PicturePainting(
                self.work.directory,
                self._job,
                self._styles,
                self._engine(),
                self.requests.controls,
                self._report,
            )
            result = painting.paint()
        if self.requests.is_stopped and result.stop_reason is StopReason.CANCELED:
            return Stopped(has_checkpoint=self._file(CHECKPOINT).exists())
        self.context.speed_log.speed(result)
        with self._phase("save"):
            return painting.finished(result)

    def _film(self) -> News:
        """Paint a film. After its first frame, an error that another attempt cannot fix leaves the
        frames so far as the result. Raises all other errors, so that another attempt continues."""
        directory, order = self.work.directory, self._job.order
        with self._phase("film"):
            painting = FilmPainting(
                directory, order, self._styles, self._engine(), self.requests.early_end, self._say
            )
            film = painting.paint()
        if painting.frame_seconds:
            options = later_options(order.options)
            self.context.speed_log.frame_speed(options, film.size, painting.frame_seconds)
        error = film.failure
        if error and (not isinstance(error, NSTError) or isinstance(error, StorageError)):
            raise error
        if painting.ends_early and self.requests.is_stopped:
            return Stopped(has_checkpoint=film.frames > 0)
        result = painting.result(film)
        if isinstance(error, NSTError):
            logger.warning("%s", error, extra=public_facts(self._job))
            return Failed(as_job_error(error), result)
        return Finished(JobStatus.CANCELED if painting.ends_early else JobStatus.SUCCEEDED, result)

    def _learned(self) -> News:
        """Learn the styles, from the checkpoint of an earlier attempt if there is one."""
        directory, context = self.work.directory, self.context
        learner = Learner(directory, self._job.order, self._styles, context.device, context.weights)
        with self._phase("learning"):
            for progress, files in learner.steps():
                ends_early = self._report(progress, files, learner.save_checkpoint)
                if ends_early and not learner.is_done:
                    break
        if self.requests.is_stopped and not learner.is_done:
            return Stopped(has_checkpoint=self._file(CHECKPOINT).exists())
        status = JobStatus.SUCCEEDED if learner.is_done else JobStatus.CANCELED
        with self._phase("save"):
            return Finished(status, learner.result())

    def _engine(self) -> NeuralStyleTransfer:
        options, device = self._job.order.options, self.context.device
        if self._job.order.is_learned:
            return LearnedTransfer(options, device=device)
        return NeuralStyleTransfer(options, device=device, weights=self.context.weights)

    def _report(self, progress: JobProgress, files: Sequence[str], save: Save | None) -> bool:
        """Report a step, with a checkpoint if one is due or the job ends early. Return whether the
        job ends early. `save`: writes the checkpoint; None if no state can be continued."""
        # Read once: a request that arrives meanwhile takes effect after the next step.
        ends_early = self.requests.early_end() is not None
        is_due = time.monotonic() - self.kept_at >= self.work.checkpoint_seconds
        has_checkpoint = False
        if save and (is_due or ends_early):
            has_checkpoint = self._keep_checkpoint(save)
            self.kept_at = time.monotonic()
        self._say(progress, files, has_checkpoint)
        return ends_early

    def _keep_checkpoint(self, save: Save) -> bool:
        """Write a checkpoint; return whether it was written. If the disk has no space for two, the
        old one is deleted first, because the storage has a copy of it. If the disk has no space
        even for one, the job continues without a checkpoint."""
        file = self._file(CHECKPOINT)
        try:
            save(file)
        except StorageFull:
            file.unlink(missing_ok=True)
            try:
                save(file)
            except StorageFull as error:
                logger.warning("checkpoint skipped: %s", error, extra=public_facts(self._job))
                return False
        return True

    def _say(
        self, progress: JobProgress, files: Sequence[str], has_checkpoint: bool = False
    ) -> None:
        held = available.resident_bytes(), available.gpu_bytes()
        self.context.say(Painted(progress, files, has_checkpoint, *held))
