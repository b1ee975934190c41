"""Workers, and the engine process of each."""

import os
import signal
from functools import partial
from typing import TYPE_CHECKING

from nst.bootstrap.connections import Ports
from nst.bootstrap.engine import keep_frame_speed, keep_speed, weights_store
from nst.bootstrap.process import prepare_process, set_up_logs, set_up_traces, settings
from nst.bootstrap.queue import queue_of_a_worker

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from nst.engine_process.parent import Paint
    from nst.jobs.worker_context import WorkerContext
    from nst.worker import Worker

PAINTING_NICENESS = 5
"""Niceness of an engine process, relative to its worker's.
While it paints, the web service and other programs of the machine stay quick."""


def worker(ports: Ports, paint: "Paint | None" = None) -> "Worker":
    """Return a worker with its own engine process.
    `paint`: main function of that process; default: `paint_jobs`."""
    from nst.jobs.janitor import clean_styles
    from nst.worker import Worker

    limits, styles = settings().limits, ports.repository.learned_styles
    keep_seconds = limits.learned_style_retention.total_seconds()
    return Worker(
        queue_of_a_worker(ports),
        _context(ports, paint or paint_jobs),
        retention_seconds=limits.retention.total_seconds(),
        clean_styles=partial(clean_styles, ports.repository, styles, ports.storage, keep_seconds),
    )


def _context(ports: Ports, paint: "Paint") -> "WorkerContext":
    from nst.engine_process.parent import EngineProcess
    from nst.jobs.worker_context import WorkerContext

    return WorkerContext(
        ports.repository,
        ports.storage,
        ports.feed,
        EngineProcess(paint),
        ports.repository.learned_styles,
        settings().worker,
        settings().limits,
        heartbeat_seconds=min(1.0, settings().worker.lease_seconds / 3),
    )


def paint_jobs(connection: "Connection") -> None:
    """Run an engine process, which is spawned and therefore imports this by its name."""
    prepare_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker handles Ctrl-C
    if hasattr(os, "nice"):  # Windows has no niceness
        os.nice(PAINTING_NICENESS)
    set_up_logs()
    set_up_traces("nst-engine")
    from nst.engine_process.child import paint
    from nst.engine_process.painting import SpeedLog

    device = settings().worker.worker_device
    log = SpeedLog(partial(keep_speed, device=device), partial(keep_frame_speed, device=device))
    paint(connection, device, weights_store(), log)
