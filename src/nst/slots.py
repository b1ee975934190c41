"""Limits of concurrent requests, in total, per client and per key."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from nst.errors import ServerBusy, TooManyRequests


class Slots:
    """A semaphore with a limit per client. It is safe to use from any thread."""

    def __init__(
        self,
        limit: int,
        limit_per_client: int,
        *,
        wait_seconds: float = 0.0,
        retry_seconds: int = 10,
        reason: str = "the server is busy",
    ) -> None:
        """`limit`: number of slots in total. `wait_seconds`: maximum wait for a slot.
        `reason` and `retry_seconds`: contents of the error if no slot is free."""
        self.limit = limit
        self.limit_per_client = limit_per_client
        self._wait_seconds = wait_seconds
        self._retry_seconds = retry_seconds
        self._reason = reason
        self._held: Counter[str] = Counter()
        self._changed = threading.Condition()

    @property
    def count(self) -> int:
        """Number of slots in use."""
        return self._held.total()

    @contextmanager
    def one(self, client: str) -> Iterator[None]:
        """Hold a slot while the context is open. Raises the same errors as `enter`."""
        self.enter(client)
        try:
            yield
        finally:
            self.leave(client)

    def enter(self, client: str) -> None:
        """Take a slot.

        Raises TooManyRequests if the client holds its maximum, ServerBusy if none is free.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(client), self._wait_seconds):
                is_full = self.count >= self.limit
                raise (ServerBusy if is_full else TooManyRequests)(
                    self._reason, self._retry_seconds
                )
            self._held[client] += 1

    def leave(self, client: str) -> None:
        """Release a slot; call it once per `enter`."""
        with self._changed:
            self._held[client] -= 1
            self._held += Counter()  # drops clients without a slot
            self._changed.notify_all()

    def _is_free(self, client: str) -> bool:
        return self.count < self.limit and self._held[client] < self.limit_per_client


class Locks:
    """Locks by key, each held by one request at a time; safe to use from any thread."""

    def __init__(self, *, wait_seconds: float, reason: str) -> None:
        """`wait_seconds`: maximum wait for a lock.
        `reason`: text of the error after that wait."""
        self._wait_seconds = wait_seconds
        self._reason = reason
        self._locks = WeakValueDictionary[str, threading.Lock]()
        self._finding = threading.Lock()
        """Lock held while a lock is looked up."""

    @contextmanager
    def one(self, key: str) -> Iterator[None]:
        """Hold the lock of a key while the context is open. Raises ServerBusy."""
        with self._finding:
            lock = self._locks.setdefault(key, threading.Lock())
        if not lock.acquire(timeout=self._wait_seconds):
            raise ServerBusy(self._reason, 10)
        try:
            yield
        finally:
            lock.release()
