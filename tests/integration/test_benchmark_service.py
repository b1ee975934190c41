"""`python -m benchmarks.service --quick`, run as a command."""

import os
import subprocess
import sys

import httpx
import pytest
from benchmarks.service.client import have_succeeded
from benchmarks.service.report import render
from benchmarks.service.schema import Results, Seconds, Submits

from support.assets import REPOSITORY
from support.waiting import PROGRAM_SECONDS


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    output = tmp_path_factory.mktemp("benchmark") / "service.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.service", "--quick", "--output", output],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=PROGRAM_SECONDS,
    )
    assert list(output.parent.iterdir()) == [output]
    return Results.model_validate_json(output.read_text())


def test_everything_is_measured(results: Results) -> None:
    assert results.quick
    (submits,) = results.submits
    assert (submits.requests, submits.failures) == (8, 0)
    assert submits.seconds is not None
    assert submits.seconds.count == 8
    assert 1_800_000 < submits.body_bytes < 2_300_000
    assert results.cost.requests == 3
    assert results.cost.body_bytes == submits.body_bytes
    # A stream that falls behind gets several reports as one.
    streams = results.streams
    assert streams.streams <= streams.events_received <= streams.events_expected
    assert 0 < results.streams.delay.p50 <= results.streams.delay.p95
    assert results.throughput.jobs_per_second > 0
    assert results.memory.after_bytes < 1.2 * results.memory.before_bytes


def test_the_table_says_what_was_measured(results: Results) -> None:
    table = render(results)
    assert "its numbers say nothing" in table
    for what in ("of this: decoding", "submit at 4 requests/s", "20 open streams", "jobs/s", "MiB"):
        assert what in table


def test_quantiles() -> None:
    seconds = Seconds.of([number / 100 for number in range(100, 0, -1)])
    assert (seconds.p50, seconds.p95, seconds.p99) == (0.50, 0.95, 0.99)
    assert (seconds.count, seconds.longest) == (100, 1.0)
    assert Seconds.of([0.2]).p99 == 0.2
    of_three = Seconds.of([3, 1, 2])
    assert (of_three.p50, of_three.p95) == (2, 3)


def submits_of(*seconds: float, refused: int = 0) -> Submits:
    return Submits.of(20, 1, [*((each, True) for each in seconds), *([(0.001, False)] * refused)])


def test_a_fast_refusal_is_no_fast_answer() -> None:
    submits = submits_of(0.1, 0.2, 0.3, refused=5)
    assert submits.seconds == Seconds.of([0.1, 0.2, 0.3])
    assert (submits.requests, submits.failures, submits.is_sustained) == (8, 5, False)
    assert submits_of(refused=2).seconds is None
    assert not submits_of(refused=2).is_sustained


def test_a_rate_at_which_a_queue_grows_is_not_sustained() -> None:
    """With 4 % more than what is possible, the last of 20 seconds lags by 0.8 s."""
    steady = submits_of(*([0.08, 0.09] * 200))
    assert steady.growth == pytest.approx(1)
    assert steady.is_sustained
    growing = submits_of(*(0.08 + 0.8 * number / 400 for number in range(400)))
    assert growing.seconds is not None
    assert growing.seconds.p95 < 1
    assert growing.growth == pytest.approx(0.78 / 0.18, rel=0.01)
    assert not growing.is_sustained
    assert not submits_of(*([1.2] * 400)).is_sustained


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["succeeded", "succeeded"], True),
        (["succeeded", "queued"], False),
        (["failed", "running"], False),
    ],
)
def test_the_clock_runs_until_all_jobs_have_ended(statuses: list[str], expected: bool) -> None:
    with client_with(statuses) as client:
        assert have_succeeded(client) is expected


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_job_without_a_result_is_no_throughput(status: str) -> None:
    with client_with(["succeeded", status]) as client, pytest.raises(RuntimeError, match=status):
        have_succeeded(client)


def client_with(statuses: list[str]) -> httpx.Client:
    """Return a client of a service with jobs in these states."""

    def answer(request: httpx.Request) -> httpx.Response:
        wanted = request.url.params["status"]
        return httpx.Response(200, json={"jobs": [each for each in statuses if each == wanted]})

    return httpx.Client(base_url="http://service", transport=httpx.MockTransport(answer))
