"""What a results file holds. `Results.model_validate_json` is the validator."""

from collections.abc import Sequence
from datetime import date
from typing import Self

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from benchmarks.engine.schema import Machine, Record

SUSTAINED_SECONDS = 1.0
"""A rate is sustained if 95 % of the answers take no longer than this."""


class Seconds(Record):
    """How long something took, many times."""

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
    """Jobs that are handed in at a steady rate, whether the ones before are answered or not."""

    requests_per_second: PositiveFloat
    body_bytes: PositiveInt
    """Of one request: two pictures."""
    seconds: Seconds
    """From when a request was due to its whole answer."""
    failures: NonNegativeInt

    @property
    def is_sustained(self) -> bool:
        """Whether all were accepted and no queue grew."""
        return not self.failures and self.seconds.p95 <= SUSTAINED_SECONDS


class Cost(Record):
    """Of one submission when nothing else runs: medians in seconds. The rest of the whole is the
    framework, the checks, and the answer."""

    requests: PositiveInt
    body_bytes: PositiveInt
    whole_seconds: PositiveFloat
    parsing_seconds: PositiveFloat
    """From the body of the request to the bytes of two images."""
    decoding_seconds: PositiveFloat
    hashing_seconds: PositiveFloat
    storing_seconds: PositiveFloat
    database_seconds: PositiveFloat


class Streams(Record):
    """Streams of events of one job, which all are open at the same time."""

    streams: PositiveInt
    events_per_second: PositiveFloat
    """In each stream."""
    events_expected: PositiveInt
    events_received: NonNegativeInt
    delay: Seconds
    """From the engine's process, which says what it did, to the client."""


class Throughput(Record):
    """Jobs that are handed in by a few clients, claimed, finished by an engine that does nothing,
    and stored."""

    clients: PositiveInt
    workers: PositiveInt
    jobs: PositiveInt
    seconds: PositiveFloat
    """From the first request to the end of the last job."""

    @property
    def jobs_per_second(self) -> float:
        return self.jobs / self.seconds


class Memory(Record):
    """Of the process that answers."""

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
    """A smoke run, whose numbers say nothing."""
    cost: Cost
    submits: Sequence[Submits]
    """At rising rates; the last one may be too fast."""
    streams: Streams
    throughput: Throughput
    memory: Memory
