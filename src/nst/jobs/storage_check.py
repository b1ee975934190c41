"""Check of the storage: whether it takes and returns a result."""

from contextlib import suppress

from nst.jobs.ports import ImageStorage

PROBES = "probe/"
"""Directory of the file that is written to check whether the storage works."""
PROBE_BYTES = 1 << 20
"""Size of that file: about a result."""


def check_storage(storage: ImageStorage) -> None:
    """Write and read a file of the size of a result.
    Raises StorageError, StorageFull."""
    key = f"{PROBES}file"
    storage.put(key, bytes(PROBE_BYTES))
    with suppress(FileNotFoundError):  # another worker checks, too, and has deleted it
        storage.get(key)
    storage.delete(PROBES)
