"""Files that `nst learn` writes: learned style, checkpoint and preview.
The checkpoint and the preview are written while it runs."""

import shlex
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, PlainSerializer, ValidationError

from nst import files, image_writer
from nst.cli.checkpoints import readable_name, unchanged
from nst.cli.intervals import IntervalTimer
from nst.cli.machine import MachineOptions
from nst.cli.notices import tell
from nst.cli.options import is_given
from nst.cli.painting import save_or_rescue
from nst.errors import InvalidCheckpoint, StorageError
from nst.recipe import PictureFile

if TYPE_CHECKING:
    from nst.learning.training_run import TrainingRun

CHECKPOINT_ENDING = "_checkpoint.safetensors"
PREVIEW_ENDING = "_preview.jpg"


class TrainingCheckpoint:
    """Checkpoint file, from which the training can continue."""

    def __init__(self, path: Path, command: "LearnCommand", every_seconds: float) -> None:
        """Prepare the checkpoint file.

        `command`: arguments from which `nst learn` can continue. `every_seconds`: checkpoint
        interval; 0 for never.
        """
        self._path = path
        self._command = command
        self._timer = IntervalTimer(every_seconds)

    def keep(self, training_run: "TrainingRun", *, now: bool) -> None:
        """Write the checkpoint if it is time for it, or at once if `now` is true.

        A failure is printed, and the training continues.
        """
        if not self._timer.is_due(now=now):
            return
        with self._timer.writing():
            try:
                training_run.save_checkpoint(self._path, self._command.model_dump(mode="json"))
            except StorageError as error:
                tell(f"nst: continuing without a checkpoint: {error}")

    def leave(self, saved: Path) -> None:
        """Print how to continue, if the checkpoint exists.

        The finished network then replaces `saved`, the network so far.
        """
        if self._path.exists():
            self._keep_partial(saved)
            command = shlex.join(["nst", "learn", "--resume", str(relative(self._path))])
            tell(f"To continue: {command}")

    def _keep_partial(self, saved: Path) -> None:
        from nst.learning.checkpoint import LearningCheckpoint

        if saved.absolute().parent != self._command.output.parent:  # in a temporary directory
            return
        so_far = PictureFile.of(saved, self._path)
        command = self._command.model_copy(update={"partial": so_far, "overwrite": False})
        with suppress(StorageError, InvalidCheckpoint):
            LearningCheckpoint.replace_command(self._path, command.model_dump(mode="json"))

    def remove(self) -> None:
        """Remove the checkpoint file."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


class TrainingPreview:
    """Image of what the network paints so far; a new one replaces it."""

    def __init__(self, path: Path, every_seconds: float) -> None:
        """Prepare the preview file. `every_seconds`: interval; 0 for never."""
        self._path = path
        self._timer = IntervalTimer(every_seconds)

    def keep(self, training_run: "TrainingRun", *, now: bool = False) -> None:
        """Write the preview if it is time for it, or at once if `now` is true.

        A failure is printed, and the training continues.
        """
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


StoredPath = Annotated[Path, PlainSerializer(readable_name, return_type=str, when_used="json")]
"""Path that a checkpoint stores as text, whatever its bytes are."""


class LearnCommand(BaseModel):
    """Arguments of `nst learn`, as a checkpoint keeps them. Paths are absolute."""

    model_config = ConfigDict(frozen=True)

    styles: tuple[StoredPath, ...]
    names: tuple[str, ...]
    photos: StoredPath | None
    output: StoredPath
    overwrite: bool = False
    """Whether the network may replace a file that was there before."""
    export: str | None = None
    """Format in which the network is exported, too."""
    licence: str
    options: dict[str, Any]
    device: str = "auto"
    precision: str
    weights: StoredPath | None
    preview: StoredPath | None = None
    """File of the preview; None in checkpoints of earlier versions."""
    partial: PictureFile | None = None
    """Network so far, if it was saved; the finished one replaces it."""

    @classmethod
    def read(cls, checkpoint: Path) -> Self:
        """Read the arguments from a checkpoint. Raises InvalidCheckpoint."""
        from nst.learning.checkpoint import LearningCheckpoint

        try:
            return cls.model_validate(LearningCheckpoint.read(checkpoint).command)
        except ValidationError as error:
            reason = "does not say what was learned; start again"
            raise InvalidCheckpoint(str(checkpoint), reason) from error

    def with_given(self, machine: MachineOptions, *, overwrite: bool, export: str | None) -> Self:
        """Return the command with the options that the command line names."""
        named = {name: getattr(machine, name) for name in ("device", "precision") if is_given(name)}
        named |= {"weights": machine.weights.absolute()} if machine.weights else {}
        others = {"overwrite": overwrite or self.overwrite, "export": export or self.export}
        return self.model_copy(update=named | others)


@dataclass(frozen=True, slots=True)
class TrainingFiles:
    """Files that a training run writes while it runs and at its end."""

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
    ) -> Self:
        """Return the files of a training run.

        A resumed run uses its own files again, and replaces the network so far unless somebody has
        changed that since; any other run uses free paths for its checkpoint and its preview, and
        leaves existing files alone.
        """
        output = command.output
        checkpoint = resume or files.free_path(beside(output, CHECKPOINT_ENDING))
        own_preview = command.preview if resume else None
        preview = own_preview or files.free_path(beside(output, PREVIEW_ENDING))
        command = command.model_copy(update={"preview": preview})
        so_far = unchanged(command.partial, resume) if resume else None
        return cls(
            so_far or output,
            command.overwrite or so_far is not None,
            TrainingCheckpoint(checkpoint, command, checkpoint_every),
            TrainingPreview(preview, preview_every),
        )

    def save(self, training_run: "TrainingRun") -> Path:
        """Save the network so far and return its path. Raises StorageError.

        If its path cannot be written, the network is saved in a temporary directory.
        """
        self.preview.keep(training_run, now=True)
        save = partial(training_run.save, overwrite=self.overwrite)
        return save_or_rescue(save, self.output)


def beside(output: Path, ending: str) -> Path:
    """Return the path of a file beside the output."""
    return output.with_name(files.derived_name(output.stem, ending))


def relative(path: Path) -> Path:
    """Return the path relative to the current directory, if it is below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
