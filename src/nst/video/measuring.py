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
"""Number of bytes at the beginning of a file that determine its media type."""


@dataclass(frozen=True, slots=True)
class FilmLimits:
    """Limits of the films that are accepted."""

    max_frames: int
    """Maximum number of frames; 0: no film is accepted."""
    max_seconds: float
    max_bytes: int
    max_pixels: int = MAX_PIXELS
    """Maximum number of pixels of a frame."""


@dataclass(frozen=True, slots=True)
class FilmFacts:
    """Facts about a film."""

    content_type: str
    """Media type."""
    size: tuple[int, int]
    """Width and height of the frames as they are displayed, in pixels."""
    frames: int
    """Number of frames that can be read."""
    seconds: float
    """Duration of these frames, in seconds."""


def can_read() -> bool:
    """Return whether this installation can read films."""
    return find_spec("av") is not None


def measure(path: Path, limits: FilmLimits) -> tuple[FilmFacts, Image.Image]:
    """Return the facts about a film, and its first frame.

    Raises InvalidOption if the file is not a film, VideoUnavailable, and ImageTooLarge if the film
    exceeds a limit.
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
    """Return the number of frames and their duration in seconds.
    Frames are decoded, because a header cannot be trusted."""
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
