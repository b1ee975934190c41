"""Facts about a film, found by decoding all of it, within limits."""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from nst.errors import ImageTooLarge
from nst.image_files import MAX_PIXELS
from nst.video.formats import media_type
from nst.video.reading import Reader

START_BYTES = 1024
"""Bytes at the beginning of a file that tell its media type."""


@dataclass(frozen=True, slots=True)
class FilmLimits:
    """The largest film that is taken."""

    max_frames: int
    """0: none is."""
    max_seconds: float
    max_bytes: int
    max_pixels: int = MAX_PIXELS
    """Pixels of one frame."""


@dataclass(frozen=True, slots=True)
class FilmFacts:
    """Facts about a film."""

    content_type: str
    """Media type."""
    size: tuple[int, int]
    """Width and height of its frames as they are to be seen, in pixels."""
    frames: int
    """Number of frames that can be read."""
    seconds: float
    """Time that they take."""


def can_read() -> bool:
    """Return whether this installation reads films."""
    return find_spec("av") is not None


def measure(path: Path, limits: FilmLimits) -> tuple[FilmFacts, Image.Image]:
    """Return what the film is, and its first frame.

    Raises InvalidOption if it is no film, VideoUnavailable, and ImageTooLarge if it exceeds a
    limit.
    """
    with Reader(path) as reader:
        _check_pixels(reader.stored_size, limits.max_pixels)
        _, first = reader.first()
        kind = f"video/{reader.format}"
    _check_pixels(first.size, limits.max_pixels)
    frames, seconds = _count(path, limits)
    with path.open("rb") as file:
        kind = media_type(file.read(START_BYTES)) or kind
    return FilmFacts(kind, first.size, frames, seconds), first


def _check_pixels(size: tuple[int, int], most: int) -> None:
    width, height = size
    if math.prod(size) > most:
        reason = f"frames of {width}×{height} pixels have more than the {most / 1e6:g} million"
        raise ImageTooLarge("content", f"{reason} allowed; make the film smaller first")


def _count(path: Path, limits: FilmLimits) -> tuple[int, float]:
    """Return the number of frames and the seconds that they take. A header may say anything."""
    frames, seconds = 0, 0.0
    with Reader(path) as reader:
        for end in reader.ends():
            frames, seconds = frames + 1, float(end)
            if frames > limits.max_frames:
                reason = f"the film has more than {limits.max_frames} frames"
                raise ImageTooLarge("content", f"{reason}, the most that are taken; cut it shorter")
            if seconds > limits.max_seconds:
                reason = f"the film is longer than {limits.max_seconds:g} s"
                raise ImageTooLarge("content", f"{reason}, the most that is taken; cut it shorter")
    return frames, seconds
