"""Reuse of earlier jobs of an owner: their uploads, and their results."""

import logging
from collections.abc import Sequence
from pathlib import Path

from nst import image_writer
from nst.errors import InvalidImage, InvalidOption, JobNotFound, StorageError
from nst.jobs.job import FILM, FIRST_FRAME, FRAMES, RESULT, Job, JobResult, JobStatus, public_facts
from nst.jobs.order import Order
from nst.jobs.ports import ImageStorage, JobRepository
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


def with_earlier_result(job: Job, repository: JobRepository, storage: ImageStorage) -> Job:
    """Return the job with a copy of its owner's earlier result of an equal order.
    Without such a result, return the job unchanged."""
    if job.order.learning:  # learning ends after a time, so every result is different
        return job
    # Only the owner's results: others must not learn that somebody sent the same images.
    earlier = repository.find_result(job.owner, job.fingerprint)
    if earlier is None or earlier.result is None:
        return job
    try:
        result = _copied_result(earlier.result, earlier.order, job, storage)
        _copy_frames(earlier, job, storage)
    except (FileNotFoundError, InvalidImage, StorageError) as error:
        # The result was just deleted, is damaged, or cannot be read: it is painted again.
        logger.warning("result not reused: %s", error, extra=public_facts(earlier))
        return job
    update = {"status": JobStatus.SUCCEEDED, "cached": True, "result": result}
    return job.model_copy(update=update)


def _copied_result(result: JobResult, earlier: Order, job: Job, storage: ImageStorage) -> JobResult:
    """Copy the files of a result for the job; return the result with the new keys."""
    if result.first_frame is None:
        key = f"{job.id}/{RESULT}"
        _copy_picture(result.key, earlier, key, job.order, storage)
        return result.model_copy(update={"key": key})
    key, first_frame = f"{job.id}/{FILM}", f"{job.id}/{FIRST_FRAME}"
    storage.copy(result.key, key)
    storage.copy(result.first_frame, first_frame)
    return result.model_copy(update={"key": key, "first_frame": first_frame})


def _copy_frames(earlier: Job, job: Job, storage: ImageStorage) -> None:
    """Copy the intermediate images, which the time-lapse shows; a finished film has none."""
    for frame in storage.list(f"{earlier.id}/{FRAMES}"):
        storage.copy(frame.key, f"{job.id}/{FRAMES}{Path(frame.key).name}")


def _copy_picture(
    source: str, earlier: Order, target: str, order: Order, storage: ImageStorage
) -> None:
    """Copy an image; the recipe in the copy has the file names of this order."""
    if earlier.names == order.names:
        storage.copy(source, target)
        return
    picture = storage.get(source)
    recipe = Recipe.read(picture).model_copy(update=order.in_recipe)
    storage.put(target, image_writer.with_recipe(picture, recipe.text()))
