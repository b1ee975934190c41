"""Content of a results file. `Results.model_validate_json` is the validator."""

from collections.abc import Sequence
from datetime import date
from math import ceil
from statistics import median
from typing import Self

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from benchmarks.engine.schema import Machine, Record
from benchmarks.quantiles import quantile

SUSTAINED_SECONDS = 1.0
"""Maximum seconds of 95 % of the answers at a rate that counts as sustained."""
SUSTAINED_GROWTH = 2.0
"""Maximum ratio of the last to the first quarter's median at such a rate.
Where requests wait for earlier ones, each waits longer than the one before."""


class Seconds(Record):
    """Durations of many repetitions.
    In files that were measured before 2026-12 each percentile may be one rank too high."""

    count: PositiveInt
    p50: NonNegativeFloat
    p95: NonNegativeFloat
    p99: NonNegativeFloat
    longest: NonNegativeFloat

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        return cls(
            count=len(values),
            p50=quantile(values, 50),
            p95=quantile(values, 95),
            p99=quantile(values, 99),
            longest=max(values),
        )


class Submits(Record):
    """Submissions at a constant rate, regardless of outstanding answers."""

    requests_per_second: PositiveFloat
    body_bytes: PositiveInt
    """Size of one request, which has two images."""
    requests: PositiveInt
    failures: NonNegativeInt
    """Number of requests that were not accepted."""
    seconds: Seconds | None
    """Time from the moment when a request was due to its complete answer.
    Only accepted requests count, because refusals are fast; None: no request was accepted. In files
    that were measured before 2026-12 refusals count, too."""
    growth: PositiveFloat | None
    """Median of the last quarter of the accepted requests / median of the first one.
    None: no request was accepted, or the file was measured before 2026-12."""

    @classmethod
    def of(
        cls, requests_per_second: float, body_bytes: int, answers: Sequence[tuple[float, bool]]
    ) -> Self:
        """Summarise the seconds of each request, in the order in which the requests
        were due, and whether it was accepted."""
        accepted = [seconds for seconds, is_accepted in answers if is_accepted]
        quarter = ceil(len(accepted) / 4)
        return cls(
            requests_per_second=requests_per_second,
            body_bytes=body_bytes,
            requests=len(answers),
            failures=len(answers) - len(accepted),
            seconds=Seconds.of(accepted) if accepted else None,
            growth=median(accepted[-quarter:]) / median(accepted[:quarter]) if accepted else None,
        )

    @property
    def is_sustained(self) -> bool:
        """Whether all requests were accepted, most of them soon, and no queue grew."""
        if self.failures or self.seconds is None or self.growth is None:
            return False
        return self.seconds.p95 <= SUSTAINED_SECONDS and self.growth <= SUSTAINED_GROWTH


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
