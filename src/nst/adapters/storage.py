"""ImageStorage in a folder, in S3 or in memory, through the library obstore."""

import errno
import mimetypes
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from nst.adapters.s3_links import LinkSigner
from nst.errors import StorageAction, StorageError, StorageFull
from nst.files import write_file
from nst.jobs.stored_file import StoredFile
from nst.metrics import DEPENDENCY_ERRORS
from nst.settings.groups import S3Settings
from nst.settings.values import revealed

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig, S3Config

Store: TypeAlias = LocalStore | MemoryStore | S3Store

PIECE_BYTES = 1 << 20
"""Size of one streamed piece, in bytes."""

UPLOADS_AT_ONCE = 4
"""Number of parts of one file, 5 MiB each, that are uploaded in parallel."""

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 30.0
"""Seconds without data before a request fails.
The upload of one part must not take longer."""

REQUEST_SECONDS = 3600.0
"""Maximum duration of one request, for clients that download a large file slowly."""

RETRIES = 3
RETRY_SECONDS = 20.0
"""Seconds from the first to the last retry."""

_FULL = (
    f"os error {errno.ENOSPC}",
    f"os error {errno.EDQUOT}",
    "QuotaExceeded",
    "StorageFull",
    "507 Insufficient Storage",
)


def in_folder(folder: Path) -> "FolderStorage":
    """Return a storage in a folder of this machine. Raises StorageError."""
    with _errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        return FolderStorage(folder)


def in_memory() -> "ObjectStorage":
    """Return a storage in memory, which is lost when the process ends."""
    return ObjectStorage(MemoryStore())


def in_s3(url: str, s3: S3Settings) -> "S3Storage":
    """Return a storage in a bucket. `url`: s3://bucket or s3://bucket/directory.

    Without a public endpoint of an S3-compatible server, clients download through the API. Without
    keys, the credentials of the environment or of the machine's role are used.
    """
    bucket, _, directory = url.removeprefix("s3://").partition("/")
    key_id, secret = revealed(s3.access_key_id), revealed(s3.secret_access_key)
    keys: S3Config = {}
    signer: LinkSigner | None = None
    if key_id and secret:
        signer = LinkSigner(key_id, secret, s3.region)
        keys = {"access_key_id": key_id, "secret_access_key": secret}

    def at(address: str | None) -> S3Store:
        place: S3Config = {"endpoint": address} if address else {}
        style: S3Config = {"region": s3.region, "virtual_hosted_style_request": not address}
        return S3Store(
            bucket,
            prefix=directory or None,
            config=style | keys | place,
            client_options=_client_options(address),
            retry_config=_retry(),
        )

    with _errors(url):
        public = at(s3.public_endpoint) if s3.public_endpoint or not s3.endpoint else None
        return S3Storage(at(s3.endpoint), public, signer)


class ObjectStorage:
    """An ImageStorage in a store of obstore."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, key: str, data: bytes | Path) -> None:
        with _errors(key, "write"):
            obstore.put(
                self._store,
                key,
                data,
                attributes=self._attributes(key),
                max_concurrency=UPLOADS_AT_ONCE,
            )

    def get(self, key: str) -> bytes:
        with _errors(key):
            return bytes(obstore.get(self._store, key).bytes())

    def fetch(self, key: str, file: Path) -> None:
        pieces = self.stream(key)

        def write(temporary: Path) -> None:
            with temporary.open("wb") as stream:
                stream.writelines(pieces)

        write_file(file, write, overwrite=True)

    def stream(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Return the bytes from `start` to before `stop` in pieces.
        The file is opened immediately, so that a missing file raises here."""
        with _errors(key):
            opened = obstore.get(self._store, key, options=_range(start, stop))
        return self._pieces(key, opened)

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

    def changed_at(self, prefix: str) -> float:
        return max((file.modified_at for file in self.list(prefix)), default=0.0)

    def copy(self, source: str, target: str) -> None:
        with _errors(source, "write"):
            obstore.copy(self._store, source, target)

    def delete(self, name: str) -> None:
        for key in self._keys(name):
            with suppress(FileNotFoundError), _errors(key, "delete"):
                obstore.delete(self._store, key)

    def _keys(self, name: str) -> Sequence[str]:
        """Return the keys of all files of a directory, or that of a file."""
        return [file.key for file in self.list(name)] if name.endswith("/") else [name]

    def link(self, key: str, seconds: float, disposition: str | None = None) -> str | None:
        """Return None: this storage has no public URL."""

    def _attributes(self, key: str) -> dict[str, str] | None:
        """Return the HTTP headers of a file that is downloaded by a link."""

    def _pieces(self, key: str, opened: "obstore.GetResult") -> Iterator[bytes]:
        with _errors(key):
            for piece in opened.stream(PIECE_BYTES):
                yield bytes(piece)


class FolderStorage(ObjectStorage):
    """An ImageStorage in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(LocalStore(folder, automatic_cleanup=True))
        self._folder = folder

    def changed_at(self, prefix: str) -> float:
        # A file that is being written is not listed yet, but its directory exists.
        directory = self._folder / prefix.strip("/")
        times = [0.0]
        for path in (directory, *directory.rglob("*")):
            with suppress(FileNotFoundError):
                times.append(path.stat().st_mtime)
        return max(times)

    def delete(self, name: str) -> None:
        super().delete(name)
        if name.endswith("/"):
            # Files that a process was writing when it was killed are not listed.
            shutil.rmtree(self._folder / name.strip("/"), ignore_errors=True)


class S3Storage(ObjectStorage):
    """An ImageStorage in a bucket."""

    def __init__(
        self, store: S3Store, public: S3Store | None, signer: "LinkSigner | None" = None
    ) -> None:
        """`public`: the same bucket at the URL that clients use; None if there is none.
        `signer`: signs links with a Content-Disposition; None if the keys belong to
        the machine's role."""
        super().__init__(store)
        self._public = public
        self._signer = signer

    def delete(self, name: str) -> None:
        try:
            with _errors(name, "delete"):
                obstore.delete(self._store, self._keys(name))
        except FileNotFoundError:
            # Another process deletes the same files, which some servers answer with an error.
            super().delete(name)

    def link(self, key: str, seconds: float, disposition: str | None = None) -> str | None:
        if self._public is None or (disposition and self._signer is None):
            return None
        with _errors(key):
            link = obstore.sign(self._public, "GET", key, timedelta(seconds=seconds))
        if disposition and self._signer:
            return self._signer.sign(link, seconds, disposition)
        return link

    def _attributes(self, key: str) -> dict[str, str] | None:
        content_type, _ = mimetypes.guess_type(key)
        return {"Content-Type": content_type} if content_type else None


def _retry() -> "RetryConfig":
    return {
        "max_retries": RETRIES,
        "retry_timeout": timedelta(seconds=RETRY_SECONDS),
        "backoff": {"init_backoff": timedelta(seconds=0.1)},
    }


def _client_options(address: str | None) -> "ClientConfig":
    return {
        "allow_http": bool(address and address.startswith("http://")),
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=SILENCE_SECONDS),
        "timeout": timedelta(seconds=REQUEST_SECONDS),
    }


def _range(start: int, stop: int | None) -> "obstore.GetOptions":
    if stop is not None:
        return {"range": (start, stop)}
    # An empty file has no first byte, so that a range would be invalid.
    return {"range": {"offset": start}} if start else {}


@contextmanager
def _errors(key: str, action: StorageAction = "read") -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        text = str(error)
        if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in text:
            raise
        if "NoSuchKey" in text:  # a request for many files has no error type of its own
            raise FileNotFoundError(key) from error
        DEPENDENCY_ERRORS.labels("storage").inc()
        if any(sign in text for sign in _FULL):
            raise StorageFull(Path(key), "there is no space left", action) from error
        if "NoSuchBucket" in text:
            raise StorageError(Path(key), "there is no such bucket", action) from error
        raise StorageError(Path(key), text.split("\n", maxsplit=1)[0], action) from error


def _stored_file(meta: "ObjectMeta") -> StoredFile:
    return StoredFile(
        key=meta["path"],
        size_bytes=meta["size"],
        etag=(meta["e_tag"] or "").strip('"'),
        modified_at=meta["last_modified"].timestamp(),
    )
