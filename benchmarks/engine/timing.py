"""Times of things that run side by side."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType

import torch

from benchmarks.engine.schema import Spread


def interleave(
    subjects: Mapping[str, Callable[[], object]],
    *,
    warm_up: int,
    repeats: int,
    device: torch.device,
    within: Mapping[str, Callable[[], AbstractContextManager[None]]] = MappingProxyType({}),
) -> dict[str, list[float]]:
    """The seconds of each subject in every round that counts.

    All have one turn a round, so that whatever else the machine does slows all of them; every
    other round the order is reversed, so that nobody always runs behind the same neighbour.

    `within`: what a subject's turns happen in, by name. It lasts for one turn, since the others
    must do without; so every turn begins with a call that does not count, which pays for entering.
    All subjects have such a call, or it would warm the caches for some of them only.
    """
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(warm_up + repeats):
        for name in list(subjects)[:: 1 if number % 2 else -1]:
            with within.get(name, nullcontext)():
                seconds_of_call(subjects[name], device)
                taken = seconds_of_call(subjects[name], device)
            if number >= warm_up:
                seconds[name].append(taken)
    return seconds


def seconds_of_call(subject: Callable[[], object], device: torch.device) -> float:
    """Of work that was all done when the clock stops."""
    started = time.perf_counter()
    subject()
    synchronize(device)
    return time.perf_counter() - started


def synchronize(device: torch.device) -> None:
    """Wait for what was queued; the CPU has no queue."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def spread(values: Sequence[float]) -> Spread:
    first, _, third = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else (0, 0, 0)
    )
    return Spread(
        median=statistics.median(values), iqr=third - first, n=len(values), values=tuple(values)
    )


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Round by round: noise that hit both parts of a round cancels."""
    return spread([a / b for a, b in zip(numerators, denominators, strict=True)])


class BusyCores:
    """CPU time per time since it was made."""

    def __init__(self, cpu_seconds: Callable[[], float] = time.process_time) -> None:
        """`cpu_seconds`: used so far by all processes that count."""
        self._cpu_seconds = cpu_seconds
        self._started = time.perf_counter()
        self._cpu_started = cpu_seconds()

    def __call__(self) -> float:
        cpu_seconds = self._cpu_seconds() - self._cpu_started
        return cpu_seconds / (time.perf_counter() - self._started)
