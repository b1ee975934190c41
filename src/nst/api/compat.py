"""The four routes of the reference program, for its clients, and task_image.

The clients send no cookie; the random id of a task is the capability for its job.
"""

from http import HTTPStatus
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request, url_for
from pydantic import BaseModel

from nst.api import pictures
from nst.api.forms import file_of
from nst.api.service import Responses, sends, service
from nst.jobs.job import Job, JobStatus
from nst.jobs.uploads import JobRequest, Sender, Upload
from nst.metrics import JOBS_TAKEN
from nst.options import StyleTransferOptions
from nst.presets import DEFAULT_PRESET

OWNER = "compatible:"
"""Prefix of an owner, followed by the client, so that clients share no limit."""

STATUS_NAMES = {
    JobStatus.QUEUED: "Processing",
    JobStatus.RUNNING: "Processing",
    JobStatus.SUCCEEDED: "Finished",
    JobStatus.CANCELED: "Failed",
    JobStatus.FAILED: "Failed",
}


routes = APIBlueprint("compat", __name__, tag="compatible", url_prefix="/api")


class TaskView(BaseModel):
    """A job that was just created."""

    task_id: str


class TaskStatusView(BaseModel):
    """State of a job."""

    task_id: str
    status: str
    images: list[str]
    """URLs of the images so far; the last one of a finished job is the result."""


NOT_YET: Responses = {
    202: {
        "description": "It is being painted.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"task_id": {"type": "string"}, "status": {"type": "string"}},
                    "required": ["task_id", "status"],
                }
            }
        },
    }
}


@routes.post("/style_transfer")
@routes.output(TaskView, status_code=202)
@routes.doc(responses=[413, 415, 422, 429, 503])
def style_transfer() -> Any:
    """Create a job from the files content_image and style_image of a form."""
    options, client = StyleTransferOptions.from_preset(DEFAULT_PRESET), service().client()
    files = [file_of(request.files, name) for name in ("content_image", "style_image")]
    with pictures.uploading.one(client):
        content, style = (Upload(file.read(), file.filename or "") for file in files)
        job = service().jobs.submit(
            _sender(client),
            JobRequest(content, [style], options, preset=DEFAULT_PRESET),
        )
    JOBS_TAKEN.labels("no").inc()  # no result is reused here
    return TaskView(task_id=job.id), HTTPStatus.ACCEPTED


@routes.get("/task_status/<job_id>")
@routes.output(TaskStatusView)
@routes.doc(responses=[404])
def task_status(job_id: str) -> TaskStatusView:
    """Return the state of a job: Processing, Finished or Failed."""
    job = _task(job_id)
    return TaskStatusView(task_id=job.id, status=STATUS_NAMES[job.status], images=_images(job))


@routes.get("/download/<job_id>")
@routes.doc(responses=sends("image/*", "The stylized image.") | NOT_YET)
def download(job_id: str) -> Any:
    """Return the stylized image; 202 while it is being painted."""
    job = _task(job_id)
    if not job.status.is_final:
        return {"task_id": job.id, "status": STATUS_NAMES[job.status]}, HTTPStatus.ACCEPTED
    return pictures.send_result(job)


@routes.get("/download-all/<job_id>")
@routes.doc(responses=sends("application/zip", "All pictures.") | NOT_YET)
def download_all(job_id: str) -> Any:
    """Return all images in one ZIP; 202 while the job is running."""
    job = _task(job_id)
    if not job.status.is_final:
        return {"task_id": job.id, "status": STATUS_NAMES[job.status]}, HTTPStatus.ACCEPTED
    return pictures.archive(job)


@routes.get("/task_image/<job_id>/<int:step>")
@routes.doc(responses=sends("image/jpeg", "The image after this step."))
def task_image(job_id: str, step: int) -> Response:
    """Return one of the images that the status lists."""
    return pictures.send(service().jobs.pictures.frame(_task(job_id), step))


def _sender(client: str) -> Sender:
    """Return the sender of a new task.

    Several people may share one address. A result that is there at once would tell one of them
    that another has sent the same images, so no result is reused.
    """
    counted_as = service().client_in_store()
    return Sender(OWNER + client, client=client, counted_as=counted_as, reuses_results=False)


def _task(job_id: str) -> Job:
    """Return a job that these routes created. Raises JobNotFound for other jobs."""
    return service().jobs.get_of_any(OWNER, job_id)


def _images(job: Job) -> list[str]:
    steps = service().jobs.pictures.steps(job)
    found = [url_for("compat.task_image", job_id=job.id, step=step) for step in steps]
    if job.result:
        found.append(url_for("compat.download", job_id=job.id))
    return found
