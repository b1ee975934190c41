"""Curves of two methods, compared at equal content distance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

READINGS = 11
"""Number of content distances at which two curves are compared.
They are evenly spaced over the overlap of the curves."""


@dataclass(frozen=True, slots=True)
class Point:
    """One image of a method."""

    content: float
    """Content distance."""
    style: float
    """Style distance."""
    worst: float
    """Worst tenth of the local style distances."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ratios of one method's distances to another's, averaged over the overlap.

    Below 1, the first method is nearer to the style. Nothing is extrapolated: if the curves do not
    overlap, the ratios are those of the two points nearest in content distance, and `gap` is
    above 0.
    """

    style: float
    worst: float
    gap: float
    """Content distance between the two nearest points; 0 if the curves overlap."""

    @property
    def overlaps(self) -> bool:
        return self.gap == 0


def compare(ours: Sequence[Point], theirs: Sequence[Point]) -> Comparison:
    """Compare two curves of at least one point each, interpolated linearly."""
    one, other = (sorted(curve, key=lambda point: point.content) for curve in (ours, theirs))
    first = max(one[0].content, other[0].content)
    last = min(one[-1].content, other[-1].content)
    if first > last:
        return _nearest(one, other)
    contents = np.linspace(first, last, READINGS)
    (style, worst), (their_style, their_worst) = (_read(curve, contents) for curve in (one, other))
    return Comparison(
        float((style / their_style).mean()), float((worst / their_worst).mean()), gap=0.0
    )


def _read(curve: Sequence[Point], contents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return style distance and worst tenth at these content distances."""
    known = [point.content for point in curve]
    style = np.interp(contents, known, [point.style for point in curve])
    return style, np.interp(contents, known, [point.worst for point in curve])


def _nearest(one: Sequence[Point], other: Sequence[Point]) -> Comparison:
    """Compare the nearest points of two curves whose ranges do not overlap.
    The points are sorted by content distance."""
    is_below = one[-1].content < other[0].content
    ours, theirs = (one[-1], other[0]) if is_below else (one[0], other[-1])
    return Comparison(
        ours.style / theirs.style, ours.worst / theirs.worst, abs(ours.content - theirs.content)
    )
