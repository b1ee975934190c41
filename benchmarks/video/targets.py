"""Targets of films along the flow, and whether the films meet them."""

from collections.abc import Iterator, Mapping

from benchmarks.engine.targets import Verdict
from benchmarks.video.schema import Films, PaintedFilm

MOST_OF_ALONE, MOST_OF_STARTED = 0.35, 0.6
"""Maximum ratios of the warping error to that of other methods.
The others are a film painted frame by frame, and one whose frames start from the previous
result."""
MOST_DISTANCE = 1.05
"""Maximum ratio of the distances from the style to those of single images."""
MOST_SECONDS = 0.25
"""Maximum ratio of the time of a later frame to that of a single image."""
MOST_GROWTH = 1.05
"""Maximum growth of the memory of a long film after its first frames."""


def verdicts(films: Films) -> Iterator[Verdict]:
    """Yield the verdicts clip by clip, then on memory."""
    by_clip: dict[str, dict[str, PaintedFilm]] = {}
    for row in films.rows:
        by_clip.setdefault(row.clip, {})[row.method] = row
    for clip, rows in (by_clip or {"all clips": {}}).items():
        yield from _of_clip(clip, rows)
    what, growth = "a long film: memory, most / after its first frames", None
    if memory := films.memory:
        growth = memory.most_bytes / memory.settled_bytes
        what = f"{memory.frames} frames: memory, most after frame {memory.settled_frame} / there"
    yield Verdict(what, growth, most=MOST_GROWTH)


def _of_clip(clip: str, rows: Mapping[str, PaintedFilm]) -> Iterator[Verdict]:
    def ratio(name: str, other: str) -> float | None:
        if "flow" not in rows or other not in rows:
            return None
        return float(getattr(rows["flow"], name) / getattr(rows[other], name))

    for other, most in (("started", MOST_OF_STARTED), ("alone", MOST_OF_ALONE)):
        what = f"{clip}: warping error, flow / {other}"
        yield Verdict(what, ratio("warping_error", other), most=most)
    for name in ("precision", "coverage"):
        yield Verdict(f"{clip}: {name}, flow / alone", ratio(name, "alone"), most=MOST_DISTANCE)
    what = f"{clip}: seconds of a later frame, flow / alone"
    yield Verdict(what, ratio("later_seconds", "alone"), most=MOST_SECONDS)
