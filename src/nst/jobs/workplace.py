"""Directories on the local disk in which a worker and its engine work."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nst.errors import DiskFull
from nst.files import NO_SPACE

PREFIX = "nst-job-"

SPACE_BYTES = 100_000_000
"""Free disk space that a worker needs to take a job, in bytes.
It holds the images of one request and the result."""


@contextmanager
def directory_of(job_id: str) -> Iterator[Path]:
    """Create a directory for an attempt and remove it afterwards.
    Directories of earlier attempts at the job on this machine are removed first. A lock
    marks the directory as used. Raises DiskFull, also if the body runs out of space."""
    parent = Path(tempfile.gettempdir())
    for left in parent.glob(f"{PREFIX}{job_id}-*/"):
        _remove(left)
    directory = parent / f"{PREFIX}{job_id}-{secrets.token_hex(8)}"
    try:
        with FileLock(_lock_of(directory)):
            directory.mkdir(mode=0o700)
            try:
                yield directory
            finally:
                _remove(directory)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise DiskFull(parent, error.strerror or str(error)) from error


def remove_stale_directories() -> None:
    """Remove the directories of killed processes, which hold no lock."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/"):
        with suppress(Timeout, OSError), FileLock(_lock_of(directory), timeout=0):
            _remove(directory)


def check_space() -> None:
    """Raise DiskFull if this machine has too little disk space for another job."""
    directory = Path(tempfile.gettempdir())
    free = shutil.disk_usage(directory).free
    if free < SPACE_BYTES:
        needed = f"{free / 1e6:.0f} MB are free, a job needs {SPACE_BYTES / 1e6:.0f} MB"
        raise DiskFull(directory, needed)


def _lock_of(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}.lock")


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    with suppress(OSError):
        _lock_of(directory).unlink()
