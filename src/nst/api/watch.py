"""A slow check in the background, for callers that need an answer at once."""

import threading
import time
from collections.abc import Callable

LOOK_SECONDS = 30.0
"""Seconds between the starts of two checks."""


class Watch:
    """The latest result of a check.
    The first call starts the first check, in a thread."""

    def __init__(self, look: Callable[[], str | None]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._next_look_at = 0.0
        self._seen: str | None = None

    def __call__(self) -> str | None:
        """Return the result of the latest completed check; None before the first."""
        with self._lock:
            is_due = time.monotonic() >= self._next_look_at
            if is_due:
                self._next_look_at = time.monotonic() + LOOK_SECONDS
        if is_due:
            threading.Thread(target=self._see, daemon=True).start()
        return self._seen

    def _see(self) -> None:
        self._seen = self._look()
