"""Memory that is kept while a transfer runs."""

import json
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

import pytest

VARIABLE = "THP_MEM_ALLOC_ENABLE"
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
HAS_HUGE_PAGES = HUGE_PAGES.exists() and "[never]" not in HUGE_PAGES.read_text()

PAGES = 2**26 // resource.getpagesize()
"""Number of memory pages of the smaller tensor below."""

PAGES_FAULTED = """
import json, resource, torch
import nst.engine.style_transfer  # makes small tensors
from nst.engine.memory.kept import kept_memory, trim

LARGE, LARGER = 2**26, 2**27  # both too large for the C library to keep
LARGEST = 2**28  # larger than any hole that the others leave in the heap

def pages_faulted(size_bytes):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(size_bytes, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with kept_memory():
    with kept_memory():
        pages_faulted(LARGER)
    kept = pages_faulted(LARGE)  # The inner one was not the last.
    trim()
    trimmed = pages_faulted(LARGE)
given_back = [pages_faulted(LARGEST), pages_faulted(LARGEST)]
print(json.dumps([kept, trimmed, *given_back]))
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only the GNU C library gives memory back at once"
)
def test_freed_memory_is_used_again_until_it_is_trimmed_and_goes_back_afterwards() -> None:
    kept, trimmed, *given_back = pages_faulted(huge_pages="0")
    assert kept < PAGES // 10
    assert min(trimmed, *given_back) > PAGES // 2


@pytest.mark.skipif(not HAS_HUGE_PAGES, reason="this system has no huge pages for tensors")
def test_large_tensors_have_huge_pages() -> None:
    assert max(pages_faulted()) < PAGES // 10


def pages_faulted(huge_pages: str | None = None) -> list[int]:
    # The heap of a long test run has holes for a tensor, so the measurement has its own process.
    run = [sys.executable, "-c", PAGES_FAULTED]
    environment = {name: os.environ[name] for name in os.environ.keys() - {VARIABLE}}
    if huge_pages is not None:
        environment[VARIABLE] = huge_pages
    numbers: list[int] = json.loads(subprocess.check_output(run, env=environment, text=True))
    return numbers
