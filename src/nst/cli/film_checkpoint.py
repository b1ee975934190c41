"""Checkpoints of `nst video`: the painted frames, from which `--resume` goes on.

A frame starts from the 8-bit image of the one before, so a resumed film is the same film.
"""

import os
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from PIL import Image
from pydantic import ValidationError

from nst import images
from nst.cli.checkpoints import COMMAND_NAME, Resumable, readable_name
from nst.cli.notices import tell
from nst.errors import InvalidCheckpoint, InvalidImage, StorageError
from nst.options import StyleTransferOptions
from nst.recipe import PictureFile


class FilmCommand(Resumable):
    """What `nst video` was asked for."""

    film: PictureFile
    style: PictureFile
    options: dict[str, Any]
    """Options of the first frame that were given."""
    later_steps: int
    """Optimizer steps for every later frame."""
    precision: str
    weights: str | None

    @classmethod
    def of(
        cls,
        directory: Path,
        *,
        film: Path,
        style: Path,
        output: Path,
        options: StyleTransferOptions,
        later_steps: int,
        precision: str,
        weights: Path | None,
    ) -> Self:
        here = directory / COMMAND_NAME
        return cls(
            film=PictureFile.of(film, here),
            style=PictureFile.of(style, here),
            output=readable_name(Path(os.path.relpath(output.resolve(), directory.resolve()))),
            options=options.model_dump(exclude_unset=True),
            later_steps=later_steps,
            precision=precision,
            weights=readable_name(weights.resolve()) if weights else None,
        )

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Raises InvalidCheckpoint."""
        try:
            return cls.model_validate_json((directory / COMMAND_NAME).read_bytes())
        except OSError as error:
            reason = f"has no {COMMAND_NAME}; name a directory that nst video left"
            raise InvalidCheckpoint(str(directory), reason) from error
        except ValidationError as error:
            reason = f"has a {COMMAND_NAME} that is damaged or not of a film; start the film again"
            raise InvalidCheckpoint(str(directory), reason) from error

    def files(self, directory: Path) -> tuple[Path, Path]:
        """Return film and style. Raises InvalidCheckpoint if one is gone or has changed."""
        here = directory / COMMAND_NAME
        try:
            return self.film.locate(here, "content"), self.style.locate(here, "style")
        except InvalidImage as error:
            reason = f"needs the files as they were: {error.reason.split(';')[0]}; put it back"
            raise InvalidCheckpoint(str(directory), reason) from error


class FilmCheckpoint:
    """Painted frames in a directory, removed when the film is done."""

    def __init__(self, directory: Path, command: FilmCommand, *, goes_on: bool) -> None:
        """`goes_on`: from the frames that are there."""
        self._directory = directory
        self._command = command
        self._is_kept = True
        self._done = self._count() if goes_on else 0

    def frame(self, number: int) -> Image.Image | None:
        """Return a frame, counted from 0, that an earlier run painted."""
        if number >= self._done:
            return None
        with Image.open(self._file(number)) as image:
            image.load()
            return image

    def keep(self, number: int, image: Image.Image) -> None:
        """Keep a painted frame. Without room for it the film is painted all the same."""
        if not self._is_kept:
            return
        try:
            if number == 0:
                self._write_command()
            images.save(image, self._file(number), overwrite=True)
        except StorageError as error:
            tell(f"nst: going on without a checkpoint: {error}")
            self._is_kept = False
            self.remove()  # what is left of the disk is for the film

    def tell(self) -> None:
        """Say how to go on, if that is possible."""
        if self._file(0).exists():
            command = shlex.join(["nst", "video", "--resume", str(self._directory)])
            tell(f"To go on: {command}")

    def leave(self, saved: Path) -> None:
        """As `tell`; the finished film then takes the place of `saved`, the film so far."""
        if not self._file(0).exists():
            return
        self._command = self._command.with_partial(saved, self._directory)
        with suppress(StorageError):
            self._write_command()
        self.tell()

    def remove(self) -> None:
        """Remove what was written here, and the directory if nothing else is in it."""
        with suppress(OSError):
            for pattern in ("[0-9]*.png", ".nst-*.tmp", COMMAND_NAME):
                for file in self._directory.glob(pattern):
                    file.unlink()
            self._directory.rmdir()

    def _count(self) -> int:
        """Frames before the first that is missing or damaged."""
        number = 0
        while self._is_whole(self._file(number)):
            number += 1
        return number

    @staticmethod
    def _is_whole(file: Path) -> bool:
        try:
            with Image.open(file) as image:
                image.load()
        except (OSError, SyntaxError):  # Pillow raises SyntaxError for a broken PNG
            return False
        return True

    def _write_command(self) -> None:
        text = self._command.model_dump_json()
        images.write_file(
            self._directory / COMMAND_NAME, lambda file: file.write_text(text), overwrite=True
        )

    def _file(self, number: int) -> Path:
        return self._directory / f"{number + 1:06}.png"
