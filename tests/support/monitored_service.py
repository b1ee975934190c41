"""A service under load and the Prometheus that watches it, both real."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from support import servers
from support.assets import REPOSITORY
from support.pictures import encoded, picture
from support.waiting import PATIENCE_SECONDS, PROGRAM_SECONDS, wait_until

PROMETHEUS = REPOSITORY / "deploy" / "prometheus"
DASHBOARDS = REPOSITORY / "deploy" / "grafana" / "dashboards"

NST = Path(sys.executable).parent / "nst"


@dataclass
class Watched:
    """The service, its worker and broker, a visitor, and the Prometheus that watches them."""

    api: str
    prometheus: str
    worker: servers.Server
    kafka: servers.Broker
    visitor: requests.Session = field(default_factory=requests.Session)

    def submit(self, **options: Any) -> str:
        """Submit a job and return its id."""
        files = {
            "content_image": ("cat.png", encoded(picture(64, 48), "PNG")),
            "style_image": ("waves.png", encoded(picture(48, 48).rotate(90), "PNG")),
        }
        asked = {"preset": "fast", "size": 64, "total_iterations": 5, **options}
        answer = self.visitor.post(
            f"{self.api}/api/v1/jobs", files=files, data=asked, timeout=PATIENCE_SECONDS
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.visitor.get(f"{self.api}/api/v1/jobs/{job_id}", timeout=PATIENCE_SECONDS)
        facts: dict[str, Any] = answer.json()
        return facts

    def wait_for(self, job_id: str, status: str) -> None:
        wait_until(lambda: self.job(job_id)["status"] == status)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return what Prometheus currently answers to an expression."""
        address = f"{self.prometheus}/api/v1/query"
        answer = requests.get(
            address, params={"query": expression}, timeout=PATIENCE_SECONDS
        ).json()
        assert answer["status"] == "success", (expression, answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def series(self, expression: str) -> list[dict[str, Any]]:
        """Return the answer to an expression once there is one.
        A busy machine may miss a scrape, and then there is none until the next one."""
        return wait_until(lambda: self.query(expression))


@contextmanager
def watched(directory: Path, interval: str = "1s") -> Iterator[Watched]:
    """Run `nst serve` without workers, an `nst worker`, a broker and a Prometheus."""
    with ExitStack() as stack:
        (directory / "kafka").mkdir()
        kafka = stack.enter_context(servers.kafka(directory / "kafka"))
        api_port, worker_port, port = (servers.free_port() for _ in range(3))
        settings = {
            "NST_CACHE_DIR": str(directory / "cache"),
            "NST_DATA_DIR": str(directory / "data"),
            "NST_KAFKA_BROKERS": kafka.address,
            "NST_KAFKA_SESSION_TIMEOUT_SECONDS": "6",
            "NST_KAFKA_HEARTBEAT_SECONDS": "1",
            "NST_OFFLINE": "1",
            "NST_STREAM_SECONDS": str(PROGRAM_SECONDS),
            "NST_WORKER_METRICS_PORT": str(worker_port),
        }

        subprocess.run(
            [NST, "migrate"], env={**os.environ, **settings}, check=True, capture_output=True
        )

        def start(port: int, log: str, *command: str) -> servers.Server:
            server = servers.Server(
                command, port, directory / log, environment=settings, farewell=signal.SIGTERM
            )
            return stack.enter_context(servers.running(server))

        api = start(api_port, "api", str(NST), "serve", f"--port={api_port}", "--workers=0")
        worker = start(worker_port, "worker", str(NST), "worker")
        targets = {"nst-api": api.address, "nst-worker": worker.address}
        prometheus = start(
            port,
            "log",
            "prometheus",
            f"--config.file={configure(directory, targets, interval)}",
            f"--storage.tsdb.path={directory / 'series'}",
            f"--web.listen-address=127.0.0.1:{port}",
        )
        ready = f"http://{prometheus.address}/-/ready"
        wait_until(lambda: requests.get(ready, timeout=PATIENCE_SECONDS).ok)
        yield Watched(f"http://{api.address}", f"http://{prometheus.address}", worker, kafka)


def configure(directory: Path, targets: Mapping[str, str], interval: str) -> Path:
    """Write the shipped configuration with other addresses and intervals.
    Return the path of the file."""
    shipped = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    shipped["global"] = {"scrape_interval": interval, "evaluation_interval": interval}
    shipped["rule_files"] = [str(PROMETHEUS / name) for name in shipped["rule_files"]]
    shipped["scrape_configs"] = [
        {"job_name": job["job_name"], "static_configs": [{"targets": [targets[job["job_name"]]]}]}
        for job in shipped["scrape_configs"]
        if job["job_name"] in targets
    ]
    file = directory / "prometheus.yml"
    file.write_text(yaml.safe_dump(shipped))
    return file


def panels(name: str) -> list[dict[str, Any]]:
    """Return the panels of a dashboard, without its rows."""
    dashboard = json.loads((DASHBOARDS / f"{name}.json").read_text())
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def filled(expression: str, worker: str, interval: str = "1h") -> str:
    """Return the expression as Grafana sends it.
    The interval covers everything that happened since the service was started."""
    return expression.replace("$__rate_interval", interval).replace("$worker", worker)
