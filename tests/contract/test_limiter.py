"""RateLimiter, in memory and in Redis, does what its docstrings promise."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nst.adapters.memory import MemoryRateLimiter
from nst.jobs.job import new_id
from nst.jobs.ports import RateLimiter
from support.waiting import PATIENCE_SECONDS, wait_until

HOUR = 3600
"""Length of a window that no test outlasts, in seconds."""


def test_up_to_the_limit(limiter: RateLimiter) -> None:
    client = new_id()
    assert [limiter.take("bytes", client, 30, 100, HOUR) for _ in range(3)] == [0, 0, 0]
    assert HOUR - PATIENCE_SECONDS <= limiter.take("bytes", client, 30, 100, HOUR) <= HOUR
    assert limiter.take("bytes", client, 10, 100, HOUR) == 0  # what was refused is not counted
    assert limiter.take("bytes", client, 0, 100, HOUR) == 0
    assert limiter.take("bytes", client, 1, 100, HOUR) > 0


def test_what_is_given_back_can_be_taken_again(limiter: RateLimiter) -> None:
    client = new_id()
    assert limiter.take("bytes", client, 100, 100, HOUR) == 0
    assert limiter.take("bytes", client, -30, 100, HOUR) == 0
    assert limiter.take("bytes", client, 31, 100, HOUR) > 0
    assert limiter.take("bytes", client, 30, 100, HOUR) == 0
    assert limiter.take("bytes", client, 1, 100, HOUR) > 0


def test_nobody_gets_more_than_the_limit_by_giving_back(limiter: RateLimiter) -> None:
    new, other = new_id(), new_id()
    assert limiter.take("bytes", other, 10, 100, HOUR) == 0
    for client in (new, other):  # the window in which it was taken may have ended
        assert limiter.take("bytes", client, -30, 100, HOUR) == 0
        assert limiter.take("bytes", client, 101, 100, HOUR) > 0
        assert limiter.take("bytes", client, 100, 100, HOUR) == 0


def test_each_for_himself(limiter: RateLimiter) -> None:
    anna, bert = new_id(), new_id()
    assert limiter.take("bytes", anna, 100, 100, HOUR) == 0
    assert limiter.take("bytes", bert, 100, 100, HOUR) == 0
    assert limiter.take("requests", anna, 100, 100, HOUR) == 0
    assert limiter.take("bytes", anna, 1, 100, HOUR) > 0


def test_more_than_is_ever_allowed(limiter: RateLimiter) -> None:
    client = new_id()
    assert limiter.take("bytes", client, 101, 100, HOUR) == HOUR
    assert limiter.take("bytes", client, 100, 100, HOUR) == 0


def test_large_amounts(limiter: RateLimiter) -> None:
    client, limit = new_id(), 10**15
    assert limiter.take("bytes", client, limit - 1, limit, 24 * 3600) == 0
    assert limiter.take("bytes", client, 1, limit, 24 * 3600) == 0
    seconds = limiter.take("bytes", client, 1, limit, 24 * 3600)
    assert 24 * 3600 - PATIENCE_SECONDS <= seconds <= 24 * 3600


def test_after_the_window(limiter: RateLimiter) -> None:
    client = new_id()
    start = time.monotonic()
    assert limiter.take("bytes", client, 1, 1, 1) == 0
    wait_until(lambda: limiter.take("bytes", client, 1, 1, 1) == 0)
    assert time.monotonic() - start > 0.99


def test_no_other_client_is_looked_at() -> None:
    class Unread(dict[Any, Any]):
        """Dictionary that fails if its items are iterated."""

        def items(self) -> Any:
            raise AssertionError("every client was looked at")

        __iter__ = keys = values = items

    limiter = MemoryRateLimiter()
    for number in range(100):
        limiter.take("bytes", f"client {number}", 1, 1, 1)
    limiter._used = Unread(limiter._used)
    wait_until(lambda: limiter.take("bytes", "client 99", 1, 1, 1) == 0)
    assert len(limiter._used) == 1  # windows that have ended are forgotten all the same


def test_a_window_does_not_grow(limiter: RateLimiter) -> None:
    client = new_id()
    assert limiter.take("bytes", client, 1, 2, HOUR) == 0
    time.sleep(1.1)
    assert limiter.take("bytes", client, 1, 2, HOUR) == 0
    assert limiter.take("bytes", client, 1, 2, HOUR) < HOUR


def test_at_the_same_time(limiter: RateLimiter) -> None:
    client = new_id()
    with ThreadPoolExecutor(8) as pool:
        waits = pool.map(lambda _: limiter.take("bytes", client, 3, 100, HOUR), range(200))
        assert list(waits).count(0) == 33


def test_what_is_refused_at_the_same_time_is_not_counted(limiter: RateLimiter) -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            client = new_id()
            asked = [pool.submit(limiter.take, "bytes", client, 60, 100, HOUR) for _ in range(8)]
            assert [each.result() for each in asked].count(0) == 1
            assert limiter.take("bytes", client, 40, 100, HOUR) == 0


def test_the_seconds_that_are_told_are_enough(limiter: RateLimiter) -> None:
    client = new_id()
    while not (seconds := limiter.take("bytes", client, 100, 100, 2)):
        pass  # not refused at first, or again if a window ends in between on a busy machine
    time.sleep(seconds)
    assert limiter.take("bytes", client, 100, 100, 2) == 0
