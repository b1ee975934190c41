"""Composition root: builds the parts of each process from the settings.
Each module builds one part and imports its code only then, so that no command waits
for imports that it does not need."""

from nst.bootstrap.checks import Check, check_services
from nst.bootstrap.connections import Ports, ports
from nst.bootstrap.database import migrate, prepare_database
from nst.bootstrap.engine import (
    check_device,
    estimate,
    keep_frame_speed,
    keep_speed,
    speeds,
    weights_store,
)
from nst.bootstrap.process import (
    prepare_process,
    serve_metrics,
    set_up_logs,
    set_up_traces,
    settings,
)
from nst.bootstrap.queue import Role, queue_of_a_worker
from nst.bootstrap.service import event_streams, web_application
from nst.bootstrap.workers import worker

__all__ = [
    "Check",
    "Ports",
    "Role",
    "check_device",
    "check_services",
    "estimate",
    "event_streams",
    "keep_frame_speed",
    "keep_speed",
    "migrate",
    "ports",
    "prepare_database",
    "prepare_process",
    "queue_of_a_worker",
    "serve_metrics",
    "set_up_logs",
    "set_up_traces",
    "settings",
    "speeds",
    "web_application",
    "weights_store",
    "worker",
]
