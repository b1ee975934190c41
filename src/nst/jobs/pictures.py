"""Images and films of jobs: inputs, results, and files derived from them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from nst import image_writer, images
from nst.decoding import Decoder
from nst.errors import InvalidImage, InvalidOption, PictureNotFound, StorageError
from nst.jobs.job import CONTENT, FRAMES, PREVIEW, Job
from nst.jobs.ports import ImageStorage
from nst.jobs.stored_file import StoredFile
from nst.jobs.uploads import clean_name
from nst.learned_file import SUFFIX
from nst.slots import Locks, Slots
from nst.video.timelapse import check_output, played

FILM_TYPES = {"webp": "image/webp", "mp4": "video/mp4"}
"""Media types of a time-lapse, by requested format."""

SMALL = "small/"
"""Directory of thumbnails in the directory of a job."""

CONVERTED = "converted/"
"""Directory of results in other formats in the directory of a job."""

SHARED = "shared/"
"""Directory of results without their recipes in the directory of a job."""

SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
"""File name extensions of the formats in which a result can be downloaded."""

WAIT_SECONDS = 10.0
"""Maximum wait for a slot or a lock, in seconds."""

making = Locks(wait_seconds=WAIT_SECONDS, reason="another request is still making this picture")
"""Locks of the derived files that are being created.
Concurrent requests create a file once."""

reading = Slots(2, 1, wait_seconds=WAIT_SECONDS, reason="too many pictures are being read")
"""Slots of the requests that hold stored images in memory to derive a file.
A result of 4096 pixels can have 134 MB, so it is read only after a slot has been taken."""

filming = Slots(1, 1, wait_seconds=WAIT_SECONDS, reason="another film is being made")
"""Slot of the request that has the images of a time-lapse in `/tmp`."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A file of a job, and the name under which clients download it."""

    key: str
    content_type: str
    name: str
    changes: bool = False
    """Whether the same URL may return another image later, such as after a retry."""
    is_replaced: bool = False
    """Whether another file may replace it at any time, such as the next preview."""
    is_large: bool = False
    """Whether clients should download it directly from the storage if possible."""
    first_frame: str | None = None
    """Key of the image that represents a film."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Images and films of a service's jobs. No method checks the owner of a job.
    `client`: client on whose behalf a decoder is used."""

    storage: ImageStorage
    decoder: Decoder

    # ── offers ──

    def content(self, job: Job) -> Offer:
        """Return the content as it was uploaded."""
        picture, film = job.order.content, job.order.film
        first_frame = film.first_frame if film else None
        return Offer(picture.key, picture.content_type, picture.name, first_frame=first_frame)

    def style(self, job: Job, number: int) -> Offer:
        """Return a style image as it was uploaded. Raises PictureNotFound."""
        styles = job.order.styles
        if number >= len(styles):
            raise PictureNotFound(f"this job has {len(styles)} style images, the first is 0")
        picture = styles[number]
        return Offer(picture.key, picture.content_type, picture.name)

    def preview(self, job: Job) -> Offer:
        """Return the newest preview of a running job."""
        key = f"{job.id}/{PREVIEW}"
        return Offer(key, "image/jpeg", PREVIEW, changes=True, is_replaced=True)

    def steps(self, job: Job) -> Sequence[int]:
        """Return the steps of the stored intermediate images;
        for a film, the numbers of its painted frames."""
        return [int(Path(frame.key).stem) for frame in self.storage.list(f"{job.id}/{FRAMES}")]

    def frame(self, job: Job, step: int) -> Offer:
        """Return an intermediate image, or a painted frame of an unfinished film."""
        suffix, kind = ("png", "image/png") if job.order.film else ("jpg", "image/jpeg")
        name = f"{step:06d}.{suffix}"
        return Offer(f"{job.id}/{FRAMES}{name}", kind, name, changes=True)

    def result(self, job: Job, kind: str | None, client: str) -> Offer:
        """Return the result, in the format `kind` if that is not None.
        It is converted on the first request. Raises PictureNotFound, InvalidOption."""
        if job.result is None:
            raise PictureNotFound(f"there is no picture: the job is {job.status}")
        if not job.order.is_picture and kind is not None:
            allowed = "none for a film or a learned style, which is one file"
            raise InvalidOption("format", kind, allowed)
        if kind is not None and kind not in SUFFIXES:
            raise InvalidOption("format", kind, f"one of {', '.join(SUFFIXES)}")
        if kind not in (None, "png"):
            name = file_name(job).removesuffix(".png") + SUFFIXES[kind]
            key = self._converted(job.result.key, kind, client)
            return Offer(key, f"image/{kind}", name, changes=True)
        return Offer(
            job.result.key,
            job.result.content_type,
            file_name(job),
            changes=True,
            is_large=True,
            first_frame=job.result.first_frame,
        )

    def result_for_strangers(self, job: Job, kind: str | None, client: str) -> Offer:
        """Return the same as `result` without the recipe, and under a neutral name.
        The recipe and the name contain the names of the client's files."""
        offer = self.result(self._without_recipe(job, client), kind, client)
        return replace(offer, name=f"painting{Path(offer.name).suffix}")

    def recipe(self, job: Job, client: str) -> str:
        """Return the recipe that the result contains. Raises PictureNotFound."""
        if not job.order.is_picture:
            raise PictureNotFound("only a picture carries a recipe")
        with reading.one(client):
            text = job.result and images.read_recipe(self.storage.get(job.result.key))
        if not text:
            raise PictureNotFound("there is no picture yet")
        return text

    def timelapse(self, job: Job, kind: str, client: str) -> Offer:
        """Return a time-lapse of the intermediate images, as WebP or MP4.
        It is created on the first request. Raises PictureNotFound, InvalidOption,
        VideoUnavailable."""
        if kind not in FILM_TYPES:
            raise InvalidOption("format", kind, f"one of {', '.join(FILM_TYPES)}")
        if not job.order.is_picture:
            reason = "the result is no picture; a time-lapse shows how a picture is painted"
            raise PictureNotFound(reason)
        if job.result is None:
            raise PictureNotFound("the film is made when the picture is finished")
        key = f"{job.id}/{job.attempt}-timelapse.{kind}"
        with making.one(key):
            if self.storage.stat(key) is None:
                self._make_film(job, job.result.key, key, client)
        return Offer(key, FILM_TYPES[kind], f"{_stem(job)}.{kind}", changes=True)

    def before_after(self, job: Job, client: str) -> Offer:
        """Return the content image and the result side by side as a JPEG.
        It is created on the first request. Raises PictureNotFound."""
        if not job.order.is_picture:
            reason = "the result is no picture; before and after show a painted photo"
            raise PictureNotFound(reason)
        if job.result is None:
            raise PictureNotFound(f"there is no picture: the job is {job.status}")
        key = f"{job.id}/{job.attempt}-before-after.jpg"
        with making.one(key):
            if self.storage.stat(key) is None:
                with reading.one(client), _can_fail("before and after", "download the result"):
                    before, after = map(self.storage.get, (job.order.content.key, job.result.key))
                    self.storage.put(key, self.decoder.beside(before, after, client=client))
        return Offer(key, "image/jpeg", f"{_stem(job)}-before-after.jpg", changes=True)

    # ── delivery ──

    def find(self, offer: Offer, *, is_thumb: bool = False) -> StoredFile:
        """Return the stored file of an offer. Raises PictureNotFound.
        `is_thumb`: for a film, return the image that represents it."""
        first_frame = offer.first_frame if is_thumb else None
        file = self.storage.stat(first_frame or offer.key)
        if file is None:
            raise PictureNotFound("this picture does not exist, or not yet")
        return file

    def read(self, key: str) -> bytes:
        """Return the bytes of a small file. Raises FileNotFoundError."""
        return self.storage.get(key)

    def stream(self, key: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes of a file from `start` to before `stop`, in pieces."""
        return self.storage.stream(key, start, stop) if stop > start else iter(())

    def link(self, offer: Offer, seconds: float, disposition: str) -> str | None:
        """Return a URL from which a client can download a large file for `seconds`.
        Return None if the file has to come through the API."""
        return self.storage.link(offer.key, seconds, disposition) if offer.is_large else None

    def small(self, file: StoredFile, side_pixels: int, client: str) -> bytes:
        """Return a thumbnail of a stored image, a JPEG, and keep it for later requests.
        The thumbnail of a preview is not kept, because the preview changes. Raises
        PictureNotFound, ServerBusy."""
        job_id, _, name = file.key.partition("/")
        if name == PREVIEW:
            return self._make_small(file, side_pixels, client)
        version = sha256(file.etag.encode()).hexdigest()[:16]
        key = f"{job_id}/{SMALL}{side_pixels}-{name.replace('/', '-')}-{version}.jpg"
        with suppress(FileNotFoundError):
            return self.storage.get(key)
        with making.one(key):
            with suppress(FileNotFoundError):  # another request has just made it
                return self.storage.get(key)
            data = self._make_small(file, side_pixels, client)
            with suppress(StorageError):  # the thumbnail is sent anyway
                self.storage.put(key, data)
            return data

    def content_for_strangers(self, job: Job) -> StoredFile:
        """Return the file from which strangers get a thumbnail of the content.
        It is the content image, or the first frame of a film. Raises PictureNotFound."""
        film = job.order.film
        file = self.storage.stat(film.first_frame if film else job.order.content.key)
        if file is None:
            raise PictureNotFound("this picture no longer exists")
        return file

    def _without_recipe(self, job: Job, client: str) -> Job:
        """Return the job with a copy of its image that has no recipe.
        The copy is made on the first request."""
        if job.result is None or not job.order.is_picture:
            return job
        job_id, _, name = job.result.key.partition("/")
        target = f"{job_id}/{SHARED}{name}"
        with making.one(target):
            if self.storage.stat(target) is None:
                with reading.one(client):
                    data = self.storage.get(job.result.key)
                    self.storage.put(target, image_writer.with_recipe(data, None))
        return job.model_copy(update={"result": job.result.model_copy(update={"key": target})})

    def _converted(self, key: str, kind: str, client: str) -> str:
        """Return the key of a result in another format, converted on the first request."""
        job_id, _, name = key.partition("/")
        target = f"{job_id}/{CONVERTED}{name}.{kind}"
        with making.one(target):
            if self.storage.stat(target) is None:
                with reading.one(client), _can_fail(f"result as {kind}", "download the PNG"):
                    data = self.storage.get(key)
                    converted = self.decoder.convert(data, kind.upper(), client=client)
                    self.storage.put(target, converted)
        return target

    def _make_small(self, file: StoredFile, side_pixels: int, client: str) -> bytes:
        with reading.one(client), _can_fail("thumbnail", "its job has it in full size"):
            return self.decoder.small(self.storage.get(file.key), side_pixels, client=client)

    def _make_film(self, job: Job, result_key: str, target: str, client: str) -> None:
        frames = self.storage.list(f"{job.id}/{FRAMES}")
        with filming.one(client), TemporaryDirectory(prefix="nst-") as directory:

            def fetched(key: str) -> Path:
                file = Path(directory, key.replace("/", "-"))
                self.storage.fetch(key, file)
                return file

            film = Path(directory, Path(target).name)
            check_output(film, "format")
            content, result = fetched(f"{job.id}/{CONTENT}"), fetched(result_key)
            steps = [fetched(frame.key) for frame in played(frames, film)]
            with _can_fail("time-lapse", "download the ZIP, which has its images"):
                self.decoder.film(content, steps, result, film, client=client)
            self.storage.put(target, film)


def file_name(job: Job) -> str:
    """Return the name of a downloaded result, such as cat-in-impasto.png."""
    if job.order.learning:
        return clean_name(job.order.learning.title, "style") + SUFFIX
    suffix = ".mp4" if job.order.film else ".png"
    return clean_name(job.order.title.replace(" ", "-"), "picture") + suffix


def _stem(job: Job) -> str:
    return Path(file_name(job)).stem


@contextmanager
def _can_fail(missing: str, instead: str) -> Iterator[None]:
    """Raise PictureNotFound if an image cannot be decoded. `instead`: what to do.
    The advice of InvalidImage is about uploads, and these files are the service's own."""
    try:
        yield
    except InvalidImage as error:
        problem, _, _ = error.reason.partition("; ")
        raise PictureNotFound(f"there is no {missing}: {problem}; {instead}") from error
