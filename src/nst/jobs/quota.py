"""Quotas of clients: maximum requests, bytes and work in a period of time."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nst.errors import TooManyRequests
from nst.jobs.ports import RateLimiter

MINUTE_SECONDS, DAY_SECONDS = 60, 24 * 3600


@dataclass(frozen=True, slots=True)
class Quota:
    """Quotas of all clients. Every method raises TooManyRequests above the limit."""

    limiter: RateLimiter

    @contextmanager
    def returned_on_failure(self) -> "Iterator[ReturnableQuota]":
        """Yield a quota; what is taken from it is returned if the context raises."""
        quota = ReturnableQuota(_Taken(self.limiter))
        try:
            yield quota
        except Exception:
            quota.give_back()
            raise

    def take_request(self, client: str, limit: int) -> None:
        """Count a request; `limit`: requests in a minute. Raises TooManyRequests."""
        if wait := self.limiter.take("requests", client, 1, limit, MINUTE_SECONDS):
            raise TooManyRequests(f"more than {limit} requests in a minute", wait)

    def take_bytes(self, client: str, size_bytes: int, limit: int) -> None:
        """Count the bytes of an upload of any kind, and of the copies that it causes;
        `limit`: bytes in a day. Raises TooManyRequests."""
        if wait := self.limiter.take("bytes", client, size_bytes, limit, DAY_SECONDS):
            raise TooManyRequests(f"this would exceed the {limit / 1e6:g} MB of a day", wait)

    def take_work(self, client: str, pixel_steps: int, limit: int) -> None:
        """Count the work of a job; `limit`: pixels × steps in a day.
        Raises TooManyRequests."""
        if wait := self.limiter.take("work", client, pixel_steps, limit, DAY_SECONDS):
            raise TooManyRequests(f"this would exceed the {limit:,} pixels × steps of a day", wait)

    def take_minutes(self, client: str, minutes: float, limit: int) -> None:
        """Count the minutes of a job that learns; `limit`: minutes in a day.
        Raises TooManyRequests."""
        seconds = math.ceil(60 * minutes)
        if wait := self.limiter.take("learning", client, seconds, 60 * limit, DAY_SECONDS):
            reason = f"this would exceed the {limit} minutes of learning of a day"
            raise TooManyRequests(reason, wait)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A RateLimiter that remembers what it has counted."""

    limiter: RateLimiter
    calls: list[tuple[str, str, int, int, int]] = field(default_factory=list)

    def take(self, what: str, client: str, amount: int, limit: int, window_seconds: int) -> int:
        wait = self.limiter.take(what, client, amount, limit, window_seconds)
        if not wait:
            self.calls.append((what, client, amount, limit, window_seconds))
        return wait

    def give_back(self) -> None:
        for what, client, amount, limit, window_seconds in self.calls:
            self.limiter.take(what, client, -amount, limit, window_seconds)


@dataclass(frozen=True, slots=True)
class ReturnableQuota(Quota):
    """Quotas of all clients, to which everything that is taken can be returned."""

    limiter: _Taken

    def give_back(self) -> None:
        """Return what was taken. Call it at most once."""
        self.limiter.give_back()
