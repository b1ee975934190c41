"""Choice of the plan that a transfer follows, given the allowed or free memory."""

import math

import torch

from nst.engine.memory.available import available_bytes, used_bytes
from nst.engine.memory.plan import Demand, plan_memory, predict
from nst.errors import InvalidOption, OutOfMemory
from nst.progress import MemoryPlan

USABLE_SHARE = 0.9
"""Usable share of the memory that is free when a transfer begins."""


def choose_plan(
    demand: Demand,
    device: torch.device,
    max_memory_bytes: int | None,
    before: tuple[int | None, int] | None = None,
) -> MemoryPlan:
    """Return the fastest plan within the allowed memory, or else the free memory.

    `max_memory_bytes`: the allowed memory; None: the free memory is the limit. `before`: tile side
    and history of a checkpoint; its plan is followed if it still fits, because another plan rounds
    differently. Raises InvalidOption if no plan stays below what is allowed, OutOfMemory if none
    stays below what is free.
    """
    limit = max_memory_bytes
    if limit is None and (available := available_bytes(device)) is not None:
        limit = used_bytes(device) + round(USABLE_SHARE * available)
    plans = [predict(demand, *before, keeps_freed_memory=each) for each in (True, False) if before]
    plan = next((each for each in plans if _fits(each, limit)), None) or plan_memory(demand, limit)
    if _fits(plan, limit):
        return plan
    if max_memory_bytes is None:
        raise OutOfMemory(demand.size, str(device))
    raise _too_little(max_memory_bytes, plan)


def _fits(plan: MemoryPlan, limit: int | None) -> bool:
    return limit is None or plan.peak_bytes <= limit


def _too_little(max_memory_bytes: int, smallest: MemoryPlan) -> InvalidOption:
    needed = f"at least {math.ceil(smallest.peak_bytes / 1e8) / 10:.1f} GB"
    width, height = smallest.size
    return InvalidOption(
        "max_memory_bytes",
        f"{max_memory_bytes / 1e9:g} GB",
        f"{needed}, which {width}×{height} pixels need even in small tiles, or a smaller size",
    )
