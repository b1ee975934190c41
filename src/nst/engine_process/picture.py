"""An image in the engine's process: steps, previews and intermediate images."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from nst import image_writer
from nst.controls import Controls
from nst.engine.draft import run_draft
from nst.engine.inputs import Inputs
from nst.engine.transfer import NeuralStyleTransfer
from nst.engine_process.messages import Finished
from nst.engine_process.previews import save_preview
from nst.errors import InvalidCheckpoint, TransferCanceled
from nst.jobs.job import (
    CHECKPOINT,
    CONTENT,
    DETAIL_MAP,
    FRAMES,
    INITIAL,
    PREVIEW,
    RESULT,
    Job,
    JobProgress,
    JobResult,
    JobStatus,
    public_facts,
)
from nst.progress import Progress
from nst.result import Result

PREVIEW_SECONDS = 0.7
"""Minimum seconds between two previews."""

DRAFT_STEPS = 10
"""Minimum number of steps before a preview of the painting replaces the draft."""

USUAL_FRAMES, MOST_FRAMES = 24, 240
"""Numbers of intermediate images of a transfer: by default, and at most."""

Save: TypeAlias = Callable[[Path], None]
"""Function that writes a checkpoint into a file."""

Report: TypeAlias = Callable[[JobProgress, Sequence[str], Save | None], bool]
"""Function that reports a step and the names of new files.
It keeps a checkpoint if one is due, and returns whether the job has to end."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class PicturePainting:
    """Painting of one image."""

    directory: Path
    job: Job
    styles: Sequence[Path]
    transfer: NeuralStyleTransfer
    controls: Controls
    report: Report
    draft_side_pixels: int = 0
    """Longer side of the draft that is shown, in pixels; 0 if no draft is shown."""
    _step: int = 0
    """Number of the last step, counted through all attempts."""
    _preview_step: int | None = None
    _shown_at: float = 0.0

    def paint(self) -> Result:
        """Paint the image, from the checkpoint of an earlier attempt if there is one.
        Raises TransferCanceled, and errors of the engine."""
        options = self.job.order.options
        checkpoint = self._file(CHECKPOINT)
        if not checkpoint.exists():
            if not options.is_draft and not self.job.order.initial:
                self._show_draft()
            return self._run(None)
        try:
            return self._run(checkpoint)
        except InvalidCheckpoint as error:
            logger.warning("job begins again: %s", error, extra=public_facts(self.job))
            return self._run(None)

    def finished(self, result: Result) -> Finished:
        """Write the image with its recipe; return the last message about the job."""
        recipe = result.recipe(self.job.order.in_recipe).text()
        image_writer.save(result.output, self._file(RESULT), recipe=recipe, overwrite=True)
        planned = self.job.order.stop_after
        canceled = result.stopped_after is not None and result.stopped_after != planned
        return Finished(
            JobStatus.CANCELED if canceled else JobStatus.SUCCEEDED,
            JobResult(
                key=RESULT,
                content_type="image/png",
                size=result.image.size,
                steps=self._step,
                evaluations=result.evaluations,
                stop_reason=result.stop_reason,
                model=result.model,
                weights_sha256=result.weights_sha256,
                device=result.device,
                precision=result.precision,
                distances=result.distances,
                changes=result.changes,
                stopped_after=result.stopped_after,
                notice=result.notice,
            ),
        )

    @property
    def _masks(self) -> Sequence[Path | None]:
        masks = enumerate(self.job.order.masks)
        return [self._file(f"mask-{number}") if mask else None for number, mask in masks]

    @property
    def _inputs(self) -> Inputs:
        return Inputs(
            self._file(CONTENT),
            self.styles,
            masks=self._masks,
            detail_map=self._file(DETAIL_MAP) if self.job.order.detail_map else None,
            initial=self._file(INITIAL) if self.job.order.initial else None,
        )

    def _run(self, checkpoint: Path | None) -> Result:
        return self.transfer.run(
            self._inputs,
            self._on_progress,
            resume_from=checkpoint,
            controls=self.controls,
        )

    def _show_draft(self) -> None:
        options = self.job.order.options
        draft = run_draft(options, self._inputs).image
        save_preview(draft, self.directory)
        self._preview_step, self.draft_side_pixels = 0, max(draft.size)
        progress = JobProgress(
            step=0,
            total_iterations=options.total_iterations,
            elapsed_seconds=0.0,
            remaining_seconds=None,
            share=0.0,
            size=draft.size,
            preview_step=0,
        )
        self.report(progress, [PREVIEW], None)

    def _on_progress(self, progress: Progress) -> None:
        self._step = progress.step
        files = [*self._preview(progress, time.monotonic()), *self._frame(progress)]
        save = progress.snapshot.save_checkpoint if progress.stop_reason is None else None
        if self.report(self._as_job_progress(progress), files, save):
            raise TransferCanceled

    def _preview(self, progress: Progress, now: float) -> Sequence[str]:
        if now - self._shown_at < PREVIEW_SECONDS or not self._is_past_draft(progress):
            return []
        save_preview(progress.snapshot.picture(), self.directory)
        self._preview_step, self._shown_at = progress.step, now
        return [PREVIEW]

    def _is_past_draft(self, progress: Progress) -> bool:
        """Return whether the painting shows more than the draft. Its first scales are a few dozen
        pixels wide, and after the first steps it still looks almost like the photo."""
        is_large_enough = 2 * max(progress.size) >= self.draft_side_pixels
        if is_large_enough and progress.step >= DRAFT_STEPS:
            self.draft_side_pixels = 0
        return self.draft_side_pixels == 0

    def _frame(self, progress: Progress) -> Sequence[str]:
        asked = self.job.order.options.save_every
        usual, least = (-(-progress.total_iterations // n) for n in (USUAL_FRAMES, MOST_FRAMES))
        if progress.step % max(asked or usual, least):
            return []
        name = f"{FRAMES}{progress.step:06d}.jpg"
        image_writer.save(progress.snapshot.picture(), self._file(name), overwrite=True)
        return [name]

    def _as_job_progress(self, progress: Progress) -> JobProgress:
        told = JobProgress.model_validate(progress, from_attributes=True)
        return told.model_copy(update={"preview_step": self._preview_step})

    def _file(self, name: str) -> Path:
        return self.directory / name
