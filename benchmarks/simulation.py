"""Discrete simulation of the service with up to four thousand workers.

    python -m benchmarks.simulation

The machines are simulated; the cost of each database statement and the duration of a job are given
on the command line, from measurements. The simulation finds the part that is overloaded first.
"""

import argparse
import itertools
import json
import random
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import simpy

from benchmarks.quantiles import quantile

Steps: TypeAlias = Generator[simpy.Event, Any, None]

RESULTS = Path(__file__).parent / "results" / "simulation.json"

HEARTBEAT_SECONDS = 1.0
IDLE_SECONDS = 2.0
STREAM_POLL_SECONDS = 2.0
STREAMS_PER_JOB = 1.0
"""Number of clients that watch each job; they read the repository periodically."""

DATABASE_CORES = 4
LOAD = 0.8
"""Share of the workers that are busy on average; it sets the rate of new jobs."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of a database core per statement, and of a worker per job."""

    claim: float
    heartbeat: float
    read: float
    job: float


@dataclass(slots=True)
class Outcome:
    """Outcome for one number of workers."""

    workers: int
    jobs_per_second: float
    database_busy: float
    """Share of the database's cores that are busy."""
    dispatch_p50_seconds: float
    """Median of the waits of all jobs.
    The wait of a job that is not dispatched at the end counts as long as it lasted so far."""
    dispatch_p95_seconds: float
    still_waiting: int
    """Number of jobs that are not dispatched at the end."""


class System:
    """Database with some cores, workers, and jobs that arrive at random."""

    def __init__(self, workers: int, costs: Costs, seed: int) -> None:
        self.environment = simpy.Environment()
        self._database = simpy.Resource(self.environment, DATABASE_CORES)
        self._queue = simpy.Store(self.environment)
        self._workers = workers
        self._costs = costs
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._busy_seconds = 0.0
        self._waiting: dict[int, float] = {}
        """Time of each job that is not dispatched yet, by its number."""
        self.dispatches: list[float] = []

    def run(self, seconds: float) -> Outcome:
        self.environment.process(self._arrivals())
        for _ in range(self._workers):
            self.environment.process(self._worker())
        self.environment.run(until=seconds)
        # Without the jobs that still wait, a longer queue would look like shorter waits.
        waits = [*self.dispatches, *(seconds - since for since in self._waiting.values())]
        return Outcome(
            workers=self._workers,
            jobs_per_second=len(self.dispatches) / seconds,
            database_busy=self._busy_seconds / seconds / DATABASE_CORES,
            dispatch_p50_seconds=quantile(waits, 50),
            dispatch_p95_seconds=quantile(waits, 95),
            still_waiting=len(self._waiting),
        )

    def _arrivals(self) -> Steps:
        rate = LOAD * self._workers / self._costs.job
        for number in itertools.count():
            yield self.environment.timeout(self._random.expovariate(rate))
            self._waiting[number] = self.environment.now
            self._queue.put(number)

    def _worker(self) -> Steps:
        yield self.environment.timeout(self._random.uniform(0, IDLE_SECONDS))
        while True:
            message = self._queue.get()
            while True:
                if not message.triggered:
                    yield message | self.environment.timeout(IDLE_SECONDS)
                # A claim costs the same whether or not a job is waiting.
                yield from self._ask(self._costs.claim)
                if message.triggered:
                    break
            number = yield message
            self.dispatches.append(self.environment.now - self._waiting.pop(number))
            yield from self._paint()

    def _paint(self) -> Steps:
        ends_at = self.environment.now + self._random.expovariate(1 / self._costs.job)
        while self.environment.now < ends_at:
            yield self.environment.timeout(min(HEARTBEAT_SECONDS, ends_at - self.environment.now))
            reads = STREAMS_PER_JOB * HEARTBEAT_SECONDS / STREAM_POLL_SECONDS
            yield from self._ask(self._costs.heartbeat + reads * self._costs.read)

    def _ask(self, cost: float) -> Steps:
        with self._database.request() as turn:
            yield turn
            yield self.environment.timeout(cost)
        self._busy_seconds += cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claim-ms", type=float, default=2.0)
    parser.add_argument("--heartbeat-ms", type=float, default=1.0)
    parser.add_argument("--read-ms", type=float, default=0.5)
    parser.add_argument("--job-seconds", type=float, default=60.0)
    parser.add_argument("--seconds", type=float, default=300.0)
    arguments = parser.parse_args()
    costs = Costs(
        claim=arguments.claim_ms / 1000,
        heartbeat=arguments.heartbeat_ms / 1000,
        read=arguments.read_ms / 1000,
        job=arguments.job_seconds,
    )
    outcomes = []
    for workers in (1, 4, 16, 64, 250, 1000, 2000, 4000):
        outcome = System(workers, costs, seed=0).run(arguments.seconds)
        outcomes.append(outcome)
        print(
            f"{workers:5} workers: {outcome.jobs_per_second:7.2f} jobs/s, "
            f"database {outcome.database_busy:5.1%} busy, "
            f"dispatch p50 {outcome.dispatch_p50_seconds:.3f} s, "
            f"p95 {outcome.dispatch_p95_seconds:.3f} s, {outcome.still_waiting} still waiting"
        )
    found = {"costs": asdict(costs), "database_cores": DATABASE_CORES}
    found["outcomes"] = [asdict(outcome) for outcome in outcomes]
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
