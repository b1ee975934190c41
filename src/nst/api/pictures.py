"""Pictures over HTTP: from the storage, with ranges and validators, whole or as thumbnails."""

import io
import re
import threading
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from flask import Response, redirect, request
from PIL import Image
from werkzeug.exceptions import NotFound, RequestedRangeNotSatisfiable
from zipstream import ZipStream

from nst import images
from nst.jobs.job import CONTENT, FRAMES, Job
from nst.jobs.ports import ImageStorage, StoredFile
from nst.jobs.submit import clean_name
from nst.video import Timelapse

THUMB_SIDE_PIXELS = 400
FILM_SIDE_PIXELS = 768
SHARED_SIDE_PIXELS = 2048
SMALL_QUALITY = 85
LINK_SECONDS = 300.0
YEAR_SECONDS = 365 * 24 * 3600

TIMELAPSE = "timelapse.webp"

decoding = threading.BoundedSemaphore(4)
"""To be held while a picture is decoded, and for nothing else: decoded pictures are large, so only
a few requests decode at a time, and the others wait."""

uploading = threading.BoundedSemaphore(8)
"""To be held while the files of a request are in memory, until they are stored."""


def is_asked(name: str) -> bool:
    """Whether ?name=1 stands behind the address."""
    return request.args.get(name) == "1"


def send(
    storage: ImageStorage,
    key: str,
    content_type: str,
    name: str,
    *,
    changes: bool = False,
    large_by_link: bool = False,
) -> Response:
    """A stored picture, or with ?thumb=1 a small JPEG of it; with ?download=1 to be saved.

    `changes`: whether the same address may show another picture later, as after another try.
    `large_by_link`: let the client get it from the storage itself where that is possible.
    Raises NotFound, RequestedRangeNotSatisfiable.
    """
    file = storage.stat(key)
    if file is None:
        raise NotFound("there is no such picture (yet)")
    if request.if_none_match.contains(file.etag):
        response = Response(status=HTTPStatus.NOT_MODIFIED)
    elif is_asked("thumb"):
        response = Response(_small(storage.get(key), THUMB_SIDE_PIXELS), content_type="image/jpeg")
    elif large_by_link and (link := storage.link(key, LINK_SECONDS)):
        return redirect(link, Response=Response)  # type: ignore[return-value]
    else:
        response = _ranged(storage, file)
        response.content_type = content_type
        kind = "attachment" if is_asked("download") else "inline"
        response.headers["Content-Disposition"] = _disposition(kind, name)
    response.set_etag(file.etag)
    response.cache_control.private = True
    response.cache_control.max_age = 0 if changes else YEAR_SECONDS
    response.cache_control.immutable = not changes
    return response


def send_result(storage: ImageStorage, job: Job) -> Response:
    """Raises NotFound if there is none."""
    if job.result is None:
        raise NotFound(f"there is no picture: the job is {job.status}")
    return send(
        storage,
        job.result.key,
        job.result.content_type,
        file_name(job),
        changes=True,
        large_by_link=True,
    )


def send_content(storage: ImageStorage, job: Job) -> Response:
    """The picture that went in, as it was uploaded."""
    picture = job.order.content
    return send(storage, picture.key, picture.content_type, picture.name)


def send_content_without_metadata(storage: ImageStorage, job: Job) -> Response:
    """The picture that went in, for others: they need not know where it was taken."""
    file = storage.stat(job.order.content.key)
    if file is None:
        raise NotFound("there is no such picture any more")
    if request.if_none_match.contains(file.etag):
        response = Response(status=HTTPStatus.NOT_MODIFIED)
    else:
        side = THUMB_SIDE_PIXELS if is_asked("thumb") else SHARED_SIDE_PIXELS
        response = Response(_small(storage.get(file.key), side), content_type="image/jpeg")
    response.set_etag(file.etag)
    response.cache_control.private = True
    return response


def archive(storage: ImageStorage, job: Job) -> Response:
    """All frames and the result as a ZIP, which is made while it is sent. Raises NotFound."""
    frames = storage.list(f"{job.id}/{FRAMES}")
    files = [(file, f"{FRAMES}{step_of(file):06d}.jpg") for file in frames]
    if job.result and (result := storage.stat(job.result.key)):
        files.append((result, file_name(job)))
    if not files:
        raise NotFound("nothing has been painted yet")
    zipped = ZipStream(sized=True)
    for file, name in files:
        zipped.add(storage.stream(file.key), name, size=file.size_bytes)
    response = Response(iter(zipped), content_type="application/zip")
    response.content_length = len(zipped)
    name = file_name(job).removesuffix(".png") + ".zip"
    response.headers["Content-Disposition"] = _disposition("attachment", name)
    return response


def timelapse(storage: ImageStorage, job: Job) -> Response:
    """A film of the frames; made when it is first asked for. Raises NotFound."""
    key = f"{job.id}/{job.attempt}-{TIMELAPSE}"
    if job.result is None:
        raise NotFound("the film is made when the picture is finished")
    with decoding:
        if storage.stat(key) is None:
            storage.put(key, _film(storage, job))
    name = file_name(job).removesuffix(".png") + ".webp"
    return send(storage, key, "image/webp", name, changes=True)


def file_name(job: Job) -> str:
    """For a person's download folder: cat-in-impasto.png."""
    return clean_name(job.order.title.replace(" ", "-"), "picture") + ".png"


def _film(storage: ImageStorage, job: Job) -> bytes:
    assert job.result is not None
    frames = storage.list(f"{job.id}/{FRAMES}")
    first = _film_frame(storage, f"{job.id}/{CONTENT}", job.result.size)
    last = _film_frame(storage, job.result.key, job.result.size)
    with Timelapse(first) as film, TemporaryDirectory(prefix="nst-") as directory:
        for step, frame in enumerate(frames, start=1):
            film.add(step, lambda key=frame.key: _film_frame(storage, key, last.size))  # type: ignore[misc]
        return film.save(Path(directory, TIMELAPSE), last).read_bytes()


def _film_frame(storage: ImageStorage, key: str, size: tuple[int, int]) -> Image.Image:
    picture = images.flatten(images.load(storage.get(key), "content"))
    if max(size) > FILM_SIDE_PIXELS:
        size = images.fit(size, FILM_SIDE_PIXELS)
    return images.resize(picture, size)


def step_of(frame: StoredFile) -> int:
    """After which a frame was kept."""
    return int(Path(frame.key).stem)


def thumb(data: bytes) -> bytes:
    """A small JPEG of a picture."""
    return _small(data, THUMB_SIDE_PIXELS)


def _small(data: bytes, side_pixels: int) -> bytes:
    with decoding, Image.open(io.BytesIO(data)) as opened:
        opened.draft("RGB", (2 * side_pixels, 2 * side_pixels))  # far faster for JPEG
        picture = images.flatten(images.load(opened, "content"))
    if max(picture.size) > side_pixels:
        picture = images.resize(picture, images.fit(picture.size, side_pixels))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=SMALL_QUALITY)
    return file.getvalue()


def _ranged(storage: ImageStorage, file: StoredFile) -> Response:
    asked = _asked_range(file)
    start, stop = asked or (0, file.size_bytes)
    pieces = storage.stream(file.key, start, stop) if stop > start else iter(())
    response = Response(pieces)
    response.content_length = stop - start
    response.accept_ranges = "bytes"
    if asked:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response.content_range.set(start, stop, file.size_bytes)
    return response


def _disposition(kind: str, name: str) -> str:
    plain = re.sub(r"[^\x20-\x7e]", "_", name)  # for programs that know no other names
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"


def _asked_range(file: StoredFile) -> tuple[int, int] | None:
    """From, and to before; None: all of it."""
    asked = request.range
    is_for_another = "If-Range" in request.headers and request.if_range.etag != file.etag
    if asked is None or is_for_another or asked.units != "bytes" or len(asked.ranges) > 1:
        return None
    found = asked.range_for_length(file.size_bytes)
    if found is None:
        raise RequestedRangeNotSatisfiable(file.size_bytes)
    return found
