"""/api/v1/jobs/<id>/…: what went in and what came out."""

from apiflask import APIBlueprint
from flask import Response, url_for
from werkzeug.exceptions import NotFound

from nst import images
from nst.api import pictures
from nst.api.service import sends, service
from nst.api.views import FramesView, FrameView
from nst.jobs.job import FRAMES, LEARNED_TYPE, PREVIEW

routes = APIBlueprint("results", __name__, tag="results", url_prefix="/api/v1/jobs/<job_id>")

RESULTS = f"image/*, video/mp4, {LEARNED_TYPE}"
"""Media types of results."""


@routes.get("/result")
@routes.doc(responses=sends(RESULTS, "The stylized image, the painted film, or the learned style."))
def result(job_id: str) -> Response:
    """The image, the painted film or the learned style.

    ?format=jpeg or webp gives an image in that format, with its recipe. A film is an MP4 file;
    ?thumb=1 gives its first frame. A learned style is a .nst file; ?thumb=1 gives a page with what
    it paints.
    """
    job = service().jobs.get(service().me(), job_id)
    return pictures.send_result(service().jobs.storage, job)


@routes.get("/preview")
@routes.doc(responses=sends("image/*", "How it looks now."))
def preview(job_id: str) -> Response:
    """The newest picture of a job that runs."""
    job = service().jobs.get(service().me(), job_id)
    key = f"{job.id}/{PREVIEW}"
    return pictures.send(service().jobs.storage, key, "image/jpeg", PREVIEW, changes=True)


@routes.get("/frames")
@routes.output(FramesView)
@routes.doc(responses=[404])
def frames(job_id: str) -> FramesView:
    """The intermediate pictures; of a film its painted frames, until it is finished."""
    job = service().jobs.get(service().me(), job_id)
    files = service().jobs.storage.list(f"{job.id}/{FRAMES}")
    steps = [pictures.step_of(file) for file in files]
    return FramesView(
        frames=[
            FrameView(step=step, url=url_for("results.frame", job_id=job.id, step=step))
            for step in steps
        ]
    )


@routes.get("/frames/<int:step>")
@routes.doc(responses=sends("image/*", "As it was after this step."))
def frame(job_id: str, step: int) -> Response:
    """One intermediate picture, or a painted frame of a film."""
    job = service().jobs.get(service().me(), job_id)
    return pictures.send_frame(service().jobs.storage, job, step)


@routes.get("/archive")
@routes.doc(responses=sends("application/zip", "The pictures."))
def archive(job_id: str) -> Response:
    """All intermediate pictures and the result in one ZIP."""
    return pictures.archive(service().jobs.storage, service().jobs.get(service().me(), job_id))


@routes.get("/timelapse")
@routes.doc(responses=sends("image/webp, video/mp4", "The film."))
def timelapse(job_id: str) -> Response:
    """A film of the picture being painted; with ?format=mp4 an MP4 file."""
    return pictures.timelapse(service().jobs.storage, service().jobs.get(service().me(), job_id))


@routes.get("/before-after")
@routes.doc(responses=sends("image/jpeg", "Both, side by side."))
def before_after(job_id: str) -> Response:
    """The uploaded image and the result in one picture."""
    jobs = service().jobs
    return pictures.before_after(jobs.storage, jobs.get(service().me(), job_id))


@routes.get("/recipe")
@routes.doc(responses=sends("application/json", "The recipe."))
def recipe(job_id: str) -> Response:
    """All that is needed to paint it again, as it stands in the picture."""
    job = service().jobs.get(service().me(), job_id)
    if not job.order.is_picture:
        raise NotFound("only a picture carries a recipe")
    text = job.result and images.read_recipe(service().jobs.storage.get(job.result.key))
    if not text:
        raise NotFound("there is no picture yet")
    return Response(
        text,
        content_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="recipe.json"'},
    )


@routes.get("/content")
@routes.doc(responses=sends("image/*, video/*", "The content, as it was uploaded."))
def content(job_id: str) -> Response:
    """The uploaded image or film; with ?thumb=1 the first frame of a film."""
    job = service().jobs.get(service().me(), job_id)
    return pictures.send_content(service().jobs.storage, job)


@routes.get("/styles/<int:number>")
@routes.doc(responses=sends("image/*", "A style image, as it was uploaded."))
def style(job_id: str, number: int) -> Response:
    """A picture whose style is taken; the first is 0."""
    styles = service().jobs.get(service().me(), job_id).order.styles
    if number >= len(styles):
        raise NotFound(f"this job has {len(styles)} style images, the first is 0")
    picture = styles[number]
    return pictures.send(service().jobs.storage, picture.key, picture.content_type, picture.name)
