"""Queue of one process: receives and commits messages; its producer sends them."""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from nst.adapters.kafka import client
from nst.adapters.kafka.administration import check
from nst.adapters.kafka.end_offsets import EndOffsets
from nst.adapters.kafka.membership import membership
from nst.adapters.kafka.offer import insist
from nst.adapters.kafka.producer import NOT_CONFIRMED, POLL_SECONDS, KafkaProducer
from nst.errors import QueueError
from nst.jobs.job import ID
from nst.jobs.ports import Delivery, ProcessName
from nst.settings.groups import KafkaSettings

COMMIT_SECONDS = 1.0
"""Timeout of a commit beyond the interval of heartbeats, in seconds.
With the classic protocol, a commit while another worker joins is answered after the
next heartbeat. The timeout is short because a job waits meanwhile; a lost commit only
wakes another worker in vain."""

LOOK_SECONDS = 0.2
"""Interval at which a waiting call checks for errors that
no retry can fix, in seconds."""

STATISTICS_SECONDS = 5.0

OUTDATED = (
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError.STALE_MEMBER_EPOCH,
)
"""Errors of a commit after another worker has joined or left the group."""

REFUSED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "READ on topic {0.topic}",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "READ on group {0.group}",
}
"""Errors of a missing right, with the right."""

logger = logging.getLogger(__name__)


class KafkaJobQueue:
    """A JobQueue on a Kafka topic.
    Producer and consumer are created on first use, which is after a fork, and only
    in processes that need them."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer = KafkaProducer(settings)
        self._consumer: Consumer | None = None
        self._consumer_errors = client.ConnectionErrors()
        self._wants_message = False
        self._arrived = deque[Message]()
        """Messages that arrived before they were asked for."""
        self._commits: dict[tuple[int, int], KafkaError | None] = {}
        """Results of commits by partition and offset: None, or the error."""
        self._owed: dict[int, TopicPartition] = {}
        """Offsets to commit after the group has rebalanced, by partition."""
        self._lag = 0
        self._ends: EndOffsets | None = None

    def publish(self, job_id: str, trace: Mapping[str, str]) -> None:
        self._producer.send(
            self._settings.topic,
            key=job_id.encode(),
            value=job_id.encode(),
            headers=[(name, text.encode()) for name, text in trace.items()],
        )

    def receive(self, timeout_seconds: float) -> Delivery | None:
        give_up_at = time.monotonic() + timeout_seconds
        with self._consuming(wants_message=True) as consumer:
            # Compared with None, because an empty message is false.
            while (message := self._next(consumer, give_up_at)) is not None:
                if delivery := _read(message):
                    return delivery
                self._bury(consumer, message)
        if self._consumer_errors.are_all_down or self._consumer_errors.are_decisive:
            raise client.failed(self._consumer_errors.take() or "all brokers are down")
        return None

    def commit(self, delivery: Delivery) -> None:
        assert isinstance(delivery.receipt, TopicPartition)
        assert self._consumer is not None
        with client.errors():
            self._commit(self._consumer, delivery.receipt)

    def stay(self) -> None:
        if self._consumer is None:
            return
        # The first message after a pause takes half a second; no worker waits for it after a job.
        with self._consuming(wants_message=not self._arrived) as consumer:
            if (message := self._poll(consumer, time.monotonic())) is not None:
                self._arrived.append(message)
            if self._ends is None:
                self._ends = EndOffsets(self._settings)
            self._ends.ask(consumer.assignment(), STATISTICS_SECONDS)

    def trouble(self, *processes: ProcessName) -> str | None:
        try:
            check(self._settings, processes)
        except QueueError as error:
            return str(error)
        return None

    def lag(self) -> int:
        """Return the number of uncommitted messages in this worker's partitions, a few
        seconds old; half a minute old after brokers were down. The sum over all workers is the
        lag of the group."""
        return self._lag

    def close(self) -> None:
        if self._consumer is None:
            return
        # If the broker hangs, the call of `close` may never return.
        farewell = threading.Thread(target=self._consumer.close, daemon=True)
        farewell.start()
        farewell.join(client.REQUEST_SECONDS)
        self._consumer, self._ends = None, None

    @contextmanager
    def _consuming(self, *, wants_message: bool) -> Iterator[Consumer]:
        with client.errors():
            if self._consumer is None:
                self._consumer = self._join()
            if wants_message != self._wants_message:
                self._wants_message = wants_message
                self._switch(self._consumer, self._consumer.assignment())
            if self._owed:
                self._consumer.commit(offsets=list(self._owed.values()), asynchronous=True)
            yield self._consumer

    def _switch(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # If a partition is assigned again, the library remembers whether it was paused.
        (consumer.resume if self._wants_message else consumer.pause)(partitions)

    def _join(self) -> Consumer:
        """Join the consumer group. Raises QueueError if the brokers reject the settings."""
        offer = insist(self._settings)
        consumer = Consumer(
            client.configuration(self._settings, self._consumer_errors)
            | membership(self._settings, offer)
            | {
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "statistics.interval.ms": client.milliseconds(STATISTICS_SECONDS),
                "stats_cb": self._on_statistics,
                "on_commit": self._on_commit,
            },
            logger=client.library_logger,
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
        for partition in revoked:
            self._owed.pop(partition, None)  # another worker receives the message again

    def _on_statistics(self, text: str) -> None:
        topic = json.loads(text)["topics"].get(self._settings.topic, {"partitions": {}})
        ends = self._ends.known if self._ends else {}
        self._lag = sum(
            max(partition["hi_offset"], ends.get(partition["partition"], 0))
            - max(partition["committed_offset"], partition["lo_offset"], 0)
            for partition in topic["partitions"].values()
            if partition["fetch_state"] == "active"
        )

    def _next(self, consumer: Consumer, give_up_at: float) -> Message | None:
        return self._arrived.popleft() if self._arrived else self._poll(consumer, give_up_at)

    def _poll(self, consumer: Consumer, give_up_at: float) -> Message | None:
        """Return the next message; its content may be invalid."""
        while True:
            seconds = max(0.0, give_up_at - time.monotonic())
            message = consumer.poll(min(seconds, LOOK_SECONDS))
            if message is None:
                if seconds <= LOOK_SECONDS or self._consumer_errors.are_decisive:
                    return None
                continue
            error = message.error()
            if error is None:
                return message
            if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise client.failed(client.missing(self._settings.topic))
            if error.fatal() or error.code() in (KafkaError._FATAL, *REFUSED):
                self.close()  # the next call joins anew
                raise self._refusal(error) or client.failed(error.str())
            logger.warning("%s", error.str())

    def _refusal(self, error: KafkaError) -> QueueError | None:
        """Return an error that names the missing right; None if no right is missing."""
        right = REFUSED.get(error.code())
        return client.lacks(self._settings, right.format(self._settings)) if right else None

    def _commit(self, consumer: Consumer, place: TopicPartition) -> None:
        # The library's synchronous commit never returns if the broker hangs.
        self._commits.clear()
        consumer.commit(offsets=[place], asynchronous=True)
        give_up_at = time.monotonic() + self._settings.heartbeat_seconds + COMMIT_SECONDS
        while (place.partition, place.offset) not in self._commits:
            if time.monotonic() > give_up_at:
                raise client.failed(self._consumer_errors.take() or NOT_CONFIRMED.str())
            message = self._poll(consumer, time.monotonic() + POLL_SECONDS)
            if message is not None:
                self._arrived.append(message)
        error = self._commits[place.partition, place.offset]
        if error and error.code() in OUTDATED:
            # After the rebalance, either the commit is repeated, or the message is delivered again
            # and its job is already claimed.
            logger.debug("the group changed before a commit: %s", error.str())
            self._owed.setdefault(place.partition, place)
        elif error:
            raise self._refusal(error) or client.failed(error.str())

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        for place in places:
            failure = error or place.error
            self._commits[place.partition, place.offset] = failure
            owed = self._owed.get(place.partition)
            if owed and place.offset >= owed.offset and not failure:
                del self._owed[place.partition]

    def _bury(self, consumer: Consumer, message: Message) -> None:
        """Move an unreadable message to the dead letter topic, where people can read it."""
        reason = "the message is not the id of a job"
        origin = f"{message.topic()}/{message.partition()}/{message.offset()}"
        logger.warning("%s: %s", origin, reason)
        headers = [*(message.headers() or ()), ("nst-reason", reason), ("nst-origin", origin)]
        try:
            self._producer.send(
                self._settings.dead_letter_topic,
                key=message.key(),
                value=message.value(),
                headers=headers,
            )
        except QueueError:
            self._arrived.appendleft(message)
            raise
        self._commit(consumer, _after(message))


def _read(message: Message) -> Delivery | None:
    """Return the delivery in a message; None if the message is not the id of a job."""
    value = message.value()
    if value is None or not ID.fullmatch(value.decode("ascii", "replace")):
        return None
    return Delivery(value.decode(), _trace(message), _after(message))


def _trace(message: Message) -> Mapping[str, str]:
    headers: Sequence[tuple[str, Any]] = message.headers() or ()  # type: ignore[assignment]
    return {name: text.decode(errors="replace") for name, text in headers if text is not None}


def _after(message: Message) -> TopicPartition:
    """Return the offset to commit for a message: the next one of its partition."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return TopicPartition(topic, partition, offset + 1)
