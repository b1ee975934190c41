"""The engine's process: it paints what a worker sends and reports its progress."""

import os
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from nst.engine.network.weights import WeightsStore
from nst.engine_process.job_requests import JobRequests, controls_of, steer
from nst.engine_process.messages import Cancel, Request, Steer, Stop, Work
from nst.engine_process.painting import EngineContext, Painting, SpeedLog


def paint(connection: Connection, device: str, weights: WeightsStore, speed_log: SpeedLog) -> None:
    """Run jobs one after another, until the worker closes the connection.
    `device`: device of NeuralStyleTransfer."""
    context, inbox = EngineContext(device, weights, speed_log, connection.send), _Inbox(connection)
    while True:
        work, requests = inbox.wait()
        context.say(Painting(work, requests, context).paint())


@dataclass(slots=True)
class _Inbox:
    """Receiver of the worker's messages. A thread listens, so that requests arrive while the engine
    computes, and so that the process ends when its worker is gone."""

    connection: Connection
    requests: JobRequests | None = None
    next_work: Work | None = None
    has_work: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self) -> tuple[Work, JobRequests]:
        """Wait for the next job; return it with the requests to it."""
        self.has_work.wait()
        self.has_work.clear()
        work, requests = self.next_work, self.requests
        assert work is not None
        assert requests is not None
        return work, requests

    def _listen(self) -> None:
        try:
            while True:
                self._hear(self.connection.recv())
        except (EOFError, OSError):
            os._exit(0)  # at once, even while the engine computes

    def _hear(self, request: Request) -> None:
        match request:
            case Work(job=job):
                self.requests = JobRequests(controls_of(job))
                steer(self.requests.controls, job.steering)
                self.next_work = request
                self.has_work.set()
            case Steer(steering) if self.requests:
                steer(self.requests.controls, steering)
            case Cancel() if self.requests:
                self.requests.is_canceled = True
            case Stop() if self.requests:
                self.requests.is_stopped = True
