"""Time-lapse of a transfer."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self, TypeVar

from PIL import Image

from nst import files, image_writer, transparency
from nst.errors import StorageError, StorageFull
from nst.video.library import pyav
from nst.video.writing import CONTAINERS, Writer

T = TypeVar("T")

FRAMES_PER_SECOND = 25
PLAY_SECONDS = 8
"""Seconds in which the steps are played, regardless of their number."""
HOLD_SECONDS = 1
"""Seconds for which the last frame stays."""

_PLAYED_FRAMES = FRAMES_PER_SECOND * PLAY_SECONDS
_FRAMES_PER_PILLOW_FRAME = 2
"""Number of frames for each frame of WebP and GIF, whose files are larger.
They are several times larger than MP4, so they show half as many frames."""


def check_output(path: Path, option: str) -> None:
    """Raise InvalidOption or VideoUnavailable if no time-lapse can be written there."""
    files.check_output(path, files.MOVING, option)
    if path.suffix.lower() == ".mp4":
        pyav()


def played(frames: Sequence[T], path: Path) -> Sequence[T]:
    """Return as many of the frames as a time-lapse at this path plays.
    They are evenly distributed, and follow the first frame, which `Timelapse` has."""
    is_mp4 = path.suffix.lower() == ".mp4"
    most = (_PLAYED_FRAMES if is_mp4 else _PLAYED_FRAMES // _FRAMES_PER_PILLOW_FRAME) - 1
    if len(frames) <= most:
        return frames
    stretch = (len(frames) - 1) / (most - 1)
    return [frames[round(number * stretch)] for number in range(most)]


class Timelapse:
    """Collector of frames while an image is painted; a context manager.

    The number of steps is unknown in advance, so every frame is stored on disk. When twice as many
    frames are stored as can be played, every second one is deleted, and from then on every second
    step is left out.
    """

    def __init__(self, first: Image.Image) -> None:
        """Store the first frame, whose size all frames have. Raises StorageError."""
        self.size = first.size
        self._directory = _new_directory()
        self._steps = [0]
        self._every = 1
        self._keep(0, first)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._directory.cleanup()

    def add(self, step: int, render: Callable[[], Image.Image]) -> None:
        """Store the frame of a step; call this after every step, numbered from 1.
        `render` is called only for a step whose frame is stored. Raises StorageError."""
        if step % self._every:
            return
        self._steps.append(step)
        self._keep(step, render())
        if len(self._steps) > 2 * _PLAYED_FRAMES:
            for left_out in self._steps[1::2]:
                self._file(left_out).unlink()
            self._steps = self._steps[::2]
            self._every *= 2

    def save(self, path: Path, last: Image.Image, *, overwrite: bool = False) -> Path:
        """Write the film, which ends with `last`; return the path of its file.
        File names and errors are those of image_writer.save."""
        is_mp4 = path.suffix.lower() == ".mp4"
        write = _write_mp4 if is_mp4 else _write_with_pillow
        return files.write_file(
            path,
            lambda temporary: write(self._frames(last), temporary, path.suffix.lower()),
            overwrite=overwrite,
        )

    def _frames(self, last: Image.Image) -> Iterator[Image.Image]:
        stretch = (len(self._steps) - 1) / max(1, _PLAYED_FRAMES - 1)
        for number in range(_PLAYED_FRAMES):
            with Image.open(self._file(self._steps[round(number * stretch)])) as frame:
                yield frame.copy()
        for _ in range(FRAMES_PER_SECOND * HOLD_SECONDS):
            yield transparency.flatten(last)

    def _keep(self, step: int, frame: Image.Image) -> None:
        image_writer.save(frame, self._file(step), overwrite=True)

    def _file(self, step: int) -> Path:
        return Path(self._directory.name) / f"{step}.jpg"


def _new_directory() -> "TemporaryDirectory[str]":
    try:
        return TemporaryDirectory(prefix="nst-")
    except OSError as error:
        kind = StorageFull if error.errno in files.NO_SPACE else StorageError
        raise kind(Path(error.filename or "nst-"), error.strerror or str(error)) from error


def _write_mp4(frames: Iterator[Image.Image], path: Path, suffix: str) -> None:
    """Write an MP4 file frame by frame, so that only a few frames are in memory."""
    first, step = next(frames), Fraction(1, FRAMES_PER_SECOND)
    with Writer(path, CONTAINERS[suffix], first.size, rate=FRAMES_PER_SECOND) as writer:
        for number, frame in enumerate(chain([first], frames)):
            writer.write_image(frame, number * step, step)


def _write_with_pillow(frames: Iterable[Image.Image], path: Path, suffix: str) -> None:
    shown = islice(frames, 0, None, _FRAMES_PER_PILLOW_FRAME)
    next(shown).save(
        path,
        suffix.removeprefix(".").upper(),
        save_all=True,
        append_images=shown,
        duration=1000 * _FRAMES_PER_PILLOW_FRAME // FRAMES_PER_SECOND,
        loop=0,
    )
