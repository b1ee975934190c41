"""Dashboards, rules and alerts find the metrics that they query.

A real Prometheus watches a real service at work.
"""

import math
import re
from collections.abc import Iterator

import pytest
import requests
import yaml

from support import apache_kafka, servers
from support.monitored_service import DASHBOARDS, PROMETHEUS, Watched, filled, panels, watched
from support.waiting import PATIENCE_SECONDS, wait_until

METRIC = re.compile(r"\b(?:nst_[a-z0-9_]+|process_[a-z_]+|up)\b")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Yield a service after some jobs of all sorts, while one is being painted."""
    with watched(tmp_path_factory.mktemp("live")) as service:
        wait_until(lambda: has(service, "nst_attempts_running"))
        service.wait_for(service.submit(seed=0), "succeeded")
        service.submit(seed=0)  # answered from the stored result
        for seed in range(1, 4):
            service.wait_for(service.submit(seed=seed), "succeeded")
        requests.get(f"{service.api}/api/v1/jobs/none", timeout=PATIENCE_SECONDS)
        running = service.submit(size=256, total_iterations=20_000, seed=9)
        events = f"{service.api}/api/v1/jobs/{running}/events"
        with service.visitor.get(events, stream=True, timeout=PATIENCE_SECONDS):
            for sign in (
                "nst_running_step > 3 and nst_running_last_step == 20000",
                "rate(nst_step_duration_seconds_count[1m]) > 0",
                "nst_event_streams > 0",
                "nst:wait_seconds:p95_10m > 0",
            ):
                wait_until(lambda sign=sign: has(service, sign))  # type: ignore[misc]
            yield service


def has(service: Watched, expression: str) -> bool:
    return bool(service.query(expression))


@pytest.fixture(scope="module")
def worker(live: Watched) -> str:
    (series,) = live.series("nst_worker_last_turn_timestamp_seconds")
    return str(series["metric"]["worker"])


@pytest.mark.parametrize(
    ("dashboard", "title"),
    [
        (name, panel["title"])
        for name in ("overview", "workers", "job", "kafka")
        for panel in panels(name)
    ],
)
def test_panel_has_something_to_show(
    live: Watched, worker: str, dashboard: str, title: str
) -> None:
    panel = next(panel for panel in panels(dashboard) if panel["title"] == title)
    for target in panel["targets"]:
        found = live.series(filled(target["expr"], worker))
        values = [float(series["value"][1]) for series in found]
        assert any(math.isfinite(value) for value in values), target["expr"]


def test_values_are_those_of_the_service(live: Watched) -> None:
    def value(expression: str) -> float:
        (series,) = live.series(expression)
        return float(series["value"][1])

    assert value('sum(nst_attempts_total{outcome="succeeded"})') == 4
    assert value('sum(nst_jobs_taken_total{cached="yes"})') == 1
    assert value('sum(nst_jobs_taken_total{cached="no"})') == 5
    assert value('nst_jobs{status="succeeded"}') == 5
    assert value('nst_jobs{status="running"}') == 1
    assert value("sum(nst_attempts_running)") == 1
    assert value("sum(nst_wait_seconds_count)") == 5
    assert value("sum(nst_step_duration_seconds_count)") >= 4 * 5 + 3
    assert value("sum(nst_evaluations_total)") >= 4 * 5
    assert value('sum(nst_final_loss_count{term="total"})') == 4
    assert 1e8 < value("nst_engine_memory_bytes") < 4e9
    assert value("nst_event_streams") == 1
    assert value("nst_queue_limit_jobs") == 1000
    assert value('sum(nst_messages_total{found="job"})') >= 1
    assert value('sum(nst_http_requests_total{status="404"})') == 1


def test_every_metric_of_rules_and_dashboards_exists(live: Watched) -> None:
    files = [PROMETHEUS / "rules.yml", PROMETHEUS / "alerts.yml", *DASHBOARDS.glob("*.json")]
    expressions = [line for file in files for line in file.read_text().splitlines()]
    named = {name for line in expressions if "runbook" not in line for name in METRIC.findall(line)}
    assert len(named) > 20
    for name in sorted(named):
        assert live.series(name), name


def test_every_rule_can_be_evaluated(live: Watched) -> None:
    answer = requests.get(f"{live.prometheus}/api/v1/rules", timeout=PATIENCE_SECONDS).json()
    rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
    shipped = [
        rule
        for name in ("rules.yml", "alerts.yml")
        for group in yaml.safe_load((PROMETHEUS / name).read_text())["groups"]
        for rule in group["rules"]
    ]
    assert len(rules) == len(shipped)
    assert {(rule["health"], rule.get("lastError")) for rule in rules} == {("ok", None)}
    for rule in rules:
        if rule["type"] == "recording":
            assert live.series(rule["name"]), rule["name"]


def test_nothing_is_wrong_with_a_service_that_is_well(live: Watched) -> None:
    """An alert whose condition holds for a moment, as for a missed scrape, is no fault."""
    wait_until(lambda: not live.query("ALERTS"))


def test_the_lag_of_the_dashboards_is_that_of_kafkas_own_tool(live: Watched) -> None:
    """The only worker is busy, so the messages of further jobs wait."""
    if not servers.is_kafka_real():
        pytest.skip("Kafka's own tool does not understand the light broker")
    expression = "sum(nst_queue_lag_messages)"
    assert expression in (DASHBOARDS / "kafka.json").read_text()
    before = apache_kafka.lag(live.kafka.address, "nst.workers")
    for seed in range(20, 23):
        live.submit(seed=seed)
    lag = apache_kafka.lag(live.kafka.address, "nst.workers")
    assert lag == before + 3
    wait_until(lambda: [float(each["value"][1]) for each in live.query(expression)] == [lag])


def test_a_worker_that_is_gone_is_missed(live: Watched) -> None:
    """This test is the last one, because the worker is gone afterwards."""
    live.submit(seed=10)
    live.worker.kill()
    for alert in ("NstNoWorkers", "NstWorkerDown"):
        pending = f'ALERTS{{alertname="{alert}", alertstate="pending"}}'
        wait_until(lambda pending=pending: has(live, pending))  # type: ignore[misc]
