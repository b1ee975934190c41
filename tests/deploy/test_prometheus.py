"""Rules and alerts, checked and tested by promtool; each alert has a runbook."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.assets import REPOSITORY
from support.monitored_service import PROMETHEUS

OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def promtool(*arguments: str) -> str:
    done = subprocess.run(
        ["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_configuration_is_valid() -> None:
    assert "2 rule files found" in promtool("check", "config", "prometheus.yml")


def test_alerts_fire_when_they_should() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_alert_is_tried_out(alert: dict[str, Any]) -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    tried = [
        try_
        for test in tests
        for try_ in test.get("alert_rule_test", ())
        if try_["alertname"] == alert["alert"]
    ]
    assert any("exp_alerts" in try_ for try_ in tried)
    assert any("exp_alerts" not in try_ for try_ in tried)


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_alert_has_a_runbook(alert: dict[str, Any]) -> None:
    file, _, anchor = alert["annotations"]["runbook"].partition("#")
    assert Path(REPOSITORY / file).is_file()
    assert anchor == alert["alert"].lower()
    assert re.search(rf"^### {alert['alert']}$", OPERATIONS, re.MULTILINE)
    assert alert["labels"]["severity"] in {"page", "ticket"}


def test_no_runbook_is_left_over() -> None:
    runbooks = set(re.findall(r"^### (Nst\w+)$", OPERATIONS, re.MULTILINE))
    assert runbooks == {alert["alert"] for alert in alerts()}
