"""Requests to a running job: to cancel, stop or steer it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nst.controls import STEERABLE, Controls
from nst.errors import InvalidOption
from nst.jobs.job import Job

EarlyEnd: TypeAlias = Literal["cancel", "stop"] | None
"""Early end of a job: "cancel" keeps the result so far, "stop" continues later."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class JobRequests:
    """Requests to a running job."""

    controls: Controls
    is_canceled: bool = False
    is_stopped: bool = False

    def early_end(self) -> EarlyEnd:
        """Return the requested early end of the job; None if there is no request."""
        if self.is_stopped:
            return "stop"
        return "cancel" if self.is_canceled else None


def controls_of(job: Job) -> Controls:
    """Return the controls of a job, with the planned changes of its order."""
    order = job.order
    return Controls(order.options, order.changes, stop_after=order.stop_after)


def steer(controls: Controls, steering: Mapping[str, float]) -> None:
    """Apply the options that this version can steer; a newer API may send others."""
    try:
        controls.set(**{name: steering[name] for name in STEERABLE if name in steering})
    except InvalidOption as error:
        logger.warning("steering ignored: %s", error)
