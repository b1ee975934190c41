"""Every adapter of every port, on real servers that are started when a test first asks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nst.adapters import redis as redis_adapter
from nst.adapters import storage
from nst.adapters.kafka import KafkaJobQueue, create_topics
from nst.adapters.memory import MemoryJobQueue, MemoryProgressFeed, MemoryRateLimiter
from nst.adapters.redis import RedisProgressFeed, RedisRateLimiter
from nst.adapters.sql import SqlJobRepository
from nst.jobs.ports import ImageStorage, JobQueue, ProgressFeed, RateLimiter
from nst.settings.groups import KafkaSettings
from support import servers
from support.competing_workers import migrate
from support.servers import Broker, Server
from support.waiting import PATIENCE_SECONDS

# ── servers ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.postgresql(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with servers.kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def apache_kafka(request: pytest.FixtureRequest) -> Broker:
    """The same broker, for what the light one does not know."""
    if not servers.is_kafka_real():
        pytest.skip("the light broker stands in for Apache Kafka")
    broker: Broker = request.getfixturevalue("kafka")
    return broker


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of the one radosgw."""
    return tmp_path_factory.mktemp("ceph")


@pytest.fixture(scope="session")
def radosgw(ceph: Path) -> Iterator[Server]:
    with servers.radosgw(ceph) as server:
        yield server


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not servers.has_versitygw():
        pytest.skip("versitygw is not there")
    with servers.versitygw(tmp_path_factory.mktemp("versitygw")) as server:
        yield server


# ── repositories ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: Server) -> str:
    url = servers.new_database(postgresql)
    migrate(url)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database whose tables are empty."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("migrated_postgresql")
        servers.empty_tables(url)
    else:
        url = f"sqlite:///{tmp_path / 'jobs.db'}"
        migrate(url)
    return url


@pytest.fixture
def repository(database_url: str) -> Iterator[SqlJobRepository]:
    opened = SqlJobRepository(database_url)
    yield opened
    opened.close()


# ── queues ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def kafka_settings(kafka: Broker) -> KafkaSettings:
    """Of a topic of its own."""
    settings = servers.kafka_settings(kafka.address)
    create_topics(settings)
    return settings


@pytest.fixture(params=["memory", "kafka classic", "kafka consumer"])
def join(request: pytest.FixtureRequest) -> Iterator[Callable[[], JobQueue]]:
    """Each call is another worker of the same group."""
    if request.param == "memory":
        memory = MemoryJobQueue()
        yield lambda: memory
        return
    protocol = request.param.split()[-1]
    if protocol == "consumer":
        request.getfixturevalue("apache_kafka")
    settings = servers.changed(request.getfixturevalue("kafka_settings"), group_protocol=protocol)
    queues: list[KafkaJobQueue] = []

    def another() -> KafkaJobQueue:
        queues.append(KafkaJobQueue(settings))
        return queues[-1]

    yield another
    for queue in queues:
        queue.close()


# ── feeds and limiters ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def patient_redis(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of a Redis whose answers are waited for, however busy the machine is."""
    monkeypatch.setattr(redis_adapter, "ANSWER_SECONDS", PATIENCE_SECONDS)
    return servers.redis_url(request.getfixturevalue("redis"))


@pytest.fixture(params=["memory", "redis"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[[], ProgressFeed]]:
    """Each call is another process, as far as the feed can tell."""
    if request.param == "memory":
        feed = MemoryProgressFeed()
        yield lambda: feed
        return
    url = request.getfixturevalue("patient_redis")
    feeds: list[RedisProgressFeed] = []

    def another() -> RedisProgressFeed:
        feeds.append(RedisProgressFeed(url, MemoryProgressFeed()))
        return feeds[-1]

    yield another
    for opened in feeds:
        opened.close()


@pytest.fixture(params=["memory", "redis"])
def limiter(request: pytest.FixtureRequest) -> RateLimiter:
    if request.param == "memory":
        return MemoryRateLimiter()
    return RedisRateLimiter(request.getfixturevalue("patient_redis"))


# ── storages ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["memory", "folder", "moto", "radosgw", "versitygw"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> ImageStorage:
    """An empty storage."""
    match request.param:
        case "memory":
            return storage.in_memory()
        case "folder":
            return storage.in_folder(tmp_path / "files")
        case name:
            return servers.in_s3(request.getfixturevalue(name))
