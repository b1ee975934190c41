"""/api/v1/jobs/<id>/…: inputs and results of a job."""

from apiflask import APIBlueprint
from flask import Response, request, url_for

from nst.api import pictures
from nst.api.service import sends, service
from nst.api.views import FramesView, FrameView
from nst.jobs.job import Job
from nst.jobs.order import LEARNED_TYPE

routes = APIBlueprint("results", __name__, tag="results", url_prefix="/api/v1/jobs/<job_id>")

RESULTS = f"image/*, video/mp4, {LEARNED_TYPE}"
"""Media types of results."""


@routes.get("/result")
@routes.doc(responses=sends(RESULTS, "The stylized image, the painted film, or the learned style."))
def result(job_id: str) -> Response:
    """Return the stylized image, the painted film or the learned style.

    ?format=jpeg or webp returns an image in that format, with its recipe. A film is an MP4 file;
    ?thumb=1 returns its first frame. A learned style is a .nst file; ?thumb=1 returns an image that
    shows what it paints.
    """
    return pictures.send_result(_job(job_id))


@routes.get("/preview")
@routes.doc(responses=sends("image/*", "The image so far."))
def preview(job_id: str) -> Response:
    """Return the newest image of a running job."""
    return pictures.send(service().jobs.pictures.preview(_job(job_id)))


@routes.get("/frames")
@routes.output(FramesView)
@routes.doc(responses=[404])
def frames(job_id: str) -> FramesView:
    """List the intermediate images; for a film, its painted frames.

    The painted frames of a film are listed until it is finished.
    """
    job = _job(job_id)
    return FramesView(
        frames=[
            FrameView(step=step, url=url_for("results.frame", job_id=job.id, step=step))
            for step in service().jobs.pictures.steps(job)
        ]
    )


@routes.get("/frames/<int:step>")
@routes.doc(responses=sends("image/*", "The image after this step."))
def frame(job_id: str, step: int) -> Response:
    """Return an intermediate image, or a painted frame of a film."""
    return pictures.send(service().jobs.pictures.frame(_job(job_id), step))


@routes.get("/archive")
@routes.doc(responses=sends("application/zip", "The pictures."))
def archive(job_id: str) -> Response:
    """Return all intermediate images and the result in one ZIP."""
    return pictures.archive(_job(job_id))


@routes.get("/timelapse")
@routes.doc(responses=sends("image/webp, video/mp4", "The film."))
def timelapse(job_id: str) -> Response:
    """Return a film of the image being painted; with ?format=mp4 an MP4 file."""
    kind = request.args.get("format", "webp")
    film = service().jobs.pictures.timelapse(_job(job_id), kind, service().client())
    return pictures.send(film)


@routes.get("/before-after")
@routes.doc(responses=sends("image/jpeg", "Content image and result, side by side."))
def before_after(job_id: str) -> Response:
    """Return the content image and the result side by side in one image."""
    both = service().jobs.pictures.before_after(_job(job_id), service().client())
    return pictures.send(both)


@routes.get("/recipe")
@routes.doc(responses=sends("application/json", "The recipe."))
def recipe(job_id: str) -> Response:
    """Return all that is needed to paint the image again, as the image contains it."""
    return Response(
        service().jobs.pictures.recipe(_job(job_id), service().client()),
        content_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="recipe.json"'},
    )


@routes.get("/content")
@routes.doc(responses=sends("image/*, video/*", "The content, as it was uploaded."))
def content(job_id: str) -> Response:
    """Return the uploaded image or film; with ?thumb=1 the first frame of a film."""
    return pictures.send(service().jobs.pictures.content(_job(job_id)))


@routes.get("/styles/<int:number>")
@routes.doc(responses=sends("image/*", "A style image, as it was uploaded."))
def style(job_id: str, number: int) -> Response:
    """Return a style image or learned style as it was uploaded; the first is 0."""
    return pictures.send(service().jobs.pictures.style(_job(job_id), number))


def _job(job_id: str) -> Job:
    return service().jobs.get(service().me(), job_id)
