"""Kafka with passwords and rights.

The rights are exactly those that docs/operations.md lists; a missing right is reported.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from nst.adapters.kafka import (
    KafkaJobQueue,
    check,
    check_migration,
    client,
    create_topics,
    offer,
)
from nst.adapters.kafka.administration import PROCESSES, Right, rights
from nst.bootstrap import Role, check_services
from nst.errors import QueueError
from nst.jobs.job import new_id
from nst.jobs.ports import Delivery, ProcessName
from nst.metrics import DEPENDENCY_ERRORS
from nst.settings.groups import KafkaSettings
from support import servers
from support.apache_kafka import MECHANISMS, password_of
from support.assets import REPOSITORY
from support.nst_serve import serve
from support.servers import Broker
from support.waiting import PATIENCE_SECONDS, no_waiting, wait_until

ACCESS = [
    *(("SASL_PLAINTEXT", mechanism) for mechanism in MECHANISMS),
    ("SASL_SSL", "PLAIN"),
    ("SASL_SSL", "SCRAM-SHA-512"),
]
CREATE = AclOperation.CREATE


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "REQUEST_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(offer, "ANSWER_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
def settings(apache_kafka: Broker) -> KafkaSettings:
    """Return settings of topics that do not exist."""
    return servers.kafka_settings(apache_kafka.address)


@pytest.fixture
def administrator(apache_kafka: Broker) -> Iterator[AdminClient]:
    """Yield an administrator, who may grant rights; delete all rights after the test."""
    with AdminClient({"bootstrap.servers": apache_kafka.address}) as admin:
        yield admin
        for deleted in admin.delete_acls([_granted_to(None)]).values():
            deleted.result()


def login(
    broker: Broker,
    settings: KafkaSettings,
    user: str,
    protocol: str = "SASL_PLAINTEXT",
    mechanism: str = "SCRAM-SHA-512",
) -> KafkaSettings:
    return servers.changed(
        settings,
        brokers=[broker.address_of(protocol)],
        security_protocol=protocol,
        sasl_mechanism=mechanism,
        username=user,
        password=password_of(user),
        ca_file=broker.certificate if protocol.endswith("SSL") else None,
    )


def grant(admin: AdminClient, user: str, needed: Sequence[Right]) -> None:
    kinds = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}
    bindings = [
        AclBinding(
            kinds[right.kind],
            right.name,
            ResourcePatternType.LITERAL,
            f"User:{user}",
            "*",
            right.operation,
            AclPermissionType.ALLOW,
        )
        for right in needed
    ]
    for created in (admin.create_acls(bindings) if bindings else {}).values():
        created.result()
    # The broker learns of the rights a moment later.
    wait_until(lambda: len(_granted(admin, user)) == len(bindings))


def _granted(admin: AdminClient, user: str) -> Sequence[AclBinding]:
    found: Sequence[AclBinding] = admin.describe_acls(_granted_to(f"User:{user}")).result()
    return found


def _granted_to(principal: str | None) -> AclBindingFilter:
    """Return a filter for the rights granted to a principal; None: to anybody."""
    return AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]
        ResourcePatternType.ANY,
        principal,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def creation(settings: KafkaSettings) -> list[Right]:
    return [Right(CREATE, "topic", name) for name in (settings.topic, settings.dead_letter_topic)]


def description(settings: KafkaSettings) -> list[Right]:
    names = (settings.topic, settings.dead_letter_topic)
    return [Right(AclOperation.DESCRIBE, "topic", name) for name in names]


def failures() -> float:
    """Return the number of failed calls of the queue that the metrics have counted."""
    value: float = DEPENDENCY_ERRORS.labels("queue")._value.get()
    return value


def receive(queue: KafkaJobQueue) -> Delivery:
    return wait_until(lambda: queue.receive(0.5))


@pytest.mark.parametrize(("protocol", "mechanism"), ACCESS)
def test_exactly_these_rights(
    apache_kafka: Broker,
    administrator: AdminClient,
    settings: KafkaSettings,
    protocol: str,
    mechanism: str,
) -> None:
    def user(name: str) -> KafkaSettings:
        return login(apache_kafka, settings, name, protocol, mechanism)

    grant(administrator, "migration", [*creation(settings), *description(settings)])
    create_topics(user("migration"))
    grant(administrator, "api", rights(settings, "api"))
    grant(administrator, "worker", rights(settings, "worker"))
    wait_until(lambda: is_well(user("api"), "api"))
    wait_until(lambda: is_well(user("worker"), "worker"))
    carry_messages(user("api"), user("worker"))


def carry_messages(api_user: KafkaSettings, worker_user: KafkaSettings) -> None:
    """Do everything that an API and a worker do with Kafka. Raises QueueError."""
    with ExitStack() as stack:
        api, worker = KafkaJobQueue(api_user), KafkaJobQueue(worker_user)
        stack.callback(api.close)
        stack.callback(worker.close)
        job_id = new_id()
        api.publish("no job", {})
        api.publish(job_id, {})
        delivery = receive(worker)
        assert delivery.job_id == job_id
        worker.commit(delivery)
        worker.publish(job_id, {})
        assert receive(worker).job_id == job_id


def is_well(settings: KafkaSettings, process: ProcessName) -> bool:
    try:
        check(settings, [process])
    except QueueError:
        return False
    return True


def test_the_rights_are_documented(settings: KafkaSettings) -> None:
    documented = (REPOSITORY / "docs" / "operations.md").read_text()
    shipped = KafkaSettings(brokers=settings.brokers)
    needed = {
        "API": rights(shipped, "api"),
        "worker": rights(shipped, "worker"),
        "migration": [*description(shipped), *creation(shipped)],
    }
    for process, each in needed.items():
        words = [f"{right.operation.name} on {right.kind} `{right.name}`" for right in each]
        assert f"| {process} | {', '.join(words)} |" in documented


LACKING: list[tuple[ProcessName, int]] = [
    (process, number)
    for process in PROCESSES
    for number in range(len(rights(KafkaSettings(), process)))
]


@pytest.mark.parametrize(("process", "number"), LACKING)
def test_a_missing_right_is_named_and_needed(
    apache_kafka: Broker,
    administrator: AdminClient,
    settings: KafkaSettings,
    process: ProcessName,
    number: int,
) -> None:
    create_topics(settings)
    missing = rights(settings, process)[number]
    grant(administrator, process, [r for r in rights(settings, process) if r != missing])
    user = login(apache_kafka, settings, process)
    before = failures()

    def says_only_this() -> bool:
        try:
            check(user, [process])
        except QueueError as error:
            return f"Kafka's user {process} lacks {missing}; grant that" in str(error)
        return False

    wait_until(says_only_this)
    with pytest.raises(QueueError, match=f"{process} lacks {missing}"):
        carry_messages(*(user if each == process else settings for each in PROCESSES))
    assert failures() == before


@pytest.mark.parametrize("missing", ["CREATE", "DESCRIBE"])
def test_a_missing_right_of_the_migration_is_named(
    apache_kafka: Broker, administrator: AdminClient, settings: KafkaSettings, missing: str
) -> None:
    if missing == "CREATE":
        grant(administrator, "migration", description(settings))
    user = login(apache_kafka, settings, "migration")

    def says_both() -> bool:
        with pytest.raises(QueueError) as error:
            check_migration(user)
        topics = (settings.topic, settings.dead_letter_topic)
        return all(f"{missing} on topic {topic}" in str(error.value) for topic in topics)

    wait_until(says_both)


def test_a_rehearsed_migration_creates_nothing(
    apache_kafka: Broker, administrator: AdminClient, settings: KafkaSettings
) -> None:
    grant(administrator, "migration", [*creation(settings), *description(settings)])
    user = login(apache_kafka, settings, "migration")
    topics = f"{settings.topic}, {settings.dead_letter_topic}"
    for _ in range(2):
        wait_until(lambda: check_migration(user).endswith(f"would make: {topics}"))
    create_topics(user)
    wait_until(lambda: check_migration(user).endswith("would make: none"))


@pytest.mark.parametrize("role", ["api", "worker", "migration"])
def test_the_doctor_names_the_rights_of_a_role(
    apache_kafka: Broker, settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    create_topics(settings)
    for name, value in environment(login(apache_kafka, settings, "nobody")).items():
        monkeypatch.setenv(name, value)
    queue = next(check for check in check_services([role]) if check.part == "queue")
    needed = description(settings) if role == "migration" else rights(settings, role)
    assert not queue.is_well
    assert f"user nobody lacks {', '.join(map(str, needed))}; grant" in queue.words


def environment(user: KafkaSettings) -> dict[str, str]:
    """Return the variables of these settings."""
    fields = ("topic", "dead_letter_topic", "group", "username", "sasl_mechanism")
    return {
        **{f"NST_KAFKA_{name.upper()}": str(getattr(user, name)) for name in fields},
        "NST_KAFKA_BROKERS": user.brokers[0],
        "NST_KAFKA_SECURITY_PROTOCOL": user.security_protocol,
        "NST_KAFKA_PASSWORD": password_of(str(user.username)),
    }


def test_readiness_names_the_rights_of_embedded_workers(
    apache_kafka: Broker, administrator: AdminClient, settings: KafkaSettings, tmp_path: Path
) -> None:
    create_topics(settings)
    grant(administrator, "api", rights(settings, "api"))
    user = login(apache_kafka, settings, "api")
    with serve(tmp_path, **environment(user)) as server:
        degraded = wait_until(lambda: server.client.get("/readyz").json().get("degraded"))
    assert f"user api lacks READ on topic {settings.topic}, " in degraded["queue"]
    assert f"READ on group {settings.group}; grant that" in degraded["queue"]


def test_a_worker_without_its_group_says_so_until_it_may(
    apache_kafka: Broker, administrator: AdminClient, settings: KafkaSettings
) -> None:
    create_topics(settings)
    needed = rights(settings, "worker")
    group = Right(AclOperation.READ, "group", settings.group)
    grant(administrator, "worker", [right for right in needed if right != group])
    for protocol in ("classic", "consumer"):
        user = servers.changed(login(apache_kafka, settings, "worker"), group_protocol=protocol)
        queue = KafkaJobQueue(user)
        for _ in range(2):
            with no_waiting(), pytest.raises(QueueError, match=f"worker lacks {group}"):
                queue.receive(PATIENCE_SECONDS)
        queue.close()
    queue = KafkaJobQueue(login(apache_kafka, settings, "worker"))
    grant(administrator, "worker", needed)
    KafkaJobQueue(settings).publish(job_id := new_id(), {})
    assert _receive_at_last(queue).job_id == job_id
    queue.close()


def _receive_at_last(queue: KafkaJobQueue) -> Delivery:
    def look() -> Delivery | None:
        try:
            return queue.receive(0.5)
        except QueueError:
            return None

    return wait_until(look)


def test_who_may_not_publish_is_told(apache_kafka: Broker, settings: KafkaSettings) -> None:
    create_topics(settings)
    queue = KafkaJobQueue(login(apache_kafka, settings, "nobody"))
    with pytest.raises(QueueError, match=f"nobody lacks WRITE on topic {settings.topic}"):
        queue.publish(new_id(), {})


def test_who_may_not_create_is_told_which_topic(
    apache_kafka: Broker, administrator: AdminClient, settings: KafkaSettings
) -> None:
    grant(administrator, "migration", description(settings))
    user = login(apache_kafka, settings, "migration")

    def says_so() -> bool:
        with pytest.raises(QueueError) as error:
            create_topics(user)
        return f"lacks CREATE on topic {settings.topic}" in str(error.value)

    wait_until(says_so)


# ── authentication ────────────────────────────────────────────────────────────────────────────


def fail_to_log_in(broker: Broker, settings: KafkaSettings) -> int:
    """Fail to authenticate; return the number of failures that the broker has logged."""

    def failures() -> int:
        return sum(map(broker.output.count, ("Failed authentication with", "Unexpected error")))

    before = failures()
    offer.look(login(broker, settings, "nobody", "SASL_SSL", "SCRAM-SHA-256"))
    wait_until(lambda: failures() > before)
    return failures()


def test_a_question_about_capabilities_is_no_failed_login(
    apache_kafka: Broker, settings: KafkaSettings
) -> None:
    before = fail_to_log_in(apache_kafka, settings)
    for protocol, mechanism in ACCESS:
        user = login(apache_kafka, settings, "nobody", protocol, mechanism)
        found = offer.look(user)
        assert found is not None
        assert found.complaint(user) is None
    assert offer.look(settings) is not None
    assert fail_to_log_in(apache_kafka, settings) == before + 1


def test_mechanisms_are_listed_whichever_is_set(
    apache_kafka: Broker, settings: KafkaSettings
) -> None:
    for mechanism in MECHANISMS:
        found = offer.look(login(apache_kafka, settings, "nobody", mechanism=mechanism))
        assert found is not None
        assert set(found.mechanisms) == set(MECHANISMS)


Use = Callable[[KafkaSettings], object]
USES: list[Use] = [
    check,
    create_topics,
    lambda settings: KafkaJobQueue(settings).publish(new_id(), {}),
    lambda settings: KafkaJobQueue(settings).receive(PATIENCE_SECONDS),
]


@pytest.mark.parametrize("use", USES, ids=["check", "create_topics", "publish", "receive"])
@pytest.mark.parametrize(
    ("port", "protocol", "mechanism", "said"),
    [
        ("SASL_PLAINTEXT", "PLAINTEXT", None, "PROTOCOL: .*; expected SASL_PLAINTEXT,"),
        ("PLAINTEXT", "SSL", None, "PROTOCOL: .*; expected PLAINTEXT,"),
        ("SSL", "PLAINTEXT", None, "PROTOCOL: .*; expected SSL,"),
        ("SASL_SSL", "SASL_PLAINTEXT", "PLAIN", "PROTOCOL: .*; expected SASL_SSL,"),
        ("PLAINTEXT", "SASL_PLAINTEXT", "PLAIN", "PROTOCOL: .*; expected PLAINTEXT,"),
        (
            "SASL_SSL",
            "SASL_SSL",
            "SCRAM-SHA-256",
            "MECHANISM: .*; expected SCRAM-SHA-512 or PLAIN",
        ),
    ],
)
def test_a_wrong_way_to_log_in_is_named(
    apache_kafka: Broker,
    settings: KafkaSettings,
    use: Use,
    port: str,
    protocol: str,
    mechanism: str | None,
    said: str,
) -> None:
    wrong = servers.changed(
        settings,
        brokers=[apache_kafka.address_of(port)],
        security_protocol=protocol,
        sasl_mechanism=mechanism,
        username="worker",
        password=password_of("worker"),
    )
    with no_waiting(), pytest.raises(QueueError, match=f"NST_KAFKA_.*{said}"):
        use(wrong)


@pytest.mark.parametrize("use", USES, ids=["check", "create_topics", "publish", "receive"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_wrong_password_is_told_at_once(
    apache_kafka: Broker, settings: KafkaSettings, use: Use, mechanism: str
) -> None:
    user = login(apache_kafka, settings, "worker", mechanism=mechanism)
    with no_waiting(), pytest.raises(QueueError, match=r"[Aa]uthentication failed"):
        use(servers.changed(user, password="wrong"))  # noqa: S106 - not one


@pytest.mark.parametrize("use", USES, ids=["check", "create_topics", "publish", "receive"])
def test_a_certificate_that_nobody_vouches_for(
    apache_kafka: Broker, settings: KafkaSettings, use: Use
) -> None:
    user = login(apache_kafka, settings, "worker", "SASL_SSL")
    with no_waiting(), pytest.raises(QueueError, match="certificate verify failed"):
        use(servers.changed(user, ca_file=None))
