"""The engine's process: it paints what a worker sends and reports its progress."""

import os
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from nst.engine.network.weights import WeightsStore
from nst.engine_process.messages import Cancel, Request, Steer, Stop, Work
from nst.engine_process.painting import Easel, Keep, Painting
from nst.engine_process.wishes import Wishes, controls_of, steer


def paint(connection: Connection, device: str, weights: WeightsStore, keep: Keep) -> None:
    """One job after the other, until the other end is closed.
    `device`: as NeuralStyleTransfer takes it."""
    easel, inbox = Easel(device, weights, keep, connection.send), _Inbox(connection)
    while True:
        work, wishes = inbox.wait()
        easel.say(Painting(work, wishes, easel).paint())


@dataclass(slots=True)
class _Inbox:
    """The process' end of the connection; a thread listens, so that wishes are heard while the
    engine computes, and so that nobody paints for a worker that is gone."""

    connection: Connection
    wishes: Wishes | None = None
    next_work: Work | None = None
    has_work: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def wait(self) -> tuple[Work, Wishes]:
        """Return the next job, and what is asked for while it runs."""
        self.has_work.wait()
        self.has_work.clear()
        work, wishes = self.next_work, self.wishes
        assert work is not None
        assert wishes is not None
        return work, wishes

    def _listen(self) -> None:
        try:
            while True:
                self._hear(self.connection.recv())
        except (EOFError, OSError):
            os._exit(0)  # in the middle of whatever the engine does

    def _hear(self, request: Request) -> None:
        match request:
            case Work(job=job):
                self.wishes = Wishes(controls_of(job))
                steer(self.wishes.controls, job.steering)
                self.next_work = request
                self.has_work.set()
            case Steer(steering) if self.wishes:
                steer(self.wishes.controls, steering)
            case Cancel() if self.wishes:
                self.wishes.is_canceled = True
            case Stop() if self.wishes:
                self.wishes.is_stopped = True
