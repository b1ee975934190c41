"""Tables of painted films in Markdown."""

from benchmarks.engine.report import table, targets_met
from benchmarks.video.schema import Films
from benchmarks.video.targets import verdicts


def render(films: Films) -> str:
    """Return the tables of all films, and of the targets."""
    head = (
        *("clip", "method", "warping error × 1000", "precision", "coverage", "content"),
        *("first frame, s", "later frame, s"),
    )
    rows = [
        (
            row.clip,
            row.method,
            f"{1000 * row.warping_error:.2f}",
            *(f"{each:.3f}" for each in (row.precision, row.coverage, row.content_distance)),
            *(f"{each:.1f}" for each in (row.first_seconds, row.later_seconds)),
        )
        for row in films.rows
    ]
    about = (
        f"{films.frames} frames, {films.width} pixels wide, preset {films.preset}, style "
        f"{films.style}, painted with {films.model}, judged by {films.judge}, "
        f"nst {films.versions}, {films.machine.cpu}, {films.machine.threads} threads."
    )
    parts = [about, table([head, *rows])] if rows else [about]
    if memory := films.memory:
        settled, most = (each / 1e6 for each in (memory.settled_bytes, memory.most_bytes))
        parts.append(
            f"Memory over {memory.frames} frames, {memory.width} pixels wide: {settled:.0f} MB "
            f"after frame {memory.settled_frame}, {most:.0f} MB at most later."
        )
    return "\n\n".join([*parts, table(list(targets_met(verdicts(films))))])
