"""Responses about jobs: their inputs, progress and results."""

from datetime import datetime
from typing import Self

from nst.api.job_links import LinksView, links_of
from nst.api.views import Options, View, as_time
from nst.controls import STEERABLE
from nst.jobs.job import (
    Job,
    JobError,
    JobProgress,
    JobResult,
    JobStatus,
    PublicProgress,
    PublicResult,
)
from nst.jobs.order import Film, Learning, Picture
from nst.learning_options import LearningOptions
from nst.option_effects import has_effect
from nst.progress import Change, Distances


class ProgressView(PublicProgress, View):
    """Progress of a job."""

    percent: float
    """Finished share of the work in percent. It counts work, not steps:
    equal shares take about equal times."""

    @classmethod
    def of(cls, progress: JobProgress) -> Self:
        return cls(**progress.model_dump(exclude={"share"}), percent=progress.percent)


class ResultView(PublicResult, View):
    """Result of a job."""

    distances: Distances | None
    """Distances of the result from content and style, measured by another network.
    Null if no other network was available, or if an early version measured other distances."""

    @classmethod
    def of(cls, result: JobResult) -> Self:
        facts = result.model_dump(include=set(PublicResult.model_fields))
        now = result.distances if isinstance(result.distances, Distances) else None
        return cls(**facts, distances=now)


class SentView(View):
    """An input file of a job."""

    name: str
    format: str
    """Format of the file, such as JPEG; NST for a learned style."""
    sample: str | None
    """Name of the built-in image, if the file is one; else null."""

    @classmethod
    def of(cls, picture: Picture) -> Self:
        kind = picture.content_type.rpartition("/")[2].removeprefix("x-").upper()
        facts = {"name": picture.name, "format": kind, "sample": picture.sample}
        return cls.model_validate({**facts, "size": None if picture.is_learned else picture.size})


class PictureView(SentView):
    """An input image or film of a job."""

    size: tuple[int, int]


class StyleView(SentView):
    """A style image or learned style of a job."""

    size: tuple[int, int] | None
    """Width and height in pixels; null for a learned style."""


class FilmView(View):
    """A film as the content of a job."""

    frames: int
    seconds: float
    passes: int
    """Number of times that the film is painted, forward and backward in turn."""

    @classmethod
    def of(cls, film: Film) -> Self:
        return cls(**film.model_dump(exclude={"first_frame"}))


class LearningView(View):
    """Facts about a job that learns a style instead of painting."""

    options: LearningOptions
    names: list[str]
    """Names of the styles."""
    photos: int
    """Number of uploaded photos; 0: the job learns from the sample photos of nst."""

    @classmethod
    def of(cls, learning: Learning) -> Self:
        return cls(
            options=learning.options, names=list(learning.names), photos=len(learning.photos)
        )


class PicturesView(View):
    content: PictureView
    styles: list[StyleView]
    masks: list[PictureView | None]
    """Mask of each style; null for a style that applies everywhere.
    The last styles have no mask if the list is shorter than the styles."""
    detail_map: PictureView | None
    initial: PictureView | None
    """Initial image; null: init_method says where the transfer starts."""


class JobView(View):
    """A job, as its owner sees it."""

    id: str
    status: JobStatus
    title: str
    film: FilmView | None
    """Set if the content, and so the result, is a film; null for an image."""
    learning: LearningView | None
    """Set if the job learns a style; null if it paints."""
    preset: str | None
    options: Options
    changes: list[Change]
    """Changes of options that the order plans, and their steps,
    as in the recipe that it repeats."""
    stop_after: int | None
    """Step after which the order stops the transfer; null: it has no such step."""
    notices: list[str]
    """Sentences, one for each option that was sent or steered and has no effect."""
    steerable: list[str]
    """Names of the options that have an effect when they are steered."""
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    expires_at: datetime | None
    attempt: int
    cached: bool
    place_in_queue: int | None
    cancel_requested: bool
    can_resume: bool
    """Whether a canceled job can continue from the step at which it stopped."""
    progress: ProgressView | None
    error: JobError | None
    result: ResultView | None
    pictures: PicturesView
    links: LinksView

    @classmethod
    def of(cls, job: Job, *, place_in_queue: int | None, retention_seconds: float) -> Self:
        order = job.order
        can_steer = order.is_picture
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
            expires_at=as_time(job.expires_at(retention_seconds)),
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
                masks=[PictureView.of(mask) if mask else None for mask in order.masks],
                detail_map=PictureView.of(order.detail_map) if order.detail_map else None,
                initial=PictureView.of(order.initial) if order.initial else None,
            ),
            links=links_of(job),
        )


class JobsView(View):
    """A page of jobs."""

    jobs: list[JobView]
    next: str | None
    """Value of `before` for the next page; null on the last page."""
