"""The feed and the limiter while Redis is gone, and when it is back."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as client_library

from nst.adapters import redis as adapter
from nst.adapters.memory import MemoryProgressFeed
from nst.adapters.redis import CHANNEL, RedisProgressFeed, RedisRateLimiter
from nst.jobs.ports import ProgressFeed, Subscription
from nst.metrics import REGISTRY
from support import servers
from support.jobs import progress
from support.servers import Server
from support.waiting import PATIENCE_SECONDS, no_waiting, wait_until


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a timeout that Redis on a busy machine keeps."""
    monkeypatch.setattr(adapter, "ANSWER_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a short timeout, for a Redis that does not answer."""
    monkeypatch.setattr(adapter, "ANSWER_SECONDS", 6.0)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Server]:
    """Yield a Redis that may be killed."""
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


def wait_until_it_hears(worker: ProgressFeed, news: Subscription) -> None:
    def hears() -> bool:
        worker.publish("a", progress(7))
        return news.wait(0.2) == progress(7)

    wait_until(hears)


def errors() -> float:
    """Return the number of requests of the feed that Redis did not answer."""
    labels = {"system": "feed"}
    return REGISTRY.get_sample_value("nst_dependency_errors_total", labels) or 0.0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("trouble", ["kill", "freeze"])
def test_nobody_waits_for_redis(
    own_redis: Server,
    worker: ProgressFeed,
    api: ProgressFeed,
    trouble: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Longer than a timeout: while one client waits for Redis, the others must not try again.
    monkeypatch.setattr(adapter, "REST_SECONDS", 4 * adapter.ANSWER_SECONDS)
    limiter = RedisRateLimiter(servers.redis_url(own_redis))
    worker.publish("a", progress(1))
    assert limiter.take("bytes", "anna", 1, 1, 3600) == 0
    assert limiter.take("bytes", "anna", 1, 1, 3600) > 0
    with api.subscribe("a") as news, caplog.at_level(logging.WARNING):
        own_redis.kill() if trouble == "kill" else own_redis.freeze()
        for say in (
            lambda: worker.publish("a", progress(2)),
            lambda: worker.publish("a", None),
            lambda: limiter.take("bytes", "anna", 1, 1, 3600),
        ):
            with no_waiting():
                assert not say()
        start, before = time.monotonic(), errors()
        for _ in range(1000):
            worker.publish("a", progress(3))
            assert limiter.take("bytes", "anna", 1, 1, 3600) == 0
        # Each of the three, including the listener, tries again after its rest.
        rests = (time.monotonic() - start) / adapter.REST_SECONDS
        assert errors() - before <= 3 * (rests + 1)
        with api.subscribe("b") as other:
            assert other.wait(0.1) is None
        if trouble == "kill":
            own_redis.start()
        else:
            own_redis.thaw()
        wait_until_it_hears(worker, news)
    messages = [record.message for record in caplog.records]
    assert 1 <= len(messages) <= 4
    assert all(text.startswith("Redis does not answer; continuing without it") for text in messages)


def test_the_limiter_comes_back(own_redis: Server) -> None:
    limiter = RedisRateLimiter(servers.redis_url(own_redis))
    assert limiter.take("bytes", "anna", 1, 1, 3600) == 0
    own_redis.kill()
    assert limiter.take("bytes", "anna", 1, 1, 3600) == 0
    own_redis.start()
    wait_until(lambda: limiter.take("bytes", "anna", 1, 1, 3600) > 0)


def test_what_was_missed_is_looked_up(own_redis: Server, api: ProgressFeed) -> None:
    """A listener learns after a restart of Redis that something may have changed."""
    with api.subscribe("a") as news:
        own_redis.kill()
        own_redis.start()
        with no_waiting():
            assert news.wait(PATIENCE_SECONDS) is None


@pytest.mark.usefixtures("impatient")
def test_listening_begins_while_redis_is_gone(
    own_redis: Server, worker: ProgressFeed, api: ProgressFeed
) -> None:
    own_redis.kill()
    with api.subscribe("a") as news:
        own_redis.start()
        wait_until_it_hears(worker, news)


def test_redis_was_flushed(own_redis: Server, worker: ProgressFeed, api: ProgressFeed) -> None:
    limiter = RedisRateLimiter(servers.redis_url(own_redis))
    assert limiter.take("bytes", "anna", 1, 1, 3600) == 0
    with api.subscribe("a") as news, connected(own_redis) as redis:
        redis.flushall()
        redis.script_flush()
        worker.publish("a", progress(1))
        assert news.wait(PATIENCE_SECONDS) == progress(1)
    assert limiter.take("bytes", "anna", 1, 1, 3600) == 0
    assert limiter.take("bytes", "anna", 1, 1, 3600) > 0


def test_what_cannot_be_read_is_looked_up(own_redis: Server, api: ProgressFeed) -> None:
    with api.subscribe("a") as news, connected(own_redis) as redis:
        for garbage in ("garbage", "{}", '{"step": "many"}', "\x00"):
            redis.publish(f"{CHANNEL}a", garbage)
            with no_waiting():
                assert news.wait(PATIENCE_SECONDS) is None


def test_nothing_is_left_in_redis(own_redis: Server, worker: ProgressFeed) -> None:
    limiter = RedisRateLimiter(servers.redis_url(own_redis))
    worker.publish("a", progress(1))
    limiter.take("bytes", "anna", 1, 1, 3600)
    with connected(own_redis) as redis:
        (key,) = redis.keys()
        assert 0 < redis.ttl(key) <= 3600


def test_who_listens_to_nothing_bothers_nobody(own_redis: Server, api: ProgressFeed) -> None:
    with api.subscribe("a"), connected(own_redis) as redis:
        assert redis.pubsub_channels() == [f"{CHANNEL}a".encode()]
    with connected(own_redis) as redis:
        wait_until(lambda: not redis.pubsub_channels())


def connected(server: Server) -> client_library.Redis:
    return client_library.Redis.from_url(servers.redis_url(server))
