"""Limits of clients: the number of their jobs and the size of each job."""

import math

from nst import image_sizes
from nst.errors import ImageTooLarge, InvalidOption, QueueFull, TooManyRequests
from nst.jobs.job import JobStatus
from nst.jobs.order import Order
from nst.jobs.ports import JobRepository
from nst.jobs.quota import Quota
from nst.settings.groups import Limits
from nst.video import FilmLimits


def film_limits(limits: Limits) -> FilmLimits:
    """Return the limits on the size of a film."""
    return FilmLimits(
        limits.max_film_frames, limits.max_film_seconds, limits.max_film_bytes, limits.max_pixels
    )


def admit(limits: Limits, repository: JobRepository, owner: str, client: str) -> None:
    """Raise QueueFull or TooManyRequests if another job would exceed a limit."""
    if repository.state().jobs[JobStatus.QUEUED] >= limits.max_queued:
        raise QueueFull("too many jobs are waiting", 60)
    if repository.unfinished(owner) >= limits.max_jobs_per_client:
        reason = f"{limits.max_jobs_per_client} of your jobs are not finished yet"
        raise TooManyRequests(reason, 30)
    limit = limits.max_jobs_per_address
    if client and repository.unfinished_of_client(client) >= limit:
        reason = f"{limit} jobs from your network address are not finished yet"
        raise TooManyRequests(reason, 30)


def take_work(limits: Limits, quota: Quota, client: str, order: Order) -> None:
    """Count the work of an order, or the minutes for which it learns.
    Raises TooManyRequests, InvalidOption, ImageTooLarge."""
    if order.learning:
        minutes = order.learning.options.minutes
        quota.take_minutes(client, minutes, limits.max_learning_minutes_per_day)
    else:
        quota.take_work(client, pixel_steps(limits, order), limits.max_pixel_steps_per_day)


def pixel_steps(limits: Limits, order: Order) -> int:
    """Return the work of an order, in pixels × steps.
    Raises InvalidOption or ImageTooLarge if the work exceeds the daily limit."""
    pixels = math.prod(image_sizes.fit(order.content.size, order.options.size))
    work, limit = order.steps * pixels, limits.max_pixel_steps_per_day
    if work > limit and order.film:
        reason = f"{order.film.paintings} frames at this size are more than the {limit:,} pixels"
        remedy = "choose a smaller size, fewer steps or fewer passes, or cut the film shorter"
        raise ImageTooLarge("content", f"{reason} × steps of a day; {remedy}")
    if pixels > limit:
        allowed = f"a smaller size; one step at this size is more than the {limit:,} pixels × steps"
        raise InvalidOption("size", order.options.size, f"{allowed} of a day")
    if work > limit:
        allowed = f"at most {limit // pixels} at this size on this server"
        raise InvalidOption("total_iterations", order.steps, allowed)
    return work
