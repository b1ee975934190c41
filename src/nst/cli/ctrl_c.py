"""Ctrl-C: the first one stops after the current step, the second one at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from nst.cli.notices import tell


@dataclass(slots=True)
class CtrlC:
    """State of a transfer that Ctrl-C may stop."""

    pressed: bool = False
    has_picture: bool = False
    is_saving: bool = False


@contextmanager
def stop_on_ctrl_c() -> Iterator[CtrlC]:
    """Handle Ctrl-C while the context is open.

    The first Ctrl-C asks to stop after the step. The second one, or one before an image exists that
    can be kept, interrupts at once. Saving is not interrupted.
    """
    state = CtrlC()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if state.is_saving:
            return
        if state.pressed or not state.has_picture:
            signal.default_int_handler(number, frame)
        state.pressed = True
        tell("\nStopping after this step; Ctrl-C again stops at once.")

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield state
    finally:
        signal.signal(signal.SIGINT, before)
