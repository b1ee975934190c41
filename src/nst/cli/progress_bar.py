"""Progress on standard error: a live bar on a terminal, a line now and then elsewhere."""

import time
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nst.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

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
    def _task(self) -> "TaskID":
        return self._bar.add_task("", total=None, numbers="")

    def __enter__(self) -> Self:
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

    def show_frame(self, frame: int, frames: int, progress: Progress, seconds: float) -> None:
        """`frame` of a video, counted from 1, after `seconds` of the whole; `frames` may be 0."""
        done = frame - 1 + progress.share
        remaining = seconds * max(0, frames / max(done, 0.5) - 1)
        numbers = (
            f"frame {frame}{f'/{frames}' if frames else ''}  "
            f"step {progress.step}/{progress.total_iterations}  "
            f"{duration(seconds)} elapsed"
            f"{f'  {duration(remaining)} remaining' if frames else ''}"
        )
        self._show("Painting", round(1000 * done), 1000 * frames or None, numbers, is_last=False)

    def show_download(self, done_bytes: int, total_bytes: int | None) -> None:
        of_total = f" of {total_bytes / 1e6:.0f}" if total_bytes else ""
        numbers = f"{done_bytes / 1e6:.0f}{of_total} MB"
        self._show("Downloading", done_bytes, total_bytes, numbers, done_bytes == total_bytes)

    def _show(self, what: str, done: int, total: int | None, numbers: str, is_last: bool) -> None:
        self._bar.update(self._task, description=what, completed=done, total=total, numbers=numbers)
        now = time.monotonic()
        if self._bar.disable and (now >= self._next_line_at or is_last):
            self._console.print(f"{what}: {numbers}", soft_wrap=True, highlight=False)
            self._next_line_at = now + SECONDS_BETWEEN_LINES


def duration(seconds: float) -> str:
    """0:07, 12:30, 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
