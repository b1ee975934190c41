"""What happens to the feed and the limiter when Redis is gone, and when it is back."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as client_library

import servers
from nst.adapters.memory import MemoryProgressFeed
from nst.adapters.redis import CHANNEL, RedisProgressFeed, RedisRateLimiter
from nst.jobs.ports import ProgressFeed, Subscription
from orders import progress
from servers import Server

PATIENCE_SECONDS = 20.0


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Server]:
    """One that may be killed."""
    with servers.redis(tmp_path) as server:
        yield server


@pytest.fixture
def worker(own_redis: Server) -> Iterator[ProgressFeed]:
    feed = RedisProgressFeed(servers.redis_url(own_redis), MemoryProgressFeed())
    yield feed
    feed.close()


@pytest.fixture
def api(own_redis: Server) -> Iterator[ProgressFeed]:
    feed = RedisProgressFeed(servers.redis_url(own_redis), MemoryProgressFeed())
    yield feed
    feed.close()


def hears_again(worker: ProgressFeed, news: Subscription) -> bool:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        worker.publish("a", progress(7))
        if news.wait(0.2) == progress(7):
            return True
    return False


@pytest.mark.parametrize("trouble", ["kill", "freeze"])
def test_nobody_waits_for_redis(
    own_redis: Server,
    worker: ProgressFeed,
    api: ProgressFeed,
    trouble: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    limiter = RedisRateLimiter(servers.redis_url(own_redis))
    worker.publish("a", progress(1))
    assert limiter.take("bytes", "anna", 1, 1, 60) == 0
    assert limiter.take("bytes", "anna", 1, 1, 60) > 0
    with api.subscribe("a") as news, caplog.at_level(logging.WARNING):
        own_redis.kill() if trouble == "kill" else own_redis.freeze()
        for say in (
            lambda: worker.publish("a", progress(2)),
            lambda: worker.publish("a", None),
            lambda: limiter.take("bytes", "anna", 1, 1, 60),
        ):
            start = time.monotonic()
            assert not say()
            assert time.monotonic() - start < 1.5
        start = time.monotonic()
        for _ in range(1000):
            worker.publish("a", progress(3))
            assert limiter.take("bytes", "anna", 1, 1, 60) == 0
        assert time.monotonic() - start < 1
        with api.subscribe("b") as other:
            assert other.wait(0.1) is None
        if trouble == "kill":
            own_redis.start()
        else:
            own_redis.thaw()
        assert hears_again(worker, news)
    messages = [record.message for record in caplog.records]
    assert 1 <= len(messages) <= 4
    assert all(text.startswith("Redis does not answer, going on without it") for text in messages)


def test_the_limiter_comes_back(own_redis: Server) -> None:
    limiter = RedisRateLimiter(servers.redis_url(own_redis))
    assert limiter.take("bytes", "anna", 1, 1, 60) == 0
    own_redis.kill()
    assert limiter.take("bytes", "anna", 1, 1, 60) == 0
    own_redis.start()
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while limiter.take("bytes", "anna", 1, 1, 60) == 0:
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


def test_what_was_missed_is_looked_up(own_redis: Server, api: ProgressFeed) -> None:
    """Whoever listened before Redis was gone is told that something may have changed."""
    with api.subscribe("a") as news:
        own_redis.kill()
        own_redis.start()
        start = time.monotonic()
        assert news.wait(PATIENCE_SECONDS) is None
        assert time.monotonic() - start < PATIENCE_SECONDS


def test_listening_begins_while_redis_is_gone(
    own_redis: Server, worker: ProgressFeed, api: ProgressFeed
) -> None:
    own_redis.kill()
    with api.subscribe("a") as news:
        own_redis.start()
        assert hears_again(worker, news)


def test_redis_was_flushed(own_redis: Server, worker: ProgressFeed, api: ProgressFeed) -> None:
    limiter = RedisRateLimiter(servers.redis_url(own_redis))
    assert limiter.take("bytes", "anna", 1, 1, 60) == 0
    with api.subscribe("a") as news, connected(own_redis) as redis:
        redis.flushall()
        redis.script_flush()
        worker.publish("a", progress(1))
        assert news.wait(5) == progress(1)
    assert limiter.take("bytes", "anna", 1, 1, 60) == 0
    assert limiter.take("bytes", "anna", 1, 1, 60) > 0


def test_what_cannot_be_read_is_looked_up(own_redis: Server, api: ProgressFeed) -> None:
    with api.subscribe("a") as news, connected(own_redis) as redis:
        for garbage in ("garbage", "{}", '{"step": "many"}', "\x00"):
            redis.publish(f"{CHANNEL}a", garbage)
            start = time.monotonic()
            assert news.wait(5) is None
            assert time.monotonic() - start < 1


def test_nothing_is_left_in_redis(own_redis: Server, worker: ProgressFeed) -> None:
    limiter = RedisRateLimiter(servers.redis_url(own_redis))
    worker.publish("a", progress(1))
    limiter.take("bytes", "anna", 1, 1, 1)
    with connected(own_redis) as redis:
        assert redis.dbsize() == 1
        time.sleep(1.1)
        assert redis.dbsize() == 0


def test_who_listens_to_nothing_bothers_nobody(own_redis: Server, api: ProgressFeed) -> None:
    with api.subscribe("a"), connected(own_redis) as redis:
        assert redis.pubsub_channels() == [f"{CHANNEL}a".encode()]
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    with connected(own_redis) as redis:
        while redis.pubsub_channels():
            assert time.monotonic() < give_up_at


def connected(server: Server) -> client_library.Redis:
    return client_library.Redis.from_url(servers.redis_url(server))
