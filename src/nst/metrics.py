"""Metrics of the service, each declared once with its unit and a description.

Each process has one endpoint: `nst serve` at /metrics, `nst worker` at its own port
(NST_WORKER_METRICS_PORT). Requests and workers are threads of that process, and the engine's
process reports to its worker. Values therefore need not be added up between processes; Prometheus
adds up the endpoints.
"""

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import nst
from nst.errors import RepositoryError
from nst.jobs.job import Outcome
from nst.jobs.ports import QueueState

REGISTRY = CollectorRegistry()

ProcessCollector(registry=REGISTRY)
Info("nst_build", "Version of nst that this process runs.", registry=REGISTRY).info(
    {"version": nst.__version__}
)

# ── requests ──────────────────────────────────────────────────────────────────────────────────

HTTP_REQUESTS = Counter(
    "nst_http_requests_total",
    "HTTP requests answered, by method, route and status.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
HTTP_SECONDS = Histogram(
    "nst_http_request_duration_seconds",
    "Time from a request to the beginning of its answer, by method and route.",
    ["method", "route"],
    unit="seconds",
    registry=REGISTRY,
)
JOBS_TAKEN = Counter(
    "nst_jobs_taken_total",
    "Jobs accepted, by whether an earlier result was reused (cached: yes, no).",
    ["cached"],
    registry=REGISTRY,
)

# ── attempts ──────────────────────────────────────────────────────────────────────────────────

WAIT_SECONDS = Histogram(
    "nst_wait_seconds",
    "Time from the submission of a job to its first claim by a worker.",
    unit="seconds",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200),
    registry=REGISTRY,
)
ATTEMPTS = Counter(
    "nst_attempts_total",
    "Finished attempts, by outcome.",
    ["outcome"],
    registry=REGISTRY,
)
ATTEMPT_SECONDS = Histogram(
    "nst_attempt_duration_seconds",
    "Time of attempts that succeeded, from the claim to the stored picture.",
    unit="seconds",
    buckets=(0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600),
    registry=REGISTRY,
)
ATTEMPTS_RUNNING = Gauge(
    "nst_attempts_running",
    "Attempts running in this process.",
    registry=REGISTRY,
)
LEASES_EXPIRED = Counter(
    "nst_leases_expired_total",
    "Running jobs whose lease had expired when this worker found them.",
    registry=REGISTRY,
)

# ── the engine ────────────────────────────────────────────────────────────────────────────────

STEP_SECONDS = Histogram(
    "nst_step_duration_seconds",
    "Time of a step of the optimizer; the count is that of the steps.",
    unit="seconds",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
    registry=REGISTRY,
)
EVALUATIONS = Counter(
    "nst_evaluations_total",
    "Evaluations of the loss and its gradient in all attempts of a job, counted when it succeeds.",
    registry=REGISTRY,
)
FINAL_LOSS = Histogram(
    "nst_final_loss",
    "Loss at the end of a transfer, by term; each is multiplied by its weight.",
    ["term"],
    buckets=[10.0**exponent for exponent in range(3, 15)],
    registry=REGISTRY,
)
RUNNING_STEP = Gauge(
    "nst_running_step",
    "Current step of the running job, by worker.",
    ["worker"],
    registry=REGISTRY,
)
RUNNING_LAST_STEP = Gauge(
    "nst_running_last_step",
    "Step at which the running job ends at the latest, by worker.",
    ["worker"],
    registry=REGISTRY,
)
RUNNING_LOSS = Gauge(
    "nst_running_loss",
    "Loss of the running job, by worker and term; each is multiplied by its weight.",
    ["worker", "term"],
    registry=REGISTRY,
)
ENGINE_BYTES = Gauge(
    "nst_engine_memory_bytes",
    "Resident memory of the engine's process at its last step, by worker.",
    ["worker"],
    unit="bytes",
    registry=REGISTRY,
)
ENGINE_GPU_BYTES = Gauge(
    "nst_engine_gpu_memory_bytes",
    "GPU memory held by the engine at its last step, by worker; 0 without a GPU.",
    ["worker"],
    unit="bytes",
    registry=REGISTRY,
)

# ── workers and dependencies ──────────────────────────────────────────────────────────────────

LAST_TURN = Gauge(
    "nst_worker_last_turn_timestamp_seconds",
    "Time of the last round of a worker's loop, by worker; seconds since 1970.",
    ["worker"],
    unit="seconds",
    registry=REGISTRY,
)
MESSAGES = Counter(
    "nst_messages_total",
    "Messages that workers received from the queue, by what they found (job, nothing).",
    ["found"],
    registry=REGISTRY,
)
LAG = Gauge(
    "nst_queue_lag_messages",
    "Messages of the queue that wait for this worker, by worker.",
    ["worker"],
    unit="messages",
    registry=REGISTRY,
)
DEPENDENCY_ERRORS = Counter(
    "nst_dependency_errors_total",
    "Failed calls of an external system, by system.",
    ["system"],
    registry=REGISTRY,
)

# Events that have not happened yet are 0 and not missing, so that the first one is an increase.
for outcome in Outcome:
    ATTEMPTS.labels(outcome)
for found in ("job", "nothing"):
    MESSAGES.labels(found)
for cached in ("yes", "no"):
    JOBS_TAKEN.labels(cached)
for system in ("repository", "storage", "queue", "feed"):
    DEPENDENCY_ERRORS.labels(system)


class QueueCollector(Collector):
    """Collector that reads the state of the queue at each scrape.
    If the repository does not answer, only these metrics are missing."""

    def __init__(
        self,
        state: Callable[[], QueueState],
        open_streams: Callable[[], int],
        max_streams: int,
        max_queued: int,
    ) -> None:
        self._state = state
        self._open_streams = open_streams
        self._max_streams = max_streams
        self._max_queued = max_queued

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "nst_event_streams", "Open streams of events.", self._open_streams()
        )
        yield GaugeMetricFamily(
            "nst_event_streams_limit",
            "Streams of events that this process allows (NST_MAX_STREAMS).",
            self._max_streams,
        )
        yield GaugeMetricFamily(
            "nst_queue_limit_jobs",
            "Queued jobs that are allowed (NST_MAX_QUEUED).",
            self._max_queued,
            unit="jobs",
        )
        try:
            state = self._state()
        except RepositoryError:
            return
        jobs = GaugeMetricFamily("nst_jobs", "Jobs, by status.", labels=["status"])
        for status, count in state.jobs.items():
            jobs.add_metric([status], count)
        yield jobs
        yield GaugeMetricFamily(
            "nst_queue_oldest_seconds",
            "Waiting time of the oldest queued job.",
            state.oldest_queued_seconds,
            unit="seconds",
        )


def describe() -> Iterable[Metric]:
    """Yield all metrics without values."""
    nothing = QueueState({}, 0.0)
    yield from REGISTRY.collect()
    yield from QueueCollector(lambda: nothing, lambda: 0, 0, 0).collect()


def serve(port: int) -> None:
    """Serve the metrics on all addresses of this machine until the process ends.
    Raises OSError."""
    start_http_server(port, registry=REGISTRY)
