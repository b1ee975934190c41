"""Tables of learned styles in Markdown."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from statistics import fmean

from PIL import Image

from benchmarks.engine.report import table, targets_met
from benchmarks.learning.schema import Learning, PaintedPhoto
from benchmarks.learning.targets import verdicts
from nst.cli.contact_sheet import Cell, contact_sheet


def render(learning: Learning) -> str:
    """Return the tables of means by method and minutes, networks and targets."""
    about = (
        f"Parts of {learning.size} pixels of {learning.photos} photos, painted at "
        f"{learning.painted_size} pixels, judged by {learning.judge}, nst {learning.versions}, "
        f"{learning.machine.cpu}, {learning.machine.threads} threads."
    )
    head = (
        "style image: method",
        "minutes",
        "steps",
        "content",
        "style",
        "precision",
        "coverage",
    )
    parts = [about, table([head, *_means(learning)])]
    if learning.networks:
        parts.append(table(list(_networks(learning))))
    return "\n\n".join([*parts, table(list(targets_met(verdicts(learning))))])


def kept(row: PaintedPhoto, directory: Path) -> Path:
    """Return the file that keeps a painted photo."""
    return directory / f"{row.content}+{row.style}+{row.method}+{row.minutes:g}.png"


def sheet(learning: Learning, directory: Path) -> Image.Image:
    """Return a sheet of the painted photos.
    It has a row for each pair, and a column for each method and time."""
    rows = {(row.content, row.style, row.method, row.minutes): row for row in learning.images}
    pairs = dict.fromkeys((row.content, row.style) for row in learning.images)
    columns = dict.fromkeys((row.method, row.minutes) for row in learning.images)

    def cell(pair: tuple[str, str], column: tuple[str, float]) -> Cell:
        row = rows.get((*pair, *column))
        name = " ".join((column[0], f"{column[1]:g} min" if column[1] else ""))
        return Cell(name.strip(), kept(row, directory) if row else None)

    return contact_sheet([[cell(pair, column) for column in columns] for pair in pairs])


def _means(learning: Learning) -> Iterator[tuple[str, ...]]:
    def key(row: PaintedPhoto) -> tuple[str, str, float]:
        return row.style, row.method, row.minutes

    for (style, method, minutes), group in groupby(sorted(learning.images, key=key), key):
        rows = list(group)
        distances = (
            fmean(getattr(row, name) for row in rows)
            for name in ("content_distance", "style_distance", "precision", "coverage")
        )
        steps = f"{fmean(row.steps for row in rows):.0f}"
        yield f"{style}: {method}", f"{minutes:g}", steps, *(f"{each:.3f}" for each in distances)


def _networks(learning: Learning) -> Iterator[tuple[str, ...]]:
    yield "method", "style", "600×400, s", "frame, s", "warping error × 1000", "peak, GB"
    for row in learning.networks:
        yield (
            row.method,
            row.style,
            *(f"{each:.3f}" for each in (row.seconds, row.frame_seconds)),
            f"{1000 * row.warping_error:.2f}",
            f"{row.peak_bytes / 1e9:.2f}" if row.peak_bytes else "–",
        )
