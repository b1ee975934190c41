"""Child process for measurements that must not share a process.

Our transfer configures how the C library keeps freed memory. This setting applies to the whole
process and is partly permanent: small naive evaluations in the same process are slower afterwards.
"""

import multiprocessing
from collections.abc import Callable
from typing import Any


class Child:
    """Process that answers one question after another and is idle in between."""

    def __init__(self, serve: Callable[..., None], *arguments: object) -> None:
        """Start a process that runs `serve(connection, *arguments)`.
        `serve` sends any message when it is prepared, then one answer to every question."""
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, *arguments), daemon=True)
        self._process.start()
        theirs.close()
        self._connection.recv()

    def ask(self, question: object) -> Any:
        """Send a question and return the answer.
        Raises EOFError if the process has died; the process itself prints the reason."""
        self._connection.send(question)
        return self._connection.recv()

    def close(self) -> None:
        self._process.terminate()
        self._process.join()
