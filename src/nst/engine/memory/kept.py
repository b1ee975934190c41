"""Freed memory: kept by the process for the next tensors, or returned at once.

Large tensors use huge pages of memory where Linux allows them (`nst.engine` asks torch for it): the
system clears 2 MiB at once instead of 512 small pages. With returned memory an evaluation then
takes 0.5 to 0.95 of the time, depending on how many huge pages the system has to give.
"""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

from nst.progress import MemoryPlan

# <malloc.h> of the GNU C library. Setting one of these ends the library's adaption of the
# thresholds, so afterwards they are set to the values to which it adapts them for large blocks.
_M_TRIM_THRESHOLD, _NEVER_TRIM, _TRIM_THRESHOLD_BYTES = -1, -1, 64 * 2**20
_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES = -3, 32 * 2**20
_M_MMAP_MAX, _NO_MMAP, _MMAP_MAX = -4, 0, 65536

_SMALL_MMAP_THRESHOLD_BYTES = 2**20

_lock = threading.Lock()
_users = 0


def memory_for(plan: MemoryPlan) -> AbstractContextManager[None]:
    """Keep freed memory, or return it at once, as the plan says."""
    return kept_memory() if plan.keeps_freed_memory else returned_memory()


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed memory in the process within this context, and return it afterwards.

    Contexts within others, or beside them in other threads, have no effect.

    The GNU C library returns every large block to the system at once, which then clears the same
    memory page by page for the next tensor: a fifth of the time of an evaluation. Other C
    libraries, and the allocators of GPUs, keep their memory; this context does nothing for them.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


@contextmanager
def returned_memory() -> Iterator[None]:
    """Return freed memory to the system at once within this context.

    This is slower, but the process holds little more than its tensors. By default the GNU C library
    keeps blocks of up to 32 MiB, between which space is lost: the peak of the same transfer then
    varied from 840 to 940 MB, and was 711 MB in each run within this context.
    """
    _set(_M_MMAP_THRESHOLD, _SMALL_MMAP_THRESHOLD_BYTES)
    try:
        yield
    finally:
        _set(_M_MMAP_THRESHOLD, _MMAP_THRESHOLD_BYTES)


def switch_to(plan: MemoryPlan) -> None:
    """Return freed memory from now on if this plan does not keep it.

    Every `kept_memory` that has begun then returns freed memory, until all of them have ended.
    """
    with _lock:
        if _users and not plan.keeps_freed_memory:
            _set(_M_MMAP_MAX, _MMAP_MAX)
            _set(_M_MMAP_THRESHOLD, _SMALL_MMAP_THRESHOLD_BYTES)
            _set(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD_BYTES)
            trim()


def _enter() -> None:
    global _users  # noqa: PLW0603 – the setting is one per process, and so is the count of its users
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
            trim()


def _set(parameter: int, value: int) -> None:
    if mallopt := _function("mallopt"):
        mallopt(parameter, value)


def _function(name: str) -> "ctypes._NamedFuncPointer | None":
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except TypeError:  # Windows has no library of the process itself
        return None


def give_back(device: torch.device) -> None:
    """Return free memory to the system, even within `kept_memory`."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    trim()


def trim() -> None:
    """Return the free memory of the C library to the system.

    Gaps between tensors that later tensors would not fill are returned too. The next tensors get
    cleared memory, once in an evaluation instead of once for each tensor: 0.2 s instead of 2 s of
    4 s at 1024×768 in bfloat16.
    """
    if malloc_trim := _function("malloc_trim"):
        malloc_trim(0)
