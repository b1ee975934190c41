"""Use cases of the API: submit, list, cancel, steer and share jobs."""

import hashlib
import logging
import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import nst
from nst import images
from nst.controls import Controls, planned
from nst.decoding import Decoder
from nst.errors import (
    DependencyError,
    ImageRole,
    ImageTooLarge,
    InvalidImage,
    InvalidOption,
    JobConflict,
    JobNotFound,
    QueueFull,
    RepositoryError,
    StorageError,
    TooManyRequests,
    UnsupportedImage,
)
from nst.image_files import READABLE, is_image
from nst.jobs import learned_styles
from nst.jobs.job import (
    CONTENT,
    CONTENT_FRAME,
    DETAIL_MAP,
    FILM,
    FIRST_FRAME,
    INITIAL,
    RESULT,
    Film,
    Job,
    JobResult,
    JobStatus,
    Order,
    Picture,
    Share,
    new_id,
    public_facts,
)
from nst.jobs.ports import (
    ImageStorage,
    JobQueue,
    JobRepository,
    ProgressFeed,
    RateLimiter,
    Subscription,
)
from nst.jobs.quota import DAY_SECONDS, count_bytes
from nst.options import MAX_PASSES, ONCE_FOR_DRAFTS, StyleTransferOptions
from nst.progress import Change
from nst.recipe import Recipe
from nst.video import START_BYTES, FilmFacts, FilmLimits, media_type

MAX_STYLES = 8


CONTENT_TYPES = {name: f"image/{name.lower()}" for name in READABLE}
"""Media types of the pictures that may be sent, by what
is in them and not by their names."""

NO_FILMS = "this server takes no films; send a picture, or paint the film with `nst video`"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture, or a film as the content, as a client sends it."""

    data: bytes
    name: str
    """File name at the client; never the place where it is stored."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one client, and of all clients together."""

    max_jobs_per_client: int = 20
    """Queued or running at a time, of one owner."""
    max_jobs_per_address: int = 60
    """Queued or running at a time, of one client: of all the
    owners behind an address."""
    max_bytes_per_day: int = 2_000_000_000
    """Maximum number of bytes that one client uploads in a day."""
    max_queued: int = 1000
    """Jobs of everybody that wait."""
    max_size: int = 4096
    """Longest side of a result in pixels."""
    max_pixels: int = 50_000_000
    """Maximum number of pixels of an uploaded image."""
    max_pixel_steps_per_day: int = 200_000_000_000
    """Pixels of the result × steps, of all jobs of a client in a day."""
    max_job_seconds: float = 24 * 3600
    """Seconds that a worker may spend on one attempt at a job."""
    max_film_frames: int = 500
    """Frames of an uploaded film; 0: films are not taken."""
    max_film_seconds: float = 20.0
    """Length of an uploaded film."""
    max_film_bytes: int = 50_000_000
    """Size of an uploaded film."""
    max_learning_minutes: int = 60
    """Minutes that a job may learn; 0: no job learns."""
    max_learning_minutes_per_day: int = 240
    """Minutes of learning, of all jobs of a client in a day."""

    @property
    def film(self) -> FilmLimits:
        """The largest film."""
        return FilmLimits(
            self.max_film_frames, self.max_film_seconds, self.max_film_bytes, self.max_pixels
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """A job as a person sees it."""

    job: Job
    place_in_queue: int | None
    """1 for the next one; None if it does not wait."""

    def not_behind(self, earlier: "Seen") -> "Seen":
        """With the progress of the earlier look, where the feed
        was ahead of the repository."""
        mine, other = self.job.progress, earlier.job.progress
        is_same_run = (self.job.attempt, self.job.status) == (
            earlier.job.attempt,
            JobStatus.RUNNING,
        )
        if not (is_same_run and other and (mine is None or mine.position < other.position)):
            return self
        return Seen(self.job.model_copy(update={"progress": other}), None)


class Jobs:
    """The jobs of a service.
    Every method checks whose they are: somebody else's do not exist."""

    def __init__(
        self,
        repository: JobRepository,
        queue: JobQueue,
        storage: ImageStorage,
        feed: ProgressFeed,
        limiter: RateLimiter,
        limits: Limits,
        decoder: Decoder,
    ) -> None:
        self.repository = repository
        self.storage = storage
        self.feed = feed
        self.limits = limits
        self._queue = queue
        self._limiter = limiter
        self._decoder = decoder

    def submit(
        self,
        owner: str,
        content: Upload,
        styles: Sequence[Upload],
        options: StyleTransferOptions,
        *,
        masks: Sequence[Upload | None] = (),
        detail_map: Upload | None = None,
        initial: Upload | None = None,
        preset: str | None = None,
        given: Sequence[str] = (),
        changes: Sequence[Change] = (),
        stop_after: int | None = None,
        passes: int | None = None,
        client: str = "",
        counted_as: str = "",
        idempotency_key: str | None = None,
        trace: Mapping[str, str] | None = None,
    ) -> Job:
        """A new job, queued; or succeeded at once, if there is a result of the same
        order; or the one that was submitted with this key before. `content` may be a
        film. `given`: names of the options that the client sent beside the preset.
        `changes` and `stop_after`: what a recipe recorded. `passes`: number of times a
        film is painted; None: once. `client` is whose bytes are
        counted; `counted_as` names the client in what is stored.

        The order of the steps is what makes it safe to die between any two: files without a job
        are swept away, a job that no message tells of is found by the sweep.
        Raises InvalidImage, InvalidOption, JobConflict, TooManyRequests, QueueFull, ServerBusy.
        """
        self._check(styles, masks, detail_map, options)
        if initial and options.is_draft:
            raise InvalidOption(
                "initial_from", initial.name, "no picture to start from with a draft"
            )
        job_id, files = new_id(), dict[str, bytes]()

        def place(upload: Upload, role: ImageRole, name: str) -> Picture:
            key = f"{job_id}/{name}"
            if role == "style" and learned_styles.are_learned([upload.data]):
                picture = learned_styles.picture(upload.data, clean_name(upload.name, role), key)
            else:
                needs_texture = role == "style" and options.is_matched
                picture = self.inspect(
                    upload, role, key, client=client, needs_texture=needs_texture
                )
            files[picture.key] = upload.data
            return picture

        def place_content() -> tuple[Picture, Film | None]:
            found = self._inspect_film(content, client)
            if found is None:
                if passes and passes > 1:
                    raise InvalidOption("passes", passes, "1 with a picture; only films have more")
                return place(content, "content", CONTENT), None
            _check_film_order(masks, detail_map, initial, changes, stop_after)
            is_draft = options.is_draft or learned_styles.are_learned(
                [each.data for each in styles]
            )
            _check_passes(passes, is_draft=is_draft)
            facts, first = found
            key, first_frame = f"{job_id}/{CONTENT}", f"{job_id}/{CONTENT_FRAME}"
            files[key], files[first_frame] = content.data, first
            picture = _picture(content, "content", key, facts.content_type, facts.size)
            film = Film(
                frames=facts.frames,
                seconds=facts.seconds,
                first_frame=first_frame,
                passes=passes or 1,
            )
            return picture, film

        placed, film = place_content()
        order = Order(
            content=placed,
            film=film,
            styles=tuple(place(style, "style", f"style-{n}") for n, style in enumerate(styles)),
            masks=tuple(
                place(mask, "mask", f"mask-{n}") if mask else None for n, mask in enumerate(masks)
            ),
            detail_map=place(detail_map, "detail map", DETAIL_MAP) if detail_map else None,
            initial=place(initial, "initial", INITIAL) if initial else None,
            options=options,
            preset=preset,
            given=tuple(given),
            changes=tuple(planned(options, changes)),
            stop_after=stop_after,
        )
        self._check_shapes(order)
        job = Job(
            id=job_id,
            owner=owner,
            client=counted_as,
            order=order,
            fingerprint=order.fingerprint(nst.__version__),
            idempotency_key=idempotency_key,
            trace=dict(trace or {}),
        )
        return self.take(job, files, client)

    def take(self, job: Job, files: Mapping[str, bytes], client: str) -> Job:
        """Store a new job and its files by key, and queue it; or return the one that was
        submitted with its key before, see `submit`. Raises JobConflict, TooManyRequests,
        QueueFull, InvalidOption."""
        owner, key = job.owner, job.idempotency_key
        # First of all: what has been taken once must not be refused because of a limit.
        if key and (earlier := self.repository.find_submitted(owner, key)):
            return _same(earlier, job)
        self._admit(owner, job.client)
        size_bytes = sum(map(len, files.values()))
        count_bytes(self._limiter, client, size_bytes, self.limits.max_bytes_per_day)
        self._take_work(client or owner, job.order)
        self._store(job.id, files)
        stored = self.repository.add(self._with_earlier_result(job))
        if stored.id != job.id:  # the same request came twice, at the same time
            self.storage.delete(f"{job.id}/")
            return _same(stored, job)
        logger.info("job submitted", extra=public_facts(stored))
        if stored.status is JobStatus.QUEUED:
            self._wake_workers(stored)
        return stored

    def uploads(self, owner: str, job_id: str) -> tuple[Upload, Sequence[Upload]]:
        """The content and the styles of an earlier job, for another one.
        Raises JobNotFound."""
        order = self.get(owner, job_id).order
        try:
            content, *styles = (
                Upload(self.storage.get(picture.key), picture.name)
                for picture in (order.content, *order.styles)
            )
        except FileNotFoundError as error:  # it is being deleted
            raise JobNotFound(job_id) from error
        return content, styles

    def detail_map(self, owner: str, job_id: str) -> Upload:
        """The detail map of an earlier job, for another one.
        Raises JobNotFound, InvalidOption."""
        picture = self.get(owner, job_id).order.detail_map
        if picture is None:
            raise InvalidOption("detail_map_from", job_id, "a job that has a detail map")
        try:
            return Upload(self.storage.get(picture.key), picture.name)
        except FileNotFoundError as error:  # it is being deleted
            raise JobNotFound(job_id) from error

    def result(self, owner: str, job_id: str) -> Upload:
        """The result of an earlier job, as the initial image. Raises JobNotFound,
        InvalidOption."""
        job = self.get(owner, job_id)
        if job.result is None or not job.order.is_picture:
            raise InvalidOption("initial_from", job_id, "a job whose result is an image")
        try:
            return Upload(self.storage.get(job.result.key), f"{job.order.title}.png")
        except FileNotFoundError as error:  # it is being deleted
            raise JobNotFound(job_id) from error

    def get(self, owner: str, job_id: str) -> Job:
        """Raises JobNotFound."""
        job = self.repository.get(job_id)
        if job.owner != owner:
            raise JobNotFound(job_id)
        return job

    def list(
        self, owner: str, *, status: JobStatus | None, limit: int, before: str | None
    ) -> Sequence[Job]:
        """Newest first, after the job `before`."""
        return self.repository.list(owner, status=status, limit=limit, before=before)

    def cancel(self, owner: str, job_id: str) -> Job:
        """Raises JobNotFound, JobConflict."""
        self.get(owner, job_id)
        job = self.repository.cancel(job_id)
        logger.info("job is to stop", extra=public_facts(job))
        self._tell(job)
        return job

    def steer(self, owner: str, job_id: str, changes: Mapping[str, Any]) -> Job:
        """Raises JobNotFound, JobConflict, InvalidOption."""
        job = self.get(owner, job_id)
        if not job.order.is_picture:
            raise JobConflict(job_id, "only a picture can be steered while it is painted")
        controls = Controls(job.order.options)
        controls.set(**{**job.steering, **changes})
        job = self.repository.steer(job_id, controls.changes)
        self._tell(job)
        return job

    def retry(self, owner: str, job_id: str, *, client: str = "") -> Job:
        """Queue the job again. `client` is whose work is counted.
        Raises JobNotFound, JobConflict, InvalidOption, TooManyRequests, QueueFull."""
        job = self.get(owner, job_id)
        self._admit(owner, job.client)
        self._take_work(client or owner, job.order)
        job = self.repository.retry(job_id)
        logger.info("job is tried again", extra=public_facts(job))
        self._wake_workers(job)
        return job

    def resume(self, owner: str, job_id: str) -> Job:
        """Queue a job that its owner stopped again, from its checkpoint.
        Its work was counted when it was submitted. Raises JobNotFound, JobConflict,
        TooManyRequests, QueueFull."""
        job = self.get(owner, job_id)
        self._admit(owner, job.client)
        job = self.repository.resume(job_id)
        logger.info("job goes on", extra=public_facts(job))
        self._wake_workers(job)
        return job

    def delete(self, owner: str, job_id: str) -> None:
        """Forget it and its files. A worker that runs it finds its lease lost.
        Raises JobNotFound."""
        job = self.get(owner, job_id)
        forget(job_id, self.repository, self.storage)
        logger.info("job deleted", extra=public_facts(job))
        self._tell(job)

    def see(self, job: Job) -> "Seen":
        """The job and where it stands in the queue."""
        is_queued = job.status is JobStatus.QUEUED
        return Seen(job, self.repository.place_in_queue(job.id) if is_queued else None)

    def events(
        self, owner: str, job_id: str, *, poll_seconds: float, lifetime_seconds: float
    ) -> Iterator["Seen | None"]:
        """The job now, and again whenever something changes, to its end or for so long,
        or until it is deleted. None: nothing has changed for `poll_seconds`. Raises
        JobNotFound, at once."""
        job = self.get(owner, job_id)
        return self._events(job, poll_seconds, time.monotonic() + lifetime_seconds)

    def _events(self, job: Job, poll_seconds: float, ends_at: float) -> Iterator["Seen | None"]:
        with self.feed.subscribe(job.id) as news, suppress(JobNotFound):
            seen = self._look(self.see(job))  # again: between there was nobody who listened
            yield seen
            while not seen.job.status.is_final and time.monotonic() < ends_at:
                now = self._next(seen, news, poll_seconds)
                yield None if now == seen else now
                seen = now

    def _next(self, seen: "Seen", news: Subscription, poll_seconds: float) -> "Seen":
        progress = news.wait(poll_seconds)
        if progress and seen.job.status is JobStatus.RUNNING:
            return Seen(seen.job.model_copy(update={"progress": progress}), None)
        return self._look(seen)

    def _look(self, seen: "Seen") -> "Seen":
        try:
            found = self.see(self.repository.get(seen.job.id))
        except RepositoryError:  # it will be back; a person should not lose the page for that
            return seen
        return found.not_behind(seen)

    def share(self, owner: str, job_id: str, token: str, days: float) -> Share:
        """Whoever knows the token may see the result. Raises JobNotFound, JobConflict."""
        job = self.get(owner, job_id)
        if job.result is None:
            raise JobConflict(job_id, "there is no picture yet that could be shared")
        if job.order.learning:
            raise JobConflict(job_id, "a learned style is no picture; share its file")
        now = self.repository.now()
        share = Share(
            id=new_id(),
            job_id=job_id,
            token_sha256=_sha256(token.encode()),
            created_at=now,
            expires_at=now + days * DAY_SECONDS,
        )
        self.repository.add_share(share)
        return share

    def shares(self, owner: str, job_id: str) -> Sequence[Share]:
        """Raises JobNotFound."""
        self.get(owner, job_id)
        return self.repository.shares(job_id)

    def unshare(self, owner: str, job_id: str, share_id: str) -> None:
        """Raises JobNotFound."""
        self.get(owner, job_id)
        self.repository.delete_share(job_id, share_id)

    def shared(self, token: str) -> Job:
        """Return the job behind a link. Raises JobNotFound."""
        share = self.repository.find_share(_sha256(token.encode()))
        if share is None:
            raise JobNotFound(None)
        return self.repository.get(share.job_id)

    def _check(
        self,
        styles: Sequence[Upload],
        masks: Sequence[Upload | None],
        detail_map: Upload | None,
        options: StyleTransferOptions,
    ) -> None:
        if not 1 <= len(styles) <= MAX_STYLES:
            raise InvalidOption("style_image", len(styles), f"1 to {MAX_STYLES} pictures")
        if len(masks) > len(styles):
            raise InvalidOption("style_mask", len(masks), "no more masks than styles")
        if detail_map and options.is_draft:
            raise InvalidOption("detail_map", detail_map.name, "no detail map with a draft")
        options.style_shares(
            learned_styles.count_styles(
                [style.data for style in styles], options, has_masks=any(masks)
            )
        )
        if options.size > self.limits.max_size:
            allowed = f"at most {self.limits.max_size} on this server"
            raise InvalidOption("size", options.size, allowed)

    def _check_shapes(self, order: Order) -> None:
        """Raises InvalidImage."""
        content = order.content.size
        images.check_result_size(content, order.options.size, self.limits.max_size)
        for mask in filter(None, order.masks):
            images.check_drawn_over(mask.size, content, "mask")
        if order.detail_map:
            images.check_drawn_over(order.detail_map.size, content, "detail map")

    def inspect(
        self,
        upload: Upload,
        role: ImageRole,
        key: str,
        *,
        client: str = "",
        needs_texture: bool = False,
    ) -> Picture:
        """Decode an image in a guarded process; return it as an input of a job. Raises
        InvalidImage, TooManyRequests, ServerBusy."""
        found = self._decoder.inspect(
            upload.data,
            role,
            max_pixels=self.limits.max_pixels,
            client=client,
        )
        if needs_texture and found.is_plain:
            raise InvalidImage(role, images.NO_TEXTURE)
        return _picture(upload, role, key, CONTENT_TYPES[found.format], found.size)

    def _inspect_film(self, upload: Upload, client: str) -> tuple[FilmFacts, bytes] | None:
        """Return what the film is, and its first frame; None if the file is no film. Raises
        InvalidImage."""
        start, limits = upload.data[:START_BYTES], self.limits.film
        kind = media_type(start)
        if is_image(start) or (kind is None and not limits.max_frames):
            return None
        if not limits.max_frames:
            raise UnsupportedImage("content", NO_FILMS)
        if len(upload.data) > limits.max_bytes:
            reason = (
                f"the film has more than {limits.max_bytes / 1e6:g} MB, the most that are taken"
            )
            raise ImageTooLarge("content", f"{reason}; cut it shorter")
        try:
            return self._decoder.inspect_film(upload.data, limits, client=client)
        except UnsupportedImage:
            if kind:
                raise
            return None  # the reader of pictures says what is wrong with it

    def _admit(self, owner: str, client: str) -> None:
        if self.repository.state().jobs[JobStatus.QUEUED] >= self.limits.max_queued:
            raise QueueFull("too many jobs are waiting", 60)
        if self.repository.unfinished(owner) >= self.limits.max_jobs_per_client:
            reason = f"{self.limits.max_jobs_per_client} of your jobs are not finished yet"
            raise TooManyRequests(reason, 30)
        limit = self.limits.max_jobs_per_address
        if client and self.repository.unfinished_of_client(client) >= limit:
            reason = f"{limit} jobs from your network address are not finished yet"
            raise TooManyRequests(reason, 30)

    def _take_work(self, client: str, order: Order) -> None:
        if order.learning:
            self._take_minutes(client, order.learning.options.minutes)
            return
        limit, steps = self.limits.max_pixel_steps_per_day, order.steps
        pixels = math.prod(images.fit(order.content.size, order.options.size))
        if steps * pixels > limit and order.film:
            reason = (
                f"{order.film.paintings} frames at this size are more than the {limit:,} pixels"
            )
            remedy = "choose a smaller size, fewer steps or fewer passes, or cut the film shorter"
            raise ImageTooLarge("content", f"{reason} × steps of a day; {remedy}")
        if steps * pixels > limit:
            allowed = f"at most {limit // pixels} at this size on this server"
            raise InvalidOption("total_iterations", steps, allowed)
        if wait := self._limiter.take("work", client, steps * pixels, limit, DAY_SECONDS):
            reason = f"you have asked for {limit:,} pixels × steps today"
            raise TooManyRequests(reason, wait)

    def _take_minutes(self, client: str, minutes: float) -> None:
        limit = self.limits.max_learning_minutes_per_day
        seconds = math.ceil(60 * minutes)
        if wait := self._limiter.take("learning", client, seconds, 60 * limit, DAY_SECONDS):
            reason = f"you have asked for {limit} minutes of learning today"
            raise TooManyRequests(reason, wait)

    def _store(self, job_id: str, files: Mapping[str, bytes]) -> None:
        try:
            for key, data in files.items():
                self.storage.put(key, data)
        except StorageError:
            with suppress(StorageError):  # where space is missing the rest must not lie about
                self.storage.delete(f"{job_id}/")
            raise

    def _with_earlier_result(self, job: Job) -> Job:
        if job.order.learning:  # whose end is a matter of time: the network is another
            return job
        # Only the owner's: others must not learn that somebody sent the same pictures.
        earlier = self.repository.find_result(job.owner, job.fingerprint)
        if earlier is None or earlier.result is None:
            return job
        try:
            result = self._copied_result(earlier.result, job, earlier.order)
        except (FileNotFoundError, InvalidImage):  # it has been deleted just now, or is damaged
            return job
        update = {"status": JobStatus.SUCCEEDED, "cached": True, "result": result}
        return job.model_copy(update=update)

    def _copied_result(self, result: JobResult, job: Job, earlier: Order) -> JobResult:
        """Copy the files of a result to those of the job; return the result with their keys."""
        if result.first_frame is None:
            key = f"{job.id}/{RESULT}"
            self._copy_picture(result.key, key, earlier, job.order)
            return result.model_copy(update={"key": key})
        key, first_frame = f"{job.id}/{FILM}", f"{job.id}/{FIRST_FRAME}"
        self.storage.copy(result.key, key)
        self.storage.copy(result.first_frame, first_frame)
        return result.model_copy(update={"key": key, "first_frame": first_frame})

    def _copy_picture(self, source: str, target: str, earlier: Order, order: Order) -> None:
        """The recipe in the copy has the names that the pictures have in this order."""
        if earlier.names == order.names:
            self.storage.copy(source, target)
            return
        picture = self.storage.get(source)
        recipe = Recipe.read(picture).model_copy(update=order.in_recipe)
        self.storage.put(target, images.with_recipe(picture, recipe.text()))

    def _wake_workers(self, job: Job) -> None:
        try:
            self._queue.publish(job.id, job.trace)
        except DependencyError as error:
            # It is stored, and workers that have nothing to do look for it by themselves.
            logger.warning("job waits without a message: %s", error, extra=public_facts(job))
        self._tell(job)

    def _tell(self, job: Job) -> None:
        self.feed.publish(job.id, None)


def forget(job_id: str, repository: JobRepository, storage: ImageStorage) -> None:
    """A job and its files; what is left if this is cut short is swept away later."""
    repository.delete(job_id)
    with suppress(DependencyError):
        storage.delete(f"{job_id}/")


def _check_film_order(
    masks: Sequence[Upload | None],
    detail_map: Upload | None,
    initial: Upload | None,
    changes: Sequence[Change],
    stop_after: int | None,
) -> None:
    """Raise InvalidOption for what belongs to a single picture."""
    for field, value in (
        ("style_mask", next((mask.name for mask in masks if mask), None)),
        ("detail_map", detail_map and detail_map.name),
        ("initial_from", initial and initial.name),
        ("steer", changes and len(changes)),
        ("stop_after", stop_after),
    ):
        if value:
            raise InvalidOption(field, value, "none with a film; it is for single pictures")


def _check_passes(passes: int | None, *, is_draft: bool) -> None:
    """Raise InvalidOption for passes that a film cannot have."""
    if passes is None:
        return
    if not 1 <= passes <= MAX_PASSES:
        raise InvalidOption("passes", passes, f"a whole number from 1 to {MAX_PASSES}")
    if passes > 1 and is_draft:
        raise InvalidOption("passes", passes, ONCE_FOR_DRAFTS)


def _picture(
    upload: Upload, role: ImageRole, key: str, content_type: str, size: tuple[int, int]
) -> Picture:
    return Picture(
        key=key,
        sha256=_sha256(upload.data),
        name=clean_name(upload.name, role),
        content_type=content_type,
        size=size,
    )


def _same(earlier: Job, job: Job) -> Job:
    """The earlier one, if both are the same order. Raises JobConflict."""
    if earlier.fingerprint != job.fingerprint:
        raise JobConflict(earlier.id, "this Idempotency-Key belongs to another order")
    return earlier


def clean_name(name: str, role: str) -> str:
    """A file name that is safe to show and to offer for a download."""
    base = re.split(r"[/\\]", name)[-1]
    kept = re.sub(r"[^\w. -]+", "_", base).strip(". ")[-80:]
    return kept or role


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
