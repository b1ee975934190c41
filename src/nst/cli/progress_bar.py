"""Progress on standard error: a live bar on a terminal, else a line now and then."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nst.cli.notices import is_quiet
from nst.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from nst.learning.training import LearningProgress
    from nst.video.clock import FilmProgress

SECONDS_BETWEEN_LINES = 10.0

Numbers = Sequence[Sequence[str]]

BAR_CELLS = 20
"""Width of the bar in cells, on a terminal of 80 columns or less.
On a wider terminal it is a quarter of the columns. The width never changes: if there is too
little room, numbers are left out."""

NAME_CELLS = len("Downloading")
"""Width in cells of the name of the activity beside the bar."""


@dataclass(frozen=True, slots=True)
class BatchPosition:
    """Position of an image in a batch."""

    number: int
    """Number of this image, counted from 1."""
    count: int
    """Number of images in the batch."""
    after: int
    """Number of images that are still to be painted after this one."""
    seconds_each: float | None
    """Average duration of an image so far, in seconds; None: this is the first."""

    def __str__(self) -> str:
        return f"{self.number} of {self.count}"

    def rest(self, seconds_this: float) -> float:
        """Return the seconds that the images after this one need.

        `seconds_this`: duration of this image, used for the others if it is the first.
        """
        return self.after * (self.seconds_each or seconds_this)


class ProgressBar:
    """Bar that shows downloads and transfers.
    It is a context manager, which may be entered again."""

    def __init__(self) -> None:
        self.place: BatchPosition | None = None
        """Position in a batch of the image that is being painted; None without a batch."""
        self._next_line_at = 0.0

    @cached_property
    def _console(self) -> "Console":
        from rich.console import Console

        return Console(stderr=True)

    @property
    def _bar_cells(self) -> int:
        return max(BAR_CELLS, self._console.width // 4)

    @cached_property
    def _bar(self) -> "RichProgress":
        # Imported here, so that neither `nst --help` nor a draft waits for it.
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        return RichProgress(
            TextColumn(f"{{task.description:<{NAME_CELLS}}}"),
            BarColumn(bar_width=self._bar_cells),
            TextColumn("{task.fields[numbers]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal or is_quiet(),
        )

    @cached_property
    def _film_task(self) -> "TaskID":
        """Task of the film, above the other one; shown for films only."""
        return self._bar.add_task("Film", total=None, numbers="", visible=False)

    @cached_property
    def _task(self) -> "TaskID":
        return self._bar.add_task("", total=None, numbers="")

    def __enter__(self) -> Self:
        self._bar.update(self._film_task, visible=False)
        self._bar.update(self._task, description="Preparing", completed=0, total=None, numbers="")
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def show_progress(self, progress: Progress) -> None:
        elapsed, remaining = progress.elapsed_seconds, progress.remaining_seconds
        step = _of(progress.step, progress.total_iterations, "step ")
        loss = f"loss {progress.losses.total:<9.3g}"
        times = [f"{duration(elapsed):>5} elapsed", f"{duration(remaining):>5} remaining"]
        is_last = progress.stop_reason is not None
        what = str(self.place or "Painting")
        if self.place and self.place.after:
            for_all = remaining
            if remaining is not None:
                for_all = remaining + self.place.rest(elapsed + remaining)
            times.append(f"{duration(for_all):>5} for all")
        numbers = ([step, loss, *times], [step, *times], [step, *times[1:]], times[1:], times[-1:])
        self._show(what, round(1000 * progress.share), 1000, numbers, is_last)

    def show_frame(self, film: "FilmProgress", progress: Progress) -> None:
        """Show the film, and below it the frame that is being painted."""
        done, total = round(1000 * (film.frame - 1 + film.share)), 1000 * film.frames or None
        of_film = _film_numbers(film)
        self._bar.update(self._film_task, visible=True, completed=done, total=total)
        self._bar.update(
            self._film_task, numbers=self._fitting((of_film, of_film[:2], of_film[:1]))
        )
        step = _of(progress.step, progress.total_iterations, "step ")
        loss = f"loss {progress.losses.total:<9.3g}"
        self._bar.update(
            self._task,
            description="Frame",
            completed=progress.step,
            total=progress.total_iterations,
            numbers=self._fitting(([step, loss], [step])),
        )
        self._print_line("Painting", [*of_film, step], is_last=False)

    def show_learning(self, progress: "LearningProgress") -> None:
        elapsed, remaining = progress.elapsed_seconds, progress.remaining_seconds
        steps = progress.steps
        step = _of(progress.step, steps, "step ") if steps else f"step {progress.step}"
        loss = f"loss {progress.losses.total:<9.3g}"
        times = [f"{duration(elapsed):>5} elapsed", f"{duration(remaining):>5} remaining"]
        numbers = ([step, loss, *times], [step, *times], times[1:])
        total = round(1000 * (elapsed + remaining))
        self._show("Learning", round(1000 * elapsed), total, numbers, progress.is_last)

    def show_download(self, done_bytes: int, total_bytes: int | None) -> None:
        of_total = f" of {total_bytes / 1e6:.0f}" if total_bytes else ""
        numbers = f"{done_bytes / 1e6:.0f}{of_total} MB"
        is_last = done_bytes == total_bytes
        self._show("Downloading", done_bytes, total_bytes, ([numbers],), is_last)

    def _show(
        self, what: str, done: int, total: int | None, numbers: Numbers, is_last: bool
    ) -> None:
        """Update the bar, or print a line.

        `numbers`: texts beside the bar, the longest first; a line has the longest.
        """
        shown = self._fitting(numbers)
        self._bar.update(self._task, description=what, completed=done, total=total, numbers=shown)
        self._print_line(what, numbers[0], is_last=is_last)

    def _print_line(self, what: str, numbers: Sequence[str], *, is_last: bool) -> None:
        """Print a line now and then, if there is no terminal."""
        now = time.monotonic()
        if self._bar.disable and not is_quiet() and (now >= self._next_line_at or is_last):
            line = "  ".join(" ".join(each.split()) for each in numbers)
            self._console.print(f"{what}: {line}", soft_wrap=True, highlight=False)
            self._next_line_at = now + SECONDS_BETWEEN_LINES

    def _fitting(self, numbers: Numbers) -> str:
        """Return the longest text that fits beside the bar."""
        lines = ["  ".join(each) for each in numbers]
        room = self._console.width - NAME_CELLS - self._bar_cells - 2
        return next((line for line in lines if len(line) <= room), lines[-1])


def _of(number: int, total: int, what: str) -> str:
    """Return a text like "step  7/120", always of the same length."""
    return f"{what}{number:>{len(str(total))}}/{total}"


def _film_numbers(film: "FilmProgress") -> list[str]:
    place = _of(film.frame, film.frames, "frame ") if film.frames else f"frame {film.frame}"
    numbers = [place, f"{duration(film.elapsed_seconds):>5} elapsed"]
    if film.remaining_seconds is not None:
        numbers.append(f"{duration(film.remaining_seconds):>5} remaining")
    return numbers


def duration(seconds: float | None) -> str:
    """Return a duration as 0:07, 12:30 or 1:02:03; a dash if it is unknown."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
