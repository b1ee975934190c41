"""Responses about jobs: what goes in, how far they are, what comes out."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import WithJsonSchema

from nst.api.job_links import LinksView, links_of
from nst.api.views import Options, View, as_time
from nst.controls import STEERABLE
from nst.jobs.job import Job, JobError, JobLosses, JobProgress, JobResult, JobStatus
from nst.jobs.order import Film, Learning, Picture
from nst.learning_options import LearningOptions
from nst.option_effects import has_effect
from nst.progress import Change, Distances, StopReason


class ProgressView(View):
    """How far a job is."""

    step: int
    total_iterations: int
    """0: nothing but the time ends it."""
    frame: int | None
    """Frame of a film that is being painted, counted from 1 through all passes: step
    and total_iterations are its own. Null for a picture."""
    percent: float
    """Part of the work that is done, not of the steps: equal
    parts take about equal times."""
    elapsed_seconds: float
    remaining_seconds: float | None
    """Null before the first step, and before the first frame of a film is painted."""
    size: tuple[int, int]
    losses: JobLosses | None
    in_force: dict[str, float]
    changes: list[Change]
    """Options that were steered so far, and at which step."""
    preview_step: int | None
    """Step of the picture that can be seen, of a film the
    number of its newest painted frame."""

    @classmethod
    def of(cls, progress: JobProgress) -> Self:
        share = progress.share
        if share is None:  # a worker of an earlier version
            share = progress.step / max(1, progress.total_iterations)
        facts = progress.model_dump(exclude={"share"})
        return cls(**facts, percent=round(100 * share, 1))


class ResultView(View):
    """Result of a job."""

    size: tuple[int, int]
    content_type: str
    """video/mp4 of a film, application/x-nst of a learned style."""
    frames: int | None
    """Number of painted frames of a film; null for a picture."""
    steps: int
    """Steps of all attempts."""
    evaluations: int
    """Evaluations of the last attempt."""
    stop_reason: Annotated[str, WithJsonSchema({"enum": [*StopReason]})]
    model: str
    device: str
    precision: str
    changes: list[Change]
    """Options that were steered, and at which step."""
    stopped_after: int | None
    """Step after which the transfer was stopped; null if it went on to its end."""
    distances: Distances | None
    """Null if no other network was there to judge, or if nst
    0.1 measured other distances."""
    notice: str | None

    @classmethod
    def of(cls, result: JobResult) -> Self:
        facts = result.model_dump(exclude={"key", "first_frame", "weights_sha256", "distances"})
        now = result.distances if isinstance(result.distances, Distances) else None
        return cls(**facts, distances=now)


class SentView(View):
    """A file that went in."""

    name: str
    format: str
    """NST for a learned style."""
    sample: str | None
    """Name of the picture if it comes with nst."""

    @classmethod
    def of(cls, picture: Picture) -> Self:
        kind = picture.content_type.rpartition("/")[2].removeprefix("x-").upper()
        facts = {"name": picture.name, "format": kind, "sample": picture.sample}
        return cls.model_validate({**facts, "size": None if picture.is_learned else picture.size})


class PictureView(SentView):
    """A picture that went in."""

    size: tuple[int, int]


class StyleView(SentView):
    """A style image that went in, or a learned style."""

    size: tuple[int, int] | None
    """Null for a learned style."""


class FilmView(View):
    """A film as the content of a job."""

    frames: int
    seconds: float
    passes: int
    """Number of times it is painted, forward and backward in turn."""

    @classmethod
    def of(cls, film: Film) -> Self:
        return cls(**film.model_dump(exclude={"first_frame"}))


class LearningView(View):
    """Learning of a job, in place of painting."""

    options: LearningOptions
    names: list[str]
    """Names of the styles."""
    photos: int
    """Number of photos that were sent; 0: it learns from the sample photos of nst."""

    @classmethod
    def of(cls, learning: Learning) -> Self:
        return cls(
            options=learning.options, names=list(learning.names), photos=len(learning.photos)
        )


class PicturesView(View):
    content: PictureView
    styles: list[StyleView]
    detail_map: PictureView | None
    initial: PictureView | None
    """The initial image; null: the options say where the transfer starts."""


class JobView(View):
    """A job, as its owner sees it."""

    id: str
    status: JobStatus
    title: str
    film: FilmView | None
    """Set if the content is a film, and so the result; null for a picture."""
    learning: LearningView | None
    """Set if the job learns a style; null if it paints."""
    preset: str | None
    options: Options
    changes: list[Change]
    """Options that the order steers, and at which step, as in
    the recipe that it repeats."""
    stop_after: int | None
    """Step after which the order stops."""
    notices: list[str]
    """A sentence for each option that was sent, or steered, and has no effect."""
    steerable: list[str]
    """Names of the options that may be steered with an effect."""
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None
    attempt: int
    cached: bool
    place_in_queue: int | None
    cancel_requested: bool
    can_resume: bool
    """Whether a canceled job can go on from the step at which it stopped."""
    progress: ProgressView | None
    error: JobError | None
    result: ResultView | None
    pictures: PicturesView
    links: LinksView

    @classmethod
    def of(cls, job: Job, *, place_in_queue: int | None, retention_seconds: float) -> Self:
        order = job.order
        can_steer = order.is_picture
        expires_at = job.completed_at and job.completed_at + retention_seconds
        return cls(
            id=job.id,
            status=job.status,
            title=order.title,
            film=FilmView.of(order.film) if order.film else None,
            learning=LearningView.of(order.learning) if order.learning else None,
            preset=order.preset,
            options=order.options.model_dump(mode="json"),
            changes=list(order.changes),
            stop_after=order.stop_after,
            notices=job.notices,
            steerable=[name for name in STEERABLE if can_steer and has_effect(order.options, name)],
            created_at=as_time(job.created_at),
            started_at=as_time(job.started_at),
            completed_at=as_time(job.completed_at),
            expires_at=as_time(expires_at),
            attempt=job.attempt,
            cached=job.cached,
            place_in_queue=place_in_queue,
            cancel_requested=job.cancel_requested,
            can_resume=job.can_resume,
            progress=ProgressView.of(job.progress) if job.progress else None,
            error=job.error,
            result=ResultView.of(job.result) if job.result else None,
            pictures=PicturesView(
                content=PictureView.of(order.content),
                styles=[StyleView.of(style) for style in order.styles],
                detail_map=PictureView.of(order.detail_map) if order.detail_map else None,
                initial=PictureView.of(order.initial) if order.initial else None,
            ),
            links=links_of(job),
        )


class JobsView(View):
    """A page of jobs."""

    jobs: list[JobView]
    next: str | None
    """Value of `before` for the next page."""
