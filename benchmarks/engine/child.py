"""A process of one's own for what must not share one.

Our transfer tells the C library how to keep freed memory. That holds for all of a process and in
part for good: small naive evaluations in the same process are slower afterwards.
"""

import multiprocessing
from collections.abc import Callable
from typing import Any


class Child:
    """Answers one question after the other and rests in between."""

    def __init__(self, serve: Callable[..., None], *arguments: object) -> None:
        """`serve(connection, *arguments)` runs there; it sends something when it is prepared, and
        then one answer for everything that it receives."""
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()
        self._connection.recv()

    def ask(self, question: object) -> Any:
        """Raises EOFError if the process has died, which has then said why."""
        self._connection.send(question)
        return self._connection.recv()

    def close(self) -> None:
        self._process.terminate()
        self._process.join()
