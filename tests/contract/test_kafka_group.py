"""Group of workers on Apache Kafka: its two protocols, its members, its lag."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Literal

import pytest
from confluent_kafka import ConsumerGroupType
from confluent_kafka.admin import AdminClient

from nst import bootstrap
from nst.adapters.kafka import KafkaJobQueue, check, client, create_topics, look
from nst.adapters.kafka import queue as adapter
from nst.adapters.memory import MemoryJobQueue
from nst.errors import InvalidOption, QueueError
from nst.jobs.job import new_id
from nst.jobs.ports import Delivery
from nst.metrics import DEPENDENCY_ERRORS
from nst.settings.groups import KafkaSettings
from support import apache_kafka as tools
from support import servers
from support.servers import Broker, Server
from support.waiting import PATIENCE_SECONDS, no_waiting, wait_until

Protocol = Literal["auto", "classic", "consumer"]
Join = Callable[[Protocol], KafkaJobQueue]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "COMMIT_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(client, "REQUEST_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def settings(apache_kafka: Broker, kafka_settings: KafkaSettings) -> KafkaSettings:
    assert apache_kafka.is_running
    return kafka_settings


@pytest.fixture
def join_as(settings: KafkaSettings) -> Iterator[Join]:
    """Yield a function that adds another worker to the group."""
    with ExitStack() as stack:

        def join(protocol: Protocol) -> KafkaJobQueue:
            queue = KafkaJobQueue(servers.changed(settings, group_protocol=protocol))
            stack.callback(queue.close)
            return queue

        yield join


def receive(queue: KafkaJobQueue) -> Delivery:
    return wait_until(lambda: queue.receive(0.5))


def failures() -> float:
    value: float = DEPENDENCY_ERRORS.labels("queue")._value.get()
    return value


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_ten_join_while_one_commits(
    join_as: Join, protocol: Protocol, caplog: pytest.LogCaptureFixture
) -> None:
    """A commit that a new member overtakes causes no error and no warning."""
    publisher, worker = join_as(protocol), join_as(protocol)
    sent, taken, errors = set[str](), set[str](), list[QueueError]()
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            publisher.publish(job_id := new_id(), {})
            sent.add(job_id)
            take(worker)

    def take(queue: KafkaJobQueue) -> None:
        try:
            if delivery := queue.receive(0.05):
                queue.commit(delivery)
                taken.add(delivery.job_id)
        except QueueError as error:
            errors.append(error)

    before = failures()
    thread = threading.Thread(target=work)
    with caplog.at_level(logging.INFO):
        thread.start()
        for _ in range(10):
            other = join_as(protocol)
            stop_at = time.monotonic() + 1
            while time.monotonic() < stop_at:
                take(other)
            other.close()
        is_over.set()
        thread.join()
        while not sent <= taken:
            take(worker)
    assert not errors
    assert not caplog.records
    assert failures() == before


@pytest.mark.parametrize(
    ("protocol", "type_"),
    [("auto", ConsumerGroupType.CONSUMER), ("classic", ConsumerGroupType.CLASSIC)],
)
def test_auto_is_the_protocol_of_kafka_4(
    join_as: Join, settings: KafkaSettings, protocol: Protocol, type_: ConsumerGroupType
) -> None:
    worker = join_as(protocol)
    worker.publish(new_id(), {})
    receive(worker)
    with AdminClient({"bootstrap.servers": settings.brokers[0]}) as admin:
        groups = admin.list_consumer_groups().result().valid
    assert [group.type for group in groups if group.group_id == settings.group] == [type_]


def test_a_group_changes_its_protocol_while_it_works(join_as: Join) -> None:
    """The first worker is of the older version, as in a rolling upgrade."""
    old, new = join_as("classic"), join_as("auto")
    counts = [0, 0]

    def both_have_some() -> bool:
        old.publish(new_id(), {})
        for number, queue in enumerate((old, new)):
            if delivery := queue.receive(0.2):
                queue.commit(delivery)
                counts[number] += 1
        return all(counts)

    wait_until(both_have_some)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_the_lag_is_what_kafkas_own_tool_says(
    join_as: Join, settings: KafkaSettings, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "STATISTICS_SECONDS", 0.5)
    workers = [join_as(protocol) for _ in range(2)]
    taken = [0, 0]

    def both_have_taken_some() -> bool:
        for number, worker in enumerate(workers):
            worker.publish(new_id(), {})
            if delivery := worker.receive(0.2):
                worker.commit(delivery)
                taken[number] += 1
        return all(taken)

    wait_until(both_have_taken_some)
    for _ in range(12):
        workers[0].publish(new_id(), {})

    def is_the_same() -> bool:
        stop_at = time.monotonic() + 1
        while time.monotonic() < stop_at:
            for worker in workers:
                worker.stay()
        lag = sum(worker.lag() for worker in workers)
        return lag >= 12 and lag == tools.lag(settings.brokers[0], settings.group)

    wait_until(is_the_same)


# ── brokers without the protocol of Kafka 4 ───────────────────────────────────────────────────


@pytest.fixture(scope="module")
def kafka_3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if not servers.has_kafka_with_zookeeper():
        pytest.skip("the jars of Kafka 3.9 are not there")
    with servers.kafka_with_zookeeper(tmp_path_factory.mktemp("kafka-3")) as server:
        yield server


def test_auto_is_classic_where_the_brokers_are_older(kafka_3: Server) -> None:
    settings = servers.kafka_settings(kafka_3.address)
    create_topics(settings)
    assert check(settings) == f"brokers: 1; partitions of {settings.topic}: 4"
    queue, job_id = KafkaJobQueue(settings), new_id()
    queue.publish(job_id, {})
    delivery = receive(queue)
    assert delivery.job_id == job_id
    queue.commit(delivery)
    queue.close()


def test_the_protocol_of_kafka_4_is_refused_where_the_brokers_are_older(
    kafka_3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = servers.changed(servers.kafka_settings(kafka_3.address), group_protocol="consumer")
    said = "NST_KAFKA_GROUP_PROTOCOL: 'consumer' is invalid; expected auto or classic,"
    queue = KafkaJobQueue(settings)
    with no_waiting(), pytest.raises(QueueError, match=said):
        queue.receive(PATIENCE_SECONDS)
    with pytest.raises(QueueError, match=said):
        check(settings)
    monkeypatch.setenv("NST_KAFKA_BROKERS", kafka_3.address)
    monkeypatch.setenv("NST_KAFKA_GROUP_PROTOCOL", "consumer")
    with bootstrap.ports() as ports, pytest.raises(InvalidOption, match=said):
        bootstrap.queue_of_a_worker(ports)


@pytest.mark.parametrize("protocol", ["auto", "consumer"])
def test_a_worker_asks_for_the_protocol_until_a_broker_answers(
    kafka_3: Server, protocol: Protocol
) -> None:
    """With the protocol of Kafka 4, an older broker would silently send nothing."""
    settings = servers.changed(servers.kafka_settings(kafka_3.address), group_protocol=protocol)
    publisher = servers.changed(settings, group_protocol="classic")
    create_topics(publisher)
    queue = KafkaJobQueue(settings)
    kafka_3.freeze()
    try:
        for _ in range(2):
            with pytest.raises(QueueError, match="no broker says whether it has the group"):
                queue.receive(1.0)
    finally:
        kafka_3.thaw()
    wait_until(lambda: look(settings))
    if protocol == "auto":
        KafkaJobQueue(publisher).publish(job_id := new_id(), {})
        assert receive(queue).job_id == job_id
    else:
        with pytest.raises(QueueError, match="NST_KAFKA_GROUP_PROTOCOL: 'consumer' is invalid"):
            queue.receive(1.0)
    queue.close()


def test_nobody_asks_where_there_is_no_kafka() -> None:
    with bootstrap.ports() as ports:
        assert isinstance(bootstrap.queue_of_a_worker(ports), MemoryJobQueue)
