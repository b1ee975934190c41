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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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

POLL_SECONDS = 0.02
"""Somebody else's poll may have fetched the confirmation that a thread waits for."""

STATISTICS_SECONDS = 5.0

JOB_ID = re.compile(rb"[0-9a-f]{32}")
"""As `nst.jobs.job.new_id` makes them."""

logger = logging.getLogger(__name__)


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
        self._troubles = _Troubles()
        self._producer: Producer | None = None
        self._producer_lock = threading.Lock()
        self._consumer: Consumer | None = None
        self._wants_message = False
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
            while message := self._poll(consumer, give_up_at):
                if delivery := _read(message):
                    return delivery
                self._bury(consumer, message)
        if reason := self._troubles.take():
            raise _failed(reason)
        return None

    def commit(self, delivery: Delivery) -> None:
        assert isinstance(delivery.receipt, TopicPartition)
        assert self._consumer is not None
        with _errors():
            # Whoever waits for the answer of a broker that is gone waits for ever.
            self._consumer.commit(offsets=[delivery.receipt], asynchronous=True)

    def stay(self) -> None:
        if self._consumer is None:
            return
        with self._consuming(wants_message=False) as consumer:
            while message := self._poll(consumer, time.monotonic()):
                _put_back(consumer, message)

    def lag(self) -> int:
        """Messages that are not committed, of this worker's partitions; those that came while it
        stayed are not seen yet. What waits in all is said by `JobRepository.state`."""
        return self._lag

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _send(self, topic: str, **message: Any) -> None:
        """Returns when the brokers have it."""
        reports: list[KafkaError | None] = []
        give_up_at = time.monotonic() + REQUEST_SECONDS + 1
        producer = self._open_producer()
        with _errors():
            producer.produce(topic, on_delivery=lambda error, _: reports.append(error), **message)
            while not reports and time.monotonic() < give_up_at:
                producer.poll(POLL_SECONDS)
        if reports != [None]:
            self._drop(producer)
            error = reports[0] if reports else None
            reason = self._troubles.take() or (error.str() if error else "nothing is confirmed")
            raise _failed(reason)

    def _open_producer(self) -> Producer:
        with self._producer_lock:
            if self._producer is None:
                self._producer = Producer(
                    _connection(self._settings, self._troubles)
                    | {
                        "enable.idempotence": True,
                        "acks": "all",
                        "linger.ms": 0,
                        "message.timeout.ms": _ms(REQUEST_SECONDS),
                    },
                    logger=logger,
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
                switch = self._consumer.resume if wants_message else self._consumer.pause
                switch(self._consumer.assignment())
            yield self._consumer

    def _join(self) -> Consumer:
        consumer = Consumer(
            _connection(self._settings, self._troubles)
            | _membership(self._settings)
            | {
                "enable.auto.commit": False,
                "on_commit": self._on_commit,
                "auto.offset.reset": "earliest",
                "statistics.interval.ms": _ms(STATISTICS_SECONDS),
                "stats_cb": self._on_statistics,
            },
            logger=logger,
        )
        consumer.subscribe([self._settings.topic], on_assign=self._on_assign)
        return consumer

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(partitions)
        if not self._wants_message:
            consumer.pause(partitions)

    def _on_commit(self, error: KafkaError | None, _: list[TopicPartition]) -> None:
        if error:  # the message comes again, and finds its job taken
            logger.warning("a message could not be committed: %s", error.str())

    def _on_statistics(self, text: str) -> None:
        topic = json.loads(text)["topics"].get(self._settings.topic, {"partitions": {}})
        lags = [partition["consumer_lag"] for partition in topic["partitions"].values()]
        self._lag = sum(lag for lag in lags if lag > 0)  # -1: another worker's, or not known yet

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
            _put_back(consumer, message)
            raise
        consumer.commit(message=message, asynchronous=True)


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
    return f"{len(found.brokers)} brokers, topic {settings.topic} with {partitions} partitions"


class _Troubles:
    """What the library says about its connections, which the calls that fail do not say."""

    def __init__(self) -> None:
        self._reasons: list[str] = []

    def add(self, error: KafkaError) -> None:
        logger.warning("%s", error.str())
        self._reasons.append(error.str())

    def take(self) -> str | None:
        """The first since the last call, which is the cause of the others."""
        reasons, self._reasons = self._reasons, []
        return reasons[0] if reasons else None


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
    try:
        with _errors(), AdminClient(_connection(settings, troubles), logger=logger) as admin:
            yield admin
    except QueueError as error:
        raise QueueError(troubles.take() or error.reason) from error


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
    place = _place(message)
    place.offset += 1  # what is committed is the offset of the next one
    return Delivery(value.decode(), _trace(message), place)


def _trace(message: Message) -> Mapping[str, str]:
    headers: Sequence[tuple[str, Any]] = message.headers() or ()  # type: ignore[assignment]
    return {name: text.decode(errors="replace") for name, text in headers if text is not None}


def _put_back(consumer: Consumer, message: Message) -> None:
    with suppress(KafkaException):  # it has been given to another worker, who gets it then
        consumer.seek(_place(message))


def _place(message: Message) -> TopicPartition:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return TopicPartition(topic, partition, offset)


def _missing(topic: str) -> str:
    return f"there is no topic {topic}; `nst migrate` makes it"


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
