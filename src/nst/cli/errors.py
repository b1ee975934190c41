"""Errors for people: one line on standard error, and an exit code."""

import io
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import click

from nst.bootstrap import prepare_process
from nst.cli.notices import LogLines, say
from nst.errors import (
    InvalidCheckpoint,
    InvalidImage,
    InvalidOption,
    InvalidStyleFile,
    NSTError,
    TransferCanceled,
)

CANCELED_EXIT_CODE = 130  # 128 + SIGINT, as in shells
STDERR = 2
"""File descriptor of standard error."""
EXIT_CODES: dict[type[NSTError], int] = {
    InvalidOption: 2,
    InvalidImage: 2,
    InvalidCheckpoint: 2,
    InvalidStyleFile: 2,
    TransferCanceled: CANCELED_EXIT_CODE,
    NSTError: 1,
}

Command = TypeVar("Command", bound=Callable[..., Any])


def exit_code(error: NSTError) -> int:
    """Return the exit code of an error: 2 for the user's errors, else 1.

    TransferCanceled has CANCELED_EXIT_CODE.
    """
    return next(EXIT_CODES[cls] for cls in type(error).mro() if cls in EXIT_CODES)


def debug_option(command: Command) -> Command:
    """Add the option --debug to a command.

    `run` looks for it in the arguments itself: it must also work when parsing fails.
    """
    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        help="Show where an error comes from.",
    )(command)


def run(command: click.Command, name: str, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave the process with its exit code."""
    prepare_process()
    _open_standard_error()
    _accept_any_path(sys.stdout)
    logging.basicConfig(handlers=[LogLines()], level=logging.WARNING)
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = command.main(list(arguments), prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        say(f"{error.format_message()} (see `{context.command_path if context else name} --help`)")
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        code = CANCELED_EXIT_CODE
    except NSTError as error:
        if "--debug" in arguments:
            raise
        say(str(error))
        code = exit_code(error)
    except OSError as error:
        if not _is_of_output(error):
            raise
        _discard(sys.stdout.fileno())  # Python writes what is left when it ends
        say(f"standard output cannot be written: {error.strerror}; results so far are saved")
        code = 1
    sys.exit(code)


def _open_standard_error() -> None:
    """Discard notices if standard error is closed or cannot be written.

    Its number would otherwise be that of the next file that is opened, to which libraries would
    then write their messages.
    """
    try:
        os.write(STDERR, b"")  # bash has its script here, open for reading, if it was closed
    except OSError:
        _discard(STDERR)
    if sys.stderr is None:
        sys.stderr = os.fdopen(STDERR, "w", errors="backslashreplace")


def _discard(descriptor: int) -> None:
    """Discard what this process and its children write to a descriptor from now on."""
    null = os.open(os.devnull, os.O_WRONLY)
    if null != descriptor:
        os.dup2(null, descriptor)
        os.close(null)
    os.set_inheritable(descriptor, True)


def _is_of_output(error: OSError) -> bool:
    """Return whether `click.echo` raised the error, which writes to standard output."""
    *_, (frame, _line) = traceback.walk_tb(error.__traceback__)
    return frame.f_code is click.echo.__code__


def _accept_any_path(stream: object) -> None:
    """Let a stream print paths that are not UTF-8; their bytes are printed as they are."""
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="surrogateescape")
