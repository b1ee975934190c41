"""Times of functions that take turns."""

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
    """Return the seconds of each subject in every round that counts.

    All subjects have one turn per round, so that other load on the machine slows all of them. Every
    other round has the reverse order, so that no subject always follows the same one.

    `within`: contexts of the subjects' turns, by name. A context lasts for one turn, because the
    other subjects must run without it. Every turn begins with a call that does not count, which
    bears the cost of entering the context. All subjects have such a call; otherwise it would warm
    the caches for some of them only.
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
    """Return the seconds of a call; all its work is done when the clock stops."""
    started = time.perf_counter()
    subject()
    synchronize(device)
    return time.perf_counter() - started


def synchronize(device: torch.device) -> None:
    """Wait for all queued work; the CPU has no queue."""
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
    """Return the ratios round by round.
    Noise that affects both parts of a round cancels."""
    return spread([a / b for a, b in zip(numerators, denominators, strict=True)])


class BusyCores:
    """CPU time / time since the creation of the object."""

    def __init__(self, cpu_seconds: Callable[[], float] = time.process_time) -> None:
        """Start to measure. `cpu_seconds`: CPU time so far of all processes that count."""
        self._cpu_seconds = cpu_seconds
        self._started = time.perf_counter()
        self._cpu_started = cpu_seconds()

    def __call__(self) -> float:
        cpu_seconds = self._cpu_seconds() - self._cpu_started
        return cpu_seconds / (time.perf_counter() - self._started)
