"""The manifests, built by kubectl and checked against the schemas of Kubernetes."""

import os
import re
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import nst
from nst.api.app import FORM_OVERHEAD_BYTES, specification
from nst.api.openapi import operations
from nst.decoding import parent
from nst.settings.environment import Settings, variables
from nst.settings.groups import WebSettings
from support.assets import REPOSITORY
from support.upload_routes import upload_routes

MANIFESTS = REPOSITORY / "deploy" / "kubernetes"
OVERLAYS = ("base", "overlays/production", "overlays/gpu")
VERSION = "1.34"
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
DOCKERFILE = (REPOSITORY / "deploy" / "Dockerfile").read_text()
PORT_OF_THE_PAGE = 5173
"""Port of the image of the page, which is only for compose.yaml.
In a cluster the API serves the page."""

FOR_OPERATORS = ("/readyz", "/metrics")
"""Paths that the Ingress sends nowhere."""
BODY_SIZE = "nginx.ingress.kubernetes.io/proxy-body-size"
CONNECTIONS = "nginx.ingress.kubernetes.io/limit-connections"

OF_OPERATORS = {"ScaledObject", "TriggerAuthentication", "PodMonitor"}
"""Kinds whose schemas do not come with Kubernetes."""


@pytest.fixture(scope="module", params=OVERLAYS)
def manifests(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return built(request.param)


def built(overlay: str | Path) -> list[dict[str, Any]]:
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
        validate(manifest)


def test_a_mistake_would_be_found() -> None:
    from kubernetes_validate import ValidationError

    deployment = named(built("base"), "Deployment", "nst-api")
    deployment["spec"]["replicas"] = "two"
    with pytest.raises(ValidationError, match="two"):
        validate(deployment)


def validate(manifest: dict[str, Any]) -> None:
    # Every process that collects the tests would wait seconds for its import.
    import kubernetes_validate

    with warnings.catch_warnings(action="ignore"):  # the library itself causes warnings
        kubernetes_validate.validate(manifest, VERSION, strict=True)


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
    assert names <= variables().keys()


def test_every_selector_finds_its_pods(manifests: list[dict[str, Any]]) -> None:
    labels = [
        manifest["spec"]["template"]["metadata"]["labels"]
        for manifest in manifests
        if manifest["kind"] in {"Deployment", "Job"}
    ]
    for manifest in manifests:
        selector = manifest.get("spec", {}).get("selector", {})
        wanted = selector.get("matchLabels", selector)
        assert not wanted or any(wanted.items() <= found.items() for found in labels), manifest
        if target := manifest.get("spec", {}).get("scaleTargetRef"):
            named(manifests, "Deployment", target["name"])


def test_ports_are_those_of_the_images(manifests: list[dict[str, Any]]) -> None:
    exposed = {int(port) for port in re.findall(r"^EXPOSE (\d+)", DOCKERFILE, re.MULTILINE)}
    ports = {port["name"]: port["containerPort"] for port in ports_of(manifests)}
    assert set(ports.values()) == exposed - {PORT_OF_THE_PAGE}
    for service in of_kind(manifests, "Service"):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(ports)
    for monitor in of_kind(manifests, "PodMonitor"):
        assert {point["port"] for point in monitor["spec"]["podMetricsEndpoints"]} <= set(ports)
    for policy in of_kind(manifests, "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", ()):
            assert {port["port"] for port in rule["ports"]} <= set(ports) | set(ports.values())
    for ingress in of_kind(manifests, "Ingress"):
        for path in paths_of(ingress):
            target = path["backend"]["service"]
            if path["path"] not in FOR_OPERATORS:
                (port,) = named(manifests, "Service", target["name"])["spec"]["ports"]
                assert port["name"] == target["port"]["name"]


def paths_of(ingress: dict[str, Any]) -> list[dict[str, Any]]:
    (rule,) = ingress["spec"]["rules"]
    paths: list[dict[str, Any]] = rule["http"]["paths"]
    return paths


def test_uploads_alone_may_be_large_and_every_upload_may() -> None:
    production = built("overlays/production")
    rest = named(production, "Ingress", "nst")
    uploads = [ingress for ingress in of_kind(production, "Ingress") if ingress != rest]
    paths = [path for ingress in uploads for path in paths_of(ingress)]
    assert sorted(path["path"] for path in paths) == sorted(upload_routes())
    assert {path["pathType"] for path in paths} == {"Exact"}
    assert {path["path"] for path in paths_of(rest)} == {"/", *FOR_OPERATORS}
    nginx = (REPOSITORY / "deploy" / "page" / "nginx.conf").read_text()
    assert f"client_max_body_size {rest['metadata']['annotations'][BODY_SIZE]};" in nginx
    for ingress in uploads:
        largest = int(ingress["metadata"]["annotations"][BODY_SIZE])
        assert largest == WebSettings().max_upload_bytes + FORM_OVERHEAD_BYTES
        assert ingress["spec"]["tls"] == rest["spec"]["tls"]
        assert ingress["spec"]["rules"][0]["host"] == rest["spec"]["rules"][0]["host"]


def test_proxies_wait_for_the_slowest_answer() -> None:
    """They wait longer than the API for its turn to decode a film and for the film."""
    slowest = parent.WAIT_SECONDS + parent.FILM_CPU_SECONDS
    for ingress in of_kind(built("overlays/production"), "Ingress"):
        annotations = ingress["metadata"]["annotations"]
        assert float(annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"]) > slowest
    nginx = (REPOSITORY / "deploy" / "page" / "nginx.conf").read_text()
    found = re.findall(r"proxy_read_timeout (\d+)s;", nginx)
    assert found
    assert min(map(float, found)) > slowest


def test_slow_uploads_do_not_block_what_can_be_read() -> None:
    """The limit of connections of an Ingress counts requests of every method."""
    production = built("overlays/production")
    most = connections_of(named(production, "Ingress", "nst"))
    routes = {route for route, _ in operations(specification())}
    small = [each for each in of_kind(production, "Ingress") if connections_of(each) < most]
    assert small
    for ingress in small:
        for path in paths_of(ingress):
            assert f"GET {path['path']}" not in routes


def connections_of(ingress: dict[str, Any]) -> int:
    """Return the number of requests that an address may have at a time."""
    return int(ingress["metadata"]["annotations"][CONNECTIONS])


def test_prometheus_may_ask_where_it_asks_in_compose(manifests: list[dict[str, Any]]) -> None:
    config = yaml.safe_load((REPOSITORY / "deploy" / "prometheus" / "prometheus.yml").read_text())
    asked = {s["port"] for job in config["scrape_configs"] for s in job.get("dns_sd_configs", ())}
    (rule,) = named(manifests, "NetworkPolicy", "nst-metrics")["spec"]["ingress"]
    assert {port["port"] for port in rule["ports"]} == asked


def test_probes_ask_what_the_health_checks_of_the_images_ask() -> None:
    base = built("base")
    for name, probe in (("nst-api", "startupProbe"), ("nst-worker", "livenessProbe")):
        deployment = named(base, "Deployment", name)
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        port = container["ports"][0]["containerPort"]
        assert f"127.0.0.1:{port}{container[probe]['httpGet']['path']}'" in DOCKERFILE


@pytest.mark.parametrize("name", ["api", "worker", "migrate"])
def test_pods_are_what_compose_starts(name: str) -> None:
    (pod,) = (pod for pod in pods(built("base")) if pod["containers"][0]["name"] == name)
    (container,) = pod["containers"]
    service = COMPOSE["services"][name]
    assert container["image"] == service["image"]
    assert container.get("args") == service.get("command")
    memory = service["deploy"]["resources"]["limits"]["memory"].rstrip("}").rpartition("-")[2]
    assert container["resources"]["limits"]["memory"] == f"{memory}i"
    grace = float(service.get("stop_grace_period", "0s").rstrip("s"))
    assert pod.get("terminationGracePeriodSeconds", 30) >= grace
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    limits = {mounts[v["name"]]: size_of(v).lower() for v in pod["volumes"]}
    writable = dict(mount.split(":", 1) for mount in service.get("tmpfs", ()))
    # What another service writes is not in its pods: the speeds that workers measure.
    own = [volume for volume in service.get("volumes", ()) if not volume.endswith(":ro")]
    kept = {volume.rpartition(":")[2] for volume in own}
    assert set(limits) == set(writable) | kept
    assert {path: limits[path] for path in writable} == {
        path: re.sub(r"size=(\d+[mg]),.*", r"\1i", options) for path, options in writable.items()
    }


def size_of(volume: dict[str, Any]) -> str:
    """Return the size of a volume, as Kubernetes writes it."""
    if claim := volume.get("ephemeral"):
        return str(claim["volumeClaimTemplate"]["spec"]["resources"]["requests"]["storage"])
    return str(volume["emptyDir"]["sizeLimit"])


def test_no_pod_is_evicted_because_its_temporary_files_grow(
    manifests: list[dict[str, Any]],
) -> None:
    """A tmpfs and the file system of a claim are full at their size; a directory on the disk of
    the node is not."""
    for pod in pods(manifests):
        (tmp,) = (volume for volume in pod["volumes"] if volume["name"] == "tmp")
        assert "ephemeral" in tmp or tmp["emptyDir"]["medium"] == "Memory"


def test_configuration_and_secret_are_settings(
    manifests: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Secret is the one that docs/operations.md creates."""
    text = (REPOSITORY / "docs" / "operations.md").read_text()
    secret = dict(re.findall(r"--from-literal=(NST_\w+)=(\S+|\"[^\"]+\")", text))
    assert "create secret generic nst " in text
    (config,) = of_kind(manifests, "ConfigMap")
    assert not set(secret) & set(config["data"])
    assert secrets_of_compose() <= set(secret)
    for name, value in {**config["data"], **secret, "NST_SECRET_KEY": 64 * "0"}.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.kafka.brokers
    assert settings.storage.database_url


def secrets_of_compose() -> set[str]:
    """Return the variables of nst's services whose values contain passwords."""
    return {
        name
        for service in ("api", "worker", "migrate")
        for name, value in COMPOSE["services"][service]["environment"].items()
        if "passwords}" in str(value)
    }


def ports_of(manifests: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for pod in pods(manifests):
        for container in pod["containers"]:
            yield from container.get("ports", ())


def of_kind(manifests: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


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


@pytest.mark.parametrize("overlay", ["overlays/production", "overlays/gpu"])
def test_overlays_run_this_version(overlay: str) -> None:
    images = {c["image"] for pod in pods(built(overlay)) for c in pod["containers"]}
    assert len(images) >= 2
    assert {image.rpartition(":")[2] for image in images} == {nst.__version__}


def test_keda_logs_in_to_kafka_as_the_workers_do(tmp_path: Path) -> None:
    components = [os.path.relpath(MANIFESTS / "components" / "kafka-login", tmp_path)]
    manifests = built(copied_overlay(tmp_path, {"components": components}))
    (config,) = (m["data"] for m in of_kind(manifests, "ConfigMap"))
    (login,) = of_kind(manifests, "TriggerAuthentication")
    triggers = named(manifests, "ScaledObject", "nst-worker")["spec"]["triggers"]
    trigger = next(each for each in triggers if each["type"] == "kafka")
    mechanism = config["NST_KAFKA_SASL_MECHANISM"].lower().replace("-sha-", "_sha")
    assert trigger["metadata"]["sasl"] == mechanism
    assert (config["NST_KAFKA_SECURITY_PROTOCOL"], trigger["metadata"]["tls"]) == (
        "SASL_SSL",
        "enable",
    )
    assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]
    for secret in login["spec"]["secretTargetRef"]:
        assert secret["name"] == "nst"
        assert secret["key"] == f"NST_KAFKA_{secret['parameter'].upper()}"
        assert secret["key"] in variables()


def test_an_overlay_adds_ports_as_documented(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "operations.md").read_text()
    (example,) = re.findall(r"```yaml\n(patches:\n.*?)```", text, re.DOTALL)
    manifests = built(copied_overlay(tmp_path, yaml.safe_load(example)))
    _, others = named(manifests, "NetworkPolicy", "nst-outside")["spec"]["egress"]
    assert others["ports"] == [{"port": port} for port in (5432, 9092, 6379, 443, 9096)]


def copied_overlay(directory: Path, additions: dict[str, Any]) -> Path:
    """Write an overlay that adds these parts to that of production, and return its directory."""
    production = os.path.relpath(MANIFESTS / "overlays" / "production", directory)
    overlay = {"kind": "Kustomization", "resources": [production], **additions}
    (directory / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    return directory


def test_gpu_workers_get_a_gpu() -> None:
    deployment = named(built("overlays/gpu"), "Deployment", "nst-worker")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert container["image"].split("/")[-1].startswith("nst-worker-cuda:")
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}  # no GPU is free for one more


def test_nobody_gets_in_unless_he_is_let_in() -> None:
    policies = [m for m in built("base") if m["kind"] == "NetworkPolicy"]
    (nothing,) = (p for p in policies if p["metadata"]["name"] == "nst-nothing")
    assert nothing["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in policies:
        for rule in policy["spec"].get("ingress", ()):
            assert rule["from"], policy["metadata"]["name"]
            assert rule["ports"], policy["metadata"]["name"]
