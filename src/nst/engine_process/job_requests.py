"""JobRequests: what has been asked for while a job runs."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nst.controls import STEERABLE, Controls
from nst.errors import InvalidOption
from nst.jobs.job import Job

EarlyEnd: TypeAlias = Literal["cancel", "stop"] | None
"""How a job ends early: with the result so far, or to continue later."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class JobRequests:
    """Requests to a running job."""

    controls: Controls
    is_canceled: bool = False
    is_stopped: bool = False

    def early_end(self) -> EarlyEnd:
        """Return how the job is to end before its last step or frame, if at all."""
        if self.is_stopped:
            return "stop"
        return "cancel" if self.is_canceled else None


def controls_of(job: Job) -> Controls:
    """Return what repeats the recipe of the order, if it has one."""
    order = job.order
    return Controls(order.options, order.changes, stop_after=order.stop_after)


def steer(controls: Controls, steering: Mapping[str, float]) -> None:
    """Take over what this version knows; a newer API may let people steer more."""
    try:
        controls.set(**{name: steering[name] for name in STEERABLE if name in steering})
    except InvalidOption as error:
        logger.warning("steering ignored: %s", error)
