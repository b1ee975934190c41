"""Import of PyAV on demand, and translation of its errors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
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


INDIRECT = {
    *("hls", "dash", "webm_dash_manifest", "concat", "imf", "vobsub"),
    *("sdp", "rtp", "rtp_mpegts", "rtsp"),
    *("alsa", "fbdev", "kmsgrab", "video4linux2,v4l2", "x11grab"),
    *("lavfi", "tty", "ffmetadata"),
}
"""Formats that FFmpeg reads and that hold no film themselves.
They name other files or addresses, are devices, or render any text as images."""


@cache
def reading_options() -> Mapping[str, str]:
    """Return options with which FFmpeg opens one file and nothing that it names."""
    formats = sorted(pyav().formats_available - INDIRECT)
    return {"protocol_whitelist": "file", "format_whitelist": ",".join(formats)}


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise InvalidOption in place of PyAV's errors while it reads the file."""
    try:
        yield
    except pyav().FFmpegError as error:
        allowed = f"a whole video that can be read ({error.strerror})"
        raise InvalidOption("video", str(path), allowed) from error


@contextmanager
def writable() -> Iterator[None]:
    """Raise OSError in place of PyAV's errors while it writes.
    files.write_file expects OSError."""
    try:
        yield
    except pyav().FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error
