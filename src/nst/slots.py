"""How many may do something at a time: all of them together, and one client."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from nst.errors import ServerBusy, TooManyRequests


class Slots:
    """Slots that requests hold. Safe to use from any thread."""

    def __init__(
        self,
        limit: int,
        limit_per_client: int,
        *,
        wait_seconds: float = 0.0,
        retry_seconds: int = 10,
        reason: str = "the server is busy",
    ) -> None:
        """`limit`: slots in all. `wait_seconds`: longest wait for one. `reason` and
        `retry_seconds` are what is said to those who get none."""
        self.limit = limit
        self.limit_per_client = limit_per_client
        self._wait_seconds = wait_seconds
        self._retry_seconds = retry_seconds
        self._reason = reason
        self._held: Counter[str] = Counter()
        self._changed = threading.Condition()

    @property
    def count(self) -> int:
        """How many slots are held."""
        return self._held.total()

    @contextmanager
    def one(self, client: str) -> Iterator[None]:
        """Hold a slot for as long as the context. Raises what `enter` raises."""
        self.enter(client)
        try:
            yield
        finally:
            self.leave(client)

    def enter(self, client: str) -> None:
        """Take a slot. Raises TooManyRequests if the client holds as many as one may, ServerBusy if
        there is none for anybody."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(client), self._wait_seconds):
                is_full = self.count >= self.limit
                raise (ServerBusy if is_full else TooManyRequests)(
                    self._reason, self._retry_seconds
                )
            self._held[client] += 1

    def leave(self, client: str) -> None:
        """Give a slot back; to be called once for each `enter`."""
        with self._changed:
            self._held[client] -= 1
            self._held += Counter()  # drops those that are at 0
            self._changed.notify_all()

    def _is_free(self, client: str) -> bool:
        return self.count < self.limit and self._held[client] < self.limit_per_client
