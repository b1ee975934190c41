"""Fake engines for tests of the process that watches over an engine.

They are functions of a module because a new Python process finds them by their names.
"""

import os
import signal
import sys
import time
from multiprocessing.connection import Connection

from nst.engine_process.messages import Cancel, Finished, Painted, Steer, Stop, Stopped
from nst.jobs.job import RESULT, JobProgress, JobResult, JobStatus
from support.jobs import new_result

RESULT_FACTS = new_result(size=(1, 1), steps=1)


def painted(step: int) -> Painted:
    return Painted(
        JobProgress(
            step=step,
            total_iterations=10,
            elapsed_seconds=0,
            remaining_seconds=0,
            size=(1, 1),
            in_force={"pid": os.getpid()},
        )
    )


def answers(connection: Connection) -> None:
    """Report one step, then success, for each piece of work."""
    try:
        while True:
            work = connection.recv()
            connection.send(painted(1))
            (work.directory / RESULT).write_bytes(b"a picture")
            connection.send(Finished(JobStatus.SUCCEEDED, RESULT_FACTS))
    except EOFError:
        return


def obeys(connection: Connection) -> None:
    """Paint until a message arrives, and report what the message asked for."""
    try:
        while True:
            connection.recv()
            connection.send(painted(1))
            match connection.recv():
                case Steer(steering):
                    connection.send(Finished(JobStatus.SUCCEEDED, _steered(steering["tv_weight"])))
                case Cancel():
                    connection.send(Finished(JobStatus.CANCELED, RESULT_FACTS))
                case Stop():
                    connection.send(Stopped(has_checkpoint=False))
    except EOFError:
        return


def _steered(value: float) -> JobResult:
    return RESULT_FACTS.model_copy(update={"stop_reason": str(value)})


def dies(connection: Connection) -> None:
    """Die after one step, as when the kernel kills a process that takes all memory."""
    connection.recv()
    connection.send(painted(1))
    os.kill(os.getpid(), signal.SIGKILL)


def exits(connection: Connection) -> None:
    connection.recv()
    sys.exit(3)


def hangs(connection: Connection) -> None:
    connection.recv()
    connection.send(painted(1))
    time.sleep(600)


def closes(connection: Connection) -> None:
    """Close the connection, but stay alive."""
    connection.recv()
    connection.close()
    time.sleep(600)


def dies_once(connection: Connection) -> None:
    """Die in the first attempt of every job; finish the later ones."""
    try:
        while True:
            work = connection.recv()
            if work.job.attempt == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            (work.directory / RESULT).write_bytes(b"a picture")
            connection.send(Finished(JobStatus.SUCCEEDED, RESULT_FACTS))
    except EOFError:
        return
