"""Settings of the Kafka clients."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nst.errors import InvalidOption


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """Addresses, topics, group and authentication. Raises InvalidOption."""

    brokers: Sequence[str]
    """host:port of some of them."""
    topic: str = "nst.jobs"
    dead_letter_topic: str = "nst.jobs.dead"
    """Takes the messages that cannot be read."""
    group: str = "nst.workers"
    partitions: int = 64
    """Partitions of the topic that `create_topics` creates;
    choose several per worker."""
    replication: int = 1
    """Brokers that keep each message."""
    group_protocol: Literal["auto", "classic", "consumer"] = "auto"
    """Protocol of the group.
    `consumer` is that of KIP-848, which Kafka 4 has; `auto` is `consumer` where
    the brokers have it and `classic` elsewhere. With `consumer` the brokers say
    how long a session lasts and how often a worker sends a heartbeat."""
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
    """Certificates, in PEM, that vouch for the brokers; by
    default those of the system."""

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
    def user(self) -> str:
        """Name by which the brokers know this client."""
        return self.username or "ANONYMOUS"

    @property
    def uses_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL")
