"""Parsing of stored jobs, including those of another version of nst."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from nst.errors import NSTError, UnreadableJob
from nst.jobs.job import CONTENT, Job, JobError, JobStatus
from nst.jobs.order import Order, Picture
from nst.options import StyleTransferOptions

UNREADABLE = JobError(
    code=UnreadableJob.code,
    message="this version of the service cannot read the job; submit it again",
)


def read(values: Mapping[str, Any]) -> Job:
    """Return the job of a row, whose columns are named like the fields of Job.
    Raises UnreadableJob."""
    try:
        return Job.model_validate({name: values[name] for name in Job.model_fields})
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


def _readable_part(values: Mapping[str, Any]) -> Job:
    found = {name: values[name] for name in Job.model_fields}
    found |= {
        "order": _readable_order(values["id"], values["order"]),
        "error": values["error"] or UNREADABLE,
    }
    try:
        return Job.model_validate(found)
    except ValidationError as error:
        unreadable = {detail["loc"][0] for detail in error.errors()}
    readable = {name: value for name, value in found.items() if name not in unreadable}
    return Job.model_validate({"status": JobStatus.FAILED, "error": UNREADABLE} | readable)


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
