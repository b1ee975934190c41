"""Checks of the storage and the database."""

from collections.abc import Callable
from contextlib import suppress

from nst.errors import NSTError
from nst.jobs.ports import ImageStorage, JobRepository

PROBES = "probe/"
"""Directory of the file that is written to check whether the storage works."""
PROBE_BYTES = 1 << 20
"""Size of that file, in bytes: about the size of a result."""


def probe_storage(storage: ImageStorage) -> None:
    """Write, read and delete a file of about the size of a result.
    Raises StorageError, StorageFull."""
    key = f"{PROBES}file"
    storage.put(key, bytes(PROBE_BYTES))
    with suppress(FileNotFoundError):  # another worker's check has deleted it
        storage.get(key)
    storage.delete(PROBES)


def failures(repository: JobRepository, storage: ImageStorage) -> dict[str, str]:
    """Return the error code of each failed dependency that every new job needs."""
    checks: dict[str, Callable[[], object]] = {
        "repository": repository.now,
        # The answer to `stat` does not tell a missing bucket from a missing file.
        "storage": lambda: storage.list(PROBES),
    }
    failed = dict[str, str]()
    for name, check in checks.items():
        try:
            check()
        except NSTError as error:
            failed[name] = error.code
    return failed
