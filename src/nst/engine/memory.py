"""How much memory there is, and freed memory that is kept for the next tensors."""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

# <malloc.h> of the GNU C library. Whoever sets one of these ends its adaption of the thresholds,
# so afterwards they are set to what it would adapt them to where large blocks come and go.
_M_TRIM_THRESHOLD, _NEVER_TRIM, _TRIM_THRESHOLD_BYTES = -1, -1, 64 * 2**20
_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES = -3, 32 * 2**20
_M_MMAP_MAX, _NO_MMAP, _MMAP_MAX = -4, 0, 65536

PROCESS_BYTES = 400_000_000
"""Of a process with torch and the pictures, where the system does not say."""

_lock = threading.Lock()
_users = 0


@contextmanager
def kept_memory() -> Iterator[None]:
    """While this lasts, freed memory stays with the process; afterwards it goes back.

    The GNU C library gives every large block back to the system at once, which then clears the
    same memory page by page for the next tensor: a fifth of the time of an evaluation. Other C
    libraries, and the allocators of GPUs, keep theirs: there this does nothing.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _users  # noqa: PLW0603 – the setting belongs to the process, as the count of its users
    with _lock:
        _users += 1
        if _users == 1:
            _set(_M_MMAP_MAX, _NO_MMAP)
            _set(_M_TRIM_THRESHOLD, _NEVER_TRIM)


def _leave() -> None:
    global _users  # noqa: PLW0603
    with _lock:
        _users -= 1
        if _users == 0:
            _set(_M_MMAP_MAX, _MMAP_MAX)
            _set(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)
            _set(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES)
            give_back(torch.device("cpu"))


def _set(parameter: int, value: int) -> None:
    if mallopt := _function("mallopt"):
        mallopt(parameter, value)


def _function(name: str) -> "ctypes._NamedFuncPointer | None":
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except TypeError:  # Windows has no library of the process itself
        return None


def used_bytes(device: torch.device) -> int:
    """What this process holds: on a GPU its tensors, on the CPU all that is resident."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return resident_bytes() or PROCESS_BYTES


def resident_bytes() -> int:
    """Of this process; 0 if the system does not say."""
    return _field_bytes(Path("/proc/self/status"), "VmRSS") or 0


def gpu_bytes() -> int:
    """What this process has taken of the GPU; 0 without one that CUDA computes on."""
    return torch.cuda.memory_reserved() if torch.cuda.is_available() else 0


def available_bytes(device: torch.device) -> int | None:
    """What this process may take besides; None if the system does not say."""
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


def give_back(device: torch.device) -> None:
    """What is free goes back to the system, also while it is kept."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    if trim := _function("malloc_trim"):
        trim(0)
