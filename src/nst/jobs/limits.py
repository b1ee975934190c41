"""Limits of clients: how large a job may be, and how many may wait."""

import math
from dataclasses import dataclass

from nst import image_sizes
from nst.errors import ImageTooLarge, InvalidOption, QueueFull, TooManyRequests
from nst.jobs.job import JobStatus
from nst.jobs.order import Order
from nst.jobs.ports import JobRepository
from nst.video import FilmLimits


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

    def admit(self, repository: JobRepository, owner: str, client: str) -> None:
        """Raise QueueFull or TooManyRequests if another job would be one too many."""
        if repository.state().jobs[JobStatus.QUEUED] >= self.max_queued:
            raise QueueFull("too many jobs are waiting", 60)
        if repository.unfinished(owner) >= self.max_jobs_per_client:
            reason = f"{self.max_jobs_per_client} of your jobs are not finished yet"
            raise TooManyRequests(reason, 30)
        limit = self.max_jobs_per_address
        if client and repository.unfinished_of_client(client) >= limit:
            reason = f"{limit} jobs from your network address are not finished yet"
            raise TooManyRequests(reason, 30)

    def pixel_steps(self, order: Order) -> int:
        """Return the work of an order, in pixels × steps.
        Raises InvalidOption, ImageTooLarge if it is more than that of a day."""
        pixels = math.prod(image_sizes.fit(order.content.size, order.options.size))
        work, limit = order.steps * pixels, self.max_pixel_steps_per_day
        if work > limit and order.film:
            reason = (
                f"{order.film.paintings} frames at this size are more than the {limit:,} pixels"
            )
            remedy = "choose a smaller size, fewer steps or fewer passes, or cut the film shorter"
            raise ImageTooLarge("content", f"{reason} × steps of a day; {remedy}")
        if work > limit:
            allowed = f"at most {limit // pixels} at this size on this server"
            raise InvalidOption("total_iterations", order.steps, allowed)
        return work
