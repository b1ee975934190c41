"""Snapshot of a transfer after one step, while the transfer continues."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from nst.controls import in_force
from nst.engine.checkpoint import Checkpoint, Origin
from nst.engine.device import precision_of
from nst.engine.inputs import finished
from nst.engine.pictures import levels
from nst.engine.pictures.tensors import to_levels
from nst.engine.preparation import Preparation
from nst.engine.scale_task import ScaleTask, Step
from nst.engine.scales import Clock
from nst.engine.steering import loss_weights
from nst.options import StyleTransferOptions
from nst.progress import Change, Losses, Progress, Samples


@dataclass(frozen=True, slots=True)
class StepSnapshot:
    """A `nst.progress.Snapshot` of a step.
    It costs no copy of its tensors, because later steps replace them and never change them in
    place."""

    image: Tensor
    """Iterate or, with option average, the average of iterates, (1, 3, H, W)."""
    iterate_losses: Losses
    is_average: bool
    options: StyleTransferOptions
    """Options that this step used."""
    preparation: Preparation
    task: ScaleTask
    make_checkpoint: Callable[[Origin], Checkpoint] | None
    """Function that holds the optimizer's vectors; None if they have been released."""

    def picture(self) -> Image.Image:
        return levels.to_image(self._levels())

    def samples(self) -> "Samples | None":
        return levels.to_samples(self._levels()) if self.options.is_16_bit else None

    def output(self) -> "Image.Image | Samples":
        samples = self.samples()
        return self.picture() if samples is None else samples

    def losses(self) -> Losses:
        if not self.is_average:
            return self.iterate_losses
        return self.task.losses_of(self.image, loss_weights(self.options))

    def save_checkpoint(self, path: Path) -> None:
        if self.make_checkpoint is None:
            raise ValueError("this snapshot was taken without the optimizer's vectors")
        made_of = self.preparation
        pictures, weights = made_of.pictures.by_role(), made_of.weights.sha256
        self.make_checkpoint(Origin.of(made_of.options, pictures, weights)).save(path)

    def without_checkpoint(self) -> "StepSnapshot":
        return replace(self, make_checkpoint=None)

    def _levels(self) -> np.ndarray:
        """Return the levels in the size of the result, even for a coarser scale."""
        pictures = self.preparation.pictures
        painted = levels.resized(to_levels(self.image), pictures.size)
        return finished(painted, pictures.content, self.options)


def progress_after(
    step: Step,
    task: ScaleTask,
    preparation: Preparation,
    clock: Clock,
    before: int,
    changes: tuple[Change, ...],
) -> Progress:
    """Return the progress after a step.

    `before`: number of evaluations in earlier scales. `changes`: options steered so far.
    """
    evaluations = before + task.objective.evaluations
    losses = step.optimizer.accepted.losses
    make_checkpoint = partial(
        Checkpoint.after,
        scale=clock.scales.index(task.scale),
        scale_steps=step.scale_steps,
        steps=clock.steps,
        evaluations=evaluations,
        lowest=step.convergence.lowest,
        precision=precision_of(task.dtype),
        plan=task.plan,
        in_force=in_force(task.options),
        optimizer=step.optimizer.state(),
        average=step.average.state(),
        began=task.scene.began if preparation.options.is_matched else None,
        changes=changes,
    )
    return Progress(
        step=clock.steps,
        total_iterations=preparation.options.total_iterations,
        size=task.scale.size,
        evaluations=evaluations,
        losses=losses,
        elapsed_seconds=clock.elapsed_seconds(),
        share=1.0 if step.stop_reason else clock.share(),
        remaining_seconds=0.0 if step.stop_reason else clock.remaining_seconds(),
        stop_reason=step.stop_reason,
        memory_plan=task.plan,
        in_force=in_force(task.options),
        snapshot=StepSnapshot(
            image=step.image,
            iterate_losses=losses,
            is_average=step.average.mean is not None,
            options=task.options,
            preparation=preparation,
            task=task,
            make_checkpoint=make_checkpoint,
        ),
        changes=changes,
        notice=preparation.pictures.notice,
    )
