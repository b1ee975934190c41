"""Membership of a worker in its consumer group: protocol and settings."""

from typing import Any, Literal

from nst.adapters.kafka import client
from nst.adapters.kafka.offer import Offer
from nst.settings.groups import KafkaSettings


def _group_protocol(settings: KafkaSettings, offer: Offer | None) -> Literal["classic", "consumer"]:
    if settings.group_protocol == "classic":
        return "classic"
    # A worker that uses the protocol of Kafka 4 with an older broker never receives anything.
    if offer is None:
        reason = "no broker says whether it has the group protocol of Kafka 4"
        raise client.failed(f"{reason}; NST_KAFKA_GROUP_PROTOCOL=classic does not ask")
    return "consumer" if offer.has_consumer_protocol else "classic"


def membership(settings: KafkaSettings, offer: Offer | None) -> dict[str, Any]:
    """Return the configuration with which a consumer joins the group.
    Raises QueueError."""
    group = {"group.id": settings.group}
    if _group_protocol(settings, offer) == "consumer":
        return group | {"group.protocol": "consumer"}
    return group | {
        "group.protocol": "classic",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": client.milliseconds(settings.session_timeout_seconds),
        "heartbeat.interval.ms": client.milliseconds(settings.heartbeat_seconds),
    }
