"""Checks of brokers, topics and rights, and creation of topics."""

import time
from collections.abc import Iterator, Mapping, Sequence, Set
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclOperation,
    AdminClient,
    ClusterMetadata,
    NewTopic,
)

from nst.adapters.kafka import client
from nst.adapters.kafka.offer import insist
from nst.errors import QueueError
from nst.jobs.ports import ProcessName
from nst.settings.groups import KafkaSettings

LOOK_SECONDS = 0.5
"""Interval of checks why an answer is missing, in seconds."""

PROCESSES: Sequence[ProcessName] = ("api", "worker")

REFUSED = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
)


@dataclass(frozen=True, slots=True)
class Right:
    """A right on a topic or a group."""

    operation: AclOperation
    kind: Literal["topic", "group"]
    name: str

    def __str__(self) -> str:
        return f"{self.operation.name} on {self.kind} {self.name}"


def rights(settings: KafkaSettings, process: ProcessName) -> Sequence[Right]:
    """Return the rights that a process needs."""
    publish = Right(AclOperation.WRITE, "topic", settings.topic)
    if process == "api":
        return (publish,)
    return (
        publish,
        Right(AclOperation.READ, "topic", settings.topic),
        Right(AclOperation.WRITE, "topic", settings.dead_letter_topic),
        Right(AclOperation.READ, "group", settings.group),
    )


def create_topics(settings: KafkaSettings, *, is_rehearsal: bool = False) -> Sequence[str]:
    """Create missing topics and return their names; existing topics stay as they are.

    The right CREATE is needed only if a topic is missing. A rehearsal validates the same requests
    and creates nothing. Raises QueueError, which names a missing right: DESCRIBE or CREATE.
    """
    with _administration(settings) as admin:
        partitions = {settings.topic: settings.partitions, settings.dead_letter_topic: 1}
        wanted = [
            NewTopic(name, partitions[name], settings.replication)
            for name in _absent(settings, _describe_topics(admin, list(partitions)))
        ]
        if wanted:
            _create(admin, settings, wanted, is_rehearsal=is_rehearsal)
    return [topic.topic for topic in wanted]


def check_migration(settings: KafkaSettings) -> str:
    """Return a text that names the topics that `create_topics` would create.
    Raises QueueError if `create_topics` would."""
    topics = ", ".join(create_topics(settings, is_rehearsal=True))
    return f"topics that `nst migrate` would make: {topics or 'none'}"


def check(settings: KafkaSettings, processes: Sequence[ProcessName] = PROCESSES) -> str:
    """Return the state of brokers and topics as a text.
    Raises QueueError, which names the cause, also if these processes lack a right."""
    with _administration(settings) as admin:
        found = _reach(admin)
        needed = {right: None for process in processes for right in rights(settings, process)}
        allowed = _allowed(admin, list(needed))
        lacking = [str(right) for right in needed if right.operation not in allowed[right.name]]
    if lacking:
        raise client.lacks(settings, *lacking)
    partitions = len(found.topics[settings.topic].partitions)
    return f"brokers: {len(found.brokers)}; partitions of {settings.topic}: {partitions}"


@contextmanager
def _administration(settings: KafkaSettings) -> Iterator[AdminClient]:
    """Open an administration client that the brokers have accepted."""
    insist(settings)
    errors = client.ConnectionErrors()
    values = client.configuration(settings, errors)
    with client.errors(), AdminClient(values, logger=client.library_logger) as admin:
        _wait_for_brokers(admin, errors)
        yield admin


def _wait_for_brokers(admin: AdminClient, errors: client.ConnectionErrors) -> None:
    """Wait until a broker answers. Raises QueueError as soon as waiting is useless."""
    give_up_at = time.monotonic() + client.REQUEST_SECONDS
    while True:
        try:
            _reach(admin)
        except KafkaException as error:
            admin.poll(0)
            if errors.are_decisive or time.monotonic() > give_up_at:
                raise client.failed(errors.take() or error.args[0].str()) from None
            time.sleep(0.01)  # the call may have failed immediately
        else:
            return


def _reach(admin: AdminClient) -> ClusterMetadata:
    return admin.list_topics(timeout=min(LOOK_SECONDS, client.REQUEST_SECONDS))


Allowed: TypeAlias = Set[AclOperation] | KafkaError
"""Rights of the user on one topic or group, or why they cannot be described."""


def _allowed(admin: AdminClient, needed: Sequence[Right]) -> Mapping[str, Set[AclOperation]]:
    """Return the rights of the user by topic and group. Raises QueueError if a topic is missing."""
    topics = {right.name: None for right in needed if right.kind == "topic"}
    groups = {right.name: None for right in needed if right.kind == "group"}
    found = _describe_topics(admin, list(topics)) | {
        name: _describe_group(admin, name) for name in groups
    }
    return {name: _operations(name, allowed) for name, allowed in found.items()}


def _operations(name: str, allowed: Allowed) -> Set[AclOperation]:
    if not isinstance(allowed, KafkaError):
        return allowed
    if allowed.code() in REFUSED:
        return frozenset()
    if allowed.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise QueueError(client.missing(name))
    raise KafkaException(allowed)


def _describe_topics(admin: AdminClient, names: list[str]) -> dict[str, Allowed]:
    described = admin.describe_topics(
        TopicCollection(names),
        include_authorized_operations=True,
        request_timeout=client.REQUEST_SECONDS,
    )
    return {name: _answer(future) for name, future in described.items()}


def _describe_group(admin: AdminClient, name: str) -> Allowed:
    """Return the rights on a group; retry until the brokers know which of them coordinates it."""
    give_up_at = time.monotonic() + client.REQUEST_SECONDS
    while True:
        described = admin.describe_consumer_groups(
            [name], include_authorized_operations=True, request_timeout=client.REQUEST_SECONDS
        )
        found = _answer(described[name])
        is_final = not isinstance(found, KafkaError) or found.code() in REFUSED
        if is_final or time.monotonic() > give_up_at:
            return found
        time.sleep(LOOK_SECONDS)


def _answer(future: "Future[Any]") -> Allowed:
    try:
        operations = future.result().authorized_operations
    except KafkaException as error:
        found: KafkaError = error.args[0]
        return found
    # Brokers that do not report rights allow everything.
    return frozenset(operations or AclOperation)


def _absent(settings: KafkaSettings, topics: Mapping[str, Allowed]) -> Sequence[str]:
    """Return the names of missing topics. Raises QueueError if the user lacks DESCRIBE."""
    errors = {name: found for name, found in topics.items() if isinstance(found, KafkaError)}
    hidden = [name for name, error in errors.items() if error.code() in REFUSED]
    if hidden:
        lacking = [f"DESCRIBE on topic {name}" for name in hidden]
        raise client.lacks(settings, *lacking)
    for error in errors.values():
        if error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise KafkaException(error)
    return list(errors)


def _create(
    admin: AdminClient, settings: KafkaSettings, wanted: list[NewTopic], *, is_rehearsal: bool
) -> None:
    made = admin.create_topics(
        wanted, request_timeout=client.REQUEST_SECONDS, validate_only=is_rehearsal
    )
    errors = {name: error for name, future in made.items() if (error := _error(future))}
    refused = [name for name, error in errors.items() if error.code() in REFUSED]
    if refused:
        lacking = [f"CREATE on topic {name}, which does not exist" for name in refused]
        raise client.lacks(settings, *lacking)
    for error in errors.values():
        if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another process just created it
            raise KafkaException(error)


def _error(future: "Future[Any]") -> KafkaError | None:
    try:
        future.result()
    except KafkaException as error:
        found: KafkaError = error.args[0]
        return found
    return None
