"""Content of a results file. `Results.model_validate_json` is the validator."""

from collections.abc import Sequence
from datetime import date
from typing import Self

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from benchmarks.engine.schema import Machine, Record

SUSTAINED_SECONDS = 1.0
"""Maximum seconds of 95 % of the answers at a rate that counts as sustained."""


class Seconds(Record):
    """Durations of many repetitions."""

    count: PositiveInt
    p50: NonNegativeFloat
    p95: NonNegativeFloat
    p99: NonNegativeFloat
    longest: NonNegativeFloat

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        ordered = sorted(values)

        def quantile(share: float) -> float:
            return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

        return cls(
            count=len(ordered),
            p50=quantile(0.5),
            p95=quantile(0.95),
            p99=quantile(0.99),
            longest=ordered[-1],
        )


class Submits(Record):
    """Submissions at a constant rate, regardless of outstanding answers."""

    requests_per_second: PositiveFloat
    body_bytes: PositiveInt
    """Size of one request, which has two images."""
    seconds: Seconds
    """Time from the moment when a request was due to its complete answer."""
    failures: NonNegativeInt

    @property
    def is_sustained(self) -> bool:
        """Whether all requests were accepted and no queue grew."""
        return not self.failures and self.seconds.p95 <= SUSTAINED_SECONDS


class Cost(Record):
    """Cost of one submission when nothing else runs: medians in seconds.
    The rest of the whole is the framework, the checks, and the answer."""

    requests: PositiveInt
    body_bytes: PositiveInt
    whole_seconds: PositiveFloat
    parsing_seconds: PositiveFloat
    """Seconds from the body of the request to the bytes of two images."""
    decoding_seconds: PositiveFloat
    hashing_seconds: PositiveFloat
    storing_seconds: PositiveFloat
    database_seconds: PositiveFloat


class Streams(Record):
    """Streams of one job's events, which are all open at the same time."""

    streams: PositiveInt
    events_per_second: PositiveFloat
    """Events per second in each stream."""
    events_expected: PositiveInt
    events_received: NonNegativeInt
    delay: Seconds
    """Delay from the report of the engine's process to the client."""


class Throughput(Record):
    """Throughput of jobs from submission to storage.
    A few clients submit the jobs, and the engine does nothing."""

    clients: PositiveInt
    workers: PositiveInt
    jobs: PositiveInt
    seconds: PositiveFloat
    """Seconds from the first request to the end of the last job."""

    @property
    def jobs_per_second(self) -> float:
        return self.jobs / self.seconds


class Memory(Record):
    """Memory of the process that answers."""

    warm_up_requests: PositiveInt
    requests: PositiveInt
    before_bytes: PositiveInt
    after_bytes: PositiveInt


class Results(Record):
    suite: str = "service"
    nst_version: str
    machine: Machine
    measured_on: date
    quick: bool
    """Whether this was a smoke run, whose numbers are not meaningful."""
    cost: Cost
    submits: Sequence[Submits]
    """Submissions at increasing rates; the last rate may not be sustained."""
    streams: Streams
    throughput: Throughput
    memory: Memory
