"""compose.yaml, started by the real Compose engine over podman's Docker API.

The images of nst are those of `deploy/Dockerfile`; those of others are stand-ins under the same
names (stand_ins/Dockerfile). Nothing in compose.yaml is changed. podman asks health checks by
systemd, which a test machine may lack, so `Engine` asks them.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import build_images
from conftest import ASSETS, REPOSITORY
from patience import PATIENCE_SECONDS, wait_until

COMPOSE = Path(sys.executable).parent / "docker-compose"
STAND_INS = Path(__file__).parent / "stand_ins"
OVERRIDE = Path(__file__).parent / "override.yaml"
SERVICES = ASSETS / "services"

OURS = ("api", "worker", "page")
OTHERS = {
    "docker.io/library/postgres:17.10-alpine3.23": ("postgres", {}),
    "docker.io/library/redis:8.4.0-alpine": ("redis", {}),
    "docker.io/apache/kafka:4.3.1": ("kafka", {"jars": SERVICES / "kafka-4.3.1" / "libs"}),
    "docker.io/versity/versitygw:v1.8.0": (
        "versitygw",
        {"programs": SERVICES / "versitygw-1.8.0"},
    ),
    "docker.io/prom/prometheus:v3.13.3": ("prometheus", {}),
}
WITH_ZOOKEEPER = {
    "docker.io/confluentinc/cp-kafka:7.9.1": (
        "kafka",
        {"jars": SERVICES / "kafka-3.9.2" / "libs"},
    ),
    "docker.io/confluentinc/cp-zookeeper:7.9.1": (
        "zookeeper",
        {"jars": SERVICES / "kafka-3.9.2" / "libs"},
    ),
}
"""Names of images, the target of the stand-in's Dockerfile, and what that copies from elsewhere."""


def missing() -> str | None:
    """Return what this machine lacks to start the stack; None if it has all."""
    if os.geteuid() != 0:
        return "building and running containers takes root"
    if not SERVICES.is_dir():
        return f"Kafka's jars and versitygw are not in {SERVICES}"
    return None


def build() -> None:
    """Build all images that are run. Those that have not changed come from the last time."""
    build_images.main()
    for name in OURS:
        build_images.buildah("tag", f"localhost/nst-{name}", f"docker.io/library/nst-{name}:latest")
    for image, (target, contexts) in {**OTHERS, **WITH_ZOOKEEPER}.items():
        build_stand_in(image, target, contexts)


def build_stand_in(image: str, target: str, contexts: Mapping[str, Path]) -> None:
    build_images.buildah(
        "build",
        "--isolation=chroot",
        "--layers",
        "--format=docker",
        "--pull-never",
        f"--build-arg=BASE={build_images.BASE}",
        *(f"--build-context={name}={path}" for name, path in contexts.items()),
        f"--target={target}",
        f"--tag={image}",
        STAND_INS,
    )


class Engine:
    """podman's Docker API at a socket, and Compose that speaks to it."""

    def __init__(self, directory: Path, env_file: Path) -> None:
        self._socket = directory / "podman.sock"
        self._log = directory / "podman.log"
        self._env_file = env_file
        self._environment = {
            **build_images.environment(),
            "DOCKER_HOST": f"unix://{self._socket}",
            "DOCKER_CONFIG": str(directory),
        }
        self._is_over = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        service = ["podman", "system", "service", "--time=0", f"unix://{self._socket}"]
        with self._log.open("w") as log, ExitStack() as stack:
            process = subprocess.Popen(service, env=self._environment, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            wait_until(self._socket.exists)
            asking = threading.Thread(target=self._ask_health_until_over)
            asking.start()
            stack.callback(asking.join)
            stack.callback(self._is_over.set)
            yield

    def compose(self, *arguments: str, overlays: Sequence[str] = ()) -> str:
        """Return what Compose prints. Raises AssertionError with its errors."""
        files = [f"--file={name}" for name in ("compose.yaml", *overlays, OVERRIDE)]
        command = [str(COMPOSE), *files, f"--env-file={self._env_file}", *arguments]
        return self._run(command)

    def podman(self, *arguments: str) -> str:
        return self._run(["podman", *arguments])

    def facts(self, container: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.podman("inspect", container))[0]
        return found

    def _run(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=6 * PATIENCE_SECONDS,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def _ask_health_until_over(self) -> None:
        while not self._is_over.wait(timeout=1):
            for name in self._starting():
                self._ask_health(name)

    def _starting(self) -> Sequence[str]:
        asked = ["podman", "ps", "--filter=health=starting", "--format={{.Names}}"]
        return self._quietly(*asked).stdout.split()

    def _ask_health(self, name: str) -> None:
        """Mark the container as healthy when its check succeeds. A check that fails does not count:
        how many may fail is a matter of time."""
        facts = self._quietly(
            "podman", "inspect", "--format={{json .Config.Healthcheck.Test}}", name
        )
        kind, *check = json.loads(facts.stdout or '["NONE"]')
        command = ["sh", "-c", *check] if kind == "CMD-SHELL" else check
        if kind != "NONE" and self._quietly("podman", "exec", name, *command).returncode == 0:
            self._quietly("podman", "healthcheck", "run", name)

    def _quietly(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False
        )
