"""Start of every process: settings, logs, traces, metrics."""

import os
from functools import cache
from typing import TYPE_CHECKING

from nst.processors import processors_of_container

if TYPE_CHECKING:
    from nst.settings.environment import Settings


def prepare_process() -> None:
    """Prepare this process; call it before torch is imported.

    Idle threads sleep, unless the environment sets another policy: if anything else runs beside a
    transfer, spinning threads make the transfer several times slower. In a container there is one
    thread for each processor that the container may use: torch would start one for each processor
    of the machine, and all of them would share that time.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if processors := processors_of_container():
        os.environ.setdefault("OMP_NUM_THREADS", str(processors))


@cache
def settings() -> "Settings":
    """Return the settings of this process, which are loaded once.
    Raises InvalidOption."""
    from nst.settings.environment import load_settings

    return load_settings()


def set_up_logs() -> None:
    """Set up the logs according to the settings. Raises InvalidOption."""
    from nst import logs

    logs.set_up(settings().logs.log_format, settings().logs.log_level)


def set_up_traces(service: str) -> None:
    """Set up traces according to the settings; call it after a fork.
    Raises InvalidOption."""
    from nst import tracing
    from nst.errors import InvalidOption

    endpoint = settings().logs.traces_endpoint
    if endpoint and not tracing.IS_INSTALLED:
        allowed = "nothing, or install the extra: pip install 'nst[tracing]'"
        raise InvalidOption("NST_TRACES_ENDPOINT", endpoint, allowed)
    if endpoint:
        tracing.set_up(endpoint, service)


def serve_metrics() -> None:
    """Serve the metrics until the process ends, if the settings name a port.
    It is for processes that answer no other requests. Raises InvalidOption."""
    from nst.errors import InvalidOption

    if not (port := settings().worker.worker_metrics_port):
        return
    from nst import metrics

    try:
        metrics.serve(port)
    except OSError as error:
        allowed = f"a port that is free ({error.strerror})"
        raise InvalidOption("NST_WORKER_METRICS_PORT", port, allowed) from error
