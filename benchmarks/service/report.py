"""Results as a Markdown table."""

from collections.abc import Iterator

from benchmarks.engine.report import table
from benchmarks.service.schema import SUSTAINED_GROWTH, Cost, Results, Seconds, Submits


def render(results: Results) -> str:
    machine = results.machine
    quick = " A quick run: it shows that everything works, its numbers say nothing." * results.quick
    headline = (
        f"nst {results.nst_version}: {machine.cpu}, {machine.cores} cores,"
        f" {machine.memory_bytes / 2**30:.0f} GiB, {machine.system}, Python {machine.python};"
        f" clients on the same machine. Measured on {results.measured_on}.{quick}"
    )
    return f"{headline}\n\n{table(_rows(results))}"


def _rows(results: Results) -> list[tuple[str, str]]:
    streams = results.streams
    throughput, memory = results.throughput, results.memory
    return [
        ("what", "measured"),
        *_cost_rows(results.cost),
        *(row for submits in results.submits for row in _submit_rows(submits)),
        (
            f"{streams.streams} open streams with {streams.events_per_second:g} events/s each,"
            " delay p50 / p95 / p99",
            _milliseconds(streams.delay),
        ),
        ("of these events received", f"{streams.events_received} of {streams.events_expected}"),
        (
            f"jobs that paint nothing, end to end, {throughput.workers} workers",
            f"{throughput.jobs_per_second:.0f} jobs/s",
        ),
        (
            f"memory after {memory.warm_up_requests} requests, and after {memory.requests} more",
            f"{memory.before_bytes / 2**20:.1f} / {memory.after_bytes / 2**20:.1f} MiB",
        ),
    ]


def _cost_rows(cost: Cost) -> Iterator[tuple[str, str]]:
    yield (
        f"one submission of {cost.body_bytes / 1e6:.1f} MB, nothing else running",
        f"{cost.whole_seconds * 1e3:.1f} ms",
    )
    for part in ("parsing", "decoding", "hashing", "storing", "database"):
        yield f"of this: {part}", f"{getattr(cost, f'{part}_seconds') * 1e3:.1f} ms"


def _submit_rows(submits: Submits) -> Iterator[tuple[str, str]]:
    yield (
        f"submit at {submits.requests_per_second:g} requests/s of"
        f" {submits.body_bytes / 1e6:.1f} MB, p50 / p95 / p99",
        _milliseconds(submits.seconds) if submits.seconds else "–",
    )
    if submits.failures:
        yield "of these not accepted", f"{submits.failures} of {submits.requests}"
    if submits.growth is not None and submits.growth > SUSTAINED_GROWTH:
        yield "a queue grew: p50, last / first quarter", f"{submits.growth:.1f}"


def _milliseconds(seconds: Seconds) -> str:
    values = (seconds.p50, seconds.p95, seconds.p99)
    return " / ".join(f"{value * 1e3:.1f}" for value in values) + " ms"
