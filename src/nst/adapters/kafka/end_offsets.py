"""End offsets of partitions.
librdkafka learns them with fetched messages, and therefore not those of a partition
that is paused because its worker is busy."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from nst.adapters.kafka import client
from nst.settings.groups import KafkaSettings

ANSWER_SECONDS = 2.0
"""Seconds that the brokers have to answer a request.
While librdkafka waits for the leader of a partition, it keeps a core busy."""

FAILURE_SECONDS = 30.0
"""Seconds from a failed request to the next one."""


class EndOffsets:
    """Offset after the last message of each partition, as the brokers reported it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.known: dict[int, int] = {}
        self._admin = AdminClient(
            client.configuration(settings, client.ConnectionErrors()), logger=client.library_logger
        )
        self._asked: Mapping[TopicPartition, Future[Any]] = {}
        self._next_at = 0.0

    def ask(self, partitions: Sequence[TopicPartition], every_seconds: float) -> None:
        """Store the answers that have arrived, and ask again if that is due.
        The call does not wait. `every_seconds`: interval of requests that succeed."""
        if not all(future.done() for future in self._asked.values()):
            return
        for place, future in self._asked.items():
            offset = _offset(future)
            if offset is None:
                self._next_at = time.monotonic() + FAILURE_SECONDS
            else:
                self.known[place.partition] = offset
        self._asked = {}
        if partitions and time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + every_seconds
            latest = {
                TopicPartition(place.topic, place.partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]
                for place in partitions
            }
            self._asked = self._admin.list_offsets(latest, request_timeout=ANSWER_SECONDS)


def _offset(answer: Future[Any]) -> int | None:
    """Return the offset in an answer; None if the leader of the partition is down."""
    with suppress(KafkaException):
        offset = int(answer.result().offset)
        return offset if offset >= 0 else None
    return None
