"""The simulation counts jobs that wait until its end."""

import pytest
from benchmarks.simulation import Costs, System


def test_a_job_is_dispatched_after_its_claim() -> None:
    costs = Costs(claim=0.002, heartbeat=0.001, read=0.0005, job=60)
    outcome = System(64, costs, seed=0).run(300)
    assert outcome.dispatch_p50_seconds == pytest.approx(0.002)
    assert outcome.still_waiting == 0


def test_a_job_that_is_never_dispatched_waits_until_the_end() -> None:
    """No claim ends, so the jobs of 300 seconds wait for half of that time on average."""
    costs = Costs(claim=1000, heartbeat=0.001, read=0.0005, job=1)
    outcome = System(16, costs, seed=0).run(300)
    assert outcome.jobs_per_second == 0
    assert outcome.still_waiting > 3000
    assert outcome.dispatch_p50_seconds == pytest.approx(150, rel=0.1)
    assert outcome.dispatch_p95_seconds == pytest.approx(285, rel=0.1)
