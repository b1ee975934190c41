"""Apache Kafka for tests: its jars, the configuration of a broker, its tools.

A broker listens on four ports: without protection, with passwords, with TLS, and with both. An
anonymous client may do everything; the users in `USERS` may do what a test grants them.
"""

import fcntl
import functools
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from support.assets import ASSETS, REPOSITORY
from support.waiting import PATIENCE_SECONDS

VERSION = "4.3.1"
"""Version of the image that compose.yaml starts."""
VERSION_WITH_ZOOKEEPER = "3.9.2"
"""Version that is tested for deploy/compose.zookeeper.yaml."""

POM = REPOSITORY / "tests" / "pom.xml"
DOWNLOADS = REPOSITORY / "build"
DOWNLOAD_SECONDS = 300

USERS = ("api", "worker", "migration", "nobody")
ADMINISTRATOR = "admin"
MECHANISMS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
PROTOCOLS = ("PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL")
CLUSTER = "AAAAAAAAQACAAAAAAAAAAA"

JAVA = ("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


def password_of(user: str) -> str:
    return f"{user}-password"


# ── jars ──────────────────────────────────────────────────────────────────────────────────────


@functools.cache
def jars() -> Path | None:
    """Return the directory with the jars of `VERSION`, or None if no source has them.
    The sources are, in this order: the assets, an earlier download, Maven, and the published
    image if Docker answers. Raises RuntimeError if the jars are found and Java is not."""
    return _jars_of(VERSION)


@functools.cache
def jars_with_zookeeper() -> Path | None:
    """Return the directory with the jars of `VERSION_WITH_ZOOKEEPER`, or None.
    The sources are the assets, an earlier download, and Maven. Raises RuntimeError as `jars`."""
    return _jars_of(VERSION_WITH_ZOOKEEPER)


def all_jars() -> Sequence[Path]:
    """Return the directories with jars of Apache Kafka of any version."""
    places = (ASSETS / "services", DOWNLOADS)
    return sorted({jar.parent for place in places for jar in place.glob("kafka-*/**/kafka_*.jar")})


def _jars_of(version: str) -> Path | None:
    found = _beside_the_assets(version) or _downloaded(version)
    if found and not shutil.which("java"):
        raise RuntimeError(f"{found} needs Java: run `tools/system-packages tests`")
    return found


def _beside_the_assets(version: str) -> Path | None:
    directory = ASSETS / "services" / f"kafka-{version}" / "libs"
    return directory if any(directory.glob("kafka_*.jar")) else None


def _downloaded(version: str) -> Path | None:
    directory = DOWNLOADS / f"kafka-{version}" / "libs"
    with _one_at_a_time():
        if directory.exists():
            return directory
        for download in (_from_maven, _from_docker):
            with suppress(OSError, subprocess.SubprocessError):
                _keep_if_complete(directory, partial(download, version))
                return directory
        return None


def _keep_if_complete(directory: Path, download: Callable[[Path], None]) -> None:
    """Download into another directory first, so that an interrupted download leaves no jars."""
    with TemporaryDirectory(prefix="unfinished-", dir=DOWNLOADS) as name:
        download(Path(name) / "libs")
        directory.parent.mkdir(exist_ok=True)
        (Path(name) / "libs").rename(directory)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one process download; the others of the run wait for all of its files."""
    DOWNLOADS.mkdir(exist_ok=True)
    with (DOWNLOADS / "kafka.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _from_maven(version: str, directory: Path) -> None:
    values = [f"-Dkafka.version={version}", f"-DoutputDirectory={directory}"]
    if version != VERSION:
        values.append("--activate-profiles=!tools")
    _run("mvn", "--batch-mode", "--file", str(POM), "dependency:copy-dependencies", *values)


def _from_docker(version: str, directory: Path) -> None:
    container = _run("docker", "create", f"apache/kafka:{version}").strip()
    try:
        _run("docker", "cp", f"{container}:/opt/kafka/libs", str(directory))
    finally:
        _run("docker", "rm", container)


def _run(*command: str) -> str:
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS
    )
    return done.stdout


# ── one broker ────────────────────────────────────────────────────────────────────────────────


def prepare(
    directory: Path,
    ports: Mapping[str, int],
    *,
    node: int = 1,
    controllers: Mapping[int, int] | None = None,
    certificate: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> None:
    """Write the configuration of a broker and format its empty store.
    `ports`: the port of each protocol in use, and of CONTROLLER. `controllers`: the port of the
    controller of every node."""
    controllers = controllers or {node: ports["CONTROLLER"]}
    values = {
        **_node(directory, ports, node, controllers),
        **_topics(copies=min(3, len(controllers))),
        **_groups(),
        **_passwords(),
        **_tls(certificate),
        **(more or {}),
    }
    write_properties(directory / "server.properties", values)
    (directory / "log4j2.yaml").write_text(LOGGING)
    users = [
        f"--add-scram={mechanism}=[name={user},password={password_of(user)}]"
        for user in (ADMINISTRATOR, *USERS)
        for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256")
    ]
    format_store = ("format", "-t", CLUSTER, "-c", str(directory / "server.properties"), *users)
    run_tool("kafka.tools.StorageTool", *format_store)
    shutil.copytree(directory / "data", directory / "empty")


def forget(directory: Path) -> None:
    """Restore the empty store that a broker began with; it must not be running."""
    shutil.rmtree(directory / "data")
    shutil.copytree(directory / "empty", directory / "data")


def command(directory: Path) -> list[str]:
    """Return the command that starts the broker of this directory."""
    logging = f"-Dlog4j2.configurationFile={directory / 'log4j2.yaml'}"
    classes = _classes(jars())
    properties = str(directory / "server.properties")
    return [*JAVA, "-Xmx256m", logging, "-cp", classes, "kafka.Kafka", properties]


def _node(
    directory: Path, ports: Mapping[str, int], node: int, controllers: Mapping[int, int]
) -> dict[str, str]:
    addresses = {name: f"{name}://127.0.0.1:{port}" for name, port in ports.items()}
    voters = [f"{number}@127.0.0.1:{port}" for number, port in controllers.items()]
    known = [f"{protocol}:{protocol}" for protocol in PROTOCOLS]
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "controller.quorum.voters": ",".join(voters),
        "listeners": ",".join(addresses.values()),
        "advertised.listeners": ",".join(addresses.values()),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": ",".join([*known, "CONTROLLER:PLAINTEXT"]),
        "log.dirs": str(directory / "data"),
        # A killed broker can return only after its session has expired.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "500",
        # With the default size of this buffer, a heap of 256 MB is too small.
        "log.cleaner.dedupe.buffer.size": "4194304",
    }


def _topics(copies: int) -> dict[str, str]:
    enough = str(min(2, copies))
    return {
        "auto.create.topics.enable": "false",
        "min.insync.replicas": enough,
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": enough,
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": enough,
    }


def _groups() -> dict[str, str]:
    """Return settings of groups: short sessions, because tests kill workers."""
    return {
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "group.consumer.min.session.timeout.ms": "1000",
        "group.consumer.session.timeout.ms": "6000",
        "group.consumer.min.heartbeat.interval.ms": "500",
        "group.consumer.heartbeat.interval.ms": "1000",
    }


def _passwords() -> dict[str, str]:
    values = {
        "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMINISTRATOR};User:ANONYMOUS",
    }
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    users = " ".join(f'user_{user}="{password_of(user)}"' for user in (ADMINISTRATOR, *USERS))
    plain = f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
    values["listener.name.sasl_ssl.sasl.enabled.mechanisms"] = "SCRAM-SHA-512,PLAIN"
    for listener in ("sasl_plaintext", "sasl_ssl"):
        for mechanism in MECHANISMS:
            name = f"listener.name.{listener}.{mechanism.lower()}.sasl.jaas.config"
            values[name] = plain if mechanism == "PLAIN" else scram
    return values


def _tls(certificate: Path | None) -> dict[str, str]:
    if certificate is None:
        return {}
    return {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(certificate)}


LOGGING = """
Configuration:
  Appenders:
    Console: {name: STDOUT, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}
  Loggers:
    Root: {level: WARN, AppenderRef: {ref: STDOUT}}
    # Names each failed authentication.
    Logger: {name: org.apache.kafka.common.network.Selector, level: INFO}
"""

# ── a broker with ZooKeeper ───────────────────────────────────────────────────────────────────


def prepare_with_zookeeper(directory: Path, port: int, zookeeper_port: int) -> None:
    """Write the configurations of a ZooKeeper and of its broker.
    The broker has `VERSION_WITH_ZOOKEEPER`."""
    zookeeper = {
        "dataDir": str(directory / "zookeeper"),
        "clientPort": str(zookeeper_port),
        "clientPortAddress": "127.0.0.1",
        "admin.enableServer": "false",
    }
    write_properties(directory / "zoo.cfg", zookeeper)
    broker = {
        "broker.id": "1",
        "zookeeper.connect": f"127.0.0.1:{zookeeper_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "log.dirs": str(directory / "data"),
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "auto.create.topics.enable": "false",
        "log.cleaner.dedupe.buffer.size": "4194304",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
    }
    write_properties(directory / "server.properties", broker)


def commands_with_zookeeper(directory: Path) -> tuple[list[str], list[str]]:
    """Return the commands that start ZooKeeper and the broker, in this order."""
    java = [*JAVA, "-cp", _classes(jars_with_zookeeper())]
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
    zookeeper = [*java, "-Xmx64m", main, str(directory / "zoo.cfg")]
    return zookeeper, [*java, "-Xmx256m", "kafka.Kafka", str(directory / "server.properties")]


# ── command-line tools ────────────────────────────────────────────────────────────────────────


def run_tool(main: str, *arguments: str) -> str:
    """Return the output of the class behind one of the `kafka-*.sh` scripts."""
    done = subprocess.run(
        [*JAVA, "-cp", _classes(jars()), main, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lag(address: str, group: str) -> int:
    """Return the number of uncommitted messages of a group, as Kafka's own tool counts them."""
    table = run_tool(
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        *("--bootstrap-server", address, "--describe", "--group", group),
    )
    header, *rows = [line.split() for line in table.splitlines() if line.split()]
    lag, end = header.index("LAG"), header.index("LOG-END-OFFSET")
    # The tool shows a dash where nothing is committed yet.
    return sum(int(row[end] if row[lag] == "-" else row[lag]) for row in rows)


def _classes(directory: Path | None) -> str:
    assert directory is not None, "the jars of Apache Kafka are not there"
    return f"{directory}/*"


def write_properties(file: Path, values: Mapping[str, str]) -> None:
    lines: Iterable[str] = (f"{name}={value}\n" for name, value in values.items())
    file.write_text("".join(lines))
