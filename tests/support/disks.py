"""Small disks, which tests fill."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk_in(directory: Path, size: str) -> Iterator[Path]:
    """Mount a disk of this size, such as 64k; yield its directory.
    Skips the test if this user may not mount one."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    disk = directory / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", disk], check=True)
