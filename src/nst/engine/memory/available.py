"""Memory that is available, and memory that this process holds."""

from collections.abc import Iterator
from pathlib import Path

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


# Files with the limit and the use of a container, by version 2 and 1 of Linux's control groups.
_CONTAINERS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def _left_to_containers() -> Iterator[int]:
    for limit_file, used_file in _CONTAINERS:
        try:
            yield int(Path(limit_file).read_text()) - int(Path(used_file).read_text())
        except (OSError, ValueError):  # the file is missing, or its limit is "max"
            continue


def _field_bytes(file: Path, field: str) -> int | None:
    """Return a field, in bytes, of a /proc file in kB; None if it is missing."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    found = (int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
    return next(found, None)
