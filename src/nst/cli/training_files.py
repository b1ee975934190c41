"""The files that `nst learn` writes: the learned style, and
while it runs the checkpoint and the preview."""

import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from nst import files, image_writer
from nst.cli.checkpoints import CheckpointTimer
from nst.cli.notices import tell
from nst.errors import InvalidCheckpoint, StorageError

if TYPE_CHECKING:
    from nst.learning.training_run import TrainingRun

CHECKPOINT_ENDING = "_checkpoint.safetensors"
PREVIEW_ENDING = "_preview.jpg"


class TrainingCheckpoint:
    """The file from which learning goes on."""

    def __init__(self, path: Path, command: dict[str, Any], every_seconds: float) -> None:
        """`command`: what the command needs to begin again; `every_seconds`: 0 for never."""
        self._path = path
        self._command = command
        self._timer = CheckpointTimer(every_seconds)

    def keep(self, training_run: "TrainingRun", *, now: bool) -> None:
        """Write the checkpoint now, or if it is time.
        A failure is told, and learning goes on."""
        if not self._timer.is_due(now=now):
            return
        with self._timer.writing():
            try:
                training_run.save_checkpoint(self._path, self._command)
            except StorageError as error:
                tell(f"nst: continuing without a checkpoint: {error}")

    def tell(self) -> None:
        """Say how to go on, if that is possible."""
        if self._path.exists():
            command = shlex.join(["nst", "learn", "--resume", str(relative(self._path))])
            tell(f"To continue: {command}")

    def remove(self) -> None:
        """Remove the file."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


class TrainingPreview:
    """The image of what the network paints so far; each one
    takes the place of the one before."""

    def __init__(self, path: Path, every_seconds: float) -> None:
        """`every_seconds`: 0 for never."""
        self._path = path
        self._timer = CheckpointTimer(every_seconds)

    def keep(self, training_run: "TrainingRun", *, now: bool = False) -> None:
        """Write the preview now, or if it is time.
        A failure is told, and learning goes on."""
        if not self._timer.is_due(now=now):
            return
        from nst.learning.preview import preview

        with self._timer.writing():
            try:
                image_writer.save(
                    preview(training_run.training.painter()), self._path, overwrite=True
                )
            except StorageError as error:
                tell(f"nst: continuing without a preview: {error}")


class LearnCommand(BaseModel):
    """Arguments of `nst learn`, as a checkpoint keeps them. Paths are absolute."""

    model_config = ConfigDict(frozen=True)

    styles: tuple[str, ...]
    names: tuple[str, ...]
    photos: str | None
    output: str
    licence: str
    options: dict[str, Any]
    precision: str
    weights: str | None

    @classmethod
    def read(cls, checkpoint: Path) -> Self:
        """Raises InvalidCheckpoint."""
        from nst.learning.checkpoint import LearningCheckpoint

        try:
            return cls.model_validate(LearningCheckpoint.read(checkpoint).command)
        except ValidationError as error:
            reason = "does not say what was learned; start again"
            raise InvalidCheckpoint(str(checkpoint), reason) from error


@dataclass(frozen=True, slots=True)
class TrainingFiles:
    """Files that are written while the network learns, and in the end."""

    output: Path
    overwrite: bool
    checkpoint: TrainingCheckpoint
    preview: TrainingPreview

    @classmethod
    def of(
        cls,
        command: LearnCommand,
        resume: Path | None,
        checkpoint_every: float,
        preview_every: float,
        *,
        overwrite: bool,
    ) -> Self:
        """Return the files of a training run. One that goes on has those that it had;
        any other leaves those of others alone."""
        output = Path(command.output)
        checkpoint, preview = (beside(output, end) for end in (CHECKPOINT_ENDING, PREVIEW_ENDING))
        return cls(
            output,
            overwrite,
            TrainingCheckpoint(
                resume or files.free_path(checkpoint),
                command.model_dump(mode="json"),
                checkpoint_every,
            ),
            TrainingPreview(preview if resume else files.free_path(preview), preview_every),
        )

    def save(self, training_run: "TrainingRun") -> Path:
        """Write the network so far; return where it is. Raises StorageError."""
        self.preview.keep(training_run, now=True)
        return training_run.save(self.output, overwrite=self.overwrite)


def beside(output: Path, ending: str) -> Path:
    """Return the path of a file beside the output."""
    return output.with_name(files.derived_name(output.stem, ending))


def relative(path: Path) -> Path:
    """Return the path as seen from here, if that is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
