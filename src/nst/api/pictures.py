"""Images over HTTP: from the storage, with ranges and
validators, as files or thumbnails."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from flask import Response, redirect, request
from werkzeug.exceptions import NotFound, RequestedRangeNotSatisfiable
from zipstream import ZipStream

from nst.api.service import service
from nst.errors import InvalidImage, InvalidOption, ServerBusy, StorageError
from nst.files import numbered
from nst.jobs.job import CONTENT, FRAMES, PREVIEW, Job
from nst.jobs.ports import ImageStorage, StoredFile
from nst.jobs.submit import clean_name
from nst.learned_file import SUFFIX
from nst.slots import Slots
from nst.video.timelapse import check_output

THUMB_SIDE_PIXELS = 400
SHARED_SIDE_PIXELS = 2048
LINK_SECONDS = 300.0
YEAR_SECONDS = 365 * 24 * 3600

ARCHIVE, MISSING = "paintings.zip", "not-there.txt"
"""Names of the archive of several results, and of the list of jobs without one."""
FILM_TYPES = {"webp": "image/webp", "mp4": "video/mp4"}
"""Media types of a time-lapse by the format that is asked for."""

SMALL = "small/"
"""Directory of thumbnails within that of a job."""

CONVERTED = "converted/"
"""Directory of results in other formats within that of a job."""

SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
"""File name extensions of the formats in which a result can be downloaded."""

WAIT_SECONDS = 10.0
"""Maximum wait for another request that creates the same
thumbnail or film, in seconds."""

uploading = Slots(8, 3, wait_seconds=WAIT_SECONDS, reason="too many pictures are being uploaded")
"""To be held while pictures of a request are in memory: they can be large, so
only a few requests may at a time, and the others wait for a while."""

_making = tuple(threading.Lock() for _ in range(64))
"""Locks by hash of the key, so that concurrent requests create a thumbnail or film once."""


def is_asked(name: str) -> bool:
    """Return whether the query contains name=1."""
    return request.args.get(name) == "1"


def send(
    storage: ImageStorage,
    key: str,
    content_type: str,
    name: str,
    *,
    changes: bool = False,
    large_by_link: bool = False,
    first_frame: str | None = None,
) -> Response:
    """A stored picture, or with ?thumb=1 a small JPEG of it;
    with ?download=1 to be saved.

    `first_frame`: key of the picture that stands for a film.

    `changes`: whether the same address may show another picture later, as after another try.
    `large_by_link`: let the client get it from the storage itself where that is possible.
    Raises NotFound, RequestedRangeNotSatisfiable.
    """
    file = storage.stat(first_frame if first_frame and is_asked("thumb") else key)
    if file is None:
        raise NotFound("there is no such picture (yet)")
    how = disposition("attachment" if is_asked("download") else "inline", name)
    if request.if_none_match.contains(file.etag):
        response = Response(status=HTTPStatus.NOT_MODIFIED)
    elif is_asked("thumb"):
        data = _small(storage, file, THUMB_SIDE_PIXELS, keep=not key.endswith(PREVIEW))
        response = Response(data, content_type="image/jpeg")
    elif large_by_link and (link := storage.link(key, LINK_SECONDS, how)):
        return redirect(link, Response=Response)  # type: ignore[return-value]
    else:
        response = _ranged(storage, file)
        response.content_type = content_type
        response.headers["Content-Disposition"] = how
    response.set_etag(file.etag)
    response.cache_control.private = True
    response.cache_control.max_age = 0 if changes else YEAR_SECONDS
    response.cache_control.immutable = not changes
    return response


def send_result(storage: ImageStorage, job: Job) -> Response:
    """Send the result of a job, with ?format=jpeg or webp in that format.
    Raises NotFound if there is none, InvalidOption if the format is unknown."""
    if job.result is None:
        raise NotFound(f"there is no picture: the job is {job.status}")
    kind = request.args.get("format", "png")
    if not job.order.is_picture and "format" in request.args:
        allowed = "none for a film or a learned style, which is one file"
        raise InvalidOption("format", kind, allowed)
    if kind not in SUFFIXES:
        raise InvalidOption("format", kind, f"one of {', '.join(SUFFIXES)}")
    if kind != "png":
        name = file_name(job).removesuffix(".png") + SUFFIXES[kind]
        key = _converted(storage, job.result.key, kind)
        return send(storage, key, f"image/{kind}", name, changes=True)
    return send(
        storage,
        job.result.key,
        job.result.content_type,
        file_name(job),
        changes=True,
        large_by_link=True,
        first_frame=job.result.first_frame,
    )


def _converted(storage: ImageStorage, key: str, kind: str) -> str:
    """Return the key of a result in another format, converted on the first request."""
    job_id, _, name = key.partition("/")
    target = f"{job_id}/{CONVERTED}{name}.{kind}"
    with _alone(target):
        if storage.stat(target) is None:
            data, client = storage.get(key), service().client()
            storage.put(target, service().decoder.convert(data, kind.upper(), client=client))
    return target


def send_content(storage: ImageStorage, job: Job) -> Response:
    """Send the content image as it was uploaded."""
    picture, film = job.order.content, job.order.film
    first_frame = film.first_frame if film else None
    return send(storage, picture.key, picture.content_type, picture.name, first_frame=first_frame)


def send_frame(storage: ImageStorage, job: Job, step: int) -> Response:
    """Send an intermediate picture, or a painted frame of a film while it is painted."""
    suffix, kind = ("png", "image/png") if job.order.film else ("jpg", "image/jpeg")
    name = f"{step:06d}.{suffix}"
    return send(storage, f"{job.id}/{FRAMES}{name}", kind, name, changes=True)


def send_content_without_metadata(storage: ImageStorage, job: Job) -> Response:
    """Send the content image without metadata, because strangers must not learn its
    location; of a film the first frame."""
    film = job.order.film
    file = storage.stat(film.first_frame if film else job.order.content.key)
    if file is None:
        raise NotFound("there is no such picture any more")
    if request.if_none_match.contains(file.etag):
        response = Response(status=HTTPStatus.NOT_MODIFIED)
    else:
        side = THUMB_SIDE_PIXELS if is_asked("thumb") else SHARED_SIDE_PIXELS
        response = Response(_small(storage, file, side), content_type="image/jpeg")
    response.set_etag(file.etag)
    response.cache_control.private = True
    return response


def archive(storage: ImageStorage, job: Job) -> Response:
    """Stream all frames and the result as a ZIP. Raises NotFound."""
    frames = storage.list(f"{job.id}/{FRAMES}")
    files = [(file, FRAMES + Path(file.key).name) for file in frames]
    if job.result and (result := storage.stat(job.result.key)):
        files.append((result, file_name(job)))
    if not files:
        raise NotFound("nothing has been painted yet")
    return _zipped(storage, files, Path(file_name(job)).stem + ".zip")


def archive_of_results(storage: ImageStorage, jobs: Sequence[Job]) -> Response:
    """Stream the results of these jobs as a ZIP.
    A text file in it lists the jobs without one."""
    files, missing, taken = list[tuple[StoredFile, str]](), list[str](), set[str]()
    for job in jobs:
        if job.result and (result := storage.stat(job.result.key)):
            names = (path.name for path in numbered(Path(file_name(job))))
            name = next(each for each in names if each not in taken)
            taken.add(name)
            files.append((result, name))
        else:
            missing.append(f"{job.order.title}: {job.status}")
    return _zipped(storage, files, ARCHIVE, missing)


def _zipped(
    storage: ImageStorage,
    files: Sequence[tuple[StoredFile, str]],
    name: str,
    missing: Sequence[str] = (),
) -> Response:
    zipped = ZipStream(sized=True)
    for file, file_name in files:
        zipped.add(_pieces(storage, file), file_name, size=file.size_bytes)
    if missing:
        zipped.add("".join(f"{line}\n" for line in missing), MISSING)
    response = Response(iter(zipped), content_type="application/zip")
    response.content_length = len(zipped)
    response.headers["Content-Disposition"] = disposition("attachment", name)
    return response


def _pieces(storage: ImageStorage, file: StoredFile) -> Iterator[bytes]:
    """Yield the content of a file, opened at the first piece: an archive has hundreds of files."""
    yield from storage.stream(file.key)


def timelapse(storage: ImageStorage, job: Job) -> Response:
    """Send a film of the frames, with ?format=mp4 as an MP4 file.
    It is created on the first request. Raises NotFound, InvalidOption, VideoUnavailable."""
    kind = request.args.get("format", "webp")
    if kind not in FILM_TYPES:
        raise InvalidOption("format", kind, f"one of {', '.join(FILM_TYPES)}")
    key = f"{job.id}/{job.attempt}-timelapse.{kind}"
    if not job.order.is_picture:
        raise NotFound("the result is no picture; a time-lapse shows how a picture is painted")
    if job.result is None:
        raise NotFound("the film is made when the picture is finished")
    with _alone(key):
        if storage.stat(key) is None:
            _make_film(storage, job, key)
    name = f"{Path(file_name(job)).stem}.{kind}"
    return send(storage, key, FILM_TYPES[kind], name, changes=True)


def before_after(storage: ImageStorage, job: Job) -> Response:
    """Send the content image and the result side by side as a JPEG.
    It is created on the first request. Raises NotFound."""
    if not job.order.is_picture:
        raise NotFound("the result is no picture, before and after show a painted photo")
    if job.result is None:
        raise NotFound(f"there is no picture: the job is {job.status}")
    key = f"{job.id}/{job.attempt}-before-after.jpg"
    with _alone(key):
        if storage.stat(key) is None:
            before, after = (storage.get(each) for each in (job.order.content.key, job.result.key))
            both = service().decoder.beside(before, after, client=service().client())
            storage.put(key, both)
    name = f"{Path(file_name(job)).stem}-before-after.jpg"
    return send(storage, key, "image/jpeg", name, changes=True)


def file_name(job: Job) -> str:
    """Return the name of a downloaded result, such as cat-in-impasto.png."""
    suffix = ".mp4" if job.order.film else ".png"
    if job.order.learning:
        return clean_name(job.order.learning.title, "style") + SUFFIX
    return clean_name(job.order.title.replace(" ", "-"), "picture") + suffix


def _make_film(storage: ImageStorage, job: Job, key: str) -> None:
    assert job.result is not None
    frames = storage.list(f"{job.id}/{FRAMES}")
    with TemporaryDirectory(prefix="nst-") as directory:

        def fetched(key: str) -> Path:
            file = Path(directory, key.replace("/", "-"))
            storage.fetch(key, file)
            return file

        film = Path(directory, Path(key).name)
        check_output(film, "format")
        content, result = fetched(f"{job.id}/{CONTENT}"), fetched(job.result.key)
        steps = [fetched(frame.key) for frame in frames]
        service().decoder.film(content, steps, result, film, client=service().client())
        storage.put(key, film)


def step_of(frame: StoredFile) -> int:
    """Return the step at which a frame was kept."""
    return int(Path(frame.key).stem)


def _small(
    storage: ImageStorage, file: StoredFile, side_pixels: int, *, keep: bool = True
) -> bytes:
    """A small JPEG of a stored picture; `keep` it beside the picture for those who ask later."""
    if not keep:
        return _make_small(storage, file, side_pixels)
    job_id, _, name = file.key.partition("/")
    version = sha256(file.etag.encode()).hexdigest()[:16]
    key = f"{job_id}/{SMALL}{side_pixels}-{name.replace('/', '-')}-{version}.jpg"
    with _alone(key):
        with suppress(FileNotFoundError):
            return storage.get(key)
        data = _make_small(storage, file, side_pixels)
        with suppress(StorageError):  # it is shown all the same
            storage.put(key, data)
        return data


def _make_small(storage: ImageStorage, file: StoredFile, side_pixels: int) -> bytes:
    try:
        data = storage.get(file.key)
        return service().decoder.small(data, side_pixels, client=service().client())
    except InvalidImage as error:
        raise NotFound(f"there is no small version of this picture: {error.reason}") from error


@contextmanager
def _alone(key: str) -> Iterator[None]:
    """Hold the lock of a key. Raises ServerBusy."""
    lock = _making[hash(key) % len(_making)]
    if not lock.acquire(timeout=WAIT_SECONDS):
        raise ServerBusy("too many pictures are being made small", 10)
    try:
        yield
    finally:
        lock.release()


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


def disposition(kind: str, name: str) -> str:
    """Return the Content-Disposition of a file.
    `kind`: inline or attachment."""
    plain = re.sub(r"[^\x20-\x7e]", "_", name)  # for programs that know no other names
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"


def _asked_range(file: StoredFile) -> tuple[int, int] | None:
    """Return the requested range, start and stop; None for the whole file."""
    asked = request.range
    is_for_another = "If-Range" in request.headers and request.if_range.etag != file.etag
    if asked is None or is_for_another or asked.units != "bytes" or len(asked.ranges) > 1:
        return None
    found = asked.range_for_length(file.size_bytes)
    if found is None:
        raise RequestedRangeNotSatisfiable(file.size_bytes)
    return found
