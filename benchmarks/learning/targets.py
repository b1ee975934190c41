"""Targets of learned styles, and whether the styles meet them."""

from collections.abc import Iterator

from benchmarks.engine.targets import Verdict
from benchmarks.learning.schema import Learning


def verdicts(learning: Learning) -> Iterator[Verdict]:
    """Yield a verdict on each target.

    Ratios are those of means over the pairs that both methods painted, after the longest time that
    the networks of all styles have learned. The peak memory is the largest of all styles; the other
    values are those of the first style.
    """
    last = _minutes_of_all(learning)
    for other in ("draft", "plain"):
        for name in ("content_distance", "style_distance"):
            what = f"{name.replace('_', ' ')} after {last:g} minutes, nst / {other}"
            yield Verdict(what, _ratio(learning, other, name, last), most=1)
    networks = {row.method: row for row in reversed(learning.networks)}
    steady, draft, ours = (networks.get(name) for name in ("steady", "draft", "nst"))
    error = steady.warping_error / draft.warping_error if steady and draft else None
    yield Verdict("warping error, steady / draft", error, most=0.5)
    rate = 1 / steady.frame_seconds if steady else None
    yield Verdict("frames per second, 512 pixels wide", rate, least=8)
    yield Verdict("painting 600×400, warm", ours.seconds if ours else None, most=0.15, unit=" s")
    peaks = [row.peak_bytes / 1e9 for row in learning.networks if row.method == "nst"]
    yield Verdict("peak memory while learning", max(peaks, default=None), most=4, unit=" GB")


def _minutes_of_all(learning: Learning) -> float:
    """Return the longest time after which the networks of all styles have painted."""
    styles: dict[str, set[float]] = {}
    for row in learning.images:
        if row.method == "nst":
            styles.setdefault(row.style, set()).add(row.minutes)
    return max(set.intersection(*styles.values()), default=0) if styles else 0


def _ratio(learning: Learning, other: str, name: str, minutes: float) -> float | None:
    """Return the mean of ours / the mean of the other method.
    None if one of them was not measured."""
    ours = _values(learning, "nst", name, minutes)
    theirs = _values(learning, other, name, 0 if other == "draft" else minutes)
    pairs = ours.keys() & theirs.keys()
    if not pairs:
        return None
    return sum(ours[pair] for pair in pairs) / sum(theirs[pair] for pair in pairs)


def _values(
    learning: Learning, method: str, name: str, minutes: float
) -> dict[tuple[str, str], float]:
    """Return the values of a method by content and style."""
    return {
        (row.content, row.style): getattr(row, name)
        for row in learning.images
        if (row.method, row.minutes) == (method, minutes)
    }
