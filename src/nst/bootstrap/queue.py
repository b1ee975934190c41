"""The task queue: in Kafka, or inside the process."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from nst.bootstrap.process import settings

if TYPE_CHECKING:
    from nst.bootstrap.connections import Ports
    from nst.jobs.ports import JobQueue
    from nst.settings.groups import KafkaSettings

Role: TypeAlias = Literal["api", "worker", "migration"]
"""Role of a process. Each role needs different rights in Kafka."""


def open_queue(kafka: "KafkaSettings") -> "JobQueue":
    """Return the queue of the settings. Raises InvalidOption."""
    from nst.adapters.memory import MemoryJobQueue

    if not kafka.brokers:
        return MemoryJobQueue()
    from nst.adapters.breaker import QueueWithBreaker
    from nst.adapters.kafka import KafkaJobQueue

    kafka.check()
    return QueueWithBreaker(KafkaJobQueue(kafka))


def queue_of_a_worker(ports: "Ports") -> "JobQueue":
    """Return the queue of one worker.
    Each worker has its own membership in the consumer group; all share a queue inside
    the process. Raises InvalidOption if the brokers reject the settings."""
    kafka = settings().kafka
    if not kafka.brokers:
        return ports.queue
    from nst.adapters.kafka import look

    kafka.check()
    if (offer := look(kafka)) and (complaint := offer.complaint(kafka)):
        raise complaint
    return open_queue(kafka)


def create_topics(kafka: "KafkaSettings") -> None:
    """Create the topics if the queue is in Kafka. Raises InvalidOption, QueueError."""
    if kafka.brokers:
        from nst.adapters import kafka as adapter

        kafka.check()
        adapter.create_topics(kafka)


def check_queue(kafka: "KafkaSettings", roles: Sequence[Role]) -> str:
    """Return the state of the queue for these roles as a text.
    Raises InvalidOption, QueueError."""
    if not kafka.brokers:
        return "in each process; many machines need NST_KAFKA_BROKERS"
    from nst.adapters.kafka import check, check_migration

    kafka.check()
    found = [check_migration(kafka)] if "migration" in roles else []
    if processes := [role for role in roles if role != "migration"]:
        found.append(check(kafka, processes))
    return "; ".join(found)
