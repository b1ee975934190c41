"""Memory that is kept while a transfer runs."""

import platform
import resource

import pytest
import torch

from nst.engine.memory.kept import kept_memory

LARGE, LARGER = 2**26, 2**27  # both too large for the C library to keep
PAGES = LARGE // resource.getpagesize()

needs_glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only the GNU C library gives memory back at once"
)


def pages_faulted(size_bytes: int) -> int:
    """That the system had to provide for a tensor."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(size_bytes, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@needs_glibc
def test_freed_memory_is_used_again_while_it_lasts_and_goes_back_afterwards() -> None:
    with kept_memory():
        with kept_memory():
            pages_faulted(LARGER)
        # The inner one was not the last.
        assert pages_faulted(LARGE) < PAGES // 10
    assert pages_faulted(LARGER) > PAGES
    assert pages_faulted(LARGE) > PAGES // 2
