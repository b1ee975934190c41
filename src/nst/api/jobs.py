"""/api/v1/jobs: create, list, watch, steer, stop, repeat and delete jobs."""

import re
from http import HTTPStatus
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request, stream_with_context, url_for
from pydantic import BaseModel, ConfigDict, Field, create_model

from nst import tracing
from nst.api import pictures
from nst.api.forms import JobForm
from nst.api.job_views import JobsView, JobView
from nst.api.service import sends, service
from nst.api.streams import POLL_SECONDS, has_seen_end
from nst.controls import STEERABLE
from nst.errors import InvalidOption
from nst.jobs.job import ID, Job, JobStatus, ListPosition
from nst.jobs.uploads import Sender
from nst.metrics import JOBS_TAKEN
from nst.options import StyleTransferOptions

routes = APIBlueprint("jobs", __name__, tag="jobs", url_prefix="/api/v1/jobs")


class JobsQuery(BaseModel):
    """Query for one page of the jobs."""

    status: JobStatus | None = None
    limit: int = Field(24, ge=1, le=100)
    before: str | None = None


NEXT = re.compile(rf"(?P<created_at>\d{{1,15}}(\.\d{{1,15}})?)-(?P<id>{ID.pattern})", re.ASCII)
"""Pattern of `next` of a page, which the next page begins after."""

EVENTS = sends("text/event-stream", "snapshot, progress …, end", 429, 503) | {
    204: {"description": "The client has seen the end."}
}


def _weight(name: str) -> Any:
    description = StyleTransferOptions.model_fields[name].description
    return float | None, Field(None, description=description)


Steering: type[BaseModel] = create_model(
    "Steering",
    __config__=ConfigDict(extra="forbid", allow_inf_nan=False),
    __doc__="New values for a running job; omitted options keep theirs.",
    **{name: _weight(name) for name in STEERABLE},
)


@routes.post("")
@routes.output(JobView, status_code=202)
@routes.doc(responses=[409, 413, 415, 422, 429, 503])
def submit() -> Any:
    """Create a job that paints an image or a film.

    Send a content image or a short film, and one to eight style images, as files. In place of
    files, name samples, a learned style, or earlier jobs whose images are used. Every option may be
    a field. The field steer, such as 40:strength=0.8, changes options from a step on, and
    stop_after is the last step; a recipe contains both. The field initial_from names an earlier
    job: painting continues from its result. The field passes is the number of times that a film is
    painted, forward and backward in turn. With an Idempotency-Key the same request creates one job,
    however often it is sent.
    """
    me = service().me()
    form = JobForm(service().jobs, me, request.form, request.files)
    with pictures.uploading.one(service().client()):
        asked = form.read()
        job = service().jobs.submit(sender(me), asked)
    return taken(job)


@routes.get("")
@routes.input(JobsQuery, location="query", arg_name="query")
@routes.output(JobsView)
def list_jobs(query: JobsQuery) -> JobsView:
    """List my jobs, newest first."""
    jobs, me = service().jobs, service().me()
    before = _list_position(query.before) if query.before else None
    found = jobs.list(me, status=query.status, limit=query.limit + 1, before=before)
    shown = found[: query.limit]
    return JobsView(
        jobs=[_view(job) for job in shown],
        next=_next_after(shown[-1]) if len(found) > query.limit else None,
    )


def _next_after(job: Job) -> str:
    """Return `next` of a page whose last job this is."""
    return f"{job.created_at!r}-{job.id}"


def _list_position(text: str) -> ListPosition:
    """Return the position that `next` of a page names. Raises InvalidOption."""
    found = NEXT.fullmatch(text)
    if not found:
        raise InvalidOption("before", text, "the value of next of the previous page")
    return float(found["created_at"]), found["id"]


@routes.get("/<job_id>")
@routes.output(JobView)
@routes.doc(responses=[404])
def get_job(job_id: str) -> JobView:
    """Return one job."""
    return _view(service().jobs.get(service().me(), job_id))


@routes.delete("/<job_id>")
@routes.output({}, status_code=204)
@routes.doc(responses=[404])
def delete_job(job_id: str) -> tuple[str, int]:
    """Delete a job and its images. A running job is stopped."""
    service().jobs.delete(service().me(), job_id)
    return "", HTTPStatus.NO_CONTENT


@routes.post("/<job_id>/cancel")
@routes.output(JobView, status_code=202)
@routes.doc(responses=[404, 409])
def cancel(job_id: str) -> Any:
    """Stop a job after the current step and keep the image so far."""
    return accepted(service().jobs.cancel(service().me(), job_id))


@routes.post("/<job_id>/retry")
@routes.output(JobView, status_code=202)
@routes.doc(responses=[404, 409, 429, 503])
def retry(job_id: str) -> Any:
    """Run a failed or canceled job again, from its beginning."""
    return accepted(service().jobs.retry(service().me(), job_id, client=service().client()))


@routes.post("/<job_id>/resume")
@routes.output(JobView, status_code=202)
@routes.doc(responses=[404, 409, 429, 503])
def resume(job_id: str) -> Any:
    """Continue a canceled job where it stopped, if its can_resume is true."""
    return accepted(service().jobs.resume(service().me(), job_id))


@routes.post("/<job_id>/steer")
@routes.input(Steering, arg_name="steering")
@routes.output(JobView, status_code=202)
@routes.doc(responses=[404, 409, 413])
def steer(job_id: str, steering: BaseModel) -> Any:
    """Change weights of a running job; they take effect before the next step.

    The field notices of the response names the options that have no effect.
    """
    changes = steering.model_dump(exclude_none=True)
    return accepted(service().jobs.steer(service().me(), job_id, changes))


@routes.get("/<job_id>/events")
@routes.doc(responses=EVENTS)
def events(job_id: str) -> Response:
    """Stream a job as server-sent events: its state, every change, its end.

    Reconnect when the stream closes. A client that has received the end and sends its id as
    Last-Event-ID gets 204, because no further event follows.
    """
    me, streams, client = service().me(), service().streams, service().client()
    if has_seen_end(service().jobs.get(me, job_id), request.headers.get("Last-Event-ID")):
        return Response(status=HTTPStatus.NO_CONTENT)
    changes = service().jobs.events(
        me,
        job_id,
        poll_seconds=POLL_SECONDS,
        lifetime_seconds=streams.lifetime_seconds,
    )
    streams.enter(client)
    response = Response(
        stream_with_context(streams.events(changes, service().view)),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        content_type="text/event-stream",
    )
    response.call_on_close(lambda: streams.leave(client))
    return response


def _view(job: Job) -> JobView:
    return service().view(service().jobs.see(job))


def taken(job: Job) -> tuple[JobView, int, dict[str, str]]:
    """Count a new job, and return the response about it."""
    JOBS_TAKEN.labels("yes" if job.cached else "no").inc()
    return accepted(job)


def accepted(job: Job) -> tuple[JobView, int, dict[str, str]]:
    here = {"Location": url_for("jobs.get_job", job_id=job.id)}
    return _view(job), HTTPStatus.ACCEPTED, here


def sender(owner: str) -> Sender:
    """Return the sender of this request. Raises InvalidOption."""
    return Sender(
        owner,
        client=service().client(),
        counted_as=service().client_in_store(),
        idempotency_key=_idempotency_key(),
        trace=_trace(),
    )


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 1 <= len(key) <= 200:
        raise InvalidOption("Idempotency-Key", key, "1 to 200 characters")
    return key


def _trace() -> dict[str, str]:
    """Return the headers that carry a trace to a worker.

    The trace is that of this request or, without one, the trace that the request came with.
    """
    names = ("traceparent", "tracestate")
    given = {name: request.headers[name] for name in names if name in request.headers}
    return tracing.headers() or given
