"""/api/v1/jobs: submit, look, steer, cancel, forget."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request, stream_with_context, url_for
from pydantic import BaseModel, ConfigDict, Field, create_model
from werkzeug.datastructures import FileStorage, MultiDict

from nst import tracing
from nst.api import pictures
from nst.api.service import sends, service
from nst.api.streams import POLL_SECONDS, has_seen_end
from nst.api.views import JobsView, JobView
from nst.controls import STEERABLE, parse_change
from nst.errors import InvalidOption
from nst.film_options import MAX_PASSES
from nst.jobs import learned_styles
from nst.jobs.job import Job, JobStatus
from nst.jobs.service import Jobs
from nst.jobs.uploads import JobRequest, Sender, Upload
from nst.metrics import JOBS_TAKEN
from nst.options import StyleTransferOptions
from nst.presets import DEFAULT_PRESET
from nst.samples import SampleKind, sample

routes = APIBlueprint("jobs", __name__, tag="jobs", url_prefix="/api/v1/jobs")

FILE_FIELDS = ("content_image", "style_image", "style_mask", "detail_map")
PICTURE_FIELDS = (
    *FILE_FIELDS,
    "content_from",
    "styles_from",
    "detail_map_from",
    "initial_from",
    "sample_content",
    "sample_style",
    "learned_style",
    "preset",
    "steer",
    "stop_after",
    "passes",
)
"""Fields of the form of a new job that are not options."""


class JobsQuery(BaseModel):
    """A page of the list."""

    status: JobStatus | None = None
    limit: int = Field(24, ge=1, le=100)
    before: str | None = None


EVENTS = sends("text/event-stream", "snapshot, progress …, end", 429, 503) | {
    204: {"description": "The client has seen the end."}
}


def _weight(name: str) -> Any:
    description = StyleTransferOptions.model_fields[name].description
    return float | None, Field(None, description=description)


Steering: type[BaseModel] = create_model(
    "Steering",
    __config__=ConfigDict(extra="forbid", allow_inf_nan=False),
    __doc__="New values for a running job; what is left out stays.",
    **{name: _weight(name) for name in STEERABLE},
)


@routes.post("")
@routes.output(JobView, status_code=202)
@routes.doc(responses=[409, 413, 415, 422, 429, 503])
def submit() -> Any:
    """Ask for a picture, or for a film.

    Send a content image or a short film, and one to eight style images as files, or name samples,
    a learned style, or earlier jobs whose images to take. Every option may be a field. The field
    steer, like 40:strength=0.8, changes options from a step on, and stop_after is the last step: a
    recipe has both. The field initial_from names an earlier job whose result is painted on. The
    field passes is how often a film is painted, forward and backward in turn. With an
    Idempotency-Key the same request makes one job, however often it is sent.
    """
    me, form = service().me(), _Form(service().jobs, service().me(), request.form, request.files)
    with pictures.uploading.one(service().client()):
        asked = form.read()
        job = service().jobs.submit(sender(me), asked)
    JOBS_TAKEN.labels("yes" if job.cached else "no").inc()
    return accepted(job)


@routes.get("")
@routes.input(JobsQuery, location="query", arg_name="query")
@routes.output(JobsView)
def list_jobs(query: JobsQuery) -> JobsView:
    """My jobs, newest first."""
    jobs, me = service().jobs, service().me()
    found = jobs.list(me, status=query.status, limit=query.limit + 1, before=query.before)
    shown = found[: query.limit]
    return JobsView(
        jobs=[_view(job) for job in shown],
        next=shown[-1].id if len(found) > query.limit else None,
    )


@routes.get("/<job_id>")
@routes.output(JobView)
@routes.doc(responses=[404])
def get_job(job_id: str) -> JobView:
    """One job."""
    return _view(service().jobs.get(service().me(), job_id))


@routes.delete("/<job_id>")
@routes.output({}, status_code=204)
@routes.doc(responses=[404])
def delete_job(job_id: str) -> tuple[str, int]:
    """Forget a job and its pictures. A running one is stopped."""
    service().jobs.delete(service().me(), job_id)
    return "", HTTPStatus.NO_CONTENT


@routes.post("/<job_id>/cancel")
@routes.output(JobView, status_code=202)
@routes.doc(responses=[404, 409])
def cancel(job_id: str) -> Any:
    """Stop after the step that is being taken; the picture so far is kept."""
    return accepted(service().jobs.cancel(service().me(), job_id))


@routes.post("/<job_id>/retry")
@routes.output(JobView, status_code=202)
@routes.doc(responses=[404, 409, 429, 503])
def retry(job_id: str) -> Any:
    """Try a failed or canceled job again, from its beginning."""
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
@routes.doc(responses=[404, 409])
def steer(job_id: str, steering: BaseModel) -> Any:
    """Change weights while it paints; heard before the next step.

    The field notices of the answer names what has no effect.
    """
    changes = steering.model_dump(exclude_none=True)
    return accepted(service().jobs.steer(service().me(), job_id, changes))


@routes.get("/<job_id>/events")
@routes.doc(responses=EVENTS)
def events(job_id: str) -> Response:
    """Server-sent events: the job now, every change, its end.

    Reconnect when the stream closes; a client that has seen the end, and says so in
    Last-Event-ID, is told by 204 to stop.
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


def accepted(job: Job) -> tuple[JobView, int, dict[str, str]]:
    here = {"Location": url_for("jobs.get_job", job_id=job.id)}
    return _view(job), HTTPStatus.ACCEPTED, here


@dataclass(frozen=True, slots=True)
class _Form:
    """The form that makes a job."""

    jobs: Jobs
    owner: str
    fields: MultiDict[str, str]
    files: MultiDict[str, FileStorage]

    def read(self) -> JobRequest:
        """Raises InvalidOption, JobNotFound."""
        for name in FILE_FIELDS:
            if name in self.fields:
                raise no_file(name)
        preset = self.fields.get("preset")
        given = {name: value for name, value in self.fields.items() if name not in PICTURE_FIELDS}
        masks = [upload(file) for file in self.files.getlist("style_mask")]
        content, styles = self._content(), self._styles()
        preset = learned_styles.preset_of([style.data for style in styles], preset)
        return JobRequest(
            content=content,
            styles=styles,
            masks=[mask if mask.data else None for mask in masks],
            detail_map=self._detail_map(),
            initial=self._initial(),
            options=StyleTransferOptions.from_preset(preset or DEFAULT_PRESET, **given),
            preset=preset if preset or given else DEFAULT_PRESET,
            given=tuple(given),
            changes=[parse_change(text) for text in self.fields.getlist("steer")],
            stop_after=self._number("stop_after", "a step, a whole number of at least 1"),
            passes=self._number("passes", f"a whole number from 1 to {MAX_PASSES}"),
        )

    def _number(self, name: str, allowed: str) -> int | None:
        """Return a whole number of at least 1. Raises InvalidOption."""
        text = self.fields.get(name)
        if text is None:
            return None
        if not text.isdecimal() or int(text) < 1:
            raise InvalidOption(name, text, allowed)
        return int(text)

    def _content(self) -> Upload:
        if file := self.files.get("content_image"):
            return upload(file)
        if job_id := self.fields.get("content_from"):
            return self.jobs.uploads(self.owner, job_id)[0]
        if name := self.fields.get("sample_content"):
            return sample_upload("content", name)
        raise no_file("content_image")

    def _styles(self) -> Sequence[Upload]:
        if files := self.files.getlist("style_image"):
            return [upload(file) for file in files]
        if job_id := self.fields.get("styles_from"):
            return self.jobs.uploads(self.owner, job_id)[1]
        if style_id := self.fields.get("learned_style"):
            return [Upload(*service().learned_styles.use(self.owner, style_id))]
        if names := self.fields.getlist("sample_style"):
            return [sample_upload("style", name) for name in names]
        raise no_file("style_image")

    def _detail_map(self) -> Upload | None:
        if file := self.files.get("detail_map"):
            return upload(file)
        if job_id := self.fields.get("detail_map_from"):
            return self.jobs.detail_map(self.owner, job_id)
        return None

    def _initial(self) -> Upload | None:
        job_id = self.fields.get("initial_from")
        return self.jobs.result(self.owner, job_id) if job_id else None


def no_file(field: str) -> InvalidOption:
    return InvalidOption(field, "", "a picture as a file of the form")


def sample_upload(kind: SampleKind, name: str) -> Upload:
    file = sample(kind, name)
    return Upload(file.read_bytes(), file.name)


def upload(file: FileStorage) -> Upload:
    return Upload(file.read(), file.filename or "")


def sender(owner: str) -> Sender:
    """Return who sends this request. Raises InvalidOption."""
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
    """Headers that carry the trace of this request, or the one
    it came with, to a worker."""
    names = ("traceparent", "tracestate")
    given = {name: request.headers[name] for name in names if name in request.headers}
    return tracing.headers() or given
