"""Checkpoints of `nst video`: painted frames, from which `--resume` continues.

A frame is painted from the 8-bit images of its neighbour and of the previous pass, so a resumed
film is the same film.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from PIL import Image

from nst import files, image_writer, images
from nst.cli.checkpoints import COMMAND_NAME, Resumable, originals, output_name, stored
from nst.cli.machine import MachineOptions
from nst.cli.notices import tell
from nst.errors import StorageError
from nst.options import StyleTransferOptions
from nst.recipe import PictureFile


class FilmCommand(Resumable):
    """Arguments of `nst video`."""

    WRITTEN_BY = "nst video"
    DAMAGED = f"has a {COMMAND_NAME} that is damaged or not of a film; start the film again"

    film: PictureFile
    style: PictureFile
    options: dict[str, Any]
    """Options of the first frame that were given."""
    later_steps: int
    """Optimizer steps for every later frame."""
    passes: int = 1
    preview: int = 0
    """Number of frames from one preview to the next; 0: no previews."""
    previews: str | None = None
    """Directory of the previews; None: no previews."""

    @classmethod
    def of(
        cls,
        directory: Path,
        *,
        film: Path,
        style: Path,
        output: Path,
        overwrite: bool,
        options: StyleTransferOptions,
        later_steps: int,
        passes: int,
        preview: int,
        previews: Path,
        machine: MachineOptions,
        partial: Path | None = None,
    ) -> Self:
        here = directory / COMMAND_NAME
        return cls(
            film=PictureFile.of(film, here),
            style=PictureFile.of(style, here),
            output=output_name(output, directory),
            overwrite=overwrite,
            options=options.model_dump(exclude_unset=True),
            later_steps=later_steps,
            passes=passes,
            preview=preview,
            previews=output_name(previews, directory) if preview else None,
            **stored(machine),
            partial=PictureFile.of(partial, here) if partial else None,
        )

    def files(self, directory: Path) -> tuple[Path, Path]:
        """Return the film and the style.

        Raises InvalidCheckpoint if one of them is gone or has changed.
        """
        here = directory / COMMAND_NAME
        with originals(directory):
            return self.film.locate(here, "content"), self.style.locate(here, "style")

    def previews_path(self, directory: Path) -> Path | None:
        """Return the directory of the previews, if any were requested."""
        name = self.previews
        return files.relative_path(directory.resolve() / name) if name else None


class FilmCheckpoint:
    """Painted frames in a directory, which is removed when the film is finished.
    Frames are counted from 0, passes from 1."""

    def __init__(self, directory: Path, command: FilmCommand, *, is_kept: bool = True) -> None:
        """Use the directory of an interrupted film, or a new one.

        `is_kept`: whether frames are kept; False where keeping a frame takes as long as painting
        it.
        """
        self._directory = directory
        self._command = command
        self._is_kept = is_kept

    def frame(self, number: int, pass_: int) -> Image.Image | None:
        """Return a frame that was painted in this pass.

        Returns None if it was not painted, or if its file is damaged.
        """
        return images.load_kept(self._file(number, pass_))

    def newest(self, number: int) -> Image.Image | None:
        """Return a frame as the latest pass has painted it; None if none has."""
        passes = range(self._command.passes, 0, -1)
        found = (self.frame(number, pass_) for pass_ in passes)
        return next((image for image in found if image), None)

    def keep(self, number: int, image: Image.Image, pass_: int) -> None:
        """Keep a painted frame.

        If the frame cannot be saved, a film of one pass is painted without a checkpoint. Raises
        StorageError for a film of several passes, which needs its frames.
        """
        if not self._is_kept:
            return
        try:
            if number == 0:
                self._command.write(self._directory)
            image_writer.save(image, self._file(number, pass_), overwrite=True)
        except StorageError as error:
            if self._command.passes > 1:
                raise
            tell(f"nst: continuing without a checkpoint: {error}")
            self._is_kept = False
            self.remove()  # the film needs the space that is left on the disk

    def keep_source(self, number: int, image: Image.Image) -> None:
        """Keep a source frame of the film, which later passes read in any order.

        Raises StorageError.
        """
        if self._read_source(number) is None:
            image_writer.save(image, self._source_file(number), overwrite=True)

    def source(self, number: int) -> Image.Image:
        """Return a source frame of the film that was kept."""
        image = self._read_source(number)
        assert image is not None  # the first pass keeps all
        return image

    def tell(self) -> None:
        """Print how to continue, if a painted frame was kept."""
        if self._file(0, 1).exists():
            self._command.tell(self._directory)

    def leave(self, saved: Path) -> None:
        """Print how to continue, if a painted frame was kept.

        The finished film then replaces `saved`, the film so far.
        """
        if self._file(0, 1).exists():
            self._command.leave(self._directory, saved)

    def remove(self) -> None:
        """Remove the files of the checkpoint, and the directory if it is then empty."""
        with suppress(OSError):
            for pattern in ("[0-9]*.png", ".nst-*.tmp", COMMAND_NAME):
                for file in self._directory.glob(pattern):
                    file.unlink()
            self._directory.rmdir()

    def _read_source(self, number: int) -> Image.Image | None:
        return images.load_kept(self._source_file(number))

    def _file(self, number: int, pass_: int) -> Path:
        of_pass = f"-{pass_}" if pass_ > 1 else ""
        return self._directory / f"{number + 1:06}{of_pass}.png"

    def _source_file(self, number: int) -> Path:
        return self._directory / f"{number + 1:06}-source.png"
