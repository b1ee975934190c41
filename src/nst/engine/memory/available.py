"""How much memory there is, and how much of it this process holds."""

from collections.abc import Iterator
from pathlib import Path

import torch

PROCESS_BYTES = 400_000_000
"""Bytes of a process with torch and the images, where the system does not say."""


def used_bytes(device: torch.device) -> int:
    """Return the bytes of this process: its tensors on a GPU,
    resident memory on the CPU."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return resident_bytes() or PROCESS_BYTES


def resident_bytes() -> int:
    """Return the resident bytes of this process; 0 if the system does not say."""
    return _field_bytes(Path("/proc/self/status"), "VmRSS") or 0


def gpu_bytes() -> int:
    """Return the bytes that this process has taken of the GPU; 0 without CUDA."""
    return torch.cuda.memory_reserved() if torch.cuda.is_available() else 0


def available_bytes(device: torch.device) -> int | None:
    """Return the bytes that this process may take besides, or None if unknown."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    found = [*_left_to_containers()]
    if left := _field_bytes(Path("/proc/meminfo"), "MemAvailable"):
        found.append(left)
    return min(found, default=None)


# Where Linux keeps the limit and the use of a container, in version 2 and 1 of its control groups.
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
        except (OSError, ValueError):  # there is none, or its limit is "max"
            continue


def _field_bytes(file: Path, field: str) -> int | None:
    """From a file of /proc that counts in kB; None where there is none."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    found = (int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
    return next(found, None)
