"""ImageStorage in a folder, in S3 or in memory, through obstore, which speaks to all three."""

import errno
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from nst.errors import StorageError, StorageFull
from nst.images import write_file
from nst.jobs.ports import StoredFile

if TYPE_CHECKING:
    from obstore import ObjectMeta

Store: TypeAlias = LocalStore | MemoryStore | S3Store

PIECE_BYTES = 1 << 20
"""Of what is streamed."""

_FULL = (f"os error {errno.ENOSPC}", f"os error {errno.EDQUOT}", "QuotaExceeded")


def in_folder(folder: Path) -> "ObjectStorage":
    """Files in a folder of this machine."""
    with _errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        return ObjectStorage(LocalStore(folder, automatic_cleanup=True), folder)


def in_memory() -> "ObjectStorage":
    """Files that are gone with the process."""
    return ObjectStorage(MemoryStore())


class ObjectStorage:
    """Files in a store of obstore's."""

    def __init__(self, store: Store, folder: Path | None = None) -> None:
        """`folder`: where the store is one of this machine."""
        self._store = store
        self._folder = folder

    def put(self, key: str, data: bytes | Path) -> None:
        with _errors(key):
            obstore.put(self._store, key, data)

    def get(self, key: str) -> bytes:
        with _errors(key):
            return bytes(obstore.get(self._store, key).bytes())

    def fetch(self, key: str, file: Path) -> None:
        pieces = self.stream(key)
        first = next(pieces, b"")  # if it is not there, nothing is written

        def write(temporary: Path) -> None:
            with temporary.open("wb") as opened:
                opened.writelines(chain((first,), pieces))

        write_file(file, write, overwrite=True)

    def stream(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        with _errors(key):
            opened = obstore.get(
                self._store,
                key,
                options={"range": {"offset": start} if stop is None else (start, stop)},
            )
            for piece in opened.stream(PIECE_BYTES):
                yield bytes(piece)

    def stat(self, key: str) -> StoredFile | None:
        try:
            with _errors(key):
                return _stored_file(obstore.head(self._store, key))
        except FileNotFoundError:
            return None

    def list(self, prefix: str) -> Sequence[StoredFile]:
        with _errors(prefix):
            found = [file for page in obstore.list(self._store, prefix) for file in page]
            return sorted(map(_stored_file, found), key=lambda file: file.key)

    def directories(self) -> Sequence[str]:
        with _errors(""):
            return obstore.list_with_delimiter(self._store)["common_prefixes"]

    def copy(self, source: str, target: str) -> None:
        with _errors(source):
            obstore.copy(self._store, source, target)

    def delete(self, prefix: str) -> None:
        if self._folder:  # there may be what was half written when a process was killed
            with suppress(FileNotFoundError), _errors(prefix):
                shutil.rmtree(self._folder / prefix)
            return
        for file in self.list(prefix):
            with suppress(FileNotFoundError), _errors(file.key):
                obstore.delete(self._store, file.key)

    def link(self, key: str, seconds: float) -> str | None:
        if not isinstance(self._store, S3Store):
            return None
        with _errors(key):
            return obstore.sign(self._store, "GET", key, timedelta(seconds=seconds))


@contextmanager
def _errors(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        reason = str(error).split("\n")[0]
        if any(sign in str(error) for sign in _FULL):
            raise StorageFull(Path(key), "there is no space left") from error
        raise StorageError(Path(key), reason) from error


def _stored_file(meta: "ObjectMeta") -> StoredFile:
    return StoredFile(
        key=meta["path"],
        size_bytes=meta["size"],
        etag=(meta["e_tag"] or "").strip('"'),
        modified_at=meta["last_modified"].timestamp(),
    )
