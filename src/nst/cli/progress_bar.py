"""Progress on standard error: a live bar on a terminal, a line now and then elsewhere."""

import time
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nst.cli.film_clock import FilmProgress
from nst.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from nst.learning.training import LearningProgress

SECONDS_BETWEEN_LINES = 10.0


class ProgressBar:
    """Shows downloads and transfers; a context manager, which may be entered again."""

    def __init__(self) -> None:
        self._next_line_at = 0.0

    @cached_property
    def _console(self) -> "Console":
        from rich.console import Console

        return Console(stderr=True)

    @cached_property
    def _bar(self) -> "RichProgress":
        # Imported here, so that neither `nst --help` nor a draft waits for it.
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        return RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[numbers]}"),
            console=self._console,
            expand=True,
            transient=True,
            disable=not self._console.is_terminal,
        )

    @cached_property
    def _film_task(self) -> "TaskID":
        """Above the other one; shown for films only."""
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
        numbers = (
            f"step {progress.step}/{progress.total_iterations}  "
            f"loss {progress.losses.total:.3g}  "
            f"{duration(progress.elapsed_seconds)} elapsed  "
            f"{duration(progress.remaining_seconds)} remaining"
        )
        is_last = progress.stop_reason is not None
        self._show("Painting", round(1000 * progress.share), 1000, numbers, is_last)

    def show_frame(self, film: FilmProgress, progress: Progress) -> None:
        """Show the film, and below it the frame that is painted."""
        done, total = round(1000 * (film.frame - 1 + film.share)), 1000 * film.frames or None
        self._bar.update(self._film_task, visible=True, completed=done, total=total)
        self._bar.update(self._film_task, numbers=_film_numbers(film))
        step, steps = progress.step, progress.total_iterations
        numbers = f"step {step}/{steps}  loss {progress.losses.total:.3g}"
        self._bar.update(
            self._task, description="Frame", completed=step, total=steps, numbers=numbers
        )
        self._print_line(f"Painting: {_film_numbers(film)}  step {step}/{steps}", is_last=False)

    def show_learning(self, progress: "LearningProgress") -> None:
        elapsed, remaining = progress.elapsed_seconds, progress.remaining_seconds
        of_steps = f"/{progress.steps}" if progress.steps else ""
        numbers = (
            f"step {progress.step}{of_steps}  "
            f"loss {progress.losses.total:.3g}  "
            f"{duration(elapsed)} elapsed  "
            f"{duration(remaining)} remaining"
        )
        total = round(1000 * (elapsed + remaining))
        self._show("Learning", round(1000 * elapsed), total, numbers, progress.is_last)

    def show_download(self, done_bytes: int, total_bytes: int | None) -> None:
        of_total = f" of {total_bytes / 1e6:.0f}" if total_bytes else ""
        numbers = f"{done_bytes / 1e6:.0f}{of_total} MB"
        self._show("Downloading", done_bytes, total_bytes, numbers, done_bytes == total_bytes)

    def _show(self, what: str, done: int, total: int | None, numbers: str, is_last: bool) -> None:
        self._bar.update(self._task, description=what, completed=done, total=total, numbers=numbers)
        self._print_line(f"{what}: {numbers}", is_last)

    def _print_line(self, line: str, is_last: bool) -> None:
        """Now and then, where there is no terminal."""
        now = time.monotonic()
        if self._bar.disable and (now >= self._next_line_at or is_last):
            self._console.print(line, soft_wrap=True, highlight=False)
            self._next_line_at = now + SECONDS_BETWEEN_LINES


def _film_numbers(film: FilmProgress) -> str:
    of_frames = f"/{film.frames}" if film.frames else ""
    parts = [f"frame {film.frame}{of_frames}", f"{duration(film.elapsed_seconds)} elapsed"]
    if film.remaining_seconds is not None:
        parts.append(f"{duration(film.remaining_seconds)} remaining")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
