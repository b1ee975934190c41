"""A circuit breaker for the queue, which pauses after a failure."""

import threading
import time
from collections.abc import Mapping

from nst.errors import QueueError
from nst.jobs.ports import Delivery, JobQueue, ProcessName

REST_SECONDS = 15.0
"""Pause after a failure, in seconds.
Workers find queued jobs without messages meanwhile."""


class QueueWithBreaker:
    """A JobQueue that does not wait for dead brokers again with every message."""

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self._rests_until = 0.0
        self._has_failed = False

    def publish(self, job_id: str, trace: Mapping[str, str]) -> None:
        """Send a message.
        Raises QueueError, immediately during the pause after a failure."""
        self._check()
        try:
            self._queue.publish(job_id, trace)
        except QueueError:
            self._has_failed = True
            self._rest()
            raise
        self._has_failed, self._rests_until = False, 0.0

    def receive(self, timeout_seconds: float) -> Delivery | None:
        return self._queue.receive(timeout_seconds)

    def commit(self, delivery: Delivery) -> None:
        self._queue.commit(delivery)

    def stay(self) -> None:
        self._queue.stay()

    def lag(self) -> int:
        return self._queue.lag()

    def trouble(self, *processes: ProcessName) -> str | None:
        return self._queue.trouble(*processes)

    def close(self) -> None:
        self._queue.close()

    def _check(self) -> None:
        with self._lock:
            if time.monotonic() < self._rests_until:
                raise QueueError("it did not answer a moment ago and is not asked again yet")
            if self._has_failed:
                self._rest()  # other calls pause while this one tries

    def _rest(self) -> None:
        self._rests_until = time.monotonic() + REST_SECONDS
