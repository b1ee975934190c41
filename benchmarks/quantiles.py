"""Quantiles of measurements."""

from collections.abc import Sequence
from math import ceil


def quantile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(percent * len(ordered) / 100) - 1)]
