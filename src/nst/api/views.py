"""Responses of the API, in the shapes that its documentation is made from."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from flask import request, url_for
from pydantic import BaseModel, ConfigDict, WithJsonSchema

from nst.controls import STEERABLE
from nst.jobs.job import (
    Film,
    Job,
    JobError,
    JobProgress,
    JobResult,
    JobStatus,
    Learning,
    Picture,
    PublicProgress,
    PublicResult,
    Share,
)
from nst.learning_options import LearningOptions
from nst.options import has_effect
from nst.progress import Change, Distances

NUMBERS = {"type": "array", "items": {"type": "number"}}
SCALARS = [{"type": kind} for kind in ("number", "string", "boolean", "null")]

Options = dict[str, Annotated[Any, WithJsonSchema({"anyOf": [*SCALARS, NUMBERS]})]]
"""Options by name, as JSON has them."""


def _require_all(schema: dict[str, Any]) -> None:
    """Defaults are for rows of earlier versions; a client gets every field."""
    schema["required"] = list(schema["properties"])
    for field in schema["properties"].values():
        field.pop("default", None)


class View(BaseModel):
    """A response. Its documentation has the sentences below its fields,
    all of which it always has."""

    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_extra=_require_all)


class ProgressView(PublicProgress, View):
    """How far a job is."""

    percent: float
    """Part of the work that is done, not of the steps: equal
    parts take about equal times."""

    @classmethod
    def of(cls, progress: JobProgress) -> Self:
        return cls(**progress.model_dump(exclude={"share"}), percent=progress.percent)


class ResultView(PublicResult, View):
    """Result of a job."""

    distances: Distances | None
    """Null if no other network was there to judge, or if nst
    0.1 measured other distances."""

    @classmethod
    def of(cls, result: JobResult) -> Self:
        facts = result.model_dump(include=set(PublicResult.model_fields))
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


class LinksView(View):
    """Where everything about a job is."""

    self: str
    page: str
    events: str
    result: str | None
    preview: str | None
    frames: str
    archive: str
    timelapse: str | None
    before_after: str | None
    """Null for a film and for a learned style, as the next one."""
    recipe: str | None
    content: str
    styles: list[str]
    learned_style: str | None
    """The learned style among mine that a job has made; null: none yet."""


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
            links=_links(job),
        )


class JobsView(View):
    """A page of jobs."""

    jobs: list[JobView]
    next: str | None
    """Value of `before` for the next page."""


class FrameView(View):
    step: int
    url: str


class FramesView(View):
    frames: list[FrameView]


class ShareView(View):
    id: str
    url: str | None
    """Only in the answer that makes the link: the token is not kept."""
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, share: Share, url: str | None = None) -> Self:
        return cls(
            id=share.id,
            url=url,
            created_at=as_time(share.created_at),
            expires_at=as_time(share.expires_at),
        )


class SharesView(View):
    shares: list[ShareView]


class SharedLinksView(View):
    result: str
    content: str


class SharedView(View):
    """A shared job, as far as somebody with the link may see it."""

    title: str
    created_at: datetime
    result: ResultView
    links: SharedLinksView


class SampleView(View):
    """A picture that comes with nst."""

    name: str
    title: str
    url: str
    thumb: str


def as_time(seconds: float | None) -> Any:
    """In UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _links(job: Job) -> LinksView:
    def link(endpoint: str, **values: Any) -> str:
        return url_for(endpoint, job_id=job.id, **values)

    has_preview = job.progress is not None and job.progress.preview_step is not None
    preview = job.progress.preview_step if job.progress else None
    has_learned = job.order.learning is not None and job.result is not None
    return LinksView(
        self=link("jobs.get_job"),
        page=f"{request.script_root}/jobs/{job.id}",
        events=link("jobs.events"),
        result=link("results.result") if job.result else None,
        preview=link("results.preview", step=preview) if has_preview else None,
        frames=link("results.frames"),
        archive=link("results.archive"),
        timelapse=link("results.timelapse") if job.order.is_picture else None,
        before_after=link("results.before_after") if job.order.is_picture else None,
        recipe=link("results.recipe") if job.order.is_picture else None,
        content=link("results.content"),
        styles=[link("results.style", number=number) for number in range(len(job.order.styles))],
        learned_style=url_for("learned_styles.get_style", style_id=job.id) if has_learned else None,
    )
