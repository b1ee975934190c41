"""Links of a job: the URLs of everything that belongs to it."""

from typing import Any

from flask import request, url_for

from nst.api.views import View
from nst.jobs.job import Job


class LinksView(View):
    """URLs of everything that belongs to a job."""

    self: str
    page: str
    events: str
    result: str | None
    preview: str | None
    frames: str
    archive: str
    timelapse: str | None
    """Time-lapse of the image; null for a film and for a learned style."""
    before_after: str | None
    """Content image and result side by side; null for a film and for a learned style."""
    recipe: str | None
    """Recipe of the image; null for a film and for a learned style."""
    content: str
    styles: list[str]
    learned_style: str | None
    """The learned style that the job has produced; null: none."""


def links_of(job: Job) -> LinksView:
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
