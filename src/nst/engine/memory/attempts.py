"""Retries with a smaller plan if memory runs out in spite of the plan."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch

from nst.engine.memory.kept import give_back
from nst.engine.memory.plan import Demand, smaller
from nst.errors import OutOfMemory
from nst.progress import MemoryPlan

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Attempts:
    """Memory plans to try, each with smaller tiles and a shorter history."""

    demand: Demand
    plan: MemoryPlan
    """Plan in use."""
    device: torch.device

    def make(self, attempt: Callable[[], T], follow: Callable[[MemoryPlan], None]) -> T:
        """Return the attempt's value, retrying with ever smaller plans.

        `follow` is called with each smaller plan before the next attempt. Raises OutOfMemory if the
        smallest plan fails too.
        """
        while True:
            try:
                return attempt()
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                plan = smaller(self.demand, self.plan)
                if plan is None:
                    raise OutOfMemory(self.plan.size, str(self.device)) from error
            # Only here, after the handler, is the memory of the failed attempt free.
            logger.warning(
                "memory ran out; continuing with tiles of about %d pixels, a history of %d steps",
                plan.tile_side,
                plan.history_size,
            )
            self.plan = plan
            follow(plan)
            give_back(self.device)


@contextmanager
def out_of_memory_at(size: tuple[int, int], device: torch.device) -> Iterator[None]:
    """Raise OutOfMemory, which names this size, in place of the device's own error."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(size, str(device)) from error


def is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # On the CPU the error has no class of its own.
    phrases = ("not enough memory", "DefaultCPUAllocator", "bad_alloc")
    return any(phrase in str(error) for phrase in phrases)
