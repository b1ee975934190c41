"""Every adapter of every port, on real servers that start when a test needs them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nst.adapters import redis as redis_adapter
from nst.adapters import storage
from nst.adapters.kafka import KafkaJobQueue, create_topics
from nst.adapters.kafka import client as kafka_client
from nst.adapters.kafka import offer as kafka_offer
from nst.adapters.kafka import queue as kafka_queue
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


@pytest.fixture(scope="package")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.postgresql(tmp_path_factory.mktemp("postgresql")) as server:
        yield server


@pytest.fixture(scope="package")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="package")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with servers.kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="package")
def apache_kafka(request: pytest.FixtureRequest) -> Broker:
    """Return the shared broker; skip the test if that is the light broker."""
    if not servers.is_kafka_real():
        pytest.skip("the light broker stands in for Apache Kafka")
    broker: Broker = request.getfixturevalue("kafka")
    return broker


@pytest.fixture(scope="package")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with servers.moto(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="package")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the shared radosgw."""
    return tmp_path_factory.mktemp("ceph")


@pytest.fixture(scope="package")
def radosgw(ceph: Path) -> Iterator[Server]:
    with servers.radosgw(ceph) as server:
        yield server


@pytest.fixture(scope="package")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not servers.has_versitygw():
        pytest.skip("versitygw is not there")
    with servers.versitygw(tmp_path_factory.mktemp("versitygw")) as server:
        yield server


# ── repositories ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="package")
def migrated_postgresql(postgresql: Server) -> str:
    url = servers.new_database(postgresql)
    migrate(url)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database whose tables are empty."""
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
    """Return settings with topics that no other test has; the topics exist."""
    settings = servers.kafka_settings(kafka.address)
    create_topics(settings)
    return settings


@pytest.fixture
def patient_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set timeouts that a broker on a busy machine keeps."""
    monkeypatch.setattr(kafka_client, "REQUEST_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(kafka_queue, "COMMIT_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(kafka_offer, "ANSWER_SECONDS", PATIENCE_SECONDS)


@pytest.fixture(params=["memory", "kafka classic", "kafka consumer"])
def join(request: pytest.FixtureRequest) -> Iterator[Callable[[], JobQueue]]:
    """Yield a function that adds another worker to one group."""
    if request.param == "memory":
        memory = MemoryJobQueue()
        yield lambda: memory
        return
    request.getfixturevalue("patient_kafka")
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
    """Return the URL of Redis, for adapters whose timeout a busy machine keeps."""
    monkeypatch.setattr(redis_adapter, "ANSWER_SECONDS", PATIENCE_SECONDS)
    return servers.redis_url(request.getfixturevalue("redis"))


@pytest.fixture(params=["memory", "redis"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[[], ProgressFeed]]:
    """Yield a function that connects to the feed as another process would."""
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
    """Return an empty storage."""
    match request.param:
        case "memory":
            return storage.in_memory()
        case "folder":
            return storage.in_folder(tmp_path / "files")
        case name:
            return servers.in_s3(request.getfixturevalue(name))
