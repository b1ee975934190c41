"""Submission of a job by a series of processes that are killed on the way.

Each process is killed one call of a port later than the process before; the last one survives. Each
leaves a directory behind.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from nst.jobs.janitor import clean
from support.service_in_process import House, finishes

ACCEPTED = "accepted"
"""Name of a file with the job's id, which is written once `submit` has returned."""


class Deadly:
    """Port that counts its calls, before and after each, and dies at `last_call`."""

    calls = 0
    last_call = 0

    def __init__(self, port: object) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self._live_or_die()
            returned = method(*arguments, **options)
            self._live_or_die()
            return returned

        return call

    @staticmethod
    def _live_or_die() -> None:
        Deadly.calls += 1
        if Deadly.calls == Deadly.last_call:
            os.kill(os.getpid(), signal.SIGKILL)


def submit(directory: Path, last_call: int, *, has_earlier: bool) -> None:
    house = House(directory)
    clean(house.repository, house.storage, 3600)  # as the first worker does when it starts
    if has_earlier:
        house.submit()
        house.work(finishes())
    Deadly.last_call = last_call
    jobs: Any = house.jobs
    jobs._repository = Deadly(jobs._repository)
    jobs._storage = Deadly(jobs._storage)
    jobs._queue = Deadly(jobs._queue)
    jobs._feed = Deadly(jobs._feed)
    job = house.submit(idempotency_key="k")
    (directory / ACCEPTED).write_text(job.id)


def main(parent: Path, *, has_earlier: bool) -> None:
    for last_call in count(1):
        directory = parent / f"{last_call:03d}"
        directory.mkdir(parents=True)
        pid = os.fork()
        if pid == 0:
            submit(directory, last_call, has_earlier=has_earlier)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), has_earlier=sys.argv[2] == "again")
