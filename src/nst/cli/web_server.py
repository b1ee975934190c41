"""gunicorn with threads, and the workers beside it in the same process."""

import logging
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Self

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from nst import bootstrap

if TYPE_CHECKING:
    from nst.worker import Worker

GRACE_SECONDS = 8
"""From SIGTERM to the end of the last request."""

THREADS_BESIDE_STREAMS = 64
"""Every open stream of events holds a thread; these are for everything else."""

ANSWERS_PER_CLIENT = 48
"""Answers that one client may be receiving at a time, beside streams of events."""

SILENCE_SECONDS = 20
"""Seconds without a byte taken or sent after which a
connection is closed: its thread is needed."""

REFUSAL = (
    b"HTTP/1.1 429 Too Many Requests\r\n"
    b"Retry-After: 10\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
"""Response to a connection for whose address no thread is left."""

logger = logging.getLogger(__name__)


class WebServer(BaseApplication):  # type: ignore[misc]
    """One process answers requests with threads and runs the workers; another one,
    its parent, starts it again should it die. Threads and not an event loop,
    because the client of Kafka blocks."""

    def __init__(
        self,
        host: str,
        port: int,
        workers: int,
        on_ready: Callable[[str], object],
        make_worker: "Callable[[bootstrap.Ports], Worker]" = bootstrap.worker,
    ) -> None:
        self._make_worker = make_worker
        self._host = host
        self._port = port
        self._workers = workers
        self._on_ready = on_ready
        self._streams = bootstrap.event_streams()
        self.threads = self._streams.limit + THREADS_BESIDE_STREAMS
        self._stack = ExitStack()
        self._running: list[_Running] = []
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn."""
        values = {
            "bind": f"{_bracketed(self._host)}:{self._port}",
            "worker_class": _Threads,
            "workers": 1,
            "threads": self.threads,
            "worker_connections": 4 * self.threads,
            # It would wait for a reader for ever.
            "sendfile": False,
            "graceful_timeout": GRACE_SECONDS,
            "control_socket_disable": True,
            "loglevel": "warning",
            "logger_class": _Logger,
            "when_ready": self._announce,
            "worker_exit": self._leave,
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called by gunicorn, in the process that answers."""
        bootstrap.set_up_traces("nst-api")
        ports = self._stack.enter_context(bootstrap.ports())
        self._running = [
            self._stack.enter_context(_Running(self._make_worker(ports)))
            for _ in range(self._workers)
        ]
        return bootstrap.web_application(ports, self._streams, ANSWERS_PER_CLIENT)

    @property
    def threads_per_address(self) -> int | None:
        """Threads that the connections of one address may hold;
        None where a proxy stands between, whose address all of them have."""
        if bootstrap.settings().web.trusted_proxies:
            return None
        return min(self._streams.limit_per_client + ANSWERS_PER_CLIENT, self.threads // 2)

    def leave(self) -> None:
        """Called in a signal handler: close what would last, give jobs back."""
        self._streams.is_closing.set()
        for running in self._running:
            running.worker.stop()

    def _leave(self, _arbiter: Arbiter, _worker: ThreadWorker) -> None:
        self._stack.close()

    def _announce(self, arbiter: Arbiter) -> None:
        host, port = arbiter.LISTENERS[0].sock.getsockname()[:2]
        shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound
        address = f"http://{_bracketed(shown)}:{port}"
        self._on_ready(address)


def _bracketed(host: str) -> str:
    """As addresses of version 6 are written before a port."""
    return f"[{host}]" if ":" in host else host


class _Logger(Logger):  # type: ignore[misc]
    """Leaves its lines to the handler that all lines go to."""

    def setup(self, cfg: Config) -> None:
        """Called by gunicorn."""
        self.error_log.setLevel(cfg.loglevel.upper())
        self.error_log.propagate = True

    def exception(self, msg: str, *args: object, **kwargs: object) -> None:
        """Called by gunicorn. A client that stops responding is not an error of the service."""
        if not isinstance(sys.exception(), BlockingIOError):
            super().exception(msg, *args, **kwargs)


class _Threads(ThreadWorker):  # type: ignore[misc]
    """Goes the same gentle way on Ctrl-C as on SIGTERM. No client holds its threads for long, and
    no address many of them."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self._threads_per_address: int | None = self.app.threads_per_address
        self._held: Counter[str] = Counter()
        """Threads by address. Changed by the main thread only."""

    def enqueue_req(self, conn: TConn) -> None:
        """Called by gunicorn, in its main thread, when a connection needs a thread."""
        address, limit = _address(conn), self._threads_per_address
        if limit is not None and self._held[address] >= limit:
            self._refuse(conn)
            return
        self._held[address] += 1
        _limit_silence(conn.sock)
        super().enqueue_req(conn)

    def finish_request(self, conn: TConn, fs: object) -> None:
        """Called by gunicorn, in its main thread, when a thread has done its work."""
        self._held[_address(conn)] -= 1
        self._held += Counter()  # drops those that are at 0
        super().finish_request(conn, fs)

    def _refuse(self, conn: TConn) -> None:
        with suppress(OSError):
            conn.sock.setblocking(False)
            conn.sock.send(REFUSAL)
        self.nr_conns -= 1
        conn.close()

    def handle_exit(self, sig: int, frame: object) -> None:
        """Called by gunicorn."""
        self.app.leave()
        super().handle_exit(sig, frame)

    handle_quit = handle_exit


def _address(conn: TConn) -> str:
    return str(conn.client[0]) if conn.client else ""


def _limit_silence(connection: socket.socket) -> None:
    """By the system's own timeouts, each of which begins anew with every byte that moves."""
    timeout = struct.pack("@ll", SILENCE_SECONDS, 0)
    for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        connection.setsockopt(socket.SOL_SOCKET, option, timeout)


class _Running:
    """A worker in a thread, for as long as the context."""

    def __init__(self, worker: "Worker") -> None:
        self.worker = worker
        self._thread = threading.Thread(target=worker.run, name=worker.name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.stop()
        self._thread.join()
