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
        The call does not wait. `every_seconds`: interval of requests."""
        if not all(future.done() for future in self._asked.values()):
            return
        for place, future in self._asked.items():
            with suppress(KafkaException):  # the broker is gone; the next request asks again
                self.known[place.partition] = future.result().offset
        self._asked = {}
        if partitions and time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + every_seconds
            latest = {
                TopicPartition(place.topic, place.partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]
                for place in partitions
            }
            self._asked = self._admin.list_offsets(latest, request_timeout=client.REQUEST_SECONDS)
