"""Service of jobs for the API: submit, list, cancel, steer and share jobs."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import nst
from nst.controls import Controls
from nst.decoding import Decoder
from nst.errors import DependencyError, JobConflict, JobNotFound, StorageError, TooManyRequests
from nst.jobs import reuse, sharing
from nst.jobs.archives import Archives
from nst.jobs.following import VisibleJob, follow, see
from nst.jobs.intake import Intake
from nst.jobs.job import (
    RETRYABLE,
    Job,
    JobStatus,
    ListPosition,
    Share,
    checked_id,
    new_id,
    not_retryable,
    public_facts,
    same_order,
)
from nst.jobs.limits import admit, take_work
from nst.jobs.order import Order
from nst.jobs.pictures import Pictures
from nst.jobs.ports import ImageStorage, JobQueue, JobRepository, ProgressFeed, QueueState
from nst.jobs.quota import Quota
from nst.jobs.storage_check import failures
from nst.jobs.uploads import JobRequest, Sender, Upload
from nst.settings.groups import Limits

logger = logging.getLogger(__name__)


class Jobs:
    """Jobs of a service.
    For every method with an `owner`, the jobs of other owners do not exist."""

    def __init__(
        self,
        repository: JobRepository,
        queue: JobQueue,
        storage: ImageStorage,
        feed: ProgressFeed,
        quota: Quota,
        limits: Limits,
        decoder: Decoder,
    ) -> None:
        self.limits = limits
        self._repository = repository
        self._queue = queue
        self._storage = storage
        self._feed = feed
        self._quota = quota
        self._decoder = decoder

    @property
    def intake(self) -> Intake:
        """Inspection of the uploads of new jobs."""
        return Intake(self._decoder, self.limits)

    @property
    def pictures(self) -> Pictures:
        """Images and films of the jobs."""
        return Pictures(self._storage, self._decoder)

    @property
    def archives(self) -> Archives:
        """Archives of images and films of the jobs."""
        return Archives(self._storage)

    def submit(self, sender: Sender, request: JobRequest) -> Job:
        """Create a job from a request, see `take`. Raises InvalidImage, InvalidOption,
        JobConflict, TooManyRequests, QueueFull, ServerBusy."""
        job_id = new_id()
        order, files = self.intake.order(request, job_id, sender.client)
        return self.take(sender, job_id, order, files)

    def take(self, sender: Sender, job_id: str, order: Order, files: Mapping[str, bytes]) -> Job:
        """Store and queue a new job.

        It succeeds at once if its sender reuses results and its owner has one of an equal order. If
        its idempotency key was used before, the earlier job is returned. The order of the steps
        makes it safe to die between any two of them: the janitor removes files without a job, and
        workers find a queued job without a message.
        Raises InvalidOption, JobConflict, TooManyRequests, QueueFull, ServerBusy.
        """
        owner, client = sender.owner, sender.client
        job = Job(
            id=job_id,
            owner=owner,
            client=sender.counted_as,
            order=order,
            fingerprint=order.fingerprint(nst.__version__),
            idempotency_key=sender.idempotency_key,
            trace=dict(sender.trace),
        )
        # Before the limits: a job that was accepted once must not be refused later.
        if earlier := self.find_submitted(sender):
            return same_order(earlier, job)
        admit(self.limits, self._repository, owner, sender.counted_as)
        found = None
        if sender.reuses_results:
            found = reuse.find_earlier_result(job, self._repository, self._storage)
        size_bytes = sum(map(len, files.values())) + (found.size_bytes if found else 0)
        with self._quota.returned_on_failure() as quota:
            # Before any copy: a small upload must not fill the storage with copies, uncounted.
            quota.take_bytes(client, size_bytes, self.limits.max_bytes_per_day)
            with self._all_or_nothing(job_id):
                if found:
                    job = reuse.with_copies(job, found, self._storage)
                if not job.cached:
                    take_work(self.limits, quota, client or owner, order)
                for file, data in files.items():
                    self._storage.put(file, data)
            stored = self._repository.add(job)
        if stored.id != job.id:  # the same request arrived twice at the same time
            quota.give_back()
            self._storage.delete(f"{job.id}/")
            return same_order(stored, job)
        logger.info("job submitted", extra=public_facts(stored))
        if stored.status is JobStatus.QUEUED:
            self._wake_workers(stored)
        return stored

    def find_submitted(self, sender: Sender) -> Job | None:
        """Return the job that was created with the sender's idempotency key, if any."""
        key = sender.idempotency_key
        return self._repository.find_submitted(sender.owner, key) if key else None

    def uploads(self, owner: str, job_id: str) -> tuple[Upload, Sequence[Upload]]:
        """Return the content and the styles of an earlier job, for a new one.
        Raises JobNotFound."""
        return reuse.uploads_of(self.get(owner, job_id), self._storage)

    def masks(self, owner: str, job_id: str) -> Sequence[Upload | None]:
        """Return the mask of each style of an earlier job, for a new one.
        Raises JobNotFound, InvalidOption."""
        return reuse.masks_of(self.get(owner, job_id), self._storage)

    def detail_map(self, owner: str, job_id: str) -> Upload:
        """Return the detail map of an earlier job, for a new one.
        Raises JobNotFound, InvalidOption."""
        return reuse.detail_map_of(self.get(owner, job_id), self._storage)

    def result(self, owner: str, job_id: str) -> Upload:
        """Return the result of an earlier job, as the initial image of a new one.
        Raises JobNotFound, InvalidOption."""
        return reuse.result_of(self.get(owner, job_id), self._storage)

    def get(self, owner: str, job_id: str) -> Job:
        """Return a job of the owner. Raises JobNotFound."""
        job = self._repository.get(checked_id(job_id))
        if job.owner != owner:
            raise JobNotFound(job_id)
        return job

    def get_of_any(self, owners: str, job_id: str) -> Job:
        """Return a job of any owner whose name begins with `owners`.
        The random id of the job is the capability. Raises JobNotFound."""
        job = self._repository.get(checked_id(job_id))
        if not job.owner.startswith(owners):
            raise JobNotFound(job_id)
        return job

    def list(
        self, owner: str, *, status: JobStatus | None, limit: int, before: ListPosition | None
    ) -> Sequence[Job]:
        """Return jobs of the owner, newest first; `before`: only older jobs."""
        return self._repository.list(owner, status=status, limit=limit, before=before)

    def cancel(self, owner: str, job_id: str) -> Job:
        """Cancel a queued job, or ask a running one to stop.
        Raises JobNotFound, JobConflict."""
        self.get(owner, job_id)
        job = self._repository.cancel(job_id)
        logger.info("job cancellation requested", extra=public_facts(job))
        self._tell(job)
        return job

    def steer(self, owner: str, job_id: str, changes: Mapping[str, Any]) -> Job:
        """Change options of a running job. Raises JobNotFound, JobConflict,
        InvalidOption."""
        job = self.get(owner, job_id)
        if not job.order.is_picture:
            raise JobConflict(job_id, "only a picture can be steered while it is painted")
        controls = Controls(job.order.options)
        controls.set(**{**job.steering, **changes})
        job = self._repository.steer(job_id, controls.changes)
        self._tell(job)
        return job

    def retry(self, owner: str, job_id: str, *, client: str = "") -> Job:
        """Queue a failed or canceled job again, from its first step.
        `client`: client whose work is counted. Raises JobNotFound, JobConflict,
        InvalidOption, TooManyRequests, QueueFull."""
        job = self.get(owner, job_id)
        if job.status not in RETRYABLE:  # before the limits: a conflict costs nothing
            raise not_retryable(job)
        admit(self.limits, self._repository, owner, job.client)
        with self._quota.returned_on_failure() as quota:
            take_work(self.limits, quota, client or owner, job.order)
            job = self._repository.retry(job_id)
        logger.info("job retried", extra=public_facts(job))
        self._wake_workers(job)
        return job

    def resume(self, owner: str, job_id: str) -> Job:
        """Queue a canceled job again, to continue from its checkpoint.
        Its work was counted when it was submitted. Raises JobNotFound, JobConflict,
        TooManyRequests, QueueFull."""
        job = self.get(owner, job_id)
        admit(self.limits, self._repository, owner, job.client)
        job = self._repository.resume(job_id)
        logger.info("job resumed", extra=public_facts(job))
        self._wake_workers(job)
        return job

    def delete(self, owner: str, job_id: str) -> None:
        """Delete a job and its files. A worker that runs the job loses its lease.
        Raises JobNotFound."""
        job = self.get(owner, job_id)
        self._repository.delete(job_id)
        with suppress(DependencyError):  # the janitor deletes the remaining files later
            self._storage.delete(f"{job_id}/")
        logger.info("job deleted", extra=public_facts(job))
        self._tell(job)

    def see(self, job: Job) -> VisibleJob:
        """Return the job with its place in the queue."""
        return see(job, self._repository)

    def events(
        self, owner: str, job_id: str, *, poll_seconds: float, lifetime_seconds: float
    ) -> Iterator[VisibleJob | None]:
        """Return an iterator over the job now and after every change, see `follow`.
        It ends after `lifetime_seconds` at the latest. Raises JobNotFound immediately,
        not in the iterator."""
        job, ends_at = self.get(owner, job_id), time.monotonic() + lifetime_seconds
        return follow(job, self._repository, self._feed, poll_seconds=poll_seconds, ends_at=ends_at)

    def share(self, owner: str, job_id: str, token: str, days: float) -> Share:
        """Share the result with everybody who knows the token, see `sharing.share`.
        Raises JobNotFound, JobConflict, TooManyShares."""
        retention_seconds, job = self.limits.retention.total_seconds(), self.get(owner, job_id)
        return sharing.share(job, token, days, self._repository, retention_seconds)

    def shares(self, owner: str, job_id: str) -> Sequence[Share]:
        """Return the share links of a job. Raises JobNotFound."""
        self.get(owner, job_id)
        return self._repository.shares(job_id)

    def unshare(self, owner: str, job_id: str, share_id: str) -> None:
        """Revoke a share link. Raises JobNotFound."""
        self.get(owner, job_id)
        self._repository.delete_share(job_id, share_id)

    def shared(self, token: str) -> Job:
        """Return the job of a share link. Raises JobNotFound."""
        return sharing.shared(token, self._repository)

    def state(self) -> QueueState:
        """Return the number of jobs by state and the age of the oldest queued one.
        Raises RepositoryError."""
        return self._repository.state()

    def failures(self) -> dict[str, str]:
        """Return the error code of each failed dependency that every new job needs."""
        return failures(self._repository, self._storage)

    @contextmanager
    def _all_or_nothing(self, job_id: str) -> Iterator[None]:
        """Delete the files of a new job if it is refused or cannot be stored."""
        try:
            yield
        except (StorageError, TooManyRequests):
            with suppress(StorageError):  # incomplete uploads must not occupy scarce space
                self._storage.delete(f"{job_id}/")
            raise

    def _wake_workers(self, job: Job) -> None:
        try:
            self._queue.publish(job.id, job.trace)
        except DependencyError as error:
            # The job is stored, and idle workers poll the repository.
            logger.warning("job waits without a message: %s", error, extra=public_facts(job))
        self._tell(job)

    def _tell(self, job: Job) -> None:
        self._feed.publish(job.id, None)
