"""Errors as RFC 9457 problem JSON; one table has the status of each error class."""

import logging
import tempfile
import uuid
from http import HTTPStatus
from pathlib import Path
from typing import Any

from apiflask import APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, g, json, request
from werkzeug.exceptions import HTTPException

from nst.errors import (
    DependencyError,
    ImageRole,
    ImageTooLarge,
    InvalidCheckpoint,
    InvalidImage,
    InvalidOption,
    InvalidStyleFile,
    JobConflict,
    JobNotFound,
    LeaseLost,
    NotAllowed,
    NSTError,
    PictureNotFound,
    QueueFull,
    ServerBusy,
    StorageFull,
    StyleNotFound,
    TooManyRequests,
    TooManyShares,
    TooManyStyles,
    TransferCanceled,
    TransferError,
    UnsupportedImage,
    VideoUnavailable,
)
from nst.files import NO_SPACE

STATUS: dict[type[NSTError], HTTPStatus] = {
    InvalidOption: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidImage: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnsupportedImage: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ImageTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    InvalidCheckpoint: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidStyleFile: HTTPStatus.UNPROCESSABLE_ENTITY,
    JobNotFound: HTTPStatus.NOT_FOUND,
    StyleNotFound: HTTPStatus.NOT_FOUND,
    PictureNotFound: HTTPStatus.NOT_FOUND,
    JobConflict: HTTPStatus.CONFLICT,
    TooManyStyles: HTTPStatus.CONFLICT,
    TooManyShares: HTTPStatus.CONFLICT,
    NotAllowed: HTTPStatus.FORBIDDEN,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    QueueFull: HTTPStatus.SERVICE_UNAVAILABLE,
    ServerBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    LeaseLost: HTTPStatus.CONFLICT,
    TransferError: HTTPStatus.INTERNAL_SERVER_ERROR,
    TransferCanceled: HTTPStatus.CONFLICT,
    DependencyError: HTTPStatus.SERVICE_UNAVAILABLE,
    StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
    VideoUnavailable: HTTPStatus.UNPROCESSABLE_ENTITY,
    NSTError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

HTTP_CODES = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ImageTooLarge.code,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidOption.code,
    HTTPStatus.INTERNAL_SERVER_ERROR: "internal_error",
}
"""Codes of errors that the framework raises; other statuses have bad_request."""

HTTP_DETAILS = {
    HTTPStatus.BAD_REQUEST: "the request body cannot be read; expected JSON or a form",
    HTTPStatus.NOT_FOUND: "this address does not exist; /api/docs lists those of the API",
    HTTPStatus.METHOD_NOT_ALLOWED: "this address does not support this method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "this is more than the server takes in one request; "
    "/api/v1/options says how much that is",
}
"""Details of errors, in place of the framework's own sentences."""

FIELDS: dict[ImageRole, str] = {
    "content": "content_image",
    "style": "style_image",
    "mask": "style_mask",
    "detail map": "detail_map",
    "photo": "photo",
    "initial": "image",
}
"""Field of the form by the role of the image that it holds."""

RETRY_SECONDS = 10
"""Seconds after which a client may retry when a dependency has failed."""

logger = logging.getLogger(__name__)


def status_of(error: type[NSTError]) -> HTTPStatus:
    """Return the status of an error class, or of its nearest base class in STATUS."""
    return next(STATUS[cls] for cls in error.mro() if cls in STATUS)


def register(app: APIFlask) -> None:
    """Register handlers that turn every error of this app into a problem."""
    app.before_request(_name_request)
    app.after_request(_tell_name)
    app.error_processor(_http_error)  # first: it registers handlers of its own
    app.register_error_handler(NSTError, _nst_error)
    app.register_error_handler(FileNotFoundError, _no_file)
    app.register_error_handler(OSError, _os_error)
    app.register_error_handler(BlockingIOError, _silent)
    app.register_error_handler(HTTPException, _http_exception)
    app.register_error_handler(Exception, _unexpected)


def problem(status: HTTPStatus, code: str, detail: str, **facts: Any) -> Response:
    """Return a problem as a response."""
    body = {
        "type": f"urn:nst:problem:{code}",
        "title": status.phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": g.get("request_id"),
        **facts,
    }
    response = Response(json.dumps(body), status, content_type="application/problem+json")
    if "retry_after_seconds" in facts:
        response.headers["Retry-After"] = str(facts["retry_after_seconds"])
    return response


def _name_request() -> None:
    given = request.headers.get("X-Request-ID", "")
    is_fine = given.isascii() and given.isalnum() and len(given) <= 64
    g.request_id = given if is_fine else uuid.uuid4().hex


def _tell_name(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.get("request_id", "")
    return response


def _nst_error(error: NSTError) -> Response:
    status, detail, facts = status_of(type(error)), str(error), dict[str, Any]()
    match error:
        case InvalidOption(field=field):
            facts["field"] = field
        case InvalidImage(role=role, reason=reason):
            facts["field"] = FIELDS[role]
            detail = reason
        case TooManyRequests(retry_after_seconds=seconds):
            facts["retry_after_seconds"] = seconds
        case VideoUnavailable():  # waiting does not help
            facts["field"] = "format"
            detail = "this server writes no MP4 files; leave out format=mp4 to get a WebP"
        case DependencyError():
            logger.error("%s", error, extra={"code": error.code, "request": g.get("request_id")})
            detail = (
                "the server has no space left for pictures; try again later"
                if isinstance(error, StorageFull)
                else "a part of this service does not answer; nothing is lost, try again soon"
            )
            facts["retry_after_seconds"] = RETRY_SECONDS
    return problem(status, error.code, detail, **facts)


def _no_file(_: FileNotFoundError) -> Response:
    """Respond that the storage does not have the file, or no longer has it."""
    status = HTTPStatus.NOT_FOUND
    return problem(status, HTTP_CODES[status], "this picture does not exist, or no longer")


def _os_error(error: OSError) -> Response:
    """Respond to an OSError; a full disk is reported as StorageFull.

    A request that is too large for the memory is kept on the disk while it is read.
    """
    if error.errno in NO_SPACE:
        return _nst_error(StorageFull(Path(tempfile.gettempdir()), str(error)))
    return _unexpected(error)


def _silent(_: BlockingIOError) -> Response:
    """Respond to a request whose rest has not arrived."""
    status = HTTPStatus.REQUEST_TIMEOUT
    return problem(status, "bad_request", "the request was incomplete; send it again")


def _http_exception(error: HTTPException) -> Response | HTTPException:
    if error.response is not None:  # a redirect
        return error
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    is_theirs = error.description == type(error).description
    detail = HTTP_DETAILS.get(status) if is_theirs else None
    response = problem(
        status, HTTP_CODES.get(status, "bad_request"), detail or error.description or status.phrase
    )
    for name, value in error.get_headers():
        if name in ("Allow", "Content-Range"):
            response.headers[name] = value
    return response


def _http_error(error: HTTPError) -> Response:
    """Respond to an error of the framework's validation: the first field, and why."""
    status = HTTPStatus(error.status_code)
    facts, detail = dict[str, Any](), error.message or status.phrase
    for fields in (error.detail or {}).values() if isinstance(error.detail, dict) else ():
        field, reasons = next(iter(fields.items()))
        facts["field"], detail = field, f"{field}: {' '.join(map(str, reasons))}"
        break
    return problem(status, HTTP_CODES.get(status, "bad_request"), detail, **facts)


def _unexpected(error: Exception) -> Response:
    logger.error("request failed", exc_info=error, extra={"request": g.get("request_id")})
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "internal error; if it happens again, send the operator the request id",
    )
