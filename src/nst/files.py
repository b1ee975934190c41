"""Files: names, places that can be written, writing as a
whole or not at all, hashes."""

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile

from nst.errors import InvalidOption, StorageError, StorageFull

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk and of a full quota."""

MAX_NAME_BYTES = 255
"""Longest name of a file in the usual file systems."""

WRITABLE = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""Extensions of image files that are written, with
Pillow's names of their formats."""
MOVING = (".mp4", ".webp", ".gif")
"""Extensions of time-lapses."""
FILMS = (".mp4", ".mov", ".webm")
"""Extensions of painted films."""
LEARNED = (".nst", ".onnx", ".safetensors")
"""Extensions of learned styles, their graphs and their checkpoints."""

# ── before work is done ───────────────────────────────────────────────────────────────────────


def check_output(path: Path, suffixes: Collection[str] = WRITABLE, option: str = "output") -> None:
    """Raise InvalidOption if no file of this kind could be written there, before any
    work is done; `option` is the one that names the path."""
    if path.suffix.lower() not in suffixes:
        raise InvalidOption(option, str(path), f"a name ending in {', '.join(suffixes)}")
    try:
        if path.is_dir():
            raise InvalidOption(option, str(path), "a file name; this is a directory")
        path.parent.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=path.parent).close()
    except OSError as error:
        allowed = f"a place that can be written ({error.strerror})"
        raise InvalidOption(option, str(path), allowed) from error


def check_directory(path: Path, option: str) -> None:
    """Raise InvalidOption if this directory cannot be made,
    and written to, when it is needed."""
    existing = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
    if not existing.is_dir():
        allowed = f"another output, or another name for {existing}, which is no directory"
        raise InvalidOption(option, str(path), allowed)
    try:
        TemporaryFile(dir=existing).close()
    except OSError as error:
        allowed = f"a place that can be written ({error.strerror})"
        raise InvalidOption(option, str(path), allowed) from error


def derived_name(stem: str, ending: str) -> str:
    """Return the stem with this ending, the stem cut where
    the name would have too many bytes."""
    while len(os.fsencode(stem + ending)) > MAX_NAME_BYTES:
        stem = stem[:-1]
    return stem + ending


def numbered(path: Path) -> Iterator[Path]:
    """Yield the path, and then name-2, name-3, …"""
    kept = (*WRITABLE, *MOVING, *FILMS, *LEARNED)
    suffix = path.suffix if path.suffix.lower() in kept else ""
    stem = path.name.removesuffix(suffix)
    yield path
    for number in count(2):
        yield path.with_name(derived_name(stem, f"-{number}{suffix}"))


def free_path(path: Path) -> Path:
    """Return the first of the numbered paths where nothing is."""
    return next(free for free in numbered(path) if not os.path.lexists(free))


# ── writing and reading ───────────────────────────────────────────────────────────────────────


def write_file(path: Path, write: Callable[[Path], object], *, overwrite: bool = False) -> Path:
    """Have `write` fill a temporary file beside `path` and
    give it its name, as `save` does.

    Whatever `write` raises, nothing is left. Raises StorageError where that is an OSError,
    StorageFull where no space is left.
    """
    temporary = path.with_name(f".nst-{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        return temporary.replace(path if overwrite else _claim(path))
    except OSError as error:
        kind = StorageFull if error.errno in NO_SPACE else StorageError
        raise kind(path, error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _claim(path: Path) -> Path:
    """The first free path, taken by an empty file, so that no other process takes it too."""
    while True:
        with suppress(FileExistsError):
            free = free_path(path)
            free.touch(exist_ok=False)
            return free
