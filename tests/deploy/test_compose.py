"""compose.yaml and its overlays, as the real Compose reads them."""

import json
import os
import re
import stat
import subprocess
import sys
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

import new_env
from nst.settings.environment import Settings, variables
from support.assets import REPOSITORY

COMPOSE = Path(sys.executable).parent / "docker-compose"
EXAMPLE = (REPOSITORY / ".env.example").read_text()

OVERLAYS = {
    "alone": [],
    "gpu": ["deploy/compose.gpu.yaml"],
    "zookeeper": ["deploy/compose.zookeeper.yaml"],
}

PORTS = {
    "frontend": 5173,
    "api": 5000,
    "kafka": 9092,
    "redis": 6379,
    "postgres": 5432,
    "prometheus": 9090,
    "grafana": 3000,
}

ONE_SHOT = {"migrate", "bucket"}

NOT_FOR_COMPOSE = {
    "data_dir", "cache_dir", "log_format", "worker_metrics_port",  # the images set these
    "weights_dir", "s3_region", "s3_public_endpoint", "kafka_topic", "kafka_dead_letter_topic",
    "kafka_group", "kafka_group_protocol", "kafka_replication", "kafka_session_timeout_seconds",
    "kafka_heartbeat_seconds", "kafka_security_protocol", "kafka_sasl_mechanism",
    "kafka_username", "kafka_password", "kafka_ca_file",  # for brokers outside the stack
}  # fmt: skip


def compose(env_file: Path, *overlays: str) -> subprocess.CompletedProcess[str]:
    files = [f"--file={name}" for name in ("compose.yaml", *overlays)]
    command = [str(COMPOSE), *files, f"--env-file={env_file}", "config", "--format=json"]
    own = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        command, cwd=REPOSITORY, env=own, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("env") / ".env"
    new_env.main(REPOSITORY / ".env.example", file)
    return file


@pytest.fixture(params=OVERLAYS)
def services(request: pytest.FixtureRequest, env_file: Path) -> dict[str, Any]:
    return services_of(env_file, *OVERLAYS[request.param])


def services_of(env_file: Path, *overlays: str) -> dict[str, Any]:
    done = compose(env_file, *overlays)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


def test_all_parts_are_there_at_their_ports(services: dict[str, Any]) -> None:
    for name, port in PORTS.items():
        (published,) = services[name]["ports"]
        assert (published["published"], published["target"]) == (str(port), port)
    assert {"worker", "s3"} <= set(services)
    for service in services.values():
        for published in service.get("ports", ()):
            assert published["host_ip"] == "127.0.0.1"


def test_images_are_pinned(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if "build" not in service:
            assert re.search(r":v?\d+\.\d+\.\d+|:\d+\.\d+-alpine", service["image"]), name


def test_nothing_runs_with_more_than_it_needs(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service.get("privileged") is None
        limits = service["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory", "pids"}, name
    writable = {name for name, service in services.items() if not service.get("read_only")}
    assert writable <= {"kafka", "zookeeper"}


def test_health_decides_who_starts_when(services: dict[str, Any]) -> None:
    own_image = {name for name, service in services.items() if "build" in service} - ONE_SHOT
    for name, service in services.items():
        if name not in ONE_SHOT | own_image:  # the images of nst contain their own
            assert service["healthcheck"]["test"], name
        for other, wanted in service.get("depends_on", {}).items():
            done = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
            assert wanted["condition"] == done, (name, other)
    for name in ("api", "worker"):
        assert {"migrate", "bucket", *("postgres", "kafka", "redis", "s3")} == set(
            services[name]["depends_on"]
        )


def test_what_must_last_is_in_named_volumes(services: dict[str, Any]) -> None:
    for name in ("postgres", "kafka", "s3", "prometheus", "grafana"):
        assert any(volume["type"] == "volume" for volume in services[name]["volumes"]), name


def test_gpu_workers_get_a_gpu_and_torch_with_cuda(env_file: Path) -> None:
    worker = services_of(env_file, *OVERLAYS["gpu"])["worker"]
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert worker["build"]["args"]["REQUIREMENTS"] == "worker-cuda"
    assert worker["environment"]["NST_WORKER_DEVICE"] == "cuda"


@pytest.mark.parametrize("overlay", [(), OVERLAYS["gpu"]])
def test_the_api_estimates_with_the_speeds_of_the_workers(
    overlay: tuple[str, ...], env_file: Path
) -> None:
    services = services_of(env_file, *overlay)
    (api,), (worker, *_) = (services[name]["volumes"] for name in ("api", "worker"))
    assert (worker["source"], worker["target"]) == (api["source"], api["target"])
    assert api["read_only"]
    dockerfile = (REPOSITORY / "deploy" / "Dockerfile").read_text()
    assert f"NST_CACHE_DIR={api['target']}" in dockerfile
    devices = [services[name]["environment"]["NST_WORKER_DEVICE"] for name in ("api", "worker")]
    assert devices[0] == devices[1]


def test_make_and_the_documents_start_it_alike() -> None:
    make = ["make", "--no-print-directory", "--dry-run", "--old-file=.env", "up"]
    done = subprocess.run(make, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for document in ("installing.md", "operations.md"):
        text = " ".join((REPOSITORY / "docs" / document).read_text().split())
        assert f"`{done.stdout.strip()}`" in text, document


def test_containers_run_the_documented_commands() -> None:
    text = (REPOSITORY / "docs" / "tutorials" / "scaling-out.md").read_text()
    documented = {
        command.split()[0]: command for command in re.findall(r"^- `nst (.+?)`", text, re.MULTILINE)
    }
    dockerfile = (REPOSITORY / "deploy" / "Dockerfile").read_text()
    run = [json.loads(words) for words in re.findall(r"^CMD (\[.+\])$", dockerfile, re.MULTILINE)]
    run.append(
        yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]["migrate"]["command"]
    )
    assert {command[0] for command in run} == set(documented)
    for name, *options in run:
        assert documented[name].removeprefix(name).strip() in " ".join(options)


def test_kafka_with_zookeeper_knows_nothing_of_kraft(env_file: Path) -> None:
    services = services_of(env_file, *OVERLAYS["zookeeper"])
    assert services["zookeeper"]["ports"][0]["published"] == "2181"
    kafka = services["kafka"]
    assert kafka["environment"]["KAFKA_ZOOKEEPER_CONNECT"] == "zookeeper:2181"
    assert not {"KAFKA_PROCESS_ROLES", "CLUSTER_ID"} & set(kafka["environment"])


def test_without_passwords_it_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / ".env").touch()
    done = compose(tmp_path / ".env")
    assert done.returncode != 0
    assert "make .env" in done.stderr


def test_no_secret_is_in_the_files() -> None:
    for name in ("compose.yaml", *chain(*OVERLAYS.values())):
        text = (REPOSITORY / name).read_text()
        for line in text.splitlines():
            if re.search(r"(PASSWORD|SECRET\w*|AUTH):? ", line.partition("#")[0]):
                assert "${" in line, line
        assert not re.search(r"://\w*:[^$@/]+@", text)


def test_passwords_are_made_up_once(tmp_path: Path) -> None:
    example, first = REPOSITORY / ".env.example", tmp_path / ".env"
    new_env.main(example, first)
    text = first.read_text()
    words = re.findall(r"^[A-Z]\w+=(\w{48})$", text, re.MULTILINE)
    assert len(words) == len(set(words)) == 5
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        new_env.main(example, first)
    assert first.read_text() == text


def test_every_variable_is_a_setting(services: dict[str, Any]) -> None:
    known = variables().keys()
    for name, service in services.items():
        ours = {key for key in service.get("environment", {}) if key.startswith("NST_")}
        assert ours <= known, name


def test_every_setting_can_be_said() -> None:
    text = (REPOSITORY / "compose.yaml").read_text()
    for name in variables().keys() - {f"NST_{name.upper()}" for name in NOT_FOR_COMPOSE}:
        assert re.search(rf"^ +{name}:", text, re.MULTILINE), name


def test_settings_reach_the_program(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("api", "worker", "migrate"):
        with monkeypatch.context() as patch:
            for key, value in services_of(env_file)[name]["environment"].items():
                if value is not None:
                    patch.setenv(key, value)
            settings = Settings()
        assert settings.kafka.brokers == ("kafka:29092",)
        assert settings.storage.storage_url == "s3://nst"


def test_the_example_says_the_defaults() -> None:
    compose_text = (REPOSITORY / "compose.yaml").read_text()
    compose_text += (REPOSITORY / "deploy" / "compose.gpu.yaml").read_text()
    for name, value in re.findall(r"^#([A-Z]\w+)=(.*)$", EXAMPLE, re.MULTILINE):
        if name.startswith("NST_") and name != "NST_TRUSTED_PROXIES":
            _, _, declared = variables()[name]
            default = declared.default
            is_span = isinstance(default, timedelta)
            shown = f"{default.days}d" if is_span else str(default or "")
            assert value == shown.replace("()", ""), name
            assert f"{name}:" in compose_text
        else:
            assert f"${{{name}:-{value}}}" in compose_text, name


def test_the_example_has_every_setting_that_can_be_said() -> None:
    compose_text = (REPOSITORY / "compose.yaml").read_text()
    passed = re.findall(r"^ +(NST_[A-Z_]+):$", compose_text, re.MULTILINE)
    assert len(passed) > 30
    for name in passed:
        assert re.search(rf"^#?{name}=", EXAMPLE, re.MULTILINE), name


def test_prometheus_looks_where_the_services_listen(services: dict[str, Any]) -> None:
    asked = yaml.safe_load((REPOSITORY / "deploy" / "prometheus" / "prometheus.yml").read_text())
    dockerfile = (REPOSITORY / "deploy" / "Dockerfile").read_text()
    for job in asked["scrape_configs"][:2]:
        (place,) = job["dns_sd_configs"]
        (name,) = place["names"]
        assert job["job_name"] == f"nst-{name}"
        assert f"EXPOSE {place['port']}" in dockerfile
        assert set(services[name]["networks"]) & set(services["prometheus"]["networks"])


def test_kafka_is_where_workers_look(services: dict[str, Any]) -> None:
    advertised = services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert "INTERNAL://" + services["api"]["environment"]["NST_KAFKA_BROKERS"] in advertised


def test_the_table_of_tested_systems_has_the_versions_of_the_images(env_file: Path) -> None:
    services = services_of(env_file)
    text = (REPOSITORY / "docs" / "operations.md").read_text()
    for system, service in {
        "Kafka": "kafka",
        "S3": "s3",
        "PostgreSQL": "postgres",
        "Redis": "redis",
        "Prometheus": "prometheus",
        "Grafana": "grafana",
    }.items():
        found = re.search(rf"^\| {system} \| (?:versitygw )?([\d.]+) \|", text, re.MULTILINE)
        tag = services[service]["image"].rpartition(":")[2]
        assert found, system
        assert found[1] == tag.removeprefix("v").partition("-")[0]
