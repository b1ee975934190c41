"""The engine's process: it paints what a worker sends and reports its progress."""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias

from nst import files, images, tracing
from nst.controls import STEERABLE, Controls
from nst.engine.draft import run_draft
from nst.engine.inputs import Inputs
from nst.engine.memory import available
from nst.engine.network.weights import WeightsStore
from nst.engine.pictures.detail import Detail, load_detail
from nst.engine.transfer import NeuralStyleTransfer
from nst.engine_process.film import FilmPainting, Wish, save_preview
from nst.engine_process.learning import Learner
from nst.engine_process.messages import (
    Cancel,
    Crashed,
    Failed,
    Finished,
    News,
    OutOfSpace,
    Painted,
    Request,
    Steer,
    Stop,
    Stopped,
    Work,
)
from nst.errors import (
    DependencyError,
    DraftUnavailable,
    InvalidCheckpoint,
    InvalidOption,
    InvalidStyleFile,
    NetworkUnavailable,
    NSTError,
    OutOfMemory,
    StorageError,
    StorageFull,
    TransferCanceled,
    VideoUnavailable,
    WeightsUnavailable,
)
from nst.jobs.job import (
    CHECKPOINT,
    CONTENT,
    DETAIL_MAP,
    FRAMES,
    INITIAL,
    PREVIEW,
    RESULT,
    Job,
    JobError,
    JobProgress,
    JobResult,
    JobStatus,
    public_facts,
)
from nst.learned_file import SUFFIX
from nst.learning.transfer import LearnedTransfer
from nst.options import StyleTransferOptions, later_options
from nst.progress import Progress, StopReason
from nst.result import Result

PREVIEW_SECONDS = 0.7
"""Minimum seconds between two previews."""

DRAFT_STEPS = 10
"""Steps that are taken at least before a preview of the
painting replaces the draft."""

USUAL_FRAMES, MOST_FRAMES = 24, 240
"""Kept of a whole transfer: where the options do not say
how many, and whatever they say."""

Save: TypeAlias = Callable[[Path], None]
"""Writes a checkpoint into a file."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keep:
    """Where it is kept how long painting takes, for the next estimates."""

    speed: Callable[[Result], None] = lambda _: None
    frame_speed: Callable[[StyleTransferOptions, tuple[int, int], float], None] = (
        lambda _options, _size, _seconds: None
    )
    """Takes options, size and seconds of a frame that continues another one."""


def paint(connection: Connection, device: str, weights: WeightsStore, keep: Keep) -> None:
    """One job after the other, until the other end is closed.
    `device`: as NeuralStyleTransfer takes it."""
    easel = _Easel(connection, device, weights, keep)
    while True:
        easel.paint_next()


@dataclass(slots=True)
class _Wishes:
    """What has been asked for while a job runs."""

    controls: Controls
    is_canceled: bool = False
    is_stopped: bool = False

    def early_end(self) -> Wish:
        """Return how the job is to end before its last step or frame, if at all."""
        if self.is_stopped:
            return "stop"
        return "cancel" if self.is_canceled else None


@dataclass(slots=True)
class _Easel:
    """The process' end of the connection; a thread listens, so that wishes are heard while the
    engine computes, and so that nobody paints for a worker that is gone."""

    connection: Connection
    device: str
    weights: WeightsStore
    keep: Keep
    wishes: _Wishes | None = None
    next_work: Work | None = None
    has_work: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def paint_next(self) -> None:
        self.has_work.wait()
        self.has_work.clear()
        work, wishes = self.next_work, self.wishes
        assert work is not None
        assert wishes is not None
        self.say(_Painting(work, wishes, self).paint())

    def say(self, news: News) -> None:
        self.connection.send(news)

    def _listen(self) -> None:
        try:
            while True:
                self._hear(self.connection.recv())
        except (EOFError, OSError):
            os._exit(0)  # in the middle of whatever the engine does

    def _hear(self, request: Request) -> None:
        match request:
            case Work(job=job):
                self.wishes = _Wishes(_controls(job))
                _steer(self.wishes.controls, job.steering)
                self.next_work = request
                self.has_work.set()
            case Steer(steering) if self.wishes:
                _steer(self.wishes.controls, steering)
            case Cancel() if self.wishes:
                self.wishes.is_canceled = True
            case Stop() if self.wishes:
                self.wishes.is_stopped = True


def _controls(job: Job) -> Controls:
    """Return what repeats the recipe of the order, if it has one."""
    order = job.order
    return Controls(order.options, order.changes, stop_after=order.stop_after)


def _steer(controls: Controls, steering: Mapping[str, float]) -> None:
    """Take over what this version knows; a newer API may let people steer more."""
    try:
        controls.set(**{name: steering[name] for name in STEERABLE if name in steering})
    except InvalidOption as error:
        logger.warning("steering ignored: %s", error)


@dataclass(slots=True)
class _Painting:
    """One job on the easel."""

    work: Work
    wishes: _Wishes
    easel: _Easel
    detail: Detail = field(default_factory=lambda: Detail(None))
    step: int = 0
    """Last step, counted through all attempts."""
    preview_step: int | None = None
    draft_side_pixels: int = 0
    """Longest side of the draft that is shown; 0: no draft is shown."""
    shown_at: float = 0.0
    kept_at: float = field(default_factory=time.monotonic)

    def paint(self) -> News:
        """To its end; returns what is to be said last."""
        try:
            return self._result()
        except StorageError as error:  # all that is written here is in the directory
            return OutOfSpace(str(error))
        except NSTError as error:
            logger.warning("%s", error, extra=public_facts(self._job))
            return Failed(_as_job_error(error))
        except Exception as error:
            if isinstance(error, OSError) and error.errno in files.NO_SPACE:
                return OutOfSpace(str(error))
            logger.exception("the engine stumbled", extra=public_facts(self._job))
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

    @property
    def _masks(self) -> Sequence[Path | None]:
        masks = enumerate(self._job.order.masks)
        return [self._file(f"mask-{number}") if mask else None for number, mask in masks]

    def _file(self, name: str) -> Path:
        return self.work.directory / name

    def _phase(self, name: str) -> AbstractContextManager[None]:
        return tracing.span(f"engine.{name}", self._job.trace, job=self._job.id)

    @property
    def _inputs(self) -> Inputs:
        return Inputs(
            self._file(CONTENT),
            self._styles,
            masks=self._masks,
            detail_map=self.detail.map,
            initial=self._file(INITIAL) if self._job.order.initial else None,
        )

    def _picture(self) -> News:
        is_draft = self._job.order.options.is_draft
        with self._phase("draft" if is_draft else "transfer"):
            result = self._transfer()
        if self.wishes.is_stopped and result.stop_reason is StopReason.CANCELED:
            return Stopped(has_checkpoint=self._file(CHECKPOINT).exists())
        self.easel.keep.speed(result)
        with self._phase("save"):
            return self._finished(result)

    def _film(self) -> News:
        """Paint a film. After its first frame, an error that another attempt cannot fix leaves the
        frames so far as the result. Raises all other errors: another attempt goes on."""
        directory, order = self.work.directory, self._job.order
        with self._phase("film"):
            painting = FilmPainting(
                directory, order, self._styles, self._engine(), self.wishes.early_end, self._say
            )
            film = painting.paint()
        if painting.frame_seconds:
            options = later_options(order.options)
            self.easel.keep.frame_speed(options, film.size, painting.frame_seconds)
        error = film.failure
        if error and (not isinstance(error, NSTError) or isinstance(error, StorageError)):
            raise error
        if painting.ends_early and self.wishes.is_stopped:
            return Stopped(has_checkpoint=film.frames > 0)
        result = painting.result(film)
        if isinstance(error, NSTError):
            logger.warning("%s", error, extra=public_facts(self._job))
            return Failed(_as_job_error(error), result)
        return Finished(JobStatus.CANCELED if painting.ends_early else JobStatus.SUCCEEDED, result)

    def _learned(self) -> News:
        """Learn a style, from the checkpoint of an earlier attempt if there is one."""
        directory, easel = self.work.directory, self.easel
        learner = Learner(directory, self._job.order, self._styles, easel.device, easel.weights)
        with self._phase("learning"):
            for progress, files in learner.steps():
                ends_early = self._report(progress, files, learner.save_checkpoint)
                if ends_early and not learner.is_done:
                    break
        if self.wishes.is_stopped and not learner.is_done:
            return Stopped(has_checkpoint=self._file(CHECKPOINT).exists())
        status = JobStatus.SUCCEEDED if learner.is_done else JobStatus.CANCELED
        with self._phase("save"):
            return Finished(status, learner.result())

    def _engine(self) -> NeuralStyleTransfer:
        options, device = self._job.order.options, self.easel.device
        if self._job.order.is_learned:
            return LearnedTransfer(options, device=device)
        return NeuralStyleTransfer(options, device=device, weights=self.easel.weights)

    def _transfer(self) -> Result:
        options, transfer = self._job.order.options, self._engine()
        self.detail = self._load_detail()
        checkpoint = self._file(CHECKPOINT)
        if not checkpoint.exists():
            if not options.is_draft and not self._job.order.initial:
                self._show_draft()
            return self._run(transfer, None)
        try:
            return self._run(transfer, checkpoint)
        except InvalidCheckpoint as error:
            logger.warning("job begins again: %s", error, extra=public_facts(self._job))
            return self._run(transfer, None)

    def _load_detail(self) -> Detail:
        order = self._job.order
        detail_map = self._file(DETAIL_MAP) if order.detail_map else None
        content = images.load(self._file(CONTENT), "content")
        return load_detail(detail_map, content, order.options)

    def _run(self, transfer: NeuralStyleTransfer, checkpoint: Path | None) -> Result:
        return transfer.run(
            self._inputs,
            self._on_progress,
            resume_from=checkpoint,
            controls=self.wishes.controls,
        )

    def _show_draft(self) -> None:
        options = self._job.order.options
        draft = run_draft(options, self._inputs).image
        save_preview(draft, self.work.directory)
        self.preview_step, self.draft_side_pixels = 0, max(draft.size)
        progress = JobProgress(
            step=0,
            total_iterations=options.total_iterations,
            elapsed_seconds=0.0,
            remaining_seconds=None,
            share=0.0,
            size=draft.size,
            preview_step=0,
        )
        self._say(progress, [PREVIEW])

    def _on_progress(self, progress: Progress) -> None:
        self.step = progress.step
        files = [*self._preview(progress, time.monotonic()), *self._frame(progress)]
        save = progress.snapshot.save_checkpoint if progress.stop_reason is None else None
        if self._report(self._as_job_progress(progress), files, save):
            raise TransferCanceled

    def _report(self, progress: JobProgress, files: Sequence[str], save: Save | None) -> bool:
        """Tell about a step, with a checkpoint if one is due or the job has to go; return
        whether it has to. `save` writes it; None: there is nothing to go on from."""
        # Asked once: a wish that comes while this runs is followed with the next checkpoint.
        ends_early = self.wishes.early_end() is not None
        is_due = time.monotonic() - self.kept_at >= self.work.checkpoint_seconds
        has_checkpoint = False
        if save and (is_due or ends_early):
            has_checkpoint = self._keep_checkpoint(save)
            self.kept_at = time.monotonic()
        self._say(progress, files, has_checkpoint)
        return ends_early

    def _keep_checkpoint(self, save: Save) -> bool:
        """Return whether there is a new one. Where there is no space for two, the old one goes:
        the storage has a copy of it. Where there is none for one, the job goes on without."""
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
        self.easel.say(Painted(progress, files, has_checkpoint, *held))

    def _preview(self, progress: Progress, now: float) -> Sequence[str]:
        if now - self.shown_at < PREVIEW_SECONDS or not self._is_past_draft(progress):
            return []
        save_preview(progress.snapshot.picture(), self.work.directory)
        self.preview_step, self.shown_at = progress.step, now
        return [PREVIEW]

    def _is_past_draft(self, progress: Progress) -> bool:
        """Return whether the painting shows more than the draft. Its first sizes are a few dozen
        pixels wide, and after the first steps it is still almost the photo."""
        is_large_enough = 2 * max(progress.size) >= self.draft_side_pixels
        if is_large_enough and progress.step >= DRAFT_STEPS:
            self.draft_side_pixels = 0
        return self.draft_side_pixels == 0

    def _frame(self, progress: Progress) -> Sequence[str]:
        asked = self._job.order.options.save_every
        usual, least = (-(-progress.total_iterations // n) for n in (USUAL_FRAMES, MOST_FRAMES))
        if progress.step % max(asked or usual, least):
            return []
        name = f"{FRAMES}{progress.step:06d}.jpg"
        images.save(progress.snapshot.picture(), self._file(name), overwrite=True)
        return [name]

    def _as_job_progress(self, progress: Progress) -> JobProgress:
        told = JobProgress.model_validate(progress, from_attributes=True)
        return told.model_copy(update={"preview_step": self.preview_step})

    def _finished(self, result: Result) -> Finished:
        recipe = result.recipe(self._job.order.in_recipe).text()
        images.save(result.output, self._file(RESULT), recipe=recipe, overwrite=True)
        planned = self._job.order.stop_after
        canceled = result.stopped_after is not None and result.stopped_after != planned
        return Finished(
            JobStatus.CANCELED if canceled else JobStatus.SUCCEEDED,
            JobResult(
                key=RESULT,
                content_type="image/png",
                size=result.image.size,
                steps=self.step,
                evaluations=result.evaluations,
                stop_reason=result.stop_reason,
                model=result.model,
                weights_sha256=result.weights_sha256,
                device=result.device,
                precision=result.precision,
                distances=result.distances,
                changes=result.changes,
                stopped_after=result.stopped_after,
                notice=self.detail.notice,
            ),
        )


def _as_job_error(error: NSTError) -> JobError:
    return JobError(code=error.code, message=_sentence(error))


_MISSING: Mapping[type[NSTError], str] = {
    DraftUnavailable: "this server cannot paint drafts; start from another picture",
    NetworkUnavailable: "this server cannot find faces or people; ask its operator to install nst "
    "again",
    VideoUnavailable: "this server cannot paint films; send a picture",
}
"""What the machine of a worker lacks."""


def _sentence(error: NSTError) -> str:
    """For those who use a service: they have neither its command line nor its files."""
    match error:
        case OutOfMemory(size=(width, height)):
            return f"{width}×{height} pixels need more memory than there is; try a smaller size"
        case WeightsUnavailable(model=model):
            return f"this server has no weights for {model}; choose the model vgg16"
        case DraftUnavailable() | NetworkUnavailable() | VideoUnavailable():
            return _MISSING[type(error)]
        case InvalidStyleFile(reason=reason):
            return f"the file of the learned style {reason}"
        case DependencyError():
            return "this server could not keep what was painted; try again later"
        case _:
            return str(error)
