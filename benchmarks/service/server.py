"""Server `nst serve` in a separate process, with the engine that paints nothing."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.service.engine import paint
from nst import bootstrap
from nst.cli.web_server import WebServer

START_SECONDS = 300
UNLIMITED = {
    "NST_REQUESTS_PER_MINUTE": "100000000",
    "NST_MAX_JOBS_PER_CLIENT": "100000000",
    "NST_MAX_BYTES_PER_DAY": "1000000000000000",
    "NST_MAX_JOBS_PER_ADDRESS": "100000000",
    "NST_MAX_PIXEL_STEPS_PER_DAY": "1000000000000000",
    "NST_MAX_QUEUED": "100000000",
    "NST_MAX_STREAMS": "2000",
    "NST_MAX_STREAMS_PER_CLIENT": "2000",
}


@dataclass(frozen=True, slots=True)
class Server:
    address: str
    pid: int

    def resident_bytes(self) -> int:
        """Return the memory of the process that answers, the child of its supervisor."""
        (child,) = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        pages = int(Path(f"/proc/{child}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def environment(directory: Path) -> dict[str, str]:
    """Return the environment of a service without limits, with data in `directory`."""
    others = {name: it for name, it in os.environ.items() if not name.startswith("NST_")}
    return others | UNLIMITED | {"NST_DATA_DIR": str(directory / "data")}


@contextmanager
def running(workers: int) -> Iterator[Server]:
    """Run a server on a free port, with a temporary directory."""
    with TemporaryDirectory(prefix="nst-benchmark-") as directory:
        log = Path(directory, "log")
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.service.server", str(workers)],
                env=environment(Path(directory)),
                stderr=file,
            )
        try:
            yield Server(_address(process, log), process.pid)
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"nst serves (http://\S+)", log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {log.read_text()}")


def main() -> None:
    bootstrap.set_up_logs()
    bootstrap.migrate()
    make_worker = partial(bootstrap.worker, paint=paint)
    WebServer("127.0.0.1", 0, int(sys.argv[1]), on_ready=_announce, make_worker=make_worker).run()


def _announce(address: str) -> None:
    print(f"nst serves {address}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
