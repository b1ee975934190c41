"""A job: one transfer that somebody asked the service for."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, field_serializer

from nst.learning_options import LearningOptions
from nst.options import StyleTransferOptions, has_effect, ignored, later_options
from nst.progress import Change, Distances, SquaredDistances, StopReason
from nst.recipe import PictureFile
from nst.samples import PREFIX, sample_with


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

LEARNED_TYPE = "application/x-nst"
"""Media type of the file of a learned style."""

LEARNING_START_SECONDS = 600
"""Seconds that an attempt at learning has beside those of its options."""

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


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Picture(_Value):
    """A picture that went in; the storage has its bytes under `key`."""

    key: str
    sha256: str
    name: str
    """For people: the file's own name, cleaned; never where it is stored."""
    content_type: str
    size: tuple[int, int]
    """Width and height in pixels; both 0 for a learned style, which has none."""

    @property
    def is_learned(self) -> bool:
        """Whether it is the file of a learned style."""
        return self.content_type == LEARNED_TYPE

    @property
    def in_recipe(self) -> PictureFile:
        """The picture as a recipe names it."""
        path = f"{PREFIX}{self.sample}" if self.sample else self.name
        return PictureFile(path=path, sha256=self.sha256)

    @property
    def sample(self) -> str | None:
        """Name of the picture if it comes with nst."""
        return sample_with(self.sha256)


class Film(_Value):
    """A film as the content of a job."""

    frames: int
    """Number of frames that could be read."""
    seconds: float
    first_frame: str
    """Key of its first frame, a JPEG."""
    passes: int = 1
    """Number of times it is painted, forward and backward in turn."""

    @property
    def paintings(self) -> int:
        """Number of frames that are painted in all passes."""
        return self.frames * self.passes


class Learning(_Value):
    """Learning of the styles of a job, in place of painting."""

    options: LearningOptions
    names: tuple[str, ...]
    """Names of the styles, in their order."""
    licence: str = ""
    photos: tuple[Picture, ...] = ()
    """Photos that the network learns from; none: the sample photos of nst."""

    @property
    def title(self) -> str:
        """Name of the learned style."""
        return " and ".join(self.names)

    @property
    def max_seconds(self) -> float:
        """Maximum duration of one attempt. Learning ends by itself after its minutes;
        previews and checkpoints come on top."""
        return 2 * 60 * self.options.minutes + LEARNING_START_SECONDS


class Order(_Value):
    """An order: the inputs and options of one job."""

    content: Picture
    """The first style image if the job learns."""
    film: Film | None = None
    """Set if the content is a film, whose frames are painted."""
    learning: Learning | None = None
    """Set if the job learns the styles and paints nothing."""
    styles: tuple[Picture, ...] = Field(min_length=1)
    masks: tuple[Picture | None, ...] = ()
    """For each style where it applies; None: everywhere."""
    detail_map: Picture | None = None
    """White where more of the content image stays."""
    initial: Picture | None = None
    """Image that is painted on; None: the options say where the transfer starts."""
    options: StyleTransferOptions
    preset: str | None = None
    """From which the options come, for people."""
    given: tuple[str, ...] = ()
    """Names of the options that the client sent, beside the preset."""
    changes: tuple[Change, ...] = ()
    """Options that are steered, and at which step, from a recipe that is repeated."""
    stop_after: int | None = None
    """Step after which the job stops and has succeeded; None: it goes on to its end."""

    @field_serializer("options")
    def _only_those_given(self, options: StyleTransferOptions) -> dict[str, Any]:
        # Whether somebody asked for the model by name must be known to the worker too.
        return options.model_dump(mode="json", exclude_unset=True)

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole order; a frame of a film counts as one at least.
        Shots of a film are known only when it is painted: it counts as one."""
        first = self.options.total_iterations
        if self.film is None:
            return first
        later = later_options(self.options).total_iterations
        return max(1, first) + (self.film.paintings - 1) * max(1, later)

    @property
    def in_recipe(self) -> dict[str, Any]:
        """The pictures as a recipe names them, by the recipe's field."""
        return {
            "content": self.content.in_recipe,
            "styles": tuple(style.in_recipe for style in self.styles),
            "masks": tuple(mask and mask.in_recipe for mask in self.masks),
            "detail_map": self.detail_map and self.detail_map.in_recipe,
            "initial": self.initial and self.initial.in_recipe,
        }

    @property
    def inputs(self) -> Sequence[Picture]:
        """All files that a worker needs."""
        photos = self.learning.photos if self.learning else ()
        others = (*self.masks, self.detail_map, self.initial)
        return (self.content, *self.styles, *filter(None, others), *photos)

    @property
    def is_picture(self) -> bool:
        """Whether the result is an image: no film and no learned style."""
        return self.film is None and self.learning is None

    @property
    def is_learned(self) -> bool:
        """Whether a learned style paints it, in one pass."""
        return self.styles[0].is_learned

    @property
    def names(self) -> Sequence[str | None]:
        """Names of all pictures; two orders with the same fingerprint may differ in them."""
        pictures = (self.content, *self.styles, *self.masks, self.detail_map, self.initial)
        return [picture.name if picture else None for picture in pictures]

    @property
    def title(self) -> str:
        if self.learning:
            return f"learned style {self.learning.title}"
        styles = " and ".join(_stem(style.name) for style in self.styles)
        return f"{_stem(self.content.name)} in {styles}"

    def fingerprint(self, version: str) -> str:
        """Equal for orders whose results are equal, painted by this version of nst."""
        facts: dict[str, Any] = {
            "content": self.content.sha256,
            "styles": [style.sha256 for style in self.styles],
            "masks": [mask and mask.sha256 for mask in self.masks],
            "detail_map": self.detail_map and self.detail_map.sha256,
            "options": self.options.model_dump(mode="json"),
            "names_model": self.options.names_model,
            "nst": version,
        }
        # Only where there is any: orders of earlier versions keep their fingerprint.
        if self.initial:
            facts["initial"] = self.initial.sha256
        if self.changes:
            facts["changes"] = [[change.step, dict(change.values)] for change in self.changes]
        if self.stop_after:
            facts["stop_after"] = self.stop_after
        if self.film and self.film.passes > 1:
            facts["passes"] = self.film.passes
        if self.learning:
            facts["learning"] = self.learning.model_dump(mode="json", exclude={"photos"})
            facts["photos"] = [photo.sha256 for photo in self.learning.photos]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class JobLosses(_Value):
    """The terms of the loss, each multiplied by its weight."""

    content: float
    style: float
    total_variation: float
    total: float


class PublicProgress(_Value):
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
    in_force: dict[str, float] = {}
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


class PublicResult(_Value):
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


class JobError(_Value):
    """Reason why a job failed."""

    code: str
    message: str


class Job(_Value):
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
    trace: dict[str, str] = {}
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
    """Number of attempts that crashed or fell silent; those given back do not count."""
    failed_dependencies: int = 0
    """Attempts that ended because something outside failed
    for this job and for no other."""
    worker: str | None = None
    lease_expires_at: float | None = None

    cancel_requested: bool = False
    steering: dict[str, float] = {}
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


class Share(_Value):
    """A link by which anybody may look at a result."""

    id: str
    job_id: str
    token_sha256: str
    created_at: float
    expires_at: float


def new_id() -> str:
    """Random 128-bit id; unguessable, so it doubles as a capability."""
    return secrets.token_hex(16)


def _stem(name: str) -> str:
    stem = name.rsplit(".", 1)[0].replace("_", " ").strip()
    return stem or "picture"


def public_facts(job: Job) -> dict[str, Any]:
    """For a log line: what a job is, without what it shows."""
    return {"job": job.id, "attempt": job.attempt, "status": job.status.value}
