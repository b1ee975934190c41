"""Targets of films along the flow, and whether the films meet them."""

from collections.abc import Iterator

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
    for clip, rows in by_clip.items():
        if "flow" in rows:
            yield from _of_clip(clip, rows["flow"], rows.get("alone"), rows.get("started"))
    if memory := films.memory:
        growth = memory.most_bytes / memory.settled_bytes
        what = f"{memory.frames} frames: memory, most after frame {memory.settled_frame} / there"
        yield Verdict(what, growth, most=MOST_GROWTH)


def _of_clip(
    clip: str, ours: PaintedFilm, alone: PaintedFilm | None, started: PaintedFilm | None
) -> Iterator[Verdict]:
    if started:
        error = ours.warping_error / started.warping_error
        yield Verdict(f"{clip}: warping error, flow / started", error, most=MOST_OF_STARTED)
    if alone is None:
        return
    error = ours.warping_error / alone.warping_error
    yield Verdict(f"{clip}: warping error, flow / alone", error, most=MOST_OF_ALONE)
    for name in ("precision", "coverage"):
        ratio = getattr(ours, name) / getattr(alone, name)
        yield Verdict(f"{clip}: {name}, flow / alone", ratio, most=MOST_DISTANCE)
    seconds = ours.later_seconds / alone.later_seconds
    yield Verdict(f"{clip}: seconds of a later frame, flow / alone", seconds, most=MOST_SECONDS)
