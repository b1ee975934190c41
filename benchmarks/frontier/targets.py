"""Targets of the default preset at equal content distance, and their verdicts."""

from collections.abc import Iterator, Mapping
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
    overlap do not count."""
    counted = [each for each in comparisons.values() if each.overlaps]
    if frontier.methods[0] != DEFAULT_PRESET or not counted:
        return
    style = [each.style for each in counted]
    what = f"style distance at equal content, {DEFAULT_PRESET} / {theirs}"
    if theirs == AUTHORS:
        yield Verdict(f"{what}, mean", fmean(style), most=0.95)
    if theirs == GRAM:
        yield Verdict(f"{what}, mean", fmean(style), most=0.9)
        yield Verdict(f"{what}, worst pair", max(style), most=1)
        worst = fmean(each.worst for each in counted)
        yield Verdict(f"worst tenth at equal content, {DEFAULT_PRESET} / {GRAM}", worst, most=0.85)
        yield from _content(frontier)


def _content(frontier: Frontier) -> Iterator[Verdict]:
    """Yield the verdicts on the content distance at each preset's default strength.
    The pairs that both presets have painted count."""
    ours, theirs = (
        {
            row.pair: row.content_distance
            for row in frontier.rows
            if (row.method, row.strength) == (method, DEFAULT_STRENGTH)
        }
        for method in (DEFAULT_PRESET, GRAM)
    )
    if ratios := [ours[pair] / theirs[pair] for pair in ours if pair in theirs]:
        what = f"content distance at the default strength, {DEFAULT_PRESET} / {GRAM}"
        yield Verdict(f"{what}, mean", fmean(ratios), most=0.75)
        yield Verdict(f"{what}, worst pair", max(ratios), most=0.95)
