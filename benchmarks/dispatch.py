"""Time from the submission to the start of a job, without the engine.

    python -m benchmarks.dispatch

Workers run jobs that do nothing, so that only the queue, the database and the storage are measured.
One run measures both the embedded defaults and PostgreSQL, Kafka and Redis. Throughput and fairness
are measured with jobs that are all queued before the first of them may start.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from benchmarks.quantiles import quantile
from benchmarks.service.engine import result_of
from nst import bootstrap
from nst.adapters.memory import MemoryProgressFeed
from nst.decoding import Decoder
from nst.engine_process.messages import Finished, News, Work
from nst.jobs.job import RESULT, JobProgress, JobStatus
from nst.jobs.quota import Quota
from nst.jobs.service import Jobs
from nst.jobs.uploads import JobRequest, Sender, Upload
from nst.jobs.worker_context import WorkerContext
from nst.options import StyleTransferOptions
from nst.samples import sample
from nst.settings.groups import Limits, WorkerSettings
from nst.worker import Worker

RESULTS = Path(__file__).parent / "results" / "dispatch.json"
WORKERS = (1, 4, 16)
STREAMS = 500
GATE = "BENCHMARK_GATE"
"""Variable that names a file; no image is finished while the file exists."""
LOOK_SECONDS = 0.02
"""Interval at which an engine looks whether the gate is open, in seconds."""


class NoEngine:
    """Engine whose images are finished at once, or when the gate opens."""

    def __init__(self) -> None:
        self._news: News | None = None
        self._gate = Path(os.environ[GATE])

    def start(self, work: Work) -> None:
        (work.directory / RESULT).write_bytes(b"a picture")
        self._news = Finished(JobStatus.SUCCEEDED, result_of(steps=0))

    def news(self, timeout_seconds: float) -> News | None:  # noqa: ARG002 - as in Engine
        if self._gate.exists():
            time.sleep(LOOK_SECONDS)
            return None
        news, self._news = self._news, None
        return news

    def steer(self, steering: Mapping[str, float]) -> None:
        """Do nothing; no step can be steered."""

    def cancel(self) -> None:
        """Do nothing; the job is finished already."""

    def stop(self) -> None:
        """Do nothing; the job is finished already."""

    def kill(self) -> None:
        """Do nothing; no process runs."""


Times: TypeAlias = tuple[float, float, float]
"""Times at which a job was created, started and completed."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements of one system with this number of workers."""

    system: str
    workers: int
    dispatch_p50_ms: float
    dispatch_p95_ms: float
    jobs_per_second: float
    """Throughput from the first start to the last end of jobs that were queued before."""
    of_a_crowd: int
    """Number of one client's jobs that wait when a second client submits one job."""
    started_before_the_one: int
    """Number of these jobs that start before the second client's job."""


def context_of(ports: bootstrap.Ports) -> WorkerContext:
    """Return a worker's context with an engine that paints nothing."""
    repository = ports.repository
    return WorkerContext(
        repository,
        ports.storage,
        ports.feed,
        NoEngine(),
        repository.learned_styles,
        WorkerSettings(),
        Limits(),
    )


def work() -> None:
    """Run a worker until this process is killed."""
    with bootstrap.ports() as ports:
        context = context_of(ports)
        queue = bootstrap.queue_of_a_worker(ports)
        Worker(queue, context, retention_seconds=86400.0).run()


class Client:
    """Client that submits jobs without HTTP."""

    def __init__(self, ports: bootstrap.Ports) -> None:
        limits = Limits(max_jobs_per_client=10**6, max_queued=10**6, max_bytes_per_day=10**12)
        self._decoder = Decoder()
        self._repository = ports.repository
        self._jobs = Jobs(
            ports.repository,
            ports.queue,
            ports.storage,
            ports.feed,
            Quota(ports.limiter),
            limits,
            self._decoder,
        )
        self._content = Upload(sample("content", "cat").read_bytes(), "cat.jpg")
        self._style = Upload(sample("style", "impasto").read_bytes(), "impasto.jpg")
        self._seed = time.time_ns()

    def close(self) -> None:
        self._decoder.close()

    def queue(self, owner: str, count: int) -> list[str]:
        return [self.submit(owner) for _ in range(count)]

    def submit(self, owner: str = "one") -> str:
        self._seed += 1  # with the same seed, the service would return the existing result
        options = StyleTransferOptions(size=32, total_iterations=1, seed=self._seed)
        return self._jobs.submit(
            Sender(owner), JobRequest(self._content, [self._style], options)
        ).id

    def wait_until_running(self, job_ids: Sequence[str]) -> None:
        for job_id in job_ids:
            while (status := self._repository.get(job_id).status) is not JobStatus.RUNNING:
                assert not status.is_final, "the gate does not hold this job"
                time.sleep(0.02)

    def wait(self, job_ids: Sequence[str]) -> list[Times]:
        """Return the times of each job after its end."""
        times = []
        for job_id in job_ids:
            while not (job := self._repository.get(job_id)).status.is_final:
                time.sleep(0.02)
            assert job.status is JobStatus.SUCCEEDED, job.error
            assert job.started_at is not None
            assert job.completed_at is not None
            times.append((job.created_at, job.started_at, job.completed_at))
        return times


def measure(system: str, workers: int, jobs: int) -> Measured:
    """Measure the system that the environment names."""
    with (
        _gate() as gate,
        bootstrap.ports() as ports,
        _workers(workers, ports),
        closing(Client(ports)) as client,
    ):
        dispatches = []
        with _held(gate, client, workers):
            pass  # all workers have started
        for _ in range(jobs):
            [(created, started, _completed)] = client.wait([client.submit()])
            dispatches.append(1000 * (started - created))
        with _held(gate, client, workers):
            queued = client.queue("one", 2 * jobs)
        times = client.wait(queued)
        last_came, first_started = max(t[0] for t in times), min(t[1] for t in times)
        assert last_came < first_started, "the speed of the client would be measured"
        with _held(gate, client, workers):
            crowd = client.queue("many", 2 * jobs)
            the_one = client.submit("one")
        [(came, started, _completed)] = client.wait([the_one])
        crowd_started = [t[1] for t in client.wait(crowd)]
        waited = sum(came < other for other in crowd_started)
        assert waited == len(crowd), "without a crowd no job can be preferred"
    return Measured(
        system=system,
        workers=workers,
        dispatch_p50_ms=statistics.median(dispatches),
        dispatch_p95_ms=quantile(dispatches, 95),
        jobs_per_second=2 * jobs / (max(t[2] for t in times) - first_started),
        of_a_crowd=waited,
        started_before_the_one=sum(other < started for other in crowd_started),
    )


@contextmanager
def _gate() -> Iterator[Path]:
    """Yield the file that closes the gate of all engines while it exists."""
    with tempfile.TemporaryDirectory(prefix="nst-bench-") as directory:
        gate = Path(directory) / "closed"
        with environment({GATE: str(gate)}):
            yield gate


@contextmanager
def _held(gate: Path, client: Client, workers: int) -> Iterator[None]:
    """Keep each worker busy with a job that ends when the context does."""
    gate.touch()
    held = client.queue("holder", workers)
    client.wait_until_running(held)
    yield
    gate.unlink()
    client.wait(held)


@contextmanager
def _workers(count: int, ports: bootstrap.Ports) -> Iterator[None]:
    """Run workers: as processes with a shared queue, as threads with a local one."""
    if not os.environ.get("NST_KAFKA_BROKERS"):
        made = [
            Worker(
                ports.queue,
                context_of(ports),
                retention_seconds=86400.0,
                name=f"thread-{number}",
            )
            for number in range(count)
        ]
        threads = [threading.Thread(target=worker.run) for worker in made]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for worker in made:
                worker.stop()
            for thread in threads:
                thread.join()
        return
    command = [sys.executable, "-m", "benchmarks.dispatch", "--work"]
    processes = [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def event_delays(redis_url: str, streams: int, events: int) -> dict[str, float]:
    """Return the delays of events from one feed to listeners at another feed.
    `streams`: number of listeners."""
    from nst.adapters.redis import RedisProgressFeed

    here, there = (RedisProgressFeed(redis_url, MemoryProgressFeed()) for _ in range(2))
    delays: list[float] = []
    ready = threading.Barrier(streams + 1)

    def listen(job_id: str) -> None:
        with there.subscribe(job_id) as subscription:
            ready.wait()
            heard = (subscription.wait(10) for _ in range(events))
            delays.extend(1000 * (time.time() - news.elapsed_seconds) for news in heard if news)

    threads = [threading.Thread(target=listen, args=(f"{n:032x}",)) for n in range(streams)]
    for thread in threads:
        thread.start()
    ready.wait()
    for step in range(events):
        for number in range(streams):
            progress = JobProgress(
                step=step,
                total_iterations=events,
                elapsed_seconds=time.time(),
                remaining_seconds=0.0,
                size=(1, 1),
            )
            here.publish(f"{number:032x}", progress)
            time.sleep(1 / streams)
    for thread in threads:
        thread.join()
    here.close()
    there.close()
    p50, p95 = (quantile(delays, percent) for percent in (50, 95))
    return {"p50_ms": p50, "p95_ms": p95, "heard_share": len(delays) / streams / events}


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    os.environ.update(values)
    bootstrap.settings.cache_clear()
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", action="store_true", help="be a worker")
    parser.add_argument("--jobs", type=int, default=100)
    arguments = parser.parse_args()
    if arguments.work:
        work()
        return
    from support import servers

    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="nst-bench-") as name, ExitStack() as stack:
        directory = Path(name)
        for part in ("embedded", "postgresql", "kafka", "redis", "scaled"):
            (directory / part).mkdir()
        with environment({"NST_DATA_DIR": str(directory / "embedded")}):
            bootstrap.migrate()
            measured += [measure("SQLite, memory", n, arguments.jobs) for n in WORKERS]
        database = stack.enter_context(servers.postgresql(directory / "postgresql"))
        broker = stack.enter_context(servers.kafka(directory / "kafka"))
        redis = stack.enter_context(servers.redis(directory / "redis"))
        redis_url = f"redis://{redis.address}/0"
        scaled = {
            "NST_DATA_DIR": str(directory / "scaled"),
            "NST_DATABASE_URL": servers.new_database(database),
            "NST_KAFKA_BROKERS": broker.address,
            "NST_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
            "NST_KAFKA_HEARTBEAT_SECONDS": "1",
            "NST_REDIS_URL": redis_url,
        }
        with environment(scaled):
            bootstrap.migrate()
            measured += [measure("PostgreSQL, Kafka, Redis", n, arguments.jobs) for n in WORKERS]
        delays = event_delays(redis_url, STREAMS, events=5)
    for one in measured:
        print(one)
    print(f"events through Redis to {STREAMS} streams: {delays}")
    found = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "dispatch": [asdict(one) for one in measured],
        "event_delays": {"streams": STREAMS, **delays},
    }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
