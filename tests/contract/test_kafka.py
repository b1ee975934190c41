"""Features and failures that only Kafka has."""

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from pydantic import SecretStr

from nst.adapters.kafka import KafkaJobQueue, check, client, create_topics
from nst.adapters.kafka import queue as adapter
from nst.errors import InvalidOption, QueueError
from nst.jobs.job import new_id
from nst.jobs.ports import Delivery
from nst.settings.groups import KafkaSettings
from support import servers
from support.servers import SESSION_SECONDS, Broker
from support.waiting import PATIENCE_SECONDS, no_waiting, wait_until

Open = Callable[[KafkaSettings], KafkaJobQueue]


@pytest.fixture
def opened() -> Iterator[Open]:
    with ExitStack() as stack:

        def open_queue(settings: KafkaSettings) -> KafkaJobQueue:
            queue = KafkaJobQueue(settings)
            stack.callback(queue.close)
            return queue

        yield open_queue


@pytest.fixture(scope="module")
def mortal_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with servers.kafka(tmp_path_factory.mktemp("mortal-kafka")) as server:
        yield server


@pytest.fixture
def own_kafka(mortal_kafka: Broker) -> Iterator[Broker]:
    """Yield a broker that may be killed or frozen.
    The next test gets a new process: a broker has been seen to leave a request unanswered for
    five minutes after it was thawed."""
    if not mortal_kafka.is_running:
        mortal_kafka.start()
    yield mortal_kafka
    mortal_kafka.kill()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set timeouts that a broker on a busy machine keeps."""
    monkeypatch.setattr(client, "REQUEST_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(adapter, "COMMIT_SECONDS", PATIENCE_SECONDS)


@contextmanager
def impatience() -> Iterator[None]:
    """Set short timeouts, for a broker that does not answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "REQUEST_SECONDS", 2.0)
        patch.setattr(adapter, "COMMIT_SECONDS", 1.0)
        yield


def receive(queue: KafkaJobQueue) -> Delivery:
    def look() -> Delivery | None:
        with suppress(QueueError):
            return queue.receive(0.5)
        return None

    return wait_until(look)


def stay(queue: KafkaJobQueue, seconds: float) -> None:
    stop_at = time.monotonic() + seconds
    while time.monotonic() < stop_at:
        queue.stay()
        time.sleep(0.1)


# ── unreadable messages ───────────────────────────────────────────────────────────────────────

GARBAGE = [None, b"", b"garbage \xff", new_id()[1:].encode(), new_id().upper().encode(), b"0" * 33]


def send_garbage(settings: KafkaSettings) -> None:
    producer = Producer({"bootstrap.servers": settings.brokers[0]})
    for number, value in enumerate(GARBAGE):
        headers: dict[str, Any] = {"number": str(number), "nothing": None}
        producer.produce(settings.topic, value, key=b"\xfe", headers=headers)
    assert producer.flush(PATIENCE_SECONDS) == 0


def dead_letters(settings: KafkaSettings, queue: KafkaJobQueue) -> list[Message]:
    """Return all dead letters once the queue has put aside the unreadable messages."""
    consumer = Consumer({"bootstrap.servers": settings.brokers[0], "group.id": "somebody"})
    consumer.assign([TopicPartition(settings.dead_letter_topic, 0, 0)])
    letters: list[Message] = []

    def all_are_there() -> bool:
        assert queue.receive(0.2) is None
        letters.extend(consumer.consume(100, timeout=0.5))
        return len(letters) >= len(GARBAGE)

    wait_until(all_are_there)
    letters += consumer.consume(1, timeout=1)
    consumer.close()
    return letters


def uncommitted(settings: KafkaSettings) -> int:
    """Return the number of messages that the group would receive again."""
    consumer = Consumer({"bootstrap.servers": settings.brokers[0], "group.id": settings.group})
    numbers = consumer.list_topics(settings.topic, PATIENCE_SECONDS).topics[settings.topic]
    places = [TopicPartition(settings.topic, number) for number in numbers.partitions]
    count = 0
    for place in consumer.committed(places, PATIENCE_SECONDS):
        first, end = consumer.get_watermark_offsets(place, PATIENCE_SECONDS)
        count += end - max(place.offset, first)  # a negative offset: nothing was committed
    consumer.close()
    return count


def test_what_cannot_be_read_is_put_aside(kafka_settings: KafkaSettings, opened: Open) -> None:
    send_garbage(kafka_settings)
    queue, job_id = opened(kafka_settings), new_id()
    queue.publish(job_id, {})
    delivery = receive(queue)
    assert delivery.job_id == job_id
    letters = dead_letters(kafka_settings, queue)
    assert uncommitted(kafka_settings) == 1  # only the job
    queue.commit(delivery)
    assert sorted(letter.value() or b"" for letter in letters) == sorted(v or b"" for v in GARBAGE)
    for letter in letters:
        headers: dict[str, Any] = dict(letter.headers() or ())
        assert letter.key() == b"\xfe"
        assert headers["nst-reason"] == b"the message is not the id of a job"
        assert headers["nst-origin"].startswith(f"{kafka_settings.topic}/".encode())
        assert set(headers) == {"number", "nothing", "nst-reason", "nst-origin"}
    assert uncommitted(kafka_settings) == 0


def test_what_cannot_be_put_aside_is_not_lost(kafka_settings: KafkaSettings, opened: Open) -> None:
    send_garbage(kafka_settings)
    nowhere = opened(servers.changed(kafka_settings, dead_letter_topic=""))
    for _ in range(2):
        with impatience(), pytest.raises(QueueError):
            nowhere.receive(PATIENCE_SECONDS)
    nowhere.close()
    letters = dead_letters(kafka_settings, opened(kafka_settings))
    assert {letter.value() for letter in letters} == set(GARBAGE)


# ── group of workers ──────────────────────────────────────────────────────────────────────────

WORKER = """
import sys, pickle, time
from nst.adapters.kafka import KafkaJobQueue
queue = KafkaJobQueue(pickle.loads(bytes.fromhex(sys.argv[1])))
while True:
    if delivery := queue.receive(0.2):
        print(delivery.job_id, flush=True)
        time.sleep(1000)
"""


def test_the_message_of_a_killed_worker_goes_to_another(
    kafka_settings: KafkaSettings, opened: Open
) -> None:
    import pickle

    queue, job_id = opened(kafka_settings), new_id()
    queue.publish(job_id, {})
    argument = pickle.dumps(kafka_settings).hex()
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, argument], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    assert worker.stdout.readline().strip() == job_id
    worker.kill()
    worker.communicate()
    assert receive(queue).job_id == job_id


def has_partitions(queue: KafkaJobQueue) -> bool:
    assert queue.receive(0.2) is None
    assert queue._consumer is not None
    return bool(queue._consumer.assignment())


def test_who_is_busy_takes_over_partitions_but_no_message(
    kafka_settings: KafkaSettings, opened: Open
) -> None:
    busy, other = opened(kafka_settings), opened(kafka_settings)
    wait_until(lambda: [has_partitions(queue) for queue in (busy, other)] == [True, True])
    stay(busy, 0.5)
    other.close()
    ids = {new_id() for _ in range(8)}
    for job_id in ids:
        busy.publish(job_id, {})
    stay(busy, SESSION_SECONDS)
    received = set[str]()
    while received != ids:
        delivery = receive(busy)
        busy.commit(delivery)
        received.add(delivery.job_id)


def test_a_worker_that_does_not_say_that_it_has_read_gets_it_again(
    kafka_settings: KafkaSettings, opened: Open
) -> None:
    first, job_id = opened(kafka_settings), new_id()
    first.publish(job_id, {})
    assert receive(first).job_id == job_id
    first.close()
    assert receive(opened(kafka_settings)).job_id == job_id


def test_lag(kafka_settings: KafkaSettings, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "STATISTICS_SECONDS", 0.5)
    queue = opened(kafka_settings)
    assert queue.lag() == 0
    for _ in range(8):
        queue.publish(new_id(), {})
    first = receive(queue)

    def lag_becomes(expected: int) -> None:
        def is_as_expected() -> bool:
            stay(queue, 0.2)
            return queue.lag() == expected

        wait_until(is_as_expected)

    lag_becomes(8)
    queue.commit(first)
    for _ in range(3):
        queue.commit(receive(queue))
    lag_becomes(4)


# ── unavailable brokers ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("trouble", ["kill", "freeze"])
def test_a_broker_that_does_not_answer(own_kafka: Broker, opened: Open, trouble: str) -> None:
    settings = servers.kafka_settings(own_kafka.address)
    create_topics(settings)
    queue = opened(settings)
    for _ in range(2):
        queue.publish(new_id(), {})
    delivery = receive(queue)
    own_kafka.kill() if trouble == "kill" else own_kafka.freeze()
    with impatience():
        for use in (
            lambda: queue.publish(new_id(), {}),
            lambda: queue.commit(delivery),
            lambda: check(settings),
            lambda: create_topics(settings),
        ):
            with no_waiting(), pytest.raises(QueueError):
                use()
        with no_waiting():
            queue.stay()
        with no_waiting():
            queue.close()


def test_a_broker_that_was_frozen_for_longer_than_a_session(
    own_kafka: Broker, opened: Open
) -> None:
    settings = servers.kafka_settings(own_kafka.address)
    create_topics(settings)
    queue, job_id = opened(settings), new_id()
    queue.publish(job_id, {})
    queue.commit(receive(queue))
    own_kafka.freeze()
    stay(queue, 1.5 * SESSION_SECONDS)
    own_kafka.thaw()
    queue.publish(job_id, {})
    assert receive(queue).job_id == job_id


def test_a_broker_that_has_lost_its_memory(own_kafka: Broker, opened: Open) -> None:
    settings = servers.kafka_settings(own_kafka.address)
    create_topics(settings)
    queue, job_id = opened(settings), new_id()
    queue.publish(new_id(), {})
    queue.commit(receive(queue))
    own_kafka.kill()
    with impatience():
        with pytest.raises(QueueError, match="Connection refused"):
            queue.publish(job_id, {})
        with pytest.raises(QueueError, match="Connection refused"):
            queue.receive(2)
    own_kafka.forget()
    own_kafka.start()
    create_topics(settings)
    queue.publish(job_id, {})

    def take() -> str | None:
        delivery = receive(queue)
        with suppress(QueueError):  # the commit may notice that the group is gone, too
            queue.commit(delivery)
            return delivery.job_id
        return None

    assert wait_until(take) == job_id


@pytest.mark.usefixtures("apache_kafka")
def test_a_broker_that_remembers(own_kafka: Broker, opened: Open) -> None:
    settings = servers.kafka_settings(own_kafka.address)
    create_topics(settings)
    queue = opened(settings)
    ids = [new_id() for _ in range(3)]
    queue.publish(ids[0], {})
    queue.commit(receive(queue))
    queue.publish(ids[1], {})
    own_kafka.kill()
    own_kafka.start()
    queue.publish(ids[2], {})
    received = set[str]()
    while received != set(ids[1:]):
        delivery = receive(queue)
        queue.commit(delivery)
        received.add(delivery.job_id)


def test_nobody_is_there() -> None:
    settings = servers.kafka_settings(f"127.0.0.1:{servers.free_port()}")
    with impatience(), pytest.raises(QueueError, match="Connection refused"):
        check(settings)


# ── set-up ────────────────────────────────────────────────────────────────────────────────────


def test_topics_are_made_once(kafka: Broker) -> None:
    settings = servers.kafka_settings(kafka.address)
    with pytest.raises(QueueError, match=f"no topic {settings.topic}; `nst migrate` makes it"):
        check(settings)
    create_topics(settings)
    assert check(settings) == f"brokers: 1; partitions of {settings.topic}: 4"
    create_topics(servers.changed(settings, partitions=8))
    assert check(settings) == f"brokers: 1; partitions of {settings.topic}: 4"


def _publish(queue: KafkaJobQueue, job_id: str) -> None:
    queue.publish(job_id, {})


def test_a_queue_is_for_those_who_are_forked_too(
    kafka_settings: KafkaSettings, opened: Open
) -> None:
    queue, job_id = opened(kafka_settings), new_id()
    child = multiprocessing.get_context("fork").Process(target=_publish, args=(queue, job_id))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert receive(queue).job_id == job_id


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"heartbeat_seconds": 20.0}, "NST_KAFKA_HEARTBEAT_SECONDS"),
        ({"security_protocol": "SASL_SSL"}, "NST_KAFKA_SASL_MECHANISM"),
        (
            {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"},
            "NST_KAFKA_USERNAME",
        ),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "username": "nst"},
            "NST_KAFKA_PASSWORD",
        ),
    ],
)
def test_settings_that_do_not_fit_together(settings: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidOption) as error:
        KafkaSettings.model_validate({"brokers": ["localhost:9092"], **settings}).check()
    assert error.value.field == field


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(KafkaSettings(password=SecretStr("secret")))


def test_certificates_that_are_none(apache_kafka: Broker, tmp_path: Path) -> None:
    file = tmp_path / "no.pem"
    with pytest.raises(InvalidOption, match=r"NST_KAFKA_CA_FILE: '.*no\.pem' is invalid"):
        servers.changed(servers.kafka_settings(apache_kafka.address), ca_file=file).check()
    file.write_text("nothing")
    encrypted = servers.kafka_settings(apache_kafka.address_of("SSL"))
    settings = servers.changed(encrypted, security_protocol="SSL", ca_file=file)
    for use in (check, create_topics, lambda each: KafkaJobQueue(each).publish(new_id(), {})):
        with pytest.raises(QueueError, match=r"ssl\.ca\.location"):
            use(settings)
