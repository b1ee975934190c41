"""Producer of one process: sends messages and waits until brokers store them."""

import threading
import time
from typing import Any

from confluent_kafka import KafkaError, Producer

from nst.adapters.kafka import client
from nst.adapters.kafka.offer import insist
from nst.errors import QueueError
from nst.settings.groups import KafkaSettings

POLL_SECONDS = 0.005
"""Interval of polls for a confirmation, in seconds;
another thread's poll may receive it."""

NOT_CONFIRMED = KafkaError(KafkaError._TIMED_OUT, "no broker has confirmed it in time")


class KafkaProducer:
    """Producer for any topic.
    The producer of the library is created on first use, which is after a fork, and only
    in processes that need it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: Producer | None = None
        self._lock = threading.Lock()
        self._connection_errors = client.ConnectionErrors()

    def send(self, topic: str, **message: Any) -> None:
        """Send a message and wait until the brokers have stored it. Raises QueueError."""
        reports: list[KafkaError | None] = []
        give_up_at = time.monotonic() + client.REQUEST_SECONDS + 1
        with client.errors():
            producer = self._open()
            producer.produce(topic, on_delivery=lambda error, _: reports.append(error), **message)
            while (
                not reports
                and time.monotonic() < give_up_at
                and not self._connection_errors.are_decisive
            ):
                producer.poll(POLL_SECONDS)
        error = reports[0] if reports else NOT_CONFIRMED
        if error is not None:
            self._drop(producer)
            raise self._failure(error, topic)

    def _failure(self, error: KafkaError, topic: str) -> QueueError:
        """Return an error that says why the brokers rejected a message."""
        if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return client.lacks(self._settings, f"WRITE on topic {topic}")
        return client.failed(self._connection_errors.take() or error.str())

    def _open(self) -> Producer:
        with self._lock:
            if self._producer is None:
                insist(self._settings)
                self._producer = Producer(
                    client.configuration(self._settings, self._connection_errors)
                    | {
                        "enable.idempotence": True,
                        "acks": "all",
                        "linger.ms": 0,
                        "message.timeout.ms": client.milliseconds(client.REQUEST_SECONDS),
                    },
                    logger=client.library_logger,
                )
            return self._producer

    def _drop(self, producer: Producer) -> None:
        # Brokers that have lost their state would refuse its numbered messages for ever.
        with self._lock:
            if self._producer is producer:
                self._producer = None
