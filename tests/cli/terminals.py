"""A pseudo-terminal for `nst`, and what its screen shows."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Sequence
from pathlib import Path

import pyte

from cli.conftest import NST

LINES = 40

REFRESH = re.compile(rb"(?=\r(?:\x1b\[1A)?\x1b\[2K)")
"""Place at which the bar begins to be drawn again, or to be erased at the end.
What was read up to an earlier place may show half a bar, because a read ends anywhere."""


def screens(
    *arguments: object, cwd: Path, columns: int = 80, shows_output: bool = True, **environment: str
) -> tuple[int, list[list[str]]]:
    """Run `nst` to its end; return its exit code and the screens that it has shown.
    A screen is a list of lines without trailing spaces. `shows_output`: whether the standard output
    is the terminal, too."""
    terminal, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, columns, 0, 0))
    unset = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    screen = pyte.Screen(columns, LINES)
    stream = pyte.ByteStream(screen)
    shown: list[list[str]] = []
    with subprocess.Popen(
        [NST, *map(str, arguments)],
        cwd=cwd,
        stdout=side if shows_output else subprocess.DEVNULL,
        stderr=side,
        env=unset | {"TERM": "xterm"} | environment,
    ) as running:
        os.close(side)
        written = b"".join(iter(lambda: _read(terminal), b""))
    os.close(terminal)
    for piece in REFRESH.split(written):
        stream.feed(piece)
        lines = _lines(screen.display)
        if not shown or lines != shown[-1]:
            shown.append(lines)
    return running.returncode, shown


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""


def _lines(display: Sequence[str]) -> list[str]:
    return [line.rstrip() for line in display if line.strip()]
