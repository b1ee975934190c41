"""A job: one transfer that somebody asked the service for."""

import secrets
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, WithJsonSchema

from nst.jobs.order import Order, Value
from nst.option_effects import has_effect, ignored
from nst.progress import Change, Distances, SquaredDistances, StopReason


class JobStatus(StrEnum):
    """
    queued ──claim──► running ──► succeeded
       ▲ │               ├──────► failed
       │ └────cancel─────┴──────► canceled (what was painted is kept)
       └── the lease ran out, the attempt failed, or it was given back
    canceled ──resume──► queued, from its checkpoint
    """

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether nothing comes after it, unless somebody asks for another try."""
        return self in FINAL


CONTENT, DETAIL_MAP, INITIAL = "content", "detail-map", "initial"
CHECKPOINT, PREVIEW, RESULT = "checkpoint", "preview.jpg", "result.png"
FILM, FIRST_FRAME, CONTENT_FRAME = "result.mp4", "result.jpg", "content.jpg"
"""Names of files in the directory of a job and, behind its id, in the storage.
A film stands for itself in lists by its first frame."""
LEARNED, LEARNED_PAGE = "result.nst", "result.jpg"
"""Names of a learned style, and of the page with what it
paints, which stands for it in lists."""
FRAMES, CHECKPOINTS = "frames/", "checkpoints/"
"""Directories below it: of intermediate pictures, and of states of the running
job. The painted frames of a film are both."""

NOT_OF_FILMS = ("bit_depth", "save_every")
"""Options without an effect on a film."""

FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED})
RETRYABLE = frozenset({JobStatus.FAILED, JobStatus.CANCELED})


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    GIVEN_BACK = "given_back"
    CRASHED = "crashed"
    LEASE_LOST = "lease_lost"


class JobLosses(Value):
    """The terms of the loss, each multiplied by its weight."""

    content: float
    style: float
    total_variation: float
    temporal: float = 0.0
    """0 for a single image, and from workers of earlier versions."""
    total: float


class PublicProgress(Value):
    """How far a running job is, for everybody who may see it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    step: int
    """0: there is a draft, and no step has been taken."""
    total_iterations: int
    """0: nothing but the time ends it, as with learning."""
    frame: int | None = None
    """Frame of a film that is being painted, counted from 1 through all passes: step
    and total_iterations are its own. Null for a picture."""
    elapsed_seconds: float
    remaining_seconds: float | None
    """Null before the first step, and before the first frame of a film is painted."""
    size: tuple[int, int]
    """Width and height of the scale that is being painted."""
    losses: JobLosses | None = None
    """Null for a draft."""
    in_force: dict[str, float] = Field(default={})
    """Options that may be steered, with their values."""
    changes: tuple[Change, ...] = ()
    """Options that were steered so far, and at which step."""
    preview_step: int | None = None
    """Step of the picture that can be seen, of a film the
    number of its newest painted frame; null if there is none yet."""


class JobProgress(PublicProgress):
    """How far a running job is, as its worker tells it."""

    share: float | None = None
    """Part of the work that is done, 0…1; None from workers of earlier versions."""

    @property
    def position(self) -> tuple[int, int]:
        """Grows from report to report of one attempt."""
        return (self.frame or 0, self.step)

    @property
    def percent(self) -> float:
        """Part of the work that is done; of the steps if the worker tells no share."""
        steps = self.step / max(1, self.total_iterations)
        return round(100 * (steps if self.share is None else self.share), 1)


class PublicResult(Value):
    """Result of a job, for everybody who may see it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    content_type: str
    """video/mp4 of a film, application/x-nst of a learned style."""
    frames: int | None = None
    """Number of painted frames of a film; null for a picture."""
    size: tuple[int, int]
    steps: int
    """Steps of all attempts."""
    evaluations: int
    """Evaluations of the last attempt."""
    stop_reason: Annotated[str, WithJsonSchema({"enum": [*StopReason]})]
    model: str
    device: str
    precision: str
    changes: tuple[Change, ...] = ()
    """Options that were steered, and at which step."""
    stopped_after: int | None = None
    """Step after which the transfer was stopped; null if it went on to its end."""
    notice: str | None = None
    """Note for its owner, for example that no face was found."""


class JobResult(PublicResult):
    """Result of a job, and where its files are."""

    key: str
    """Key of the image, the film or the learned style in the storage."""
    first_frame: str | None = None
    """Key of the first frame of a film, or of the page with what a learned style
    paints, a JPEG; None for a picture."""
    weights_sha256: str
    distances: Distances | SquaredDistances | None = None
    """SquaredDistances in jobs of nst 0.1."""


class JobError(Value):
    """Reason why a job failed."""

    code: str
    message: str


class Job(Value):
    """A job in the repository.
    Times are seconds since 1970, by the repository's clock."""

    id: str
    owner: str
    client: str = ""
    """Client whose limits it counts to, beside the owner's: a keyed hash of key or
    address. Empty in jobs of older versions."""
    order: Order
    fingerprint: str
    idempotency_key: str | None = None
    trace: dict[str, str] = Field(default={})
    """Headers that carry the trace of the request to the worker."""

    status: JobStatus = JobStatus.QUEUED
    created_at: float = 0.0
    queued_at: float = 0.0
    """Last time."""
    started_at: float | None = None
    """First time."""
    completed_at: float | None = None

    attempt: int = 0
    """Counts the claims, and guards what a worker writes: only the last one is heard."""
    failed_attempts: int = 0
    """Number of attempts that crashed or stopped responding; those given back do not count."""
    failed_dependencies: int = 0
    """Attempts that ended because something outside failed
    for this job and for no other."""
    worker: str | None = None
    lease_expires_at: float | None = None

    cancel_requested: bool = False
    steering: dict[str, float] = Field(default={})
    progress: JobProgress | None = None
    checkpoint: str | None = None
    """Key of the state that the next attempt goes on from."""
    result: JobResult | None = None
    error: JobError | None = None
    cached: bool = False
    """Whether the result is that of an earlier job."""

    @property
    def can_resume(self) -> bool:
        """Whether its owner stopped it and it can go on from a checkpoint."""
        return self.status is JobStatus.CANCELED and self.checkpoint is not None

    @property
    def notices(self) -> list[str]:
        """A sentence for each option that was sent, or steered, and has no effect."""
        options, given = self.order.options, dict.fromkeys((*self.order.given, *self.steering))
        of_film = [name for name in NOT_OF_FILMS if name in given and has_effect(options, name)]
        no_film = [f"{name} has no effect on a film" for name in of_film if self.order.film]
        return [*ignored(options, given), *no_film]


class Share(Value):
    """A link by which anybody may look at a result."""

    id: str
    job_id: str
    token_sha256: str
    created_at: float
    expires_at: float


def new_id() -> str:
    """Random 128-bit id; unguessable, so it doubles as a capability."""
    return secrets.token_hex(16)


def public_facts(job: Job) -> dict[str, Any]:
    """For a log line: what a job is, without what it shows."""
    return {"job": job.id, "attempt": job.attempt, "status": job.status.value}
