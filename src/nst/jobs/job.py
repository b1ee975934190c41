"""A job: one transfer, or one learned style, that a client requested."""

import re
import secrets
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field, WithJsonSchema

from nst.errors import JobConflict, JobNotFound
from nst.jobs.order import Order, Value
from nst.option_effects import has_effect, ignored
from nst.progress import Change, Distances, SquaredDistances, StopReason


class JobStatus(StrEnum):
    """Status of a job.

    queued ──claim──► running ──► succeeded
       ▲ │               ├──────► failed
       │ └────cancel─────┴──────► canceled (the image so far is kept)
       └── the lease expired, the attempt failed, or the job was given back
    canceled ──resume──► queued, continues from its checkpoint
    """

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended; only a retry or a resume changes this status."""
        return self in FINAL


CONTENT, DETAIL_MAP, INITIAL = "content", "detail-map", "initial"
CHECKPOINT, PREVIEW, RESULT = "checkpoint", "preview.jpg", "result.png"
FILM, FIRST_FRAME, CONTENT_FRAME = "result.mp4", "result.jpg", "content.jpg"
"""Names of files in the directory of a job.
In the storage, the id of the job precedes them. In lists, the first frame represents a film."""
LEARNED, LEARNED_PAGE = "result.nst", "result.jpg"
"""File names of a learned style and of its preview page.
In lists, the page represents the style."""
FRAMES, CHECKPOINTS = "frames/", "checkpoints/"
"""Directories of a job's intermediate images and of its checkpoints.
The painted frames of a film are both."""

NOT_OF_FILMS = ("bit_depth", "save_every")
"""Options without an effect on a film."""

FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED})
RETRYABLE = frozenset({JobStatus.FAILED, JobStatus.CANCELED})


class Outcome(StrEnum):
    """Outcome of an attempt."""

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
    """Temporal loss; 0 for a single image, and from workers of earlier versions."""
    total: float


class PublicProgress(Value):
    """Progress of a running job, for everybody who may see the job."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    step: int
    """Number of the last step; 0 if only the draft exists."""
    total_iterations: int
    """Maximum number of steps; 0 if only the time limits the job, as in learning."""
    frame: int | None = None
    """Number of the film's frame that is being painted, from 1, through all passes.
    step and total_iterations refer to this frame. Null for an image."""
    elapsed_seconds: float
    remaining_seconds: float | None
    """Estimated seconds until the end of the job.
    Null before the first step, and before the first frame of a film is painted."""
    size: tuple[int, int]
    """Width and height of the scale that is being painted."""
    losses: JobLosses | None = None
    """Losses of the last step; null for a draft and for a film."""
    in_force: dict[str, float] = Field(default={})
    """Current values of the options that can be steered."""
    changes: tuple[Change, ...] = ()
    """Values that were steered so far, with the step of each change."""
    preview_step: int | None = None
    """Step of the current preview; null if there is no preview yet.
    For a film it is the number of the newest painted frame."""


class JobProgress(PublicProgress):
    """Progress of a running job, as its worker reports it."""

    share: float | None = None
    """Share of the work that is done, 0…1; None from workers of earlier versions."""

    @property
    def position(self) -> tuple[int, int]:
        """Frame and step, which increase from report to report of one attempt."""
        return (self.frame or 0, self.step)

    @property
    def percent(self) -> float:
        """Percentage of the work that is done, or of the steps if `share` is None."""
        steps = self.step / max(1, self.total_iterations)
        return round(100 * (steps if self.share is None else self.share), 1)


class PublicResult(Value):
    """Result of a job, for everybody who may see the job."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    content_type: str
    """Media type of the result.
    It is image/png, video/mp4 for a film, or application/x-nst for a learned style."""
    frames: int | None = None
    """Number of painted frames of a film; null for other results."""
    size: tuple[int, int]
    steps: int
    """Number of steps in all attempts; for a film, in the last attempt only."""
    evaluations: int
    """Number of evaluations of the loss in the same attempts as `steps`."""
    stop_reason: Annotated[str, WithJsonSchema({"enum": [*StopReason]})]
    model: str
    device: str
    precision: str
    changes: tuple[Change, ...] = ()
    """Values that were steered, with the step of each change."""
    stopped_after: int | None = None
    """Step after which the transfer was stopped; null if it ran to its end."""
    notice: str | None = None
    """Note for the owner of the job, for example that no face was found."""


class JobResult(PublicResult):
    """Result of a job, with the storage keys of its files."""

    key: str
    """Key of the image, the film or the learned style in the storage."""
    first_frame: str | None = None
    """Key of the first frame of a film, or of the preview page of a learned style.
    The file is a JPEG; None for an image."""
    weights_sha256: str
    distances: Distances | SquaredDistances | None = None
    """Distances of the result from its inputs; SquaredDistances in jobs of nst 0.1."""


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
    """Client whose limits apply to the job, in addition to those of the owner.
    It is a keyed hash of the API key or address; empty in jobs of older versions."""
    order: Order
    fingerprint: str
    idempotency_key: str | None = None
    trace: dict[str, str] = Field(default={})
    """Headers that carry the trace of the request to the worker."""

    status: JobStatus = JobStatus.QUEUED
    created_at: float = 0.0
    queued_at: float = 0.0
    """Time at which the job was last queued."""
    started_at: float | None = None
    """Time of the first claim since the job was submitted, retried or resumed."""
    completed_at: float | None = None

    attempt: int = 0
    """Number of claims so far; only the worker of the last one can write."""
    failed_attempts: int = 0
    """Number of attempts that crashed or stopped responding.
    Attempts that were given back do not count."""
    failed_dependencies: int = 0
    """Number of attempts that ended because a dependency failed for this job only."""
    worker: str | None = None
    lease_expires_at: float | None = None

    cancel_requested: bool = False
    steering: dict[str, float] = Field(default={})
    progress: JobProgress | None = None
    checkpoint: str | None = None
    """Key of the checkpoint from which the next attempt continues."""
    result: JobResult | None = None
    error: JobError | None = None
    cached: bool = False
    """Whether the result was copied from an earlier job."""

    @property
    def can_resume(self) -> bool:
        """Whether the job was canceled and can continue from a checkpoint."""
        return self.status is JobStatus.CANCELED and self.checkpoint is not None

    def expires_at(self, retention_seconds: float) -> float | None:
        """Return the time after which the job is deleted, in seconds since 1970;
        None if it has not ended."""
        return self.completed_at and self.completed_at + retention_seconds

    @property
    def notices(self) -> list[str]:
        """One sentence for each option that was sent or steered but has no effect."""
        options, stops = self.order.options, ["stop_after"] * bool(self.order.stop_after)
        given = dict.fromkeys((*self.order.given, *self.steering, *stops))
        of_film = [name for name in NOT_OF_FILMS if name in given and has_effect(options, name)]
        no_film = [f"{name} has no effect on a film" for name in of_film if self.order.film]
        return [*ignored(options, given, is_learned=self.order.is_learned), *no_film]


class Share(Value):
    """A link that shows a result to anybody who has it."""

    id: str
    job_id: str
    token_sha256: str
    created_at: float
    expires_at: float


ID = re.compile(r"[0-9a-f]{32}")
"""Pattern of the ids that `new_id` returns."""

ListPosition = tuple[float, str]
"""Position in a list of jobs: creation in seconds since 1970, and id.
No job needs to be there."""


def new_id() -> str:
    """Return a random 128-bit id; it is unguessable, so it doubles as a capability."""
    return secrets.token_hex(16)


def checked_id(job_id: str) -> str:
    """Return the id of a job. Raises JobNotFound if no job can have it.
    A client may send any text, and a database need not accept every text."""
    if not ID.fullmatch(job_id):
        raise JobNotFound(job_id)
    return job_id


def not_retryable(job: Job) -> JobConflict:
    """Return the error of a retry of a job in another state than RETRYABLE."""
    reason = f"only a failed or canceled job can be tried again; this is {job.status}"
    return JobConflict(job.id, reason)


def same_order(earlier: Job, job: Job) -> Job:
    """Return the earlier job if both orders are equal. Raises JobConflict."""
    # The fingerprint of the earlier job may be that of another version of nst.
    if earlier.order.fingerprint("") != job.order.fingerprint(""):
        raise JobConflict(earlier.id, "this Idempotency-Key belongs to another order")
    return earlier


def public_facts(job: Job) -> dict[str, Any]:
    """Return the id, attempt and status of a job: what a log line may contain."""
    return {"job": job.id, "attempt": job.attempt, "status": job.status.value}
