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
from types import SimpleNamespace
import nst.engine.style_transfer  # makes small tensors
from nst.engine.memory.kept import kept_memory, switch_to, trim

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
with kept_memory():
    switch_to(SimpleNamespace(keeps_freed_memory=False))
    given_back += [pages_faulted(LARGEST), pages_faulted(LARGEST)]
print(json.dumps([kept, trimmed, *given_back]))
"""

FLAGS_OF_A_LARGE_TENSOR = """
import json, re, torch
from pathlib import Path
import nst.engine.style_transfer

tensor = torch.ones(2**28, dtype=torch.uint8)
middle = tensor.data_ptr() + 2**27
mappings = Path("/proc/self/smaps").read_text()
for start, end, flags in re.findall(r"^(\\w+)-(\\w+) .*?VmFlags: (.*?)$", mappings, re.M | re.S):
    if int(start, 16) <= middle < int(end, 16):
        print(json.dumps(flags.split()))
"""


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only the GNU C library gives memory back at once"
)
def test_freed_memory_is_used_again_until_it_is_trimmed_and_goes_back_afterwards() -> None:
    """It also goes back as soon as another plan says so."""
    kept, trimmed, *given_back = pages_faulted(huge_pages="0")
    assert kept < PAGES // 10
    assert min(trimmed, *given_back) > PAGES // 2


@pytest.mark.skipif(not HAS_HUGE_PAGES, reason="this system has no huge pages for tensors")
def test_large_tensors_ask_for_huge_pages() -> None:
    # Whether they get them depends on how fragmented the machine's memory is.
    flags: list[str] = json.loads(output(FLAGS_OF_A_LARGE_TENSOR))
    assert "hg" in flags


def pages_faulted(huge_pages: str) -> list[int]:
    numbers: list[int] = json.loads(output(PAGES_FAULTED, {VARIABLE: huge_pages}))
    return numbers


def output(program: str, variables: dict[str, str] | None = None) -> str:
    # The heap of a long test run has holes for a tensor, so the measurement has its own process.
    environment = {name: os.environ[name] for name in os.environ.keys() - {VARIABLE}}
    run = [sys.executable, "-c", program]
    return subprocess.check_output(run, env=environment | (variables or {}), text=True)
