"""Checkpoints of a command: a directory beside the output, used by `--resume`."""

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from nst import files
from nst.cli.intervals import IntervalTimer
from nst.cli.machine import MachineOptions
from nst.cli.notices import tell
from nst.cli.options import is_given
from nst.errors import InvalidCheckpoint, InvalidImage, StorageError
from nst.options import StyleTransferOptions
from nst.progress import CHECKPOINT_NAME, Change, Progress
from nst.recipe import PictureFile

COMMAND_NAME = "command.json"


class Pictures(NamedTuple):
    """Input files of a transfer."""

    content: Path
    styles: tuple[Path, ...]
    masks: tuple[Path | None, ...]
    detail_map: Path | None
    initial: Path | None


class Target(NamedTuple):
    """Place of a result."""

    output: Path
    overwrite: bool
    """Whether the result replaces whatever file is there."""
    replaces_partial: bool
    """Whether that file is the result so far, which is replaced in any case."""


class Resumable(BaseModel):
    """A command that can be resumed.
    Paths are relative to the directory of its checkpoint."""

    model_config = ConfigDict(frozen=True)

    WRITTEN_BY: ClassVar[str]
    """Name of the command, as it is typed."""
    DAMAGED: ClassVar[str]
    """Reason in the error for a file that is not a checkpoint of this command."""

    output: str
    overwrite: bool = False
    """Whether the result may replace a file that was there before."""
    device: str = "auto"
    precision: str
    max_memory: int | None = None
    """Maximum memory in bytes; None: the free memory."""
    weights: str | None
    partial: PictureFile | None = None
    """Result so far, if it was saved; the finished result replaces it."""

    def with_partial(self, saved: Path, directory: Path) -> Self:
        """Return the command with the result so far, if it is in the output's directory.

        From then on the result replaces that file alone, and no longer whatever is at its path.
        """
        wanted = directory.resolve() / self.output
        if saved.resolve().parent != Path(os.path.normpath(wanted)).parent:
            return self
        partial = PictureFile.of(saved, directory / COMMAND_NAME)
        return self.model_copy(update={"partial": partial, "overwrite": False})

    def target(self, directory: Path, named: Path | None, *, overwrite: bool) -> Target:
        """Return where the result is written.

        It replaces the result so far, unless somebody has changed that since. `named` and
        `overwrite`: output that the command line names, and whether that replaces another file.
        """
        if named:
            return Target(named, overwrite, replaces_partial=False)
        overwrite = overwrite or self.overwrite
        if file := unchanged(self.partial, directory / COMMAND_NAME):
            return Target(files.relative_path(file), overwrite, replaces_partial=True)
        output = files.relative_path(directory.resolve() / self.output)
        return Target(output, overwrite, replaces_partial=False)

    def machine(self, wanted: MachineOptions) -> MachineOptions:
        """Return the machine options of the command line, completed by the checkpoint.

        Each is that of the checkpoint unless the command line names it.
        """
        return MachineOptions(
            device=wanted.device if is_given("device") else self.device,
            precision=wanted.precision if is_given("precision") else self.precision,
            max_memory=self.max_memory if wanted.max_memory is None else wanted.max_memory,
            weights=wanted.weights or (Path(self.weights) if self.weights else None),
        )

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read the command from the directory of a checkpoint.

        Raises InvalidCheckpoint.
        """
        try:
            return cls.model_validate_json((directory / COMMAND_NAME).read_bytes())
        except OSError as error:
            reason = f"has no {COMMAND_NAME}; name a directory that {cls.WRITTEN_BY} left"
            raise InvalidCheckpoint(str(directory), reason) from error
        except ValidationError as error:
            raise InvalidCheckpoint(str(directory), cls.DAMAGED) from error

    def write(self, directory: Path) -> None:
        """Write the command into the directory of a checkpoint. Raises StorageError."""
        text = self.model_dump_json()
        files.write_file(
            directory / COMMAND_NAME, lambda file: file.write_text(text), overwrite=True
        )

    def tell(self, directory: Path) -> None:
        """Print how to continue."""
        tell(f"To continue: {shlex.join([*self.WRITTEN_BY.split(), '--resume', str(directory)])}")

    def leave(self, directory: Path, saved: Path) -> None:
        """Print how to continue; the finished result then replaces `saved`.

        `saved`: path of the result so far.
        """
        with suppress(StorageError):
            self.with_partial(saved, directory).write(directory)
        self.tell(directory)


class Command(Resumable):
    """Arguments of `nst stylize`."""

    WRITTEN_BY = "nst stylize"
    DAMAGED = f"has a damaged {COMMAND_NAME}; start the transfer again"

    content: PictureFile
    styles: tuple[PictureFile, ...]
    masks: tuple[PictureFile | None, ...]
    detail_map: PictureFile | None = None
    initial: PictureFile | None
    options: dict[str, Any]
    """Options that were given; one that was not given may leave a choice open."""
    timelapse: str | None = None
    with_recipe: bool
    changes: tuple[Change, ...] = ()
    """Changes of options, and the step of each."""
    stop_after: int | None = None

    @classmethod
    def of(
        cls,
        directory: Path,
        *,
        content: Path,
        styles: Sequence[Path],
        masks: Sequence[Path | None],
        detail_map: Path | None,
        initial: Path | None,
        output: Path,
        overwrite: bool,
        timelapse: Path | None,
        options: StyleTransferOptions,
        machine: MachineOptions,
        with_recipe: bool,
        changes: Sequence[Change] = (),
        stop_after: int | None = None,
        partial: Path | None = None,
    ) -> Self:
        here = directory / COMMAND_NAME
        return cls(
            content=PictureFile.of(content, here),
            styles=tuple(PictureFile.of(style, here) for style in styles),
            masks=tuple(PictureFile.of(mask, here) if mask else None for mask in masks),
            detail_map=PictureFile.of(detail_map, here) if detail_map else None,
            initial=PictureFile.of(initial, here) if initial else None,
            output=output_name(output, directory),
            overwrite=overwrite,
            timelapse=output_name(timelapse, directory) if timelapse else None,
            options=options.model_dump(exclude_unset=True),
            **stored(machine),
            with_recipe=with_recipe,
            changes=tuple(changes),
            stop_after=stop_after,
            partial=PictureFile.of(partial, here) if partial else None,
        )

    def timelapse_path(self, directory: Path) -> Path | None:
        """Return the path of the time-lapse, if one was requested."""
        name = self.timelapse
        return files.relative_path(directory.resolve() / name) if name else None

    def pictures(self, directory: Path) -> Pictures:
        """Return the input files.

        Raises InvalidCheckpoint if an image is gone or has changed.
        """
        here = directory / COMMAND_NAME
        with originals(directory):
            return Pictures(
                self.content.locate(here, "content"),
                tuple(style.locate(here, "style") for style in self.styles),
                tuple(mask.locate(here, "mask") if mask else None for mask in self.masks),
                self.detail_map.locate(here, "detail map") if self.detail_map else None,
                self.initial.locate(here, "initial") if self.initial else None,
            )


def output_name(output: Path, directory: Path) -> str:
    """Return the path of an output, relative to the directory of a checkpoint."""
    return readable_name(files.relative_path(output.resolve(), directory.resolve()))


def stored(machine: MachineOptions) -> dict[str, Any]:
    """Return the machine options as a checkpoint stores them."""
    weights = readable_name(machine.weights.resolve()) if machine.weights else None
    return asdict(machine) | {"weights": weights}


def unchanged(partial: PictureFile | None, here: Path) -> Path | None:
    """Return the path of the result so far, unless it is gone or was changed.

    `here`: file of the checkpoint that names it.
    """
    if partial:
        with suppress(InvalidImage):
            return partial.locate(here, "initial")
    return None


@contextmanager
def originals(directory: Path) -> Iterator[None]:
    """Raise InvalidCheckpoint if the body misses an input file of a checkpoint.

    `directory`: directory of the checkpoint. The body raises InvalidImage for a file that is gone
    or has changed.
    """
    try:
        yield
    except InvalidImage as error:
        reason = f"needs the original files: {error.reason.split(';')[0]}; put it back"
        raise InvalidCheckpoint(str(directory), reason) from error


class Checkpoints:
    """Checkpoints of a transfer: written while it runs, removed when it succeeds."""

    def __init__(self, directory: Path, command: Command, every_seconds: float) -> None:
        self.directory = directory
        self._command = command
        self._timer = IntervalTimer(every_seconds)

    def keep(self, progress: Progress, *, now: bool) -> None:
        """Write a checkpoint if it is time for one, or at once if `now` is true.

        The last step needs no checkpoint.
        """
        if progress.stop_reason is None and self._timer.is_due(now=now):
            self._write(progress)

    def leave(self, saved: Path) -> None:
        """Print how to continue, if a checkpoint exists.

        The finished result then replaces `saved`, the image so far.
        """
        if (self.directory / CHECKPOINT_NAME).exists():
            self._command.leave(self.directory, saved)

    def _write(self, progress: Progress) -> None:
        """Write a checkpoint; if that fails, print why and continue the transfer."""
        with self._timer.writing():
            try:
                self._command.write(self.directory)
                progress.snapshot.save_checkpoint(self.directory / CHECKPOINT_NAME)
            except StorageError as error:
                tell(f"nst: continuing without a checkpoint: {error}")

    def remove(self) -> None:
        """Remove the files of the checkpoint, and the directory if it is then empty."""
        with suppress(OSError):
            for file in (CHECKPOINT_NAME, COMMAND_NAME):
                (self.directory / file).unlink(missing_ok=True)
            for left in self.directory.glob(".nst-*.tmp"):
                left.unlink()
            self.directory.rmdir()


def readable_name(path: Path) -> str:
    """Return the path as text that UTF-8 can encode, whatever its bytes are."""
    return os.fsencode(path).decode("utf-8", "replace")
