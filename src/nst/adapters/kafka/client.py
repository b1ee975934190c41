"""Configuration and error messages that all Kafka clients share."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from nst.errors import QueueError
from nst.metrics import DEPENDENCY_ERRORS
from nst.settings.groups import KafkaSettings
from nst.settings.values import revealed

REQUEST_SECONDS = 10.0
"""Seconds that a broker has to answer, and to confirm a message."""

DECISIVE = (KafkaError._AUTHENTICATION, KafkaError._SSL)
"""Errors of a connection that a retry cannot fix."""

logger = logging.getLogger(__name__)
library_logger = logger.getChild("librdkafka")
library_logger.addFilter(lambda _: logger.isEnabledFor(logging.DEBUG))


class ConnectionErrors:
    """Errors of a client's connections, as librdkafka reports them.
    The errors of failed calls do not contain the reason."""

    def __init__(self) -> None:
        self.are_all_down = False
        """True once after all brokers went down."""
        self.are_decisive = False
        """True if a retry cannot succeed."""
        self._reason: str | None = None

    def add(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.are_all_down = True
        else:
            self._reason = error.str()
            self.are_decisive |= error.code() in DECISIVE

    def take(self) -> str | None:
        """Return the latest reason since the last call, and reset all errors."""
        reason, self._reason = self._reason, None
        self.are_all_down = self.are_decisive = False
        return reason


def configuration(settings: KafkaSettings, errors: ConnectionErrors) -> dict[str, Any]:
    """Return the library's configuration for connections to the brokers."""
    values: dict[str, Any] = {
        "bootstrap.servers": ",".join(settings.brokers),
        "client.id": "nst",
        "security.protocol": settings.security_protocol,
        "socket.timeout.ms": milliseconds(REQUEST_SECONDS),
        "socket.keepalive.enable": True,
        "log.connection.close": False,
        "error_cb": errors.add,
    }
    if settings.ca_file:
        values["ssl.ca.location"] = str(settings.ca_file)
    if settings.uses_sasl:
        values |= {
            "sasl.mechanism": settings.sasl_mechanism,
            "sasl.username": settings.username,
            "sasl.password": revealed(settings.password),
        }
    return values


def failed(reason: str) -> QueueError:
    """Return a QueueError with this reason, and count it in the metrics."""
    DEPENDENCY_ERRORS.labels("queue").inc()
    return QueueError(reason)


@contextmanager
def errors() -> Iterator[None]:
    """Convert errors of the library to QueueError."""
    try:
        yield
    except KafkaException as error:
        raise failed(error.args[0].str()) from error
    except BufferError as error:
        raise failed("too many messages wait to be sent") from error


def missing(topic: str) -> str:
    return f"there is no topic {topic}; `nst migrate` makes it"


def lacks(settings: KafkaSettings, *rights: str) -> QueueError:
    """Return a QueueError about missing rights, such as "READ on group nst.workers".
    The metrics do not count it, because the brokers answer."""
    return QueueError(
        f"Kafka's user {settings.user} lacks {', '.join(rights)}; "
        "grant that (docs/operations.md, Rights in Kafka)"
    )


def milliseconds(seconds: float) -> int:
    return round(1000 * seconds)
