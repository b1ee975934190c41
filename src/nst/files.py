"""Files: names, checks of places to write to, atomic writing, hashes."""

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile

from nst.errors import InvalidOption, StorageError, StorageFull

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""Error numbers of a full disk and of a full quota."""

MAX_NAME_BYTES = 255
"""Maximum length of a file name in common file systems, in bytes."""

WRITABLE = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
"""Extensions of image files that are written, with Pillow's format names."""
MOVING = (".mp4", ".webp", ".gif")
"""Extensions of time-lapses."""
FILMS = (".mp4", ".mov", ".webm")
"""Extensions of painted films."""
LEARNED = (".nst", ".onnx", ".safetensors")
"""Extensions of learned styles, their graphs and their checkpoints."""

# ── before work is done ───────────────────────────────────────────────────────────────────────


def check_output(path: Path, suffixes: Collection[str] = WRITABLE, option: str = "output") -> None:
    """Raise InvalidOption if no file of this kind can be written there.
    Call this before any work is done; `option`: option that names the path."""
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


def check_keeps_inputs(path: Path, inputs: Iterable[Path], option: str = "output") -> None:
    """Raise InvalidOption if this file would replace one of the inputs.
    A run that was interrupted could not continue without it."""
    for source in inputs:
        if path.exists() and source.exists() and path.samefile(source):
            raise InvalidOption(option, str(path), "another name; this file is an input")


def check_directory(path: Path, option: str) -> None:
    """Raise InvalidOption if this directory cannot be created or written to.
    The directory is not created here."""
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
    """Return the stem with this ending; cut the stem if the name has too many bytes."""
    while len(os.fsencode(stem + ending)) > MAX_NAME_BYTES:
        stem = stem[:-1]
    return stem + ending


def numbered(path: Path) -> Iterator[Path]:
    """Yield the path, then name-2, name-3, …"""
    kept = (*WRITABLE, *MOVING, *FILMS, *LEARNED)
    suffix = path.suffix if path.suffix.lower() in kept else ""
    stem = path.name.removesuffix(suffix)
    yield path
    for number in count(2):
        yield path.with_name(derived_name(stem, f"-{number}{suffix}"))


def free_path(path: Path) -> Path:
    """Return the first of the numbered paths that does not exist."""
    return next(free for free in numbered(path) if not os.path.lexists(free))


# ── writing and reading ───────────────────────────────────────────────────────────────────────


def write_file(path: Path, write: Callable[[Path], object], *, overwrite: bool = False) -> Path:
    """Let `write` fill a temporary file, then rename it to `path`; return its path.

    An existing file stays and the new one gets a number, unless `overwrite`. If `write` fails, no
    temporary file is left. Raises StorageError in place of an OSError, StorageFull if no space is
    left.
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


def relative_path(file: Path, directory: Path | None = None) -> Path:
    """Return the path from the directory to the file, both as they are given.

    `directory`: by default the current one. On Windows a file on another drive has no such path; it
    keeps its own.
    """
    try:
        return Path(os.path.relpath(file, directory))
    except ValueError:
        return file.absolute()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _claim(path: Path) -> Path:
    """Return the first free path, claimed by an empty file.
    No other process can claim the same path."""
    while True:
        with suppress(FileExistsError):
            free = free_path(path)
            free.touch(exist_ok=False)
            return free
