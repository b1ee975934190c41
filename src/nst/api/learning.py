"""/api/v1/learning: a job that learns a style."""

from typing import Any

from apiflask import APIBlueprint
from flask import request

from nst.api import pictures
from nst.api.forms import no_file, sample_upload, upload
from nst.api.job_views import JobView
from nst.api.jobs import sender, taken
from nst.api.service import service
from nst.jobs.learning import LearningRequest
from nst.jobs.uploads import Upload
from nst.learning_options import LearningOptions

routes = APIBlueprint("learning", __name__, tag="learning", url_prefix="/api/v1")

FILES = ("style_image", "photo")
OTHERS = ("sample_style", "name", "licence")
"""Fields of the form that are not options."""


@routes.post("/learning")
@routes.output(JobView, status_code=202)
@routes.doc(responses=[409, 413, 415, 422, 429, 503])
def learn() -> Any:
    """Create a job that learns a style, which becomes one of mine.

    Send one to eight style images as files, or name samples. Send photos to learn from; without
    photos, the sample photos of nst are used. Every option of learning may be a field. The job
    works like any other; if it is canceled, it keeps what it has learned so far. With an
    Idempotency-Key the same request creates one job, however often it is sent.
    """
    me = service().me()
    with pictures.uploading.one(service().client()):
        asked = _read()
        job = service().learning_jobs.submit(sender(me), asked)
    return taken(job)


def _read() -> LearningRequest:
    """Return the request that the form makes. Raises InvalidOption."""
    fields = request.form
    for name in FILES:
        if name in fields:
            raise no_file(name)
    given = {name: value for name, value in fields.items() if name not in OTHERS}
    return LearningRequest(
        styles=_styles(),
        options=LearningOptions.model_validate(given),
        names=fields.getlist("name"),
        photos=[upload(file) for file in request.files.getlist("photo")],
        licence=fields.get("licence", ""),
    )


def _styles() -> list[Upload]:
    if files := request.files.getlist("style_image"):
        return [upload(file) for file in files]
    if names := request.form.getlist("sample_style"):
        return [sample_upload("style", name) for name in names]
    raise no_file("style_image")
