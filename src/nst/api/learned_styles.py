"""/api/v1/learned-styles: files of `nst learn` that a client keeps."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self

from apiflask import APIBlueprint
from flask import Response, request, url_for
from pydantic import BaseModel, ConfigDict, Field

from nst.api import pictures
from nst.api.service import sends, service
from nst.api.views import View, as_time
from nst.errors import InvalidOption
from nst.jobs.learned_styles import MAX_NAME_CHARACTERS, LearnedStyles, StoredStyle
from nst.jobs.order import LEARNED_TYPE

routes = APIBlueprint(
    "learned_styles", __name__, tag="learned styles", url_prefix="/api/v1/learned-styles"
)


class LearnedStyleLinksView(View):
    """URLs of everything that belongs to a learned style."""

    self: str
    file: str
    onnx: str


class LearnedStyleView(View):
    """A learned style, as its owner sees it."""

    id: str
    name: str
    styles: list[str]
    """Names of the styles in the file, which can be blended."""
    licence: str
    """Terms of use that the file states; empty if it states none."""
    size_bytes: int
    sha256: str
    created_at: datetime
    used_at: datetime
    """Time of the upload, or of the last use by a job."""
    links: LearnedStyleLinksView

    @classmethod
    def of(cls, style: StoredStyle) -> Self:
        def link(endpoint: str) -> str:
            return url_for(f"learned_styles.{endpoint}", style_id=style.id)

        return cls(
            id=style.id,
            name=style.name,
            styles=list(style.styles),
            licence=style.licence,
            size_bytes=style.size_bytes,
            sha256=style.sha256,
            created_at=as_time(style.created_at),
            used_at=as_time(style.used_at),
            links=LearnedStyleLinksView(
                self=link("get_style"), file=link("get_file"), onnx=link("get_onnx")
            ),
        )


class LearnedStylesView(View):
    learned_styles: list[LearnedStyleView]


class NewName(BaseModel):
    """New name of a learned style."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=MAX_NAME_CHARACTERS)


@routes.post("")
@routes.output(LearnedStyleView, status_code=201)
@routes.doc(responses=[409, 413, 422, 429, 503])
def add_style() -> Any:
    """Keep a learned style: the file of `nst learn`.

    The format, version, shapes, SHA-256 and numbers of the file are checked.
    """
    if "file" not in request.files:
        raise InvalidOption("file", "", "a file of nst learn as a file of the form")
    me = service().me()
    with pictures.uploading.one(service().client()):
        file = request.files["file"]
        name = request.form.get("name") or file.filename or ""
        style = _styles().add(
            me,
            file.read(),
            name,
            client=service().client(),
            counted_as=service().client_in_store(),
        )
    view = LearnedStyleView.of(style)
    return view, HTTPStatus.CREATED, {"Location": view.links.self}


@routes.get("")
@routes.output(LearnedStylesView)
def list_styles() -> LearnedStylesView:
    """List my learned styles, newest first."""
    found = _styles().list(service().me())
    return LearnedStylesView(learned_styles=[LearnedStyleView.of(style) for style in found])


@routes.get("/<style_id>")
@routes.output(LearnedStyleView)
@routes.doc(responses=[404])
def get_style(style_id: str) -> LearnedStyleView:
    """Return one learned style."""
    return LearnedStyleView.of(_styles().get(service().me(), style_id))


@routes.patch("/<style_id>")
@routes.input(NewName, arg_name="new")
@routes.output(LearnedStyleView)
@routes.doc(responses=[404, 413])
def rename_style(style_id: str, new: NewName) -> LearnedStyleView:
    """Rename a learned style."""
    return LearnedStyleView.of(_styles().rename(service().me(), style_id, new.name))


@routes.delete("/<style_id>")
@routes.output({}, status_code=204)
@routes.doc(responses=[404])
def delete_style(style_id: str) -> tuple[str, int]:
    """Delete a learned style. Jobs that use it have a copy and continue."""
    _styles().delete(service().me(), style_id)
    return "", HTTPStatus.NO_CONTENT


@routes.get("/<style_id>/file")
@routes.doc(responses=sends(LEARNED_TYPE, "The file, as it was uploaded.", 304, 404))
def get_file(style_id: str) -> Response:
    """Return the file of a learned style."""
    return _download(style_id, _styles().data, LEARNED_TYPE)


@routes.get("/<style_id>/onnx")
@routes.doc(responses=sends("application/octet-stream", "The graph.", 304, 404))
def get_onnx(style_id: str) -> Response:
    """Return the network of a learned style as an ONNX graph, for other programs."""
    return _download(style_id, _styles().graph, "application/octet-stream")


def _styles() -> LearnedStyles:
    return service().learned_styles


def _download(
    style_id: str, make: Callable[[str, str], tuple[bytes, str]], content_type: str
) -> Response:
    """Send a file made from a style, with its file name; 304 if the client has it."""
    etag = _styles().get(service().me(), style_id).sha256
    if request.if_none_match.contains(etag):
        response = Response(status=HTTPStatus.NOT_MODIFIED)
    else:
        data, name = make(service().me(), style_id)
        disposition = {"Content-Disposition": pictures.disposition("attachment", name)}
        response = Response(data, content_type=content_type, headers=disposition)
    response.set_etag(etag)
    response.cache_control.private = True
    response.cache_control.max_age = 0
    return response
