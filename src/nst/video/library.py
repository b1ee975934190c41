"""PyAV, imported when it is needed, and its errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from nst.errors import InvalidOption, VideoUnavailable


def pyav() -> ModuleType:
    """Return PyAV. Raises VideoUnavailable."""
    try:
        import av
    except ImportError as error:
        raise VideoUnavailable from error
    return av


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise InvalidOption for what PyAV raises while it reads the file."""
    try:
        yield
    except pyav().FFmpegError as error:
        allowed = f"a whole video that can be read ({error.strerror})"
        raise InvalidOption("video", str(path), allowed) from error


@contextmanager
def writable() -> Iterator[None]:
    """Raise OSError, as files.write_file expects it, for what PyAV raises while it writes."""
    try:
        yield
    except pyav().FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error
