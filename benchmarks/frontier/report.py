"""Tables of the frontier in Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from benchmarks.engine.report import table, targets_met
from benchmarks.frontier.curves import Comparison, Point, compare
from benchmarks.frontier.schema import Frontier, Painted
from benchmarks.frontier.targets import verdicts


def render(frontier: Frontier) -> str:
    """Return the comparison of the first method with each other one, and all images."""
    ours, *others = frontier.methods
    parts = [
        f"{frontier.size} pixels, painted with {frontier.model}, judged by {frontier.judge}, "
        f"nst {frontier.nst_version}, {frontier.machine.cpu}, {frontier.machine.threads} threads."
    ]
    for theirs in others:
        comparisons = comparisons_of(frontier, ours, theirs)
        parts += [f"### {ours} / {theirs} at equal content distance", _ratios(comparisons)]
        parts.append(summary(comparisons, ours, theirs))
        if judged := list(verdicts(frontier, theirs, comparisons)):
            parts.append(table(list(targets_met(judged))))
    return "\n\n".join([*parts, "### All images", _images(frontier.rows)])


def comparisons_of(frontier: Frontier, ours: str, theirs: str) -> dict[str, Comparison]:
    """Return the comparisons by pair, for the pairs that both methods have painted."""
    one, other = (_curves(frontier.rows, method) for method in (ours, theirs))
    return {pair: compare(one[pair], other[pair]) for pair in one if pair in other}


def summary(comparisons: dict[str, Comparison], ours: str, theirs: str) -> str:
    """Return the number of pairs that overlap, their means and the worst of them.
    Other pairs are left out."""
    counted = {pair: each for pair, each in comparisons.items() if each.overlaps}
    overlap = f"{len(counted)} of {len(comparisons)} pairs overlap"
    if not counted:
        return f"{overlap}: {ours} and {theirs} cannot be compared at equal content distance."
    worst = max(counted, key=lambda pair: counted[pair].style)
    return (
        f"{overlap}. Style distance: mean {fmean(each.style for each in counted.values()):.3f}, "
        f"worst {counted[worst].style:.3f} ({worst}). "
        f"Worst tenth: mean {fmean(each.worst for each in counted.values()):.3f}."
    )


def _curves(rows: Iterable[Painted], method: str) -> dict[str, list[Point]]:
    curves: dict[str, list[Point]] = {}
    for row in rows:
        if row.method == method:
            point = Point(row.content_distance, row.style_distance, row.worst_tenth)
            curves.setdefault(row.pair, []).append(point)
    return curves


def _ratios(comparisons: dict[str, Comparison]) -> str:
    rows = (
        (pair, f"{each.style:.3f}", f"{each.worst:.3f}", _overlap(each))
        for pair, each in comparisons.items()
    )
    return table([("pair", "style distance", "worst tenth", "curves"), *rows])


def _overlap(comparison: Comparison) -> str:
    if comparison.overlaps:
        return "overlap"
    return f"apart by {comparison.gap:.3f}: the two nearest points, not counted"


def _images(rows: Sequence[Painted]) -> str:
    head = (
        *("pair", "method", "strength", "content", "style", "precision", "coverage"),
        *("worst tenth", "Gram", "seconds"),
    )
    return table([head, *(tuple(_cells(row)) for row in rows)])


def _cells(row: Painted) -> Iterator[str]:
    yield from (row.pair, row.method, f"{row.strength:g}")
    yield from (f"{each:.3f}" for each in (row.content_distance, row.style_distance))
    yield from (f"{each:.3f}" for each in (row.precision, row.coverage, row.worst_tenth, row.gram))
    yield f"{row.seconds:.0f}"
