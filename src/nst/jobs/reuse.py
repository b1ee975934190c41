"""Reuse of earlier jobs of an owner: their uploads, and their results."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nst import image_writer
from nst.errors import InvalidImage, InvalidOption, JobNotFound, StorageError
from nst.jobs.job import FILM, FIRST_FRAME, FRAMES, RESULT, Job, JobResult, JobStatus, public_facts
from nst.jobs.order import Order
from nst.jobs.ports import ImageStorage, JobRepository
from nst.jobs.stored_file import StoredFile
from nst.jobs.uploads import Upload
from nst.recipe import Recipe

logger = logging.getLogger(__name__)


def uploads_of(job: Job, storage: ImageStorage) -> tuple[Upload, Sequence[Upload]]:
    """Return the content and the styles of a job, for a new job.
    Raises JobNotFound."""
    content, *styles = (
        _upload(job, picture.key, picture.name, storage)
        for picture in (job.order.content, *job.order.styles)
    )
    return content, styles


def detail_map_of(job: Job, storage: ImageStorage) -> Upload:
    """Return the detail map of a job, for a new job.
    Raises JobNotFound, InvalidOption."""
    picture = job.order.detail_map
    if picture is None:
        raise InvalidOption("detail_map_from", job.id, "a job that has a detail map")
    return _upload(job, picture.key, picture.name, storage)


def masks_of(job: Job, storage: ImageStorage) -> Sequence[Upload | None]:
    """Return the mask of each style of a job, for a new job.
    Raises JobNotFound, InvalidOption."""
    masks = job.order.masks
    if not any(masks):
        raise InvalidOption("masks_from", job.id, "a job that has style masks")
    return [_upload(job, mask.key, mask.name, storage) if mask else None for mask in masks]


def result_of(job: Job, storage: ImageStorage) -> Upload:
    """Return the result of a job, as the initial image of a new job.
    Raises JobNotFound, InvalidOption."""
    if job.result is None or not job.order.is_picture:
        raise InvalidOption("initial_from", job.id, "a job whose result is an image")
    return _upload(job, job.result.key, f"{job.order.title}.png", storage)


def _upload(job: Job, key: str, name: str, storage: ImageStorage) -> Upload:
    try:
        return Upload(storage.get(key), name)
    except FileNotFoundError as error:  # the job is being deleted
        raise JobNotFound(job.id) from error


@dataclass(frozen=True, slots=True)
class EarlierResult:
    """An earlier result of an equal order, as it is to be copied for a new job."""

    earlier: Job
    result: JobResult
    """The result with the keys of the copies."""
    files: Mapping[str, StoredFile | bytes]
    """File of the earlier job, or changed content, by the key of the copy."""

    @property
    def size_bytes(self) -> int:
        """Bytes that the copies occupy in the storage."""
        return sum(
            len(file) if isinstance(file, bytes) else file.size_bytes
            for file in self.files.values()
        )


def find_earlier_result(
    job: Job, repository: JobRepository, storage: ImageStorage
) -> EarlierResult | None:
    """Return the owner's earlier result of an equal order; None if there is none.
    Nothing is copied yet."""
    if job.order.learning:  # learning ends after a time, so every result is different
        return None
    # Only the owner's results: others must not learn that somebody sent the same images.
    earlier = repository.find_result(job.owner, job.fingerprint)
    if earlier is None or earlier.result is None:
        return None
    try:
        result, files = _copies_of_result(earlier.result, earlier.order, job, storage)
        return EarlierResult(earlier, result, {**files, **_copies_of_frames(earlier, job, storage)})
    except (FileNotFoundError, InvalidImage, StorageError) as error:
        _log_not_reused(earlier, error)
        return None


def with_copies(job: Job, found: EarlierResult, storage: ImageStorage) -> Job:
    """Return the job with copies of the files of an earlier result.
    If they cannot be copied, return the job unchanged."""
    try:
        for key, file in found.files.items():
            if isinstance(file, bytes):
                storage.put(key, file)
            else:
                storage.copy(file.key, key)
    except (FileNotFoundError, StorageError) as error:
        _log_not_reused(found.earlier, error)
        return job
    update = {"status": JobStatus.SUCCEEDED, "cached": True, "result": found.result}
    return job.model_copy(update=update)


def _copies_of_result(
    result: JobResult, earlier: Order, job: Job, storage: ImageStorage
) -> tuple[JobResult, Mapping[str, StoredFile | bytes]]:
    """Return the result with the keys of the copies, and its files by these keys."""
    if result.first_frame is None:
        key = f"{job.id}/{RESULT}"
        picture = _picture(result.key, earlier, job.order, storage)
        return result.model_copy(update={"key": key}), {key: picture}
    key, first_frame = f"{job.id}/{FILM}", f"{job.id}/{FIRST_FRAME}"
    files = {key: _stored(result.key, storage), first_frame: _stored(result.first_frame, storage)}
    return result.model_copy(update={"key": key, "first_frame": first_frame}), files


def _copies_of_frames(earlier: Job, job: Job, storage: ImageStorage) -> Mapping[str, StoredFile]:
    """Return the intermediate images, which the time-lapse shows, by the keys of the copies.
    A finished film has none."""
    frames = storage.list(f"{earlier.id}/{FRAMES}")
    return {f"{job.id}/{FRAMES}{Path(frame.key).name}": frame for frame in frames}


def _picture(
    source: str, earlier: Order, order: Order, storage: ImageStorage
) -> StoredFile | bytes:
    """Return an image; its recipe has the file names of this order."""
    if earlier.names == order.names:
        return _stored(source, storage)
    picture = storage.get(source)
    recipe = Recipe.read(picture).model_copy(update=order.in_recipe)
    return image_writer.with_recipe(picture, recipe.text())


def _stored(key: str, storage: ImageStorage) -> StoredFile:
    """Return the metadata of a file. Raises FileNotFoundError."""
    file = storage.stat(key)
    if file is None:
        raise FileNotFoundError(key)
    return file


def _log_not_reused(earlier: Job, error: Exception) -> None:
    """Log that a result was just deleted, is damaged, or cannot be read.
    It is painted again."""
    logger.warning("result not reused: %s", error, extra=public_facts(earlier))
