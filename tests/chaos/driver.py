"""Hundreds of real jobs while everything in the system that can fail does.

    python tests/chaos/driver.py --jobs 300

starts PostgreSQL, one broker of Kafka or more, Redis, two APIs and three workers, and then kills,
freezes, empties and fills what it can while jobs arrive. At the end the accounts must balance: see
`Books`.
"""

import argparse
import hashlib
import itertools
import json
import os
import random
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from confluent_kafka import Producer
from sqlalchemy import NullPool, create_engine, text

from nst.adapters.sql import SqlJobRepository
from nst.adapters.storage import in_folder
from nst.jobs import janitor
from nst.jobs.job import ID
from nst.jobs.ports import ImageStorage
from support import servers
from support.servers import Broker
from support.waiting import PATIENCE_SECONDS, PROGRAM_SECONDS

NST = Path(sys.executable).with_name("nst")
KEY = "chaos"
LEASE_SECONDS = 12
FAILURES = ("engine_crashed",)
"""Error codes with which a job may fail, because workers are killed."""
STORE_MEGABYTES_PER_JOB = 2
"""Megabytes of the store for each job: twice what a job leaves there."""
SECONDS_BETWEEN_JOBS = 1.0
RETENTION_SECONDS = 1e9
"""Age in seconds at which the janitor would delete a job: none is that old."""


@dataclass
class Report:
    """Failures that were injected, and their consequences."""

    jobs: int
    seconds: float = 0.0
    injected: Counter[str] = field(default_factory=Counter)
    not_checked: list[str] = field(default_factory=list)
    """Failures that this user cannot inject."""
    submissions_repeated: int = 0
    states: dict[str, int] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    orphans: int = 0
    """Number of directories without a job, which the janitor deleted at the end."""
    problems: list[str] = field(default_factory=list)


class Process:
    """`nst` command that is restarted whenever it dies, as an operator's system does."""

    def __init__(self, log: Path, arguments: Sequence[str], environment: dict[str, str]) -> None:
        self._arguments = arguments
        self._environment = environment
        self._log = log
        self._is_wanted = True
        self.harmed: set[int] = set()
        """Ids of the processes that were killed or frozen."""
        self._process = self._start()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self.harmed.add(self.pid)
        self._process.kill()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Yield what the command has logged, also before it was restarted."""
        for line in self._log.read_text(errors="replace").splitlines():
            with suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict):
                    yield found

    def freeze(self, seconds: float) -> None:
        """Freeze the process and all its descendants for some seconds."""
        self.harmed.add(self.pid)
        pids = [self.pid, *_descendants(self.pid)]
        _signal(pids, signal.SIGSTOP)
        time.sleep(seconds)
        _signal(pids, signal.SIGCONT)

    def end(self) -> None:
        self._is_wanted = False
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [NST, *self._arguments], stdout=log, stderr=log, env=self._environment
            )

    def _keep(self) -> None:
        while self._is_wanted:
            self._process.wait()
            if self._is_wanted:
                time.sleep(0.2)
                self._process = self._start()


def _descendants(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid for child in map(int, found) for pid in (child, *_descendants(child))]
    return []


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


class System:
    """The whole system, running."""

    def __init__(
        self,
        directory: Path,
        stack: ExitStack,
        *,
        apis: int,
        workers: int,
        jobs: int,
        brokers: int = 1,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        def place(name: str) -> Path:
            (directory / name).mkdir()
            return directory / name

        self.store = place("store")
        megabytes = STORE_MEGABYTES_PER_JOB * jobs
        self.has_small_disk = stack.enter_context(small_disk(self.store, megabytes))
        """Whether the disk of the store can be filled without harm to other programs."""
        self.database = stack.enter_context(servers.postgresql(place("postgresql")))
        self.brokers = stack.enter_context(_kafka(place("kafka"), brokers))
        self.redis = stack.enter_context(servers.redis(place("redis")))
        self.database_url = servers.new_database(self.database)
        environment = {
            **os.environ,
            "NST_DATA_DIR": str(self.store),
            "NST_DATABASE_URL": self.database_url,
            "NST_KAFKA_BROKERS": self.broker_addresses,
            "NST_KAFKA_REPLICATION": str(brokers),
            "NST_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
            "NST_KAFKA_HEARTBEAT_SECONDS": "1",
            "NST_KAFKA_PARTITIONS": "8",
            "NST_REDIS_URL": f"redis://{self.redis.address}/0",
            "NST_API_KEYS": f"{KEY}:{_sha256(KEY)}",
            "NST_SECRET_KEY": secrets.token_hex(32),
            "NST_LEASE_SECONDS": str(lease_seconds),
            "NST_LOG_FORMAT": "json",
            "NST_CHECKPOINT_SECONDS": "1",
            "NST_MAX_JOBS_PER_CLIENT": "100000",
            "NST_REQUESTS_PER_MINUTE": "1000000",
            "NST_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
        }
        subprocess.run([NST, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)

        def start(name: str, *arguments: str) -> Process:
            return Process(directory / f"{name}.log", arguments, environment)

        self.ports = [servers.free_port() for _ in range(apis)]
        self.apis = [
            Process(
                directory / f"api-{n}.log",
                ["serve", "--workers", "0", "--port", str(port)],
                environment,
            )
            for n, port in enumerate(self.ports)
        ]
        self.workers = [
            Process(directory / f"worker-{n}.log", ["worker"], environment) for n in range(workers)
        ]
        for process in (*self.apis, *self.workers):
            stack.callback(process.end)

    @property
    def broker_addresses(self) -> str:
        return ",".join(broker.address for broker in self.brokers)


@contextmanager
def _kafka(directory: Path, brokers: int) -> Iterator[Sequence[Broker]]:
    """Run this number of brokers, each of which keeps every message.
    The light broker always runs alone."""
    if brokers > 1:
        with servers.kafka_cluster(directory, brokers) as cluster:
            yield cluster
    else:
        with servers.kafka(directory) as broker:
            yield [broker]


@contextmanager
def small_disk(directory: Path, megabytes: int) -> Iterator[bool]:
    """Mount a disk that can be filled, if this user may mount one.
    Yield whether it is mounted."""
    if os.geteuid() != 0:
        yield False
        return
    size = f"size={megabytes}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", directory], check=True)
    try:
        yield True
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


def _sha256(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


# ── failures ──────────────────────────────────────────────────────────────────────────────────


class Chaos:
    """Injector of random failures, one after the other."""

    def __init__(self, system: System, report: Report, seed: int) -> None:
        self._system = system
        self._report = report
        self._random = random.Random(seed)  # noqa: S311 - only to repeat it
        self.deeds: list[Callable[[], None]] = [
            self.kill_a_worker,
            self.kill_a_worker,
            self.kill_an_api,
            self.freeze_a_worker,
            self.restart_the_broker,
            self.restart_redis,
            self.stop_the_database,
            self.send_nonsense,
        ]
        if system.has_small_disk:
            self.deeds.append(self.fill_the_disk)
        else:  # it would fill the disk of the machine
            report.not_checked.append(self.fill_the_disk.__name__)

    def run(self, goes_on: Callable[[], bool]) -> None:
        """Inject every failure at least once, then random ones while `goes_on` holds."""
        deeds = self._random.sample(self.deeds, len(self.deeds))
        while deeds or goes_on():
            deed = deeds.pop() if deeds else self._random.choice(self.deeds)
            try:
                deed()
            except Exception as error:
                self._report.problems.append(f"{deed.__name__} did not work: {error!r}")
            self._report.injected[deed.__name__] += 1
            time.sleep(self._random.uniform(0.5, 2))

    def kill_a_worker(self) -> None:
        self._random.choice(self._system.workers).kill()

    def kill_an_api(self) -> None:
        # The process that answers is killed, too: the death of its parent would end it politely.
        api = self._random.choice(self._system.apis)
        _signal([*_descendants(api.pid), api.pid], signal.SIGKILL)

    def freeze_a_worker(self) -> None:
        self._random.choice(self._system.workers).freeze(1.5 * LEASE_SECONDS)

    def restart_the_broker(self) -> None:
        broker = self._random.choice(self._system.brokers)
        broker.kill()
        time.sleep(self._random.uniform(0, 2))
        broker.start()

    def restart_redis(self) -> None:
        self._system.redis.kill()
        time.sleep(self._random.uniform(0, 2))
        self._system.redis.start()

    def stop_the_database(self) -> None:
        self._system.database.kill()
        time.sleep(self._random.uniform(1, 1.5 * LEASE_SECONDS))
        self._system.database.start()

    def send_nonsense(self) -> None:
        """Send messages that are no jobs, and jobs that do not exist, each of them twice."""
        producer = Producer({"bootstrap.servers": self._system.broker_addresses})
        for value in (b"", b"\xff\xfe", b"no job", uuid.uuid4().hex.encode()):
            for _ in range(2):
                producer.produce("nst.jobs", value=value, key=value)
        producer.flush(30)

    def fill_the_disk(self) -> None:
        filler = self._system.store / "filler"
        with suppress(OSError), filler.open("wb") as file:
            while True:
                file.write(b"\0" * (1 << 20))
                file.flush()
        time.sleep(2)
        filler.unlink(missing_ok=True)


# ── client ────────────────────────────────────────────────────────────────────────────────────


class Client:
    """Client that submits jobs, and repeats unanswered requests with the same key."""

    def __init__(self, ports: Sequence[int], report: Report, seed: int) -> None:
        self._ports = ports
        self._report = report
        self._random = random.Random(seed)  # noqa: S311 - only to repeat it
        self._seeds = itertools.count()
        self.accepted: set[str] = set()

    def submit(self, count: int, seconds_between: float) -> None:
        for seed in itertools.islice(self._seeds, count):
            time.sleep(self._random.expovariate(1 / seconds_between))
            body = _form(
                sample_content="cat",
                sample_style=self._random.choice(["impasto", "mosaic", "cubist"]),
                preset="fast",
                size=str(self._random.choice([32, 40, 48])),
                total_iterations=str(self._random.randint(2, 30)),
                seed=str(seed),  # a job that equals another one gets its stored result
            )
            if job_id := self._insist(body, key=uuid.uuid4().hex):
                self.accepted.add(job_id)

    def jobs(self) -> dict[str, dict[str, Any]]:
        """Return all jobs of this client by id."""
        found: dict[str, dict[str, Any]] = {}
        query = "limit=100"
        while True:
            page = self._ask("GET", f"/api/v1/jobs?{query}")
            found |= {job["id"]: job for job in page["jobs"]}
            if page["next"] is None:
                return found
            query = f"limit=100&before={page['next']}"

    def _insist(self, body: tuple[bytes, str], key: str) -> str | None:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            try:
                answer = self._ask("POST", "/api/v1/jobs", body, {"Idempotency-Key": key})
                return str(answer["id"])
            except (OSError, urllib.error.URLError, ValueError):
                self._report.submissions_repeated += 1
                time.sleep(0.5)
        self._report.problems.append(f"nobody took a job for {PATIENCE_SECONDS:.0f} s")
        return None

    def _ask(
        self,
        method: str,
        path: str,
        body: tuple[bytes, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        data, content_type = body or (None, "application/json")
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._random.choice(self._ports)}{path}",
            data=data,
            method=method,
            headers={
                "Content-Type": content_type,
                "Authorization": f"Bearer {KEY}",
                **(headers or {}),
            },
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            return json.load(response)


def _form(**fields: str) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    body = "".join([*parts, f"--{boundary}--\r\n"]).encode()
    return body, f"multipart/form-data; boundary={boundary}"


# ── final check ───────────────────────────────────────────────────────────────────────────────


class Books:
    """Conditions that must hold in the end."""

    def __init__(self, system: System, client: Client, report: Report) -> None:
        self._system = system
        self._client = client
        self._report = report

    def wait(self, seconds: float) -> None:
        """Wait until every job has ended, for at most `seconds`."""
        give_up_at = time.monotonic() + seconds
        while time.monotonic() < give_up_at:
            with suppress(OSError, ValueError):
                jobs = self._client.jobs().values()
                if all(job["completed_at"] for job in jobs):
                    return
            time.sleep(1)

    def balance(self) -> None:
        """Fill the report; every violated condition becomes a problem."""
        storage = in_folder(self._system.store / "pictures")
        report = self._report
        # Before the other checks, which find what the janitor should not have deleted.
        report.orphans = self._delete_orphans(storage)
        rows = self._rows()
        jobs = {row["id"]: row for row in rows}
        report.problems += self._misplaced(storage, jobs)
        report.states = Counter(row["status"] for row in rows)
        report.failures = Counter(row["error"]["code"] for row in rows if row["error"])
        report.attempts = Counter(str(row["attempt"]) for row in rows)
        for job_id in self._client.accepted - set(jobs):
            report.problems.append(f"job {job_id} was accepted and is lost")
        for job_id in set(jobs) - self._client.accepted:
            report.problems.append(f"job {job_id} was made twice of one request")
        for row in rows:
            report.problems += self._problems_of(row, storage)
        report.problems += self._attempts_of_the_living()

    def _delete_orphans(self, storage: ImageStorage) -> int:
        """Delete the files of submissions whose process died; return their number.
        The janitor does that an hour later, which no run lasts."""
        repository = SqlJobRepository(self._system.database_url)
        with patch.object(janitor, "ORPHAN_SECONDS", -PATIENCE_SECONDS):
            deletions = iter(lambda: janitor.clean(repository, storage, RETENTION_SECONDS), 0)
            deleted = sum(deletions)
        repository.close()
        return deleted

    def _misplaced(self, storage: ImageStorage, jobs: Collection[str]) -> Iterator[str]:
        """Yield a problem for each directory without a job, and for each job without one."""
        directories = {name for name in storage.directories() if ID.fullmatch(name)}
        for name in directories - set(jobs):
            yield f"the files of {name} belong to no job"
        for name in set(jobs) - directories:
            yield f"job {name} has no files"

    def _attempts_of_the_living(self) -> Iterator[str]:
        """Yield a problem for each attempt that an unharmed worker lost.
        An unharmed worker was neither killed nor frozen."""
        workers = self._system.workers
        harmed = {str(pid) for worker in workers for pid in worker.harmed}
        for line in (line for worker in workers for line in worker.lines()):
            silent = re.fullmatch(r"worker .*-(\d+)-\d+ stopped responding", str(line.get("event")))
            if silent and silent[1] not in harmed:
                yield f"job {line.get('job')} was taken from a living worker: {line['event']}"

    def _problems_of(self, row: dict[str, Any], storage: ImageStorage) -> Iterator[str]:
        name = f"job {row['id']}"
        if row["status"] not in ("succeeded", "failed"):
            yield f"{name} is {row['status']}"
        # A job whose worker was killed three times is expected to fail.
        if row["status"] == "failed" and row["error"]["code"] not in FAILURES:
            yield f"{name} has failed: {row['error']}"
        if row["status"] == "succeeded":
            key = row["result"]["key"]
            if not row["cached"] and not key.startswith(f"{row['id']}/{row['attempt']}-"):
                yield f"{name} has the result of another attempt: {key}"
            if storage.stat(key) is None:
                yield f"{name} has no picture at {key}"

    def _rows(self) -> list[dict[str, Any]]:
        engine = create_engine(self._system.database_url, poolclass=NullPool)
        with engine.connect() as connection:
            rows = connection.execute(text("select * from jobs"))
            return [dict(row._mapping) for row in rows]


def run(jobs: int, *, workers: int = 3, apis: int = 2, brokers: int = 1, seed: int = 0) -> Report:
    """Run the whole test; the report has the problems that it found."""
    report = Report(jobs=jobs)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nst-chaos-") as directory, ExitStack() as stack:
        system = System(
            Path(directory), stack, apis=apis, workers=workers, jobs=jobs, brokers=brokers
        )
        client = Client(system.ports, report, seed)
        chaos = Chaos(system, report, seed)
        # A server lives no longer than the thread that starts it, so chaos runs in this thread.
        thread = threading.Thread(target=client.submit, args=(jobs, SECONDS_BETWEEN_JOBS))
        thread.start()
        chaos.run(thread.is_alive)
        thread.join()
        books = Books(system, client, report)
        books.wait(PROGRAM_SECONDS + jobs)
        books.balance()
    report.seconds = time.monotonic() - began
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--brokers", type=int, default=1, help="more than one take Apache Kafka")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=Path)
    arguments = parser.parse_args()
    report = run(
        arguments.jobs,
        workers=arguments.workers,
        brokers=arguments.brokers,
        seed=arguments.seed,
    )
    text = json.dumps(vars(report), indent=2)
    sys.stdout.write(text + "\n")
    if "fill_the_disk" in report.not_checked:
        sys.stderr.write("disk full: NOT CHECKED (needs root)\n")
    if arguments.report:
        arguments.report.write_text(text + "\n")
    sys.exit(bool(report.problems))


if __name__ == "__main__":
    main()
