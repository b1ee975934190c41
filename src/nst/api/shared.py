"""Links by which anybody may see a result.

They are created and revoked below /api/v1/jobs/<id>/shares, and followed below /api/v1/shared.
"""

import secrets
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self

from apiflask import APIBlueprint
from flask import Response, request, url_for
from pydantic import BaseModel, Field
from werkzeug.exceptions import NotFound

from nst.api import pictures
from nst.api.job_views import ResultView
from nst.api.service import sends, service
from nst.api.views import View, as_time
from nst.jobs.job import Share

routes = APIBlueprint("shared", __name__, tag="shared", url_prefix="/api/v1")


class ShareView(View):
    id: str
    url: str | None
    """URL of the link, only in the response that creates it: the token is not kept."""
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
    """A shared job, as far as anybody with the link may see it."""

    created_at: datetime
    result: ResultView
    links: SharedLinksView


class NewShare(BaseModel):
    """Validity of a new link."""

    days: float = Field(7, gt=0, le=365)


@routes.post("/jobs/<job_id>/shares")
@routes.input(NewShare, arg_name="new")
@routes.output(ShareView, status_code=201)
@routes.doc(responses=[404, 409, 413])
def share(job_id: str, new: NewShare) -> Any:
    """Create a link by which anybody may see the result."""
    token = secrets.token_urlsafe(24)
    made = service().jobs.share(service().me(), job_id, token, new.days)
    return ShareView.of(made, url=f"{request.script_root}/shared/{token}"), HTTPStatus.CREATED


@routes.get("/jobs/<job_id>/shares")
@routes.output(SharesView)
@routes.doc(responses=[404])
def list_shares(job_id: str) -> SharesView:
    """List the links that are valid now."""
    found = service().jobs.shares(service().me(), job_id)
    return SharesView(shares=[ShareView.of(made) for made in found])


@routes.delete("/jobs/<job_id>/shares/<share_id>")
@routes.output({}, status_code=204)
@routes.doc(responses=[404])
def unshare(job_id: str, share_id: str) -> tuple[str, int]:
    """Revoke a link."""
    service().jobs.unshare(service().me(), job_id, share_id)
    return "", HTTPStatus.NO_CONTENT


@routes.get("/shared/<token>")
@routes.output(SharedView)
@routes.doc(responses=[404])
def get_shared(token: str) -> SharedView:
    """Return the job that a link shares."""
    job = service().jobs.shared(token)
    if job.result is None:
        raise NotFound("the picture behind this link is being painted again")
    return SharedView(
        created_at=as_time(job.created_at),
        result=ResultView.of(job.result),
        links=SharedLinksView(
            result=url_for("shared.result", token=token),
            content=url_for("shared.content", token=token),
        ),
    )


@routes.get("/shared/<token>/result")
@routes.doc(
    responses=sends("image/*, video/mp4", "The stylized image without recipe, or the film.")
)
def result(token: str) -> Response:
    """Return the image or film that a link shares."""
    return pictures.send_result_without_recipe(service().jobs.shared(token))


@routes.get("/shared/<token>/content")
@routes.doc(responses=sends("image/jpeg", "Without metadata."))
def content(token: str) -> Response:
    """Return the content image of a shared result; for a film, its first frame."""
    return pictures.send_content_without_metadata(service().jobs.shared(token))
