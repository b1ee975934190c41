"""Lines on standard error: errors, and notices that --quiet leaves out."""

import logging
import sys
from contextlib import suppress
from pathlib import Path

import click

_QUIET = "nst.quiet"
"""Key of --quiet in the context of the running command."""


def say(message: str) -> None:
    """Print an error as one line on standard error."""
    _print(f"nst: {' '.join(map(str.strip, message.strip().splitlines()))}")


def tell(message: str) -> None:
    """Print a notice on standard error, unless --quiet was given."""
    if not is_quiet():
        _print(message)


def is_quiet() -> bool:
    """Return whether --quiet was given to the running command."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))


def remember_quiet(context: click.Context, _option: click.Parameter, value: bool) -> None:
    """Remember whether --quiet is given; called by click."""
    if value:
        context.meta[_QUIET] = True


def tell_stand_in(notice: str, cache: Path | None) -> None:
    """Print a notice that another network replaces the requested one.

    It is printed once: a file in the cache records that it was. Without a cache it is printed each
    time.
    """
    if cache is None:
        tell(f"nst: {notice}")
        return
    marker = cache / "told-that-vgg16-stands-in"
    if is_quiet() or marker.exists():
        return
    tell(f"nst: {notice} (This message appears once.)")
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        marker.touch()


class LogLines(logging.Handler):
    """Log handler that prints records; with --quiet it prints only errors."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record; called by logging."""
        if record.levelno >= logging.ERROR or not is_quiet():
            _print(f"nst: {self.format(record)}")


def _print(line: str) -> None:
    """Print a line on the current `sys.stderr`.

    While a bar is shown, the bar replaces `sys.stderr` and prints lines above itself; `click.echo`
    would bypass it.
    """
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
