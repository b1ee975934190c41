"""Every metric of the service, declared once, with its unit and a sentence."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from nst.jobs.ports import QueueState

REGISTRY = CollectorRegistry()

HTTP_REQUESTS = Counter(
    "nst_http_requests_total",
    "HTTP requests answered.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
HTTP_SECONDS = Histogram(
    "nst_http_request_duration_seconds",
    "Time from a request to the beginning of its answer.",
    ["method", "route"],
    registry=REGISTRY,
)


class QueueCollector(Collector):
    """Asks the repository whenever somebody looks."""

    def __init__(self, state: Callable[[], QueueState], open_streams: Callable[[], int]) -> None:
        self._state = state
        self._open_streams = open_streams

    def collect(self) -> Iterable[Metric]:
        state = self._state()
        jobs = GaugeMetricFamily("nst_jobs", "Jobs in each state.", labels=["status"])
        for status, count in state.jobs.items():
            jobs.add_metric([status], count)
        yield jobs
        yield GaugeMetricFamily(
            "nst_queue_oldest_seconds",
            "For how long the oldest queued job has been waiting.",
            state.oldest_queued_seconds,
        )
        yield GaugeMetricFamily(
            "nst_event_streams", "Open streams of events.", self._open_streams()
        )


def describe() -> Iterable[Metric]:
    """All there are, without their values."""
    nothing = QueueState({}, 0.0)
    yield from REGISTRY.collect()
    yield from QueueCollector(lambda: nothing, lambda: 0).collect()
