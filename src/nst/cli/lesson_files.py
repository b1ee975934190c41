"""The files that `nst learn` writes while it runs: the
checkpoint and the preview."""

import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nst import files, image_writer
from nst.cli.checkpoints import Pace
from nst.cli.notices import tell
from nst.errors import StorageError

if TYPE_CHECKING:
    from nst.learning.lesson import Lesson

CHECKPOINT_ENDING = "_checkpoint.safetensors"
PREVIEW_ENDING = "_preview.jpg"


class LessonCheckpoint:
    """The file from which learning goes on."""

    def __init__(self, path: Path, command: dict[str, Any], every_seconds: float) -> None:
        """`command`: what the command needs to begin again; `every_seconds`: 0 for never."""
        self._path = path
        self._command = command
        self._pace = Pace(every_seconds)

    def keep(self, lesson: "Lesson", *, now: bool) -> None:
        """Write the checkpoint now, or if it is time.
        A failure is told, and learning goes on."""
        if not self._pace.is_due(now=now):
            return
        with self._pace.writing():
            try:
                lesson.save_checkpoint(self._path, self._command)
            except StorageError as error:
                tell(f"nst: going on without a checkpoint: {error}")

    def tell(self) -> None:
        """Say how to go on, if that is possible."""
        if self._path.exists():
            command = shlex.join(["nst", "learn", "--resume", str(relative(self._path))])
            tell(f"To continue: {command}")

    def remove(self) -> None:
        """Remove the file."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


class LessonPreview:
    """The image of what the network paints so far; each one
    takes the place of the one before."""

    def __init__(self, path: Path, every_seconds: float) -> None:
        """`every_seconds`: 0 for never."""
        self._path = path
        self._pace = Pace(every_seconds)

    def keep(self, lesson: "Lesson", *, now: bool = False) -> None:
        """Write the preview now, or if it is time.
        A failure is told, and learning goes on."""
        if not self._pace.is_due(now=now):
            return
        from nst.learning.preview import preview

        with self._pace.writing():
            try:
                image_writer.save(preview(lesson.training.painter()), self._path, overwrite=True)
            except StorageError as error:
                tell(f"nst: going on without a preview: {error}")


def beside(output: Path, ending: str) -> Path:
    """Return the path of a file beside the output."""
    return output.with_name(files.derived_name(output.stem, ending))


def relative(path: Path) -> Path:
    """Return the path as seen from here, if that is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
