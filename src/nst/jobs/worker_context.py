"""Dependencies and limits of a worker, in one object."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from nst.engine_process.messages import (
    Engine,
    News,
)
from nst.jobs.job import (
    Job,
    Outcome,
    public_facts,
)
from nst.jobs.learned_styles import LearnedStyleRepository
from nst.jobs.ports import ImageStorage, JobRepository, ProgressFeed
from nst.settings.groups import Limits, WorkerSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """Event: an attempt has ended."""

    outcome: Outcome
    seconds: float


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Dependencies and limits of a worker."""

    repository: JobRepository
    storage: ImageStorage
    feed: ProgressFeed
    engine: Engine
    learned_styles: LearnedStyleRepository
    settings: WorkerSettings
    limits: Limits
    heartbeat_seconds: float = 1.0
    silence_seconds: float = 900.0
    """Seconds without a message after which the engine counts as hung."""
    stop_seconds: float = 7.0
    """Seconds that the engine has to write its checkpoint when the worker shuts down."""
    should_stop: threading.Event = field(default_factory=threading.Event)
    meanwhile: Callable[[], None] = lambda: None
    """Housekeeping, called a few times a second while a job runs.
    Its exceptions are logged and do not affect the job."""
    watch: Callable[[News | AttemptEnded], None] = lambda _: None
    """Observer of the engine's messages and of the end of the attempt."""

    def do_housekeeping(self, job: Job) -> None:
        """Call `meanwhile`; log its exceptions."""
        try:
            self.meanwhile()
        except Exception:
            logger.exception("housekeeping failed; the job continues", extra=public_facts(job))
