"""Images over HTTP: with ranges and validators, as files, thumbnails or archives."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote

from flask import Response, redirect, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from zipstream import ZipStream

from nst.api.service import service
from nst.jobs.archives import ArchiveFile, archive_name
from nst.jobs.job import Job
from nst.jobs.pictures import WAIT_SECONDS, Offer
from nst.jobs.stored_file import StoredFile
from nst.slots import Slots

THUMB_SIDE_PIXELS = 400
SHARED_SIDE_PIXELS = 2048
LINK_SECONDS = 300.0
YEAR_SECONDS = 365 * 24 * 3600

ARCHIVE, MISSING = "paintings.zip", "not-there.txt"
"""Names of an archive of results, and of its list of jobs without a result."""

uploading = Slots(8, 3, wait_seconds=WAIT_SECONDS, reason="too many pictures are being uploaded")
"""Slots of the requests whose images are in memory.
Images can be large, so only a few requests may hold them at a time; the others wait."""


def is_asked(name: str) -> bool:
    """Return whether the query contains name=1."""
    return request.args.get(name) == "1"


def send(offer: Offer) -> Response:
    """Send an image or a film of a job.

    With ?thumb=1 a small JPEG is sent; with ?download=1 the browser saves the file. Raises
    PictureNotFound, RequestedRangeNotSatisfiable.
    """
    pictures, is_thumb = service().jobs.pictures, is_asked("thumb")
    file = pictures.find(offer, is_thumb=is_thumb)
    how = disposition("attachment" if is_asked("download") else "inline", offer.name)
    if request.if_none_match.contains(file.etag):
        response = Response(status=HTTPStatus.NOT_MODIFIED)
    elif is_thumb:
        data = pictures.small(file, THUMB_SIDE_PIXELS, service().client())
        response = Response(data, content_type="image/jpeg")
    elif link := pictures.link(offer, LINK_SECONDS, how):
        return redirect(link, Response=Response)  # type: ignore[return-value]
    else:
        # The size of a file that is replaced is known only once it has been read. Its ETag may be
        # that of the file before; then the client asks once more.
        response = Response(pictures.read(file.key)) if offer.is_replaced else _ranged(file)
        response.content_type = offer.content_type
        response.headers["Content-Disposition"] = how
    response.set_etag(file.etag)
    response.cache_control.private = True
    response.cache_control.max_age = 0 if offer.changes else YEAR_SECONDS
    response.cache_control.immutable = not offer.changes
    return response


def send_result(job: Job) -> Response:
    """Send the result of a job, in the format that ?format= names, if any.

    Raises PictureNotFound if the job has no result, InvalidOption if the format is unknown.
    """
    pictures, kind = service().jobs.pictures, request.args.get("format")
    return send(pictures.result(job, kind, service().client()))


def send_result_without_recipe(job: Job) -> Response:
    """Send the result to a stranger, in the format that ?format= names, if any.

    Strangers must not learn the names of the client's files. Raises PictureNotFound, InvalidOption.
    """
    pictures, kind = service().jobs.pictures, request.args.get("format")
    return send(pictures.result_for_strangers(job, kind, service().client()))


def send_content_without_metadata(job: Job) -> Response:
    """Send the content image without metadata; for a film, its first frame.

    Strangers must not learn the location of the content image.
    """
    pictures = service().jobs.pictures
    file = pictures.content_for_strangers(job)
    if request.if_none_match.contains(file.etag):
        response = Response(status=HTTPStatus.NOT_MODIFIED)
    else:
        side = THUMB_SIDE_PIXELS if is_asked("thumb") else SHARED_SIDE_PIXELS
        small = pictures.small(file, side, service().client())
        response = Response(small, content_type="image/jpeg")
    response.set_etag(file.etag)
    response.cache_control.private = True
    return response


def archive(job: Job) -> Response:
    """Stream all intermediate images and the result as a ZIP. Raises PictureNotFound."""
    return _zipped(service().jobs.archives.of_job(job), archive_name(job))


def archive_of_results(jobs: Sequence[Job], unknown: Sequence[str]) -> Response:
    """Stream the results of these jobs as a ZIP.

    A text file in the ZIP lists the jobs without a result. `unknown`: ids that no job has.
    """
    files, missing = service().jobs.archives.of_results(jobs)
    return _zipped(files, ARCHIVE, [*missing, *(f"{job_id}: not found" for job_id in unknown)])


def _zipped(files: Sequence[ArchiveFile], name: str, missing: Sequence[str] = ()) -> Response:
    archives, zipped = service().jobs.archives, ZipStream(sized=True)
    for file in files:
        zipped.add(archives.read(file), file.name, size=file.size_bytes)
    if missing:
        zipped.add("".join(f"{line}\n" for line in missing), MISSING)
    response = Response(iter(zipped), content_type="application/zip")
    response.content_length = len(zipped)
    response.headers["Content-Disposition"] = disposition("attachment", name)
    return response


def _ranged(file: StoredFile) -> Response:
    asked = _asked_range(file)
    start, stop = asked or (0, file.size_bytes)
    response = Response(service().jobs.pictures.stream(file.key, start, stop))
    response.content_length = stop - start
    response.accept_ranges = "bytes"
    if asked:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response.content_range.set(start, stop, file.size_bytes)
    return response


def disposition(kind: str, name: str) -> str:
    """Return the Content-Disposition of a file. `kind`: inline or attachment."""
    plain = re.sub(r"[^\x20-\x7e]", "_", name)  # for programs that ignore filename*
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"


def _asked_range(file: StoredFile) -> tuple[int, int] | None:
    """Return start and stop of the requested range; None for the whole file."""
    asked = request.range
    is_for_another = "If-Range" in request.headers and request.if_range.etag != file.etag
    if asked is None or is_for_another or asked.units != "bytes" or len(asked.ranges) > 1:
        return None
    found = asked.range_for_length(file.size_bytes)
    if found is None:
        raise RequestedRangeNotSatisfiable(file.size_bytes)
    return found
