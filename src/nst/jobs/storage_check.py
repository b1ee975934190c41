"""Check of the storage: writes and reads a file."""

from contextlib import suppress

from nst.jobs.ports import ImageStorage

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
