"""Beginning of a transfer: scales and first task, also from a checkpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from nst.engine.checkpoint import Checkpoint, CheckpointSource, Origin, name_of
from nst.engine.preparation import Preparation
from nst.engine.scale_task import ScaleTask
from nst.engine.scales import Clock, Scale, scales
from nst.engine.steering import SteeringLog
from nst.errors import InvalidCheckpoint


@dataclass(frozen=True, slots=True)
class Beginning:
    """Scales and first task of a transfer."""

    preparation: Preparation
    pyramid: Sequence[Scale]
    task: ScaleTask
    """Task of the first scale to paint."""
    steps_before: int
    """Number of steps that were taken before the checkpoint."""

    @classmethod
    def of(cls, preparation: Preparation, resume_from: CheckpointSource | None = None) -> Self:
        """Prepare the coarsest scale, or that of the checkpoint.

        Raises InvalidOption, InvalidCheckpoint, OutOfMemory.
        """
        pictures, options, checkpoint = preparation.pictures, preparation.options, None
        preparation.plan(pictures.size)  # fails early if memory is too small
        pyramid = scales(pictures.size, options, is_held=pictures.held is not None)
        scale = pyramid[0]
        if resume_from is not None:
            checkpoint = _load(resume_from, preparation, pyramid)
            scale = pyramid[checkpoint.scale]
            options = options.model_copy(update=checkpoint.in_force)
        task = preparation.task(scale, options, checkpoint=checkpoint)
        return cls(preparation, pyramid, task, checkpoint.steps if checkpoint else 0)

    def clock(self) -> Clock:
        """Start the clock of the transfer; call this before the first step."""
        clock, checkpoint = Clock(self.pyramid), self.task.checkpoint
        if checkpoint:
            clock.go_on(self.task.scale, checkpoint.scale_steps, checkpoint.steps)
        return clock

    def log(self) -> SteeringLog:
        """Return the log of steering; call this before the first step."""
        checkpoint = self.task.checkpoint
        return SteeringLog(self.task.options, checkpoint.changes if checkpoint else ())


def _load(
    source: CheckpointSource, preparation: Preparation, pyramid: Sequence[Scale]
) -> Checkpoint:
    """Load the checkpoint of an unfinished transfer. Raises InvalidCheckpoint."""
    origin = Origin.of(
        preparation.options, preparation.pictures.by_role(), preparation.weights.sha256
    )
    checkpoint = Checkpoint.load(source, origin, preparation.device)
    if not _fits(checkpoint, pyramid):
        reason = "was made by a version with other scales; start the transfer again"
        raise InvalidCheckpoint(name_of(source), reason)
    scale = pyramid[checkpoint.scale]
    if scale is pyramid[-1] and checkpoint.scale_steps == scale.steps:
        reason = "is of a finished transfer; start another"
        raise InvalidCheckpoint(name_of(source), reason)
    return checkpoint


def _fits(checkpoint: Checkpoint, pyramid: Sequence[Scale]) -> bool:
    """Return whether the checkpoint was made in one of these scales, after this many steps."""
    before, rest = pyramid[: checkpoint.scale], pyramid[checkpoint.scale :]
    if not rest or checkpoint.scale_steps > rest[0].steps:
        return False
    width, height = rest[0].size
    has_size = checkpoint.optimizer.x.numel() == 3 * width * height
    return has_size and checkpoint.steps <= sum(scale.steps for scale in before) + rest[0].steps
