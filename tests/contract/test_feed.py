"""ProgressFeed, in memory and through Redis, does what its docstrings promise."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from nst.jobs.ports import ProgressFeed
from support.jobs import progress
from support.waiting import PATIENCE_SECONDS, no_waiting

Connect = Callable[[], ProgressFeed]


def test_news_are_heard_at_once(connect: Connect) -> None:
    worker, api = connect(), connect()
    with api.subscribe("a") as news:
        for step in range(5):
            worker.publish("a", progress(step))
            assert news.wait(PATIENCE_SECONDS) == progress(step)


def test_something_else_has_changed(connect: Connect) -> None:
    worker, api = connect(), connect()
    with api.subscribe("a") as news:
        worker.publish("a", None)
        with no_waiting():
            assert news.wait(PATIENCE_SECONDS) is None


def test_nothing_has_changed(connect: Connect) -> None:
    worker, api = connect(), connect()
    with api.subscribe("a") as news:
        worker.publish("b", progress(1))
        start = time.monotonic()
        assert news.wait(0.3) is None
        assert time.monotonic() - start >= 0.3


def test_the_newest_counts(connect: Connect) -> None:
    worker, api = connect(), connect()
    with api.subscribe("a") as news:
        for step in range(10):
            worker.publish("a", progress(step))
        with api.subscribe("b") as after:  # news of b arrives after earlier news of a
            worker.publish("b", progress(0))
            assert after.wait(PATIENCE_SECONDS) == progress(0)
            assert news.wait(PATIENCE_SECONDS) == progress(9)
            worker.publish("a", progress(10))
            worker.publish("a", None)
            worker.publish("b", progress(1))
            assert after.wait(PATIENCE_SECONDS) == progress(1)
            with no_waiting():
                assert news.wait(PATIENCE_SECONDS) is None
            assert news.wait(0.1) is None


def test_everybody_hears_of_what_he_asked_for(connect: Connect) -> None:
    worker, first, second = connect(), connect(), connect()
    with (
        first.subscribe("a") as a,
        first.subscribe("a") as a_too,
        first.subscribe("b") as b,
        second.subscribe("a") as a_elsewhere,
    ):
        worker.publish("a", progress(1))
        worker.publish("b", progress(2))
        assert [each.wait(PATIENCE_SECONDS) for each in (a, a_too, a_elsewhere)] == [
            progress(1)
        ] * 3
        assert b.wait(PATIENCE_SECONDS) == progress(2)


def test_to_listen_again(connect: Connect) -> None:
    worker, api = connect(), connect()
    for step in range(3):
        with api.subscribe("a") as news, api.subscribe("b"):
            worker.publish("a", progress(step))
            # News that was published while nobody listened may arrive late, but not after this.
            assert any(news.wait(PATIENCE_SECONDS) == progress(step) for _ in range(2))
        worker.publish("a", progress(100))
    with api.subscribe("b") as after:  # news of b arrives after earlier news of a
        worker.publish("b", progress(0))
        assert after.wait(PATIENCE_SECONDS) == progress(0)
    with api.subscribe("a") as news:
        assert news.wait(0.2) is None
        worker.publish("a", progress(4))
        assert news.wait(PATIENCE_SECONDS) == progress(4)


def test_many_listen_at_the_same_time(connect: Connect) -> None:
    worker, api = connect(), connect()
    listening = threading.Semaphore(0)

    def listen(number: int) -> bool:
        with api.subscribe(f"job-{number % 20}") as news:
            listening.release()
            return news.wait(PATIENCE_SECONDS) == progress(number % 20)

    with ThreadPoolExecutor(60) as pool:
        heard = pool.map(listen, range(60))
        for _ in range(60):
            assert listening.acquire(timeout=PATIENCE_SECONDS)
        for number in range(20):
            worker.publish(f"job-{number}", progress(number))
        assert all(heard)


def test_nobody_listens(connect: Connect) -> None:
    feed = connect()
    feed.publish("a", progress(1))
    feed.close()
