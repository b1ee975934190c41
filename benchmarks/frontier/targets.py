"""Targets of the default preset at equal content distance, and their verdicts."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from benchmarks.engine.targets import Verdict
from benchmarks.frontier.curves import Comparison
from benchmarks.frontier.methods import AUTHORS
from benchmarks.frontier.schema import Frontier
from nst.options import StyleTransferOptions
from nst.presets import DEFAULT_PRESET

GRAM = "gram"
DEFAULT_STRENGTH = StyleTransferOptions().strength


def verdicts(
    frontier: Frontier, theirs: str, comparisons: Mapping[str, Comparison]
) -> Iterator[Verdict]:
    """Yield a verdict on each target.
    `comparisons`: comparisons of the first method with `theirs`, by pair. Pairs whose curves do not
    overlap do not count; the verdict says how many do."""
    counted = [each for each in comparisons.values() if each.overlaps]
    if frontier.methods[0] != DEFAULT_PRESET:
        return
    style = [each.style for each in counted]
    mean, highest = _mean(style), max(style, default=None)
    compared = f"equal content, {DEFAULT_PRESET} / {theirs}"
    pairs = f"{len(counted)} of {len(comparisons)} pairs"
    if theirs == AUTHORS:
        yield Verdict(f"style distance at {compared}, mean of {pairs}", mean, most=0.95)
    if theirs == GRAM:
        yield Verdict(f"style distance at {compared}, mean of {pairs}", mean, most=0.9)
        yield Verdict(f"style distance at {compared}, worst of {pairs}", highest, most=1)
        worst = _mean([each.worst for each in counted])
        yield Verdict(f"worst tenth at {compared}, mean of {pairs}", worst, most=0.85)
        yield from _content(frontier, len(comparisons))


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _content(frontier: Frontier, count: int) -> Iterator[Verdict]:
    """Yield the verdicts on the content distance at each preset's default strength.
    The pairs that both presets have painted at that strength count, of `count` pairs."""
    ours, theirs = (
        {
            row.pair: row.content_distance
            for row in frontier.rows
            if (row.method, row.strength) == (method, DEFAULT_STRENGTH)
        }
        for method in (DEFAULT_PRESET, GRAM)
    )
    ratios = [ours[pair] / theirs[pair] for pair in ours if pair in theirs]
    what = f"content distance at the default strength, {DEFAULT_PRESET} / {GRAM}"
    pairs = f"{len(ratios)} of {count} pairs"
    yield Verdict(f"{what}, mean of {pairs}", _mean(ratios), most=0.75)
    yield Verdict(f"{what}, worst of {pairs}", max(ratios, default=None), most=0.95)
