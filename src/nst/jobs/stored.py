"""Parsing of stored jobs and learned styles, also of other versions of nst."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from nst.errors import NSTError, UnreadableJob
from nst.jobs.job import CONTENT, Job, JobError, JobStatus
from nst.jobs.learned_styles import StoredStyle
from nst.jobs.order import Order, Picture
from nst.options import StyleTransferOptions

UNREADABLE = JobError(
    code=UnreadableJob.code,
    message="this version of the service cannot read the job; submit it again",
)


def read(values: Mapping[str, Any]) -> Job:
    """Return the job of a row, whose columns are named like the fields of Job.
    A job that waits or runs again has no result; its row keeps the earlier one, which the
    job has again if it ends without another. Raises UnreadableJob."""
    try:
        return Job.model_validate(_fields(values))
    except (ValidationError, NSTError) as error:
        raise UnreadableJob(values["id"], _reason(error)) from error


def show(values: Mapping[str, Any]) -> Job:
    """Return the job of a row for display.
    Fields that cannot be parsed are replaced, so that one row never hides the rest
    of a list; such a job has an error, by default UNREADABLE."""
    try:
        return read(values)
    except UnreadableJob:
        return _readable_part(values)


UNREADABLE_STYLE: Mapping[str, Any] = {
    "name": "unreadable",
    "styles": (),
    "licence": "",
    "size_bytes": 0,
    "sha256": "",
    "created_at": 0.0,
    "used_at": 0.0,
}
"""Values that replace the fields of a learned style that cannot be parsed."""


def show_style(values: Mapping[str, Any]) -> StoredStyle:
    """Return the learned style of a row.
    Fields that cannot be parsed are replaced, so that one row never hides the rest
    of a list, and the style can be deleted."""
    try:
        return StoredStyle.model_validate(values)
    except ValidationError as error:
        unreadable = {str(detail["loc"][0]) for detail in error.errors()}
    replaced = {name: UNREADABLE_STYLE[name] for name in unreadable}
    return StoredStyle.model_validate({**values, **replaced})


def _readable_part(values: Mapping[str, Any]) -> Job:
    found = _fields(values) | {
        "order": _readable_order(values["id"], values["order"]),
        "error": values["error"] or UNREADABLE,
    }
    try:
        return Job.model_validate(found)
    except ValidationError as error:
        unreadable = {detail["loc"][0] for detail in error.errors()}
    readable = {name: value for name, value in found.items() if name not in unreadable}
    return Job.model_validate({"status": JobStatus.FAILED, "error": UNREADABLE} | readable)


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: values[name] for name in Job.model_fields}
    if values["status"] in (JobStatus.QUEUED, JobStatus.RUNNING):
        found["result"] = None
    return found


def _readable_order(job_id: str, order: Any) -> Order:
    """Return the order with its input files but without its options."""
    unread: dict[str, Any] = {"options": {}, "preset": None, "given": (), "learning": None}
    try:
        return Order.model_validate({**order, **unread})
    except (ValidationError, TypeError):
        picture = Picture(
            key=f"{job_id}/{CONTENT}",
            sha256="",
            name="picture",
            content_type="application/octet-stream",
            size=(1, 1),
        )
        return Order(content=picture, styles=(picture,), options=StyleTransferOptions())


def _reason(error: Exception) -> str:
    """Return the cause in one line, without values of the row, which are private."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{detail['loc']}: {detail['msg']}" for detail in error.errors())
