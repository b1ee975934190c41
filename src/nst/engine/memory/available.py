"""Memory that is available, and memory that this process holds."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import torch

PROCESS_BYTES = 400_000_000
"""Assumed bytes of a process with torch and images, if the system reports none."""


def used_bytes(device: torch.device) -> int:
    """Return the bytes that this process holds.

    On a GPU these are its tensors, on the CPU its resident memory.
    """
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return resident_bytes() or PROCESS_BYTES


def resident_bytes() -> int:
    """Return the resident bytes of this process; 0 if the system reports none."""
    return _field_bytes(Path("/proc/self/status"), "VmRSS") or 0


def gpu_bytes() -> int:
    """Return the bytes of GPU memory that this process has reserved; 0 without CUDA."""
    return torch.cuda.memory_reserved() if torch.cuda.is_available() else 0


def available_bytes(device: torch.device) -> int | None:
    """Return the bytes that this process can still allocate, or None if unknown."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    found = [*_left_to_containers()]
    if left := _field_bytes(Path("/proc/meminfo"), "MemAvailable"):
        found.append(left)
    return min(found, default=None)


class _ControlGroup(NamedTuple):
    """Files of one version of Linux's control groups that describe a container's memory."""

    directory: Path
    limit: str
    used: str
    reclaimable: str
    """Field of memory.stat with the cached bytes of files, which the system frees on demand."""

    def left_bytes(self) -> int:
        """Return the bytes left to the container. Raises OSError, and ValueError without limit."""
        limit = int((self.directory / self.limit).read_text())
        used = int((self.directory / self.used).read_text())
        return limit - used + self._reclaimable_bytes()

    def _reclaimable_bytes(self) -> int:
        """Return the bytes of `reclaimable`; 0 if the system reports none."""
        try:
            lines = (self.directory / "memory.stat").read_text().splitlines()
        except OSError:
            return 0
        found = (int(line.split()[1]) for line in lines if line.startswith(f"{self.reclaimable} "))
        return next(found, 0)


_CONTROL_GROUPS = (
    _ControlGroup(Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"),
    _ControlGroup(
        Path("/sys/fs/cgroup/memory"),
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
)
"""Control groups of version 2 and of version 1."""


def _left_to_containers() -> Iterator[int]:
    for group in _CONTROL_GROUPS:
        with suppress(OSError, ValueError):  # the group is missing, or its limit is "max"
            yield group.left_bytes()


def _field_bytes(file: Path, field: str) -> int | None:
    """Return a field, in bytes, of a /proc file in kB; None if it is missing."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    found = (int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
    return next(found, None)
