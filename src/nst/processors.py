"""Number of processors that this process may use."""

from contextlib import suppress
from pathlib import Path

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""File with this container's processor time and the period in which it gets it.
Both are in microseconds. Linux's control groups of version 1 have other files; there only the
variable OMP_NUM_THREADS limits the threads."""


def processors_of_container() -> int | None:
    """Return the number of processors of the container; None without a limit."""
    with suppress(OSError, ValueError):  # no control group, or its quota is "max"
        quota, period = map(int, CPU_QUOTA.read_text().split())
        return max(1, quota // period)
    return None
