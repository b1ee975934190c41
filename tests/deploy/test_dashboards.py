"""The dashboards equal those that the code generates, and Grafana finds them."""

import json
from typing import Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

import dashboards
from support.assets import REPOSITORY
from support.monitored_service import DASHBOARDS

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


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ProviderOptions(Strict):
    path: str
    foldersFromFilesStructure: bool = False  # noqa: N815 - Grafana's name


class Provider(Strict):
    """Source of dashboards, with the fields in Grafana's manual."""

    name: str
    orgId: int = 1  # noqa: N815
    folder: str = ""
    folderUid: str = ""  # noqa: N815
    type: Literal["file"]
    disableDeletion: bool = False  # noqa: N815
    updateIntervalSeconds: int = 10  # noqa: N815
    allowUiUpdates: bool = False  # noqa: N815
    options: ProviderOptions


class Providers(Strict):
    apiVersion: Literal[1]  # noqa: N815
    providers: list[Provider]


class PrometheusData(Strict):
    httpMethod: Literal["GET", "POST"] = "POST"  # noqa: N815
    manageAlerts: bool = True  # noqa: N815
    timeInterval: str = ""  # noqa: N815
    queryTimeout: str = ""  # noqa: N815


class DataSource(Strict):
    """Data source, with the fields in Grafana's manual."""

    name: str
    type: Literal["prometheus"]
    access: Literal["proxy", "direct"] = "proxy"
    orgId: int = 1  # noqa: N815
    uid: str = ""
    url: str
    isDefault: bool = False  # noqa: N815
    editable: bool = False
    jsonData: PrometheusData = PrometheusData()  # noqa: N815


class DataSources(Strict):
    apiVersion: Literal[1]  # noqa: N815
    datasources: list[DataSource]


@pytest.mark.parametrize(
    ("file", "model"),
    [("dashboards/nst.yaml", Providers), ("datasources/prometheus.yaml", DataSources)],
)
def test_provisioning_has_only_fields_that_grafana_knows(file: str, model: type[Strict]) -> None:
    text: dict[str, Any] = yaml.safe_load((PROVISIONING / file).read_text())
    model.model_validate(text)


def test_a_misspelt_field_of_provisioning_would_be_found() -> None:
    text = yaml.safe_load((PROVISIONING / "dashboards" / "nst.yaml").read_text())
    text["providers"][0]["allowUIUpdates"] = True
    with pytest.raises(ValueError, match="allowUIUpdates"):
        Providers.model_validate(text)
