"""The manifests, put together by kubectl and checked against the schemas of Kubernetes."""

import re
import subprocess
import warnings
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml

from conftest import REPOSITORY
from nst.settings import Settings

MANIFESTS = REPOSITORY / "deploy" / "kubernetes"
OVERLAYS = ("base", "overlays/production", "overlays/gpu")
VERSION = "1.34"
OF_OPERATORS = {"ScaledObject", "PodMonitor"}
"""Kinds whose schemas are not Kubernetes' own."""


@pytest.fixture(scope="module", params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return built(request.param)


def built(overlay: str) -> list[dict[str, Any]]:
    command = ["kubectl", "kustomize", str(MANIFESTS / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(done.stdout))


def pods(manifests: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for manifest in manifests:
        if manifest["kind"] in {"Deployment", "Job"}:
            yield manifest["spec"]["template"]["spec"]


def named(manifests: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    return next(m for m in manifests if (m["kind"], m["metadata"]["name"]) == (kind, name))


def test_schemas_are_kept(manifests: list[dict[str, Any]]) -> None:
    checked = [manifest for manifest in manifests if manifest["kind"] not in OF_OPERATORS]
    assert len(checked) >= 14
    for manifest in checked:
        with warnings.catch_warnings(action="ignore"):  # of the library's own making
            kubernetes_validate.validate(manifest, VERSION, strict=True)


def test_a_mistake_would_be_found() -> None:
    deployment = named(built("base"), "Deployment", "nst-api")
    deployment["spec"]["replicas"] = "two"
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(kubernetes_validate.ValidationError),
    ):
        kubernetes_validate.validate(deployment, VERSION, strict=True)


def test_nothing_runs_with_more_than_it_needs(manifests: list[dict[str, Any]]) -> None:
    for pod in pods(manifests):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "memory" in container["resources"]["limits"]


def test_who_lives_on_is_asked_how_it_is(manifests: list[dict[str, Any]]) -> None:
    for name in ("nst-api", "nst-worker"):
        (container,) = named(manifests, "Deployment", name)["spec"]["template"]["spec"][
            "containers"
        ]
        ports = {port["name"] for port in container["ports"]}
        for probe in ("startupProbe", "livenessProbe"):
            assert container[probe]["httpGet"]["port"] in ports
        named(manifests, "PodDisruptionBudget", name)


def test_secrets_are_referred_to(manifests: list[dict[str, Any]]) -> None:
    assert not [manifest for manifest in manifests if manifest["kind"] == "Secret"]
    for pod in pods(manifests):
        for container in pod["containers"]:
            kinds = [next(iter(source)) for source in container["envFrom"]]
            assert kinds == ["configMapRef", "secretRef"]


def test_every_variable_is_a_setting(manifests: list[dict[str, Any]]) -> None:
    (config,) = (manifest for manifest in manifests if manifest["kind"] == "ConfigMap")
    names = {*config["data"]}
    names |= {
        e["name"] for pod in pods(manifests) for c in pod["containers"] for e in c.get("env", ())
    }
    assert names <= {f"NST_{name.upper()}" for name in Settings.model_fields}


def test_workers_follow_the_lag_of_their_own_group() -> None:
    production = built("overlays/production")
    scaled = named(production, "ScaledObject", "nst-worker")["spec"]
    assert scaled["scaleTargetRef"]["name"] == "nst-worker"
    kafka = next(t for t in scaled["triggers"] if t["type"] == "kafka")["metadata"]
    (config,) = (manifest for manifest in production if manifest["kind"] == "ConfigMap")
    for where in ("bootstrapServersFromEnv", "topicFromEnv", "consumerGroupFromEnv"):
        assert kafka[where] in config["data"]
    asked = next(t for t in scaled["triggers"] if t["type"] == "prometheus")["metadata"]["query"]
    source = (REPOSITORY / "src" / "nst" / "metrics.py").read_text()
    for metric in re.findall(r"nst_\w+", asked):
        assert f'"{metric}"' in source


def test_gpu_workers_get_a_gpu() -> None:
    deployment = named(built("overlays/gpu"), "Deployment", "nst-worker")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert container["image"].split("/")[-1].startswith("nst-worker-cuda:")


def test_nobody_gets_in_unless_he_is_let_in() -> None:
    policies = [m for m in built("base") if m["kind"] == "NetworkPolicy"]
    (nothing,) = (p for p in policies if p["metadata"]["name"] == "nst-nothing")
    assert nothing["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in policies:
        for rule in policy["spec"].get("ingress", ()):
            assert rule["from"], policy["metadata"]["name"]
            assert rule["ports"], policy["metadata"]["name"]
