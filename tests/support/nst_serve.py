"""`nst serve` as a person starts it: a process with a port and a directory."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from cli.conftest import NST
from support.pictures import SAMPLES
from support.waiting import PATIENCE_SECONDS, PROGRAM_SECONDS, wait_until

CONTENT = SAMPLES / "content" / "cat.jpg"
STYLE = SAMPLES / "style" / "mosaic.jpg"

TINY = {"preset": "fast", "size": "64", "total_iterations": "10", "convergence_tolerance": "0"}
ENDLESS = TINY | {"total_iterations": "100000"}


class Server:
    """Server that runs until it is stopped, and can be restarted on its data."""

    def __init__(
        self, directory: Path, *arguments: str, program: Path | str = NST, **environment: str
    ) -> None:
        self.directory = directory
        self.log = directory / "log"
        self.client = httpx.Client()
        """Browser, which keeps its cookie when the server is restarted."""
        self._command = (program, "serve", "--port", "0", *arguments)
        others = {name: it for name, it in os.environ.items() if not name.startswith("NST_")}
        self._environment = {
            **others,
            "NST_OFFLINE": "1",
            "NST_CACHE_DIR": str(directory / "cache"),
            "NST_DATA_DIR": str(directory / "data"),
            "NST_LOG_FORMAT": "json",
            "NST_REQUESTS_PER_MINUTE": "1000000",
            # A late heartbeat must not lose a job.
            "NST_LEASE_SECONDS": str(PATIENCE_SECONDS),
            "NST_STREAM_SECONDS": str(PROGRAM_SECONDS),
            "NST_CHECKPOINT_SECONDS": "0.5",
            "OMP_NUM_THREADS": "1",
            **environment,
        }

    def start(self) -> "Server":
        """Start the server and wait until it has logged its address."""
        with self.log.open("ab") as log:
            began_at = log.tell()
            self.process = subprocess.Popen(
                self._command,
                cwd=self.directory,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        address = wait_until(lambda: self._address(began_at))
        self.client.close()
        self.client = httpx.Client(
            base_url=address, timeout=PATIENCE_SECONDS, cookies=self.client.cookies
        )
        return self

    def _address(self, began_at: int) -> str | None:
        text = self.log.read_bytes()[began_at:].decode()
        assert self.process.poll() is None, text
        found = re.search(r"(?:nst serves|Open) (http://[^\s\"]+)", text)
        return found[1] if found else None

    @property
    def address(self) -> str:
        """Host and port of the server."""
        return self.client.base_url.netloc.decode()

    def lines(self) -> list[dict[str, Any]]:
        """Return all that the server has logged, line by line.
        The last line may not be written to its end yet, and is left out then."""
        whole, _, _ = self.log.read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def stop(self) -> None:
        """Send SIGTERM, as a service manager does, and wait until the server has ended."""
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)

    def press_ctrl_c(self) -> None:
        """Send SIGINT to all processes, as a terminal does, and wait for the server."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """Kill all processes at once, as a power failure does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)

    def engines(self) -> list[int]:
        """Return the ids of the processes that paint."""
        return [pid for pid in descendants(self.process.pid) if "spawn_main" in _command(pid)]

    # ── what a person does ──

    def submit(self, source: Path = CONTENT, /, **fields: str) -> dict[str, Any]:
        with source.open("rb") as content, STYLE.open("rb") as style:
            response = self.client.post(
                "/api/v1/jobs",
                files={"content_image": content, "style_image": style},
                data=TINY | fields,
            )
        assert response.status_code == 202, response.text
        job: dict[str, Any] = response.json()
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        response = self.client.get(f"/api/v1/jobs/{job_id}")
        assert response.status_code == 200, response.text
        job: dict[str, Any] = response.json()
        return job

    def wait(self, job_id: str, is_true: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Wait until `is_true` holds for the job, and return the job."""

        def look() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if is_true(job) else None

        return wait_until(look)

    def finished(self, job_id: str) -> dict[str, Any]:
        return self.wait(job_id, lambda job: job["completed_at"])


@contextmanager
def serve(
    directory: Path, *arguments: str, program: Path | str = NST, **environment: str
) -> Iterator[Server]:
    """Run a server in this directory, and kill it afterwards."""
    directory.mkdir(parents=True, exist_ok=True)
    server = Server(directory, *arguments, program=program, **environment).start()
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()
        server.client.close()


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes that this one has started, directly or not."""
    with contextlib.suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        children = " ".join((task / "children").read_text() for task in tasks).split()
        return [one for child in map(int, children) for one in (child, *descendants(child))]
    return []


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def events(response: httpx.Response) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the name, id and data of each event as it arrives.
    Raises AssertionError if the stream neither sends a new event nor ends."""
    fields: dict[str, str] = {}
    gives_up_at = time.monotonic() + PATIENCE_SECONDS
    for line in response.iter_lines():
        assert time.monotonic() < gives_up_at
        if not line and "data" in fields:
            yield fields["event"], fields["id"], json.loads(fields["data"])
            fields, gives_up_at = {}, time.monotonic() + PATIENCE_SECONDS
        name, _, value = line.partition(": ")
        fields[name] = value


def resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
