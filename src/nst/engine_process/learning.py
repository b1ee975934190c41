"""A network in the engine's process: learns the styles of a job, step by step.

An interrupted job continues from a checkpoint in the format of `nst learn`.
"""

import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nst import image_writer
from nst.engine.device import precision_of, resolve_device, resolve_precision
from nst.engine.network.weights import WeightsStore
from nst.errors import InvalidCheckpoint
from nst.jobs.job import (
    CHECKPOINT,
    LEARNED,
    LEARNED_PAGE,
    PREVIEW,
    JobLosses,
    JobProgress,
    JobResult,
)
from nst.jobs.order import LEARNED_TYPE, Learning, Order
from nst.learning.preview import preview
from nst.learning.training import LearningProgress
from nst.learning.training_run import TrainingRun
from nst.progress import StopReason

PREVIEW_SECONDS = 15.0
"""Seconds between two previews, each of which takes about as long as a step."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Learner:
    """The network of a job while it learns."""

    directory: Path
    order: Order
    styles: Sequence[Path]
    device: str
    weights: WeightsStore
    is_done: bool = False
    """Whether the last step has been taken."""
    _training_run: TrainingRun = field(init=False)
    _shown_at: float = -math.inf
    _preview_step: int | None = None

    def __post_init__(self) -> None:
        self._training_run = self._begin()
        if (self.directory / CHECKPOINT).exists():
            self._resume()

    def steps(self) -> Iterator[tuple[JobProgress, Sequence[str]]]:
        """Take the remaining steps; yield progress and the names of new files.
        Raises Diverged, InvalidOption."""
        for progress in self._training_run.training.run():
            self.is_done = progress.is_last
            files = self._preview(now=self.is_done)
            yield self._as_job_progress(progress), files
        self.is_done = True

    def save_checkpoint(self, file: Path) -> None:
        """Write a checkpoint for the next attempt. Raises StorageError."""
        self._training_run.save_checkpoint(file, {})

    def result(self) -> JobResult:
        """Write the network so far and its preview page; return the result.
        Raises StorageError."""
        training_run, options = self._training_run, self._training_run.training.options
        training_run.save(self.directory / LEARNED, overwrite=True)
        place = resolve_device(self.device)
        return JobResult(
            key=LEARNED,
            content_type=LEARNED_TYPE,
            first_frame=LEARNED_PAGE,
            size=self._save_page(LEARNED_PAGE),
            steps=training_run.training.step,
            evaluations=training_run.training.step * options.batch,
            stop_reason=StopReason.TOTAL_ITERATIONS if self.is_done else StopReason.CANCELED,
            model=options.model,
            weights_sha256=training_run.weights.sha256,
            device=str(place),
            precision=precision_of(resolve_precision("auto", place)),
        )

    @property
    def _learning(self) -> Learning:
        assert self.order.learning is not None
        return self.order.learning

    def _begin(self) -> TrainingRun:
        learning = self._learning
        photos = [self.directory / Path(photo.key).name for photo in learning.photos]
        return TrainingRun.begin(
            self.styles,
            learning.options,
            names=learning.names,
            photos=photos or None,
            licence=learning.licence,
            device=self.device,
            weights=self.weights,
        )

    def _resume(self) -> None:
        try:
            self._training_run.resume(self.directory / CHECKPOINT)
        except InvalidCheckpoint as error:
            logger.warning("learning begins again: %s", error)
            self._training_run = self._begin()

    def _preview(self, *, now: bool) -> Sequence[str]:
        """Write the preview page, `now` or if it is due; return the names of new files."""
        if not now and time.monotonic() - self._shown_at < PREVIEW_SECONDS:
            return []
        self._save_page(PREVIEW)
        self._shown_at, self._preview_step = time.monotonic(), self._training_run.training.step
        return [PREVIEW]

    def _save_page(self, name: str) -> tuple[int, int]:
        page = preview(self._training_run.training.painter())
        image_writer.save(page, self.directory / name, overwrite=True)
        return page.size

    def _as_job_progress(self, progress: LearningProgress) -> JobProgress:
        elapsed, remaining = progress.elapsed_seconds, progress.remaining_seconds
        side = self._learning.options.size
        return JobProgress(
            step=progress.step,
            total_iterations=progress.steps,
            elapsed_seconds=elapsed,
            remaining_seconds=remaining,
            share=elapsed / (elapsed + remaining),
            size=(side, side),
            losses=JobLosses.model_validate(progress.losses, from_attributes=True),
            preview_step=self._preview_step,
        )
