"""`python -m benchmarks.service --quick`, run as a command."""

import os
import subprocess
import sys

import pytest
from benchmarks.service.report import render
from benchmarks.service.schema import Results, Seconds

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
    assert (submits.failures, submits.seconds.count) == (0, 8)
    assert 1_800_000 < submits.body_bytes < 2_300_000
    assert results.cost.requests == 3
    assert results.cost.body_bytes == submits.body_bytes
    assert results.streams.events_received == results.streams.events_expected
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
    assert (seconds.p50, seconds.p95, seconds.p99) == (0.51, 0.96, 1.0)
    assert (seconds.count, seconds.longest) == (100, 1.0)
    assert Seconds.of([0.2]).p99 == 0.2
