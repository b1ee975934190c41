"""Parent of the engine's process: starts it, sends jobs, detects when it dies."""

import multiprocessing
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TypeAlias

from nst.engine_process.messages import Cancel, Crashed, News, Painted, Request, Steer, Stop, Work

END_SECONDS = 5.0
"""Seconds that a process has to end after it has closed its connection."""

Paint: TypeAlias = Callable[[Connection], None]
"""Main function of the engine's process, which must be importable by name.
It answers each Work with messages, of which only the last is not Painted."""


class EngineProcess:
    """The engine in a child process, which stays warm between jobs.
    A process that dies is replaced."""

    def __init__(self, paint: Paint) -> None:
        self._paint = paint
        self._context = multiprocessing.get_context("spawn")
        self._lock = threading.Lock()
        self._work: Work | None = None
        self._spawn()

    def start(self, work: Work) -> None:
        with self._lock:
            if not self._process.is_alive():
                self._connection.close()
                self._spawn()
            self._work = work
            self._send(work)

    def news(self, timeout_seconds: float) -> News | None:
        try:
            if not self._connection.poll(timeout_seconds):
                return None
            news: News = self._connection.recv()
        except (EOFError, OSError):
            self._process.join(END_SECONDS)
            self._process.kill()
            self._process.join()
            self._work = None
            return Crashed(f"its process ended with exit code {self._process.exitcode}")
        if not isinstance(news, Painted):
            self._work = None
        return news

    def steer(self, steering: Mapping[str, float]) -> None:
        self._tell(Steer(dict(steering)))

    def cancel(self) -> None:
        self._tell(Cancel())

    def stop(self) -> None:
        self._tell(Stop())

    def kill(self) -> None:
        """Kill the process and start a new one, so that the next job finds it warm."""
        with self._lock:
            if self._work is not None:
                self.close()
                self._spawn()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()
        self._connection.close()
        self._work = None

    def _spawn(self) -> None:
        self._connection, theirs = self._context.Pipe()
        self._process = self._context.Process(
            target=self._paint, args=(theirs,), name="nst-engine", daemon=True
        )
        self._process.start()
        theirs.close()

    def _tell(self, request: Request) -> None:
        with self._lock:
            if self._work is not None:
                self._send(request)

    def _send(self, request: Request) -> None:
        # If the process has died, `news` reports it.
        with suppress(OSError):
            self._connection.send(request)
