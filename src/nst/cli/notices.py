"""Lines on standard error: errors, and notices that --quiet leaves out."""

import logging
import sys
from contextlib import suppress
from pathlib import Path

import click

_QUIET = "nst.quiet"
"""Key in the context of the running command."""


def say(message: str) -> None:
    """Print an error as one line on standard error."""
    _print(f"nst: {' '.join(message.split())}")


def tell(message: str) -> None:
    """Print a notice on standard error, unless --quiet was given."""
    if not is_quiet():
        _print(message)


def is_quiet() -> bool:
    """Return whether --quiet was given to the running command."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_QUIET))


def remember_quiet(context: click.Context, _option: click.Parameter, value: bool) -> None:
    """Callback of the option --quiet."""
    if value:
        context.meta[_QUIET] = True


def tell_stand_in(notice: str, cache: Path) -> None:
    """Tell that another network stands in for the one that was asked for.
    It is told once: a file in the cache says that it was."""
    marker = cache / "told-that-vgg16-stands-in"
    if is_quiet() or marker.exists():
        return
    tell(f"nst: {notice} (This message appears once.)")
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        marker.touch()


class LogLines(logging.Handler):
    """Prints records of the log; --quiet leaves only errors."""

    def emit(self, record: logging.LogRecord) -> None:
        """Called by logging."""
        if record.levelno >= logging.ERROR or not is_quiet():
            _print(f"nst: {self.format(record)}")


def _print(line: str) -> None:
    """Print a line on what is standard error now: while a bar is shown, the bar has put itself
    there, and prints lines above itself. (`click.echo` would go around it.)"""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
