"""compose.yaml, started by the real Compose engine over podman's Docker API.

The images of nst are those of `deploy/Dockerfile`; stand-ins with the same names replace all other
images (stand_ins/Dockerfile). override.yaml changes what podman lacks, and nothing else. podman
runs health checks by systemd, which a test machine may lack, so `Engine` runs them.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import build_images
from support import apache_kafka, servers
from support.assets import REPOSITORY
from support.waiting import PATIENCE_SECONDS, wait_until

COMPOSE = Path(sys.executable).parent / "docker-compose"
CONTEXT = Path(__file__).parent / "stand_ins"
OVERRIDE = Path(__file__).parent / "override.yaml"

OURS = {"api": "api", "worker": "worker", "page": "page", "worker-cuda": "worker"}
"""Target of deploy/Dockerfile by the name of the image.
The image for GPUs is the worker's, because the packages with CUDA take gigabytes."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """Stand-in for an image that cannot be pulled."""

    image: str
    target: str
    """Stage of stand_ins/Dockerfile."""
    context: str = ""
    """Name of the context that the stage copies from; empty if it copies from none."""
    directory: Callable[[], Path | None] = lambda: None
    """Function that returns the directory of the context; None if it is missing here."""

    @property
    def is_possible(self) -> bool:
        return not self.context or self.directory() is not None


STAND_INS = (
    StandIn("docker.io/library/postgres:17.10-alpine3.23", "postgres"),
    StandIn("docker.io/library/redis:8.4.0-alpine", "redis"),
    StandIn("docker.io/apache/kafka:4.3.1", "kafka", "jars", apache_kafka.jars),
    StandIn(
        "docker.io/versity/versitygw:v1.8.0",
        "versitygw",
        "programs",
        lambda: servers.VERSITYGW.parent if servers.VERSITYGW.is_file() else None,
    ),
    StandIn("docker.io/prom/prometheus:v3.13.3", "prometheus"),
    StandIn(
        "docker.io/confluentinc/cp-kafka:7.9.1", "kafka", "jars", apache_kafka.jars_with_zookeeper
    ),
    StandIn(
        "docker.io/confluentinc/cp-zookeeper:7.9.1",
        "zookeeper",
        "jars",
        apache_kafka.jars_with_zookeeper,
    ),
)


def missing() -> str | None:
    """Return what this machine lacks to start the stack, or None if it lacks nothing."""
    if os.geteuid() != 0:
        return "building and running containers takes root"
    lacking = [each.image for each in STAND_INS if not each.is_possible]
    return f"nothing can stand in for {', '.join(lacking)}" if lacking else None


def main() -> None:
    """Build all images that this machine can build; unchanged ones come from an earlier build."""
    build_images.main()
    for name, target in OURS.items():
        image = f"docker.io/library/nst-{name}:latest"
        build_images.buildah("tag", f"localhost/nst-{target}", image)
    for stand_in in STAND_INS:
        if stand_in.is_possible:
            build_stand_in(stand_in)


def build_stand_in(stand_in: StandIn) -> None:
    context = [f"--build-context={stand_in.context}={stand_in.directory()}"]
    build_images.buildah(
        "build",
        "--isolation=chroot",
        "--layers",
        "--format=docker",
        "--pull-never",
        f"--build-arg=BASE={build_images.BASE}",
        *(context if stand_in.context else []),
        f"--target={stand_in.target}",
        f"--tag={stand_in.image}",
        CONTEXT,
    )


class Engine:
    """podman's Docker API at a socket, and the Compose that uses it."""

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
        """Run Compose and return what it prints.
        Raises AssertionError with the output of a command that fails."""
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
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self._last_words()}"
        return done.stdout

    def _last_words(self) -> str:
        """Return the last lines of each container that ended."""
        ended = self._quietly(
            "podman", "ps", "--all", "--filter=status=exited", "--format={{.Names}}"
        )
        said = {
            name: self._quietly("podman", "logs", "--tail=20", name)
            for name in ended.stdout.split()
        }
        return "\n".join(f"{name}:\n{of.stdout}{of.stderr}" for name, of in said.items())

    def _ask_health_until_over(self) -> None:
        while not self._is_over.wait(timeout=1):
            for name in self._starting():
                self._ask_health(name)

    def _starting(self) -> Sequence[str]:
        asked = ["podman", "ps", "--filter=health=starting", "--format={{.Names}}"]
        return self._quietly(*asked).stdout.split()

    def _ask_health(self, name: str) -> None:
        """Mark the container as healthy if its check succeeds.
        A check that fails does not count: how many may fail is a matter of time."""
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


if __name__ == "__main__":
    main()
