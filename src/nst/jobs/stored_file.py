"""Metadata of a file in the storage."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Metadata of a stored file."""

    key: str
    size_bytes: int
    etag: str
    modified_at: float
