"""Engine that paints nothing, in place of the real one.

A job of one step is finished at once. Any other job reports its progress at a constant rate, with
the time of each report.
"""

import time
from multiprocessing.connection import Connection

from PIL import Image

from nst.engine_process.messages import Finished, Painted, Work
from nst.jobs.job import RESULT, JobProgress, JobResult, JobStatus

STEPS_PER_SECOND = 2.0


def paint(connection: Connection) -> None:
    """Run the engine's process until the connection is closed."""
    try:
        while True:
            work = connection.recv()
            if isinstance(work, Work):
                _paint(connection, work)
    except EOFError:
        return


def _paint(connection: Connection, work: Work) -> None:
    steps = work.job.order.options.total_iterations
    if steps > 1:
        for step in range(1, steps + 1):
            if connection.poll(1 / STEPS_PER_SECOND):
                break  # it has been asked to stop
            connection.send(Painted(_progress(step, steps)))
    Image.new("RGB", (32, 32)).save(work.directory / RESULT)
    connection.send(Finished(JobStatus.SUCCEEDED, result_of(steps)))


def _progress(step: int, steps: int) -> JobProgress:
    return JobProgress(
        step=step,
        total_iterations=steps,
        elapsed_seconds=time.time(),
        remaining_seconds=0.0,
        size=(32, 32),
    )


def result_of(steps: int) -> JobResult:
    """Return the result of a job whose engine computes nothing."""
    return JobResult(
        key=RESULT,
        content_type="image/png",
        size=(32, 32),
        steps=steps,
        evaluations=steps,
        stop_reason="total_iterations",
        model="vgg16",
        weights_sha256="0" * 64,
        device="none",
        precision="none",
    )
