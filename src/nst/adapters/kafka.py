"""JobQueue on Kafka: a topic of job ids, read by one consumer group of workers.

Kafka wakes workers and no more; the repository decides who does what. So there are no
transactions: a message that is repeated finds its job taken, and the job of one that is lost is
found by whoever looks into the repository.
"""

import json
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from nst.errors import InvalidOption, QueueError
from nst.jobs.ports import Delivery
from nst.metrics import DEPENDENCY_ERRORS

REQUEST_SECONDS = 10.0
"""What a broker has to answer, and to confirm a message."""

COMMIT_SECONDS = 2.0
"""To wait for a commit: a job is waiting to be painted, and all that is lost is that another
worker is woken in vain."""

POLL_SECONDS = 0.005
"""Somebody else's poll may have fetched the confirmation that a thread waits for."""

STATISTICS_SECONDS = 5.0

JOB_ID = re.compile(rb"[0-9a-f]{32}")
"""As `nst.jobs.job.new_id` makes them."""

NOT_CONFIRMED = KafkaError(KafkaError._TIMED_OUT, "no broker has confirmed it in time")

logger = logging.getLogger(__name__)
library_logger = logger.getChild("librdkafka")
library_logger.addFilter(lambda _: logger.isEnabledFor(logging.DEBUG))


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """Where the brokers are and what is agreed with them. Raises InvalidOption."""

    brokers: Sequence[str]
    """host:port of some of them."""
    topic: str = "nst.jobs"
    dead_letter_topic: str = "nst.jobs.dead"
    """Takes the messages that cannot be read."""
    group: str = "nst.workers"
    partitions: int = 64
    """Of the topic when `create_topics` makes it: several for each worker there may be."""
    replication: int = 1
    """Brokers that keep each message."""
    group_protocol: Literal["classic", "consumer"] = "classic"
    """`consumer` is that of KIP-848, for Kafka 4; the brokers then say how long a session lasts."""
    session_timeout_seconds: float = 45.0
    """A worker that is silent for so long has left the group."""
    heartbeat_seconds: float = 3.0
    security_protocol: str = "PLAINTEXT"
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    sasl_mechanism: str | None = None
    """PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    """Certificates, in PEM, that vouch for the brokers; by default those of the system."""

    def __post_init__(self) -> None:
        if self.heartbeat_seconds > self.session_timeout_seconds / 3:
            allowed = "at most a third of NST_KAFKA_SESSION_TIMEOUT_SECONDS"
            raise InvalidOption("NST_KAFKA_HEARTBEAT_SECONDS", self.heartbeat_seconds, allowed)
        if self.ca_file and not self.ca_file.is_file():
            raise InvalidOption("NST_KAFKA_CA_FILE", str(self.ca_file), "a file that is there")
        if self.uses_sasl:
            for name in ("sasl_mechanism", "username", "password"):
                if not getattr(self, name):
                    allowed = f"one, with {self.security_protocol}"
                    raise InvalidOption(f"NST_KAFKA_{name.upper()}", None, allowed)

    @property
    def uses_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL")


class KafkaJobQueue:
    """Messages of the topic. The producer and the place in the group are taken when first needed:
    after a fork, and each only by those who need it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: Producer | None = None
        self._producer_lock = threading.Lock()
        self._producer_troubles = _Troubles()
        self._consumer: Consumer | None = None
        self._consumer_troubles = _Troubles()
        self._wants_message = False
        self._arrived = deque[Message]()
        """While no message was wanted."""
        self._commits: dict[tuple[int, int], KafkaError | None] = {}
        """Partition and offset that were committed, or why not."""
        self._lag = 0

    def publish(self, job_id: str, trace: Mapping[str, str]) -> None:
        self._send(
            self._settings.topic,
            key=job_id.encode(),
            value=job_id.encode(),
            headers=[(name, text.encode()) for name, text in trace.items()],
        )

    def receive(self, timeout_seconds: float) -> Delivery | None:
        give_up_at = time.monotonic() + timeout_seconds
        with self._consuming(wants_message=True) as consumer:
            while (message := self._next(consumer, give_up_at)) is not None:  # it may be empty
                if delivery := _read(message):
                    return delivery
                self._bury(consumer, message)
        if self._consumer_troubles.are_all_down:
            raise _failed(self._consumer_troubles.take() or "all brokers are down")
        return None

    def commit(self, delivery: Delivery) -> None:
        assert isinstance(delivery.receipt, TopicPartition)
        assert self._consumer is not None
        with _errors():
            self._commit(self._consumer, delivery.receipt)

    def stay(self) -> None:
        if self._consumer is None:
            return
        with self._consuming(wants_message=False) as consumer:
            while (message := self._poll(consumer, time.monotonic())) is not None:
                self._arrived.append(message)

    def lag(self) -> int:
        """Messages that are not committed, of this worker's partitions; those that came while it
        stayed are not seen yet. What waits in all is said by `JobRepository.state`."""
        return self._lag

    def close(self) -> None:
        if self._consumer is None:
            return
        # Where the broker hangs, the farewell may never end.
        farewell = threading.Thread(target=self._consumer.close, daemon=True)
        farewell.start()
        farewell.join(REQUEST_SECONDS)
        self._consumer = None

    def _send(self, topic: str, **message: Any) -> None:
        """Returns when the brokers have it."""
        reports: list[KafkaError | None] = []
        give_up_at = time.monotonic() + REQUEST_SECONDS + 1
        with _errors():
            producer = self._open_producer()
            producer.produce(topic, on_delivery=lambda error, _: reports.append(error), **message)
            while not reports and time.monotonic() < give_up_at:
                producer.poll(POLL_SECONDS)
        error = reports[0] if reports else NOT_CONFIRMED
        if error is not None:
            self._drop(producer)
            raise _failed(self._producer_troubles.take() or error.str())

    def _open_producer(self) -> Producer:
        with self._producer_lock:
            if self._producer is None:
                self._producer = Producer(
                    _connection(self._settings, self._producer_troubles)
                    | {
                        "enable.idempotence": True,
                        "acks": "all",
                        "linger.ms": 0,
                        "message.timeout.ms": _ms(REQUEST_SECONDS),
                    },
                    logger=library_logger,
                )
            return self._producer

    def _drop(self, producer: Producer) -> None:
        # Brokers that have lost their memory would refuse its numbered messages for ever.
        with self._producer_lock:
            if self._producer is producer:
                self._producer = None

    @contextmanager
    def _consuming(self, *, wants_message: bool) -> Iterator[Consumer]:
        with _errors():
            if self._consumer is None:
                self._consumer = self._join()
            if wants_message != self._wants_message:
                self._wants_message = wants_message
                self._switch(self._consumer, self._consumer.assignment())
            yield self._consumer

    def _switch(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # The library remembers of a partition that comes back whether it was paused.
        (consumer.resume if self._wants_message else consumer.pause)(partitions)

    def _join(self) -> Consumer:
        consumer = Consumer(
            _connection(self._settings, self._consumer_troubles)
            | _membership(self._settings)
            | {
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "statistics.interval.ms": _ms(STATISTICS_SECONDS),
                "stats_cb": self._on_statistics,
                "on_commit": self._on_commit,
            },
            logger=library_logger,
        )
        consumer.subscribe(
            [self._settings.topic], on_assign=self._on_assign, on_revoke=self._on_revoke
        )
        return consumer

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(partitions)
        self._switch(consumer, partitions)

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        revoked = {place.partition for place in partitions}
        self._arrived = deque(
            message for message in self._arrived if message.partition() not in revoked
        )

    def _on_statistics(self, text: str) -> None:
        topic = json.loads(text)["topics"].get(self._settings.topic, {"partitions": {}})
        self._lag = sum(
            partition["hi_offset"] - max(partition["committed_offset"], partition["lo_offset"])
            for partition in topic["partitions"].values()
            if partition["fetch_state"] == "active" and partition["hi_offset"] >= 0
        )

    def _next(self, consumer: Consumer, give_up_at: float) -> Message | None:
        return self._arrived.popleft() if self._arrived else self._poll(consumer, give_up_at)

    def _poll(self, consumer: Consumer, give_up_at: float) -> Message | None:
        """The next message, which may be none that can be read."""
        while True:
            message = consumer.poll(max(0.0, give_up_at - time.monotonic()))
            error = message.error() if message is not None else None
            if error is None:
                return message
            if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise _failed(_missing(self._settings.topic))
            if error.fatal():
                self.close()  # the next call joins anew
                raise _failed(error.str())
            logger.warning("%s", error.str())

    def _commit(self, consumer: Consumer, place: TopicPartition) -> None:
        # The library's own way to wait for it never ends where the broker hangs.
        self._commits.clear()
        consumer.commit(offsets=[place], asynchronous=True)
        give_up_at = time.monotonic() + COMMIT_SECONDS
        while (place.partition, place.offset) not in self._commits:
            if time.monotonic() > give_up_at:
                raise _failed(self._consumer_troubles.take() or NOT_CONFIRMED.str())
            message = self._poll(consumer, time.monotonic() + POLL_SECONDS)
            if message is not None:
                self._arrived.append(message)
        if error := self._commits[place.partition, place.offset]:
            raise _failed(error.str())

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        for place in places:
            self._commits[place.partition, place.offset] = error or place.error

    def _bury(self, consumer: Consumer, message: Message) -> None:
        """Put an unreadable message where somebody can look at it."""
        reason = "the message is not the id of a job"
        origin = f"{message.topic()}/{message.partition()}/{message.offset()}"
        logger.warning("%s: %s", origin, reason)
        headers = [*(message.headers() or ()), ("nst-reason", reason), ("nst-origin", origin)]
        try:
            self._send(
                self._settings.dead_letter_topic,
                key=message.key(),
                value=message.value(),
                headers=headers,
            )
        except QueueError:
            self._arrived.appendleft(message)
            raise
        self._commit(consumer, _after(message))


def create_topics(settings: KafkaSettings) -> None:
    """Those that are missing; what is there stays as it is. Raises QueueError."""
    with _administration(settings) as admin:
        wanted = [
            NewTopic(settings.topic, settings.partitions, settings.replication),
            NewTopic(settings.dead_letter_topic, 1, settings.replication),
        ]
        for made in admin.create_topics(wanted, request_timeout=REQUEST_SECONDS).values():
            try:
                made.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise


def check(settings: KafkaSettings) -> str:
    """What is there, in words. Raises QueueError, which says what is wrong."""
    with _administration(settings) as admin:
        found = admin.list_topics(timeout=REQUEST_SECONDS)
    for name in (settings.topic, settings.dead_letter_topic):
        if name not in found.topics:
            raise QueueError(_missing(name))
    partitions = len(found.topics[settings.topic].partitions)
    return f"brokers: {len(found.brokers)}; partitions of {settings.topic}: {partitions}"


class _Troubles:
    """What the library says about a client's connections; the calls that fail do not say why."""

    def __init__(self) -> None:
        self.are_all_down = False
        """All brokers; said once."""
        self._reason: str | None = None

    def add(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.are_all_down = True
        else:
            self._reason = error.str()

    def take(self) -> str | None:
        """The last one since the last call."""
        reason, self._reason, self.are_all_down = self._reason, None, False
        return reason


def _connection(settings: KafkaSettings, troubles: _Troubles) -> dict[str, Any]:
    configuration: dict[str, Any] = {
        "bootstrap.servers": ",".join(settings.brokers),
        "client.id": "nst",
        "security.protocol": settings.security_protocol,
        "socket.timeout.ms": _ms(REQUEST_SECONDS),
        "socket.keepalive.enable": True,
        "log.connection.close": False,
        "error_cb": troubles.add,
    }
    if settings.ca_file:
        configuration["ssl.ca.location"] = str(settings.ca_file)
    if settings.uses_sasl:
        configuration |= {
            "sasl.mechanism": settings.sasl_mechanism,
            "sasl.username": settings.username,
            "sasl.password": settings.password,
        }
    return configuration


def _membership(settings: KafkaSettings) -> dict[str, Any]:
    group = {"group.id": settings.group, "group.protocol": settings.group_protocol}
    if settings.group_protocol == "consumer":
        return group
    return group | {
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": _ms(settings.session_timeout_seconds),
        "heartbeat.interval.ms": _ms(settings.heartbeat_seconds),
    }


@contextmanager
def _administration(settings: KafkaSettings) -> Iterator[AdminClient]:
    troubles = _Troubles()
    with _errors(), AdminClient(_connection(settings, troubles), logger=library_logger) as admin:
        try:
            yield admin
        except KafkaException:
            admin.poll(0)
            if reason := troubles.take():
                raise _failed(reason) from None
            raise


def _failed(reason: str) -> QueueError:
    DEPENDENCY_ERRORS.labels("queue").inc()
    return QueueError(reason)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise _failed(error.args[0].str()) from error
    except BufferError as error:
        raise _failed("too many messages wait to be sent") from error


def _read(message: Message) -> Delivery | None:
    """None if it is not the id of a job."""
    value = message.value()
    if value is None or not JOB_ID.fullmatch(value):
        return None
    return Delivery(value.decode(), _trace(message), _after(message))


def _trace(message: Message) -> Mapping[str, str]:
    headers: Sequence[tuple[str, Any]] = message.headers() or ()  # type: ignore[assignment]
    return {name: text.decode(errors="replace") for name, text in headers if text is not None}


def _after(message: Message) -> TopicPartition:
    """Where the group goes on when this one is committed."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return TopicPartition(topic, partition, offset + 1)


def _missing(topic: str) -> str:
    return f"there is no topic {topic}; `nst migrate` makes it"


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
