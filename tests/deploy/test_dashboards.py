"""The dashboards are those that the code makes, and Grafana is told where they are."""

import json

import pytest
import yaml

import dashboards
from conftest import REPOSITORY
from watched import DASHBOARDS

COMPOSE = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
PROVISIONING = REPOSITORY / "deploy" / "grafana" / "provisioning"


@pytest.mark.parametrize("name", dashboards.DASHBOARDS)
def test_dashboard_is_as_the_code_makes_it(name: str) -> None:
    file = DASHBOARDS / f"{name}.json"
    assert file.read_text() == dashboards.text(name), "run `make dashboards`"


def test_there_are_no_others() -> None:
    assert {file.stem for file in DASHBOARDS.iterdir()} == set(dashboards.DASHBOARDS)


def test_panels_neither_overlap_nor_leave_the_grid() -> None:
    for name in dashboards.DASHBOARDS:
        taken: set[tuple[int, int]] = set()
        for panel in json.loads(dashboards.text(name))["panels"]:
            at = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(at.get("x", 0), at.get("x", 0) + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert max(x for x, _ in cells) < 24
            assert not cells & taken, (name, panel["title"])
            taken |= cells


def test_grafana_finds_dashboards_and_prometheus() -> None:
    mounts = dict(line.split(":")[:2] for line in COMPOSE["services"]["grafana"]["volumes"])
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "nst.yaml").read_text())[
        "providers"
    ]
    assert provider["options"]["path"] == mounts["./deploy/grafana/dashboards"]
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())[
        "datasources"
    ]
    assert source["uid"] == dashboards.SOURCE.uid
    assert source["url"] == "http://prometheus:9090"
