"""JobQueue, ProgressFeed and RateLimiter inside one process: the defaults."""

import math
import queue
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from nst.jobs.job import JobProgress
from nst.jobs.ports import Delivery, ProcessName, Subscription

MAX_MESSAGES = 1000
"""Maximum number of waiting messages, so that they cannot fill the memory."""


class MemoryJobQueue:
    """A JobQueue between threads of one process; messages are lost when it ends."""

    def __init__(self) -> None:
        self._deliveries: queue.Queue[Delivery] = queue.Queue(MAX_MESSAGES)

    def publish(self, job_id: str, trace: Mapping[str, str]) -> None:
        with suppress(queue.Full):  # enough to wake every worker
            self._deliveries.put_nowait(Delivery(job_id, dict(trace)))

    def receive(self, timeout_seconds: float) -> Delivery | None:
        try:
            return self._deliveries.get(block=timeout_seconds > 0, timeout=timeout_seconds)
        except queue.Empty:
            return None

    def commit(self, delivery: Delivery) -> None:
        """Do nothing: a received message is removed at once."""

    def stay(self) -> None:
        """Do nothing: there is no group."""

    def trouble(self, *processes: ProcessName) -> str | None:  # noqa: ARG002 - as JobQueue has it
        return None

    def lag(self) -> int:
        return self._deliveries.qsize()

    def close(self) -> None:
        """Do nothing: the queue has no connection."""


class MemorySubscription:
    """A subscription to one job, which keeps only the newest message."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._news: list[JobProgress | None] = []

    def tell(self, progress: JobProgress | None) -> None:
        with self._condition:
            # Newer progress replaces older progress, but not None: something else has changed.
            self._news = [None] if None in (progress, *self._news) else [progress]
            self._condition.notify()

    def wait(self, timeout_seconds: float) -> JobProgress | None:
        with self._condition:
            self._condition.wait_for(lambda: self._news, timeout_seconds)
            news, self._news = self._news, []
        return news[0] if news else None


class MemoryProgressFeed:
    """A ProgressFeed between the threads of one process."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, set[MemorySubscription]] = defaultdict(set)
        self._lock = threading.Lock()

    def publish(self, job_id: str, progress: JobProgress | None) -> None:
        with self._lock:
            subscriptions = list(self._subscriptions.get(job_id, ()))
        for subscription in subscriptions:
            subscription.tell(progress)

    @contextmanager
    def subscribe(self, job_id: str) -> Iterator[Subscription]:
        subscription = MemorySubscription()
        with self._lock:
            self._subscriptions[job_id].add(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions[job_id].discard(subscription)
                if not self._subscriptions[job_id]:
                    del self._subscriptions[job_id]

    def close(self) -> None:
        """Do nothing: the feed has no connection."""


class MemoryRateLimiter:
    """A RateLimiter with fixed time windows, counted in this process."""

    def __init__(self) -> None:
        self._used: dict[tuple[str, str], tuple[float, int]] = {}
        """End of the current window and the amount used in it, by limit and client."""
        self._windows: dict[int, deque[tuple[float, tuple[str, str]]]] = defaultdict(deque)
        """Ends of windows and their keys, by length of the window, sorted by end."""
        self._lock = threading.Lock()

    def take(self, what: str, client: str, amount: int, limit: int, window_seconds: int) -> int:
        now = time.monotonic()
        with self._lock:
            ends_at, used = self._used.get((what, client), (0.0, 0))
            if ends_at <= now:
                ends_at, used = now + window_seconds, 0
            self._forget_ended(self._windows[window_seconds], now)
            if used + amount > limit:
                return min(window_seconds, math.ceil(ends_at - now))  # rounding may exceed it
            if (what, client) not in self._used:
                self._windows[window_seconds].append((ends_at, (what, client)))
            self._used[what, client] = ends_at, max(0, used + amount)
            return 0

    def _forget_ended(self, windows: deque[tuple[float, tuple[str, str]]], now: float) -> None:
        """Forget the ended windows. Each window is visited once, after its end, so the cost of a
        call does not grow with the number of clients."""
        while windows and windows[0][0] <= now:
            self._used.pop(windows.popleft()[1], None)
