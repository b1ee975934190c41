"""Web server: gunicorn with threads, and the workers in the same process."""

import logging
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Self

from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from nst import bootstrap
from nst.api.auth import network

if TYPE_CHECKING:
    from nst.worker import Worker

GRACE_SECONDS = 8
"""Maximum seconds from SIGTERM to the end of the last request."""

THREADS_BESIDE_STREAMS = 64
"""Number of threads for everything but event streams; each stream holds one more."""

ANSWERS_PER_CLIENT = 48
"""Maximum responses to one client at a time, in addition to event streams."""

SILENCE_SECONDS = 20
"""Seconds without a byte received or sent before a connection is closed.
Others need its thread."""

REFUSAL = (
    b"HTTP/1.1 429 Too Many Requests\r\n"
    b"Retry-After: 10\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
"""Response to a connection whose client holds its maximum of threads."""

logger = logging.getLogger(__name__)


class WebServer(BaseApplication):  # type: ignore[misc]
    """Web server of one process, which answers requests and runs the workers.

    Its parent process restarts it if it dies. It uses threads instead of an event loop because the
    Kafka client blocks.
    """

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
        """Set the configuration; called by gunicorn."""
        values = {
            "bind": f"{_bracketed(self._host)}:{self._port}",
            "worker_class": _Threads,
            "workers": 1,
            "threads": self.threads,
            "worker_connections": 4 * self.threads,
            # sendfile would wait for ever for a client that does not read.
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
        """Start the workers and return the application; called by gunicorn.

        This runs in the process that answers requests.
        """
        bootstrap.set_up_traces("nst-api")
        ports = self._stack.enter_context(bootstrap.ports())
        self._running = [
            self._stack.enter_context(_Running(self._make_worker(ports)))
            for _ in range(self._workers)
        ]
        return bootstrap.web_application(
            ports, self._streams, ANSWERS_PER_CLIENT, has_workers=bool(self._workers)
        )

    @property
    def threads_per_client(self) -> int | None:
        """Maximum number of threads for the connections of one client, see `client_of`.
        None behind a proxy, because all connections have the address of the proxy."""
        if bootstrap.settings().web.trusted_proxies:
            return None
        return min(self._streams.limit_per_client + ANSWERS_PER_CLIENT, self.threads // 2)

    def leave(self) -> None:
        """Close event streams and give jobs back; called in a signal handler."""
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
    """Return the host, in brackets if it is an IPv6 address."""
    return f"[{host}]" if ":" in host else host


class _Logger(Logger):  # type: ignore[misc]
    """Logger that leaves its lines to the handler of all lines."""

    def setup(self, cfg: Config) -> None:
        """Set the level of the error log; called by gunicorn."""
        self.error_log.setLevel(cfg.loglevel.upper())
        self.error_log.propagate = True

    def exception(self, msg: str, *args: object, **kwargs: object) -> None:
        """Log an exception, unless a client stopped responding; called by gunicorn.

        The silence of a client is not an error of the server.
        """
        if not isinstance(sys.exception(), BlockingIOError):
            super().exception(msg, *args, **kwargs)


class _Threads(ThreadWorker):  # type: ignore[misc]
    """Thread worker that stops as gracefully on Ctrl-C as on SIGTERM.

    No connection holds its thread for long, and no client holds many of them.
    """

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self._threads_per_client: int | None = self.app.threads_per_client
        self._held: Counter[str] = Counter()
        """Number of threads by client, see `client_of`; only the main thread changes it."""

    def enqueue_req(self, conn: TConn) -> None:
        """Give a connection a thread, or refuse it; called by gunicorn.

        Gunicorn calls it in its main thread.
        """
        client, limit = client_of(conn), self._threads_per_client
        if limit is not None and self._held[client] >= limit:
            self._refuse(conn)
            return
        self._held[client] += 1
        _limit_silence(conn.sock)
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> object:
        """Answer one request of a connection; called by gunicorn in a thread.

        Closing waits up to two seconds for the client, so that a client that is still sending
        receives the whole response. Gunicorn would wait in its main thread; if many clients do not
        close, its parent process then kills it.
        """
        is_kept = super().handle(conn)
        if not is_kept:
            util.close_graceful(conn.sock)
        return is_kept

    def finish_request(self, conn: TConn, fs: Future[object]) -> None:
        """Release the thread of a connection; called by gunicorn in its main thread."""
        self._held[client_of(conn)] -= 1
        self._held += Counter()  # drops clients without threads
        if fs.cancelled() or fs.exception() or not fs.result():
            self._close(conn)
        else:
            super().finish_request(conn, fs)

    def _refuse(self, conn: TConn) -> None:
        with suppress(OSError):
            conn.sock.setblocking(False)
            conn.sock.send(REFUSAL)
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        """Close a connection without waiting for its client."""
        self.nr_conns -= 1
        conn.close()

    def handle_exit(self, sig: int, frame: object) -> None:
        """Close streams, give jobs back and exit; called by gunicorn."""
        self.app.leave()
        super().handle_exit(sig, frame)

    handle_quit = handle_exit


def client_of(conn: TConn) -> str:
    """Return the IPv4 address or the /64 network of the client of a connection."""
    return network(str(conn.client[0])) if conn.client else ""


def _limit_silence(connection: socket.socket) -> None:
    """Limit the silence of a connection by the system's own timeouts.

    Each timeout restarts with every byte that is sent or received.
    """
    timeout = struct.pack("@ll", SILENCE_SECONDS, 0)
    for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        connection.setsockopt(socket.SOL_SOCKET, option, timeout)


class _Running:
    """Context in which a worker runs in a thread."""

    def __init__(self, worker: "Worker") -> None:
        self.worker = worker
        self._thread = threading.Thread(target=worker.run, name=worker.name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.stop()
        self._thread.join()
