"""Memory that is kept while a transfer runs."""

import json
import platform
import resource
import subprocess
import sys

import pytest

PAGES = 2**26 // resource.getpagesize()
"""Number of memory pages of the smaller tensor below."""

PAGES_FAULTED = """
import json, resource, torch
from nst.engine.memory.kept import kept_memory

LARGE, LARGER = 2**26, 2**27  # both too large for the C library to keep

def pages_faulted(size_bytes):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(size_bytes, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with kept_memory():
    with kept_memory():
        pages_faulted(LARGER)
    kept = pages_faulted(LARGE)  # The inner one was not the last.
print(json.dumps([kept, pages_faulted(LARGER), pages_faulted(LARGE)]))
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only the GNU C library gives memory back at once"
)
def test_freed_memory_is_used_again_while_it_lasts_and_goes_back_afterwards() -> None:
    # The heap of a long test run has holes for a tensor, so the measurement has its own process.
    run = [sys.executable, "-c", PAGES_FAULTED]
    numbers = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    kept, *given_back = json.loads(numbers)
    assert kept < PAGES // 10
    assert min(given_back) > PAGES // 2
