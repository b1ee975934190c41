"""`python -m benchmarks.joining`, with one run and short heartbeats only."""

import json
import sys
from pathlib import Path

import pytest
from benchmarks import joining

from support import servers


def test_both_protocols_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not servers.is_kafka_real():
        pytest.skip("the light broker has no group protocol of Kafka 4")
    results = tmp_path / "joining.json"
    monkeypatch.setattr(joining, "RESULTS", results)
    monkeypatch.setattr(joining, "HEARTBEATS", (1.0,))
    monkeypatch.setattr(sys, "argv", ["joining", "--runs", "1"])
    joining.main()
    found = json.loads(results.read_text())["joining"]
    cases = [(each["protocol"], each["others"]) for each in found]
    assert cases == [(name, others) for others in (0, 1) for name in ("classic", "consumer")]
    for each in found:
        assert each["heartbeat_seconds"] == 1.0
        assert 0 < each["median_seconds"] == each["longest_seconds"]
