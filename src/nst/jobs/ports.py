"""Ports: the interfaces to databases, queues and storage.
Their docstrings are the contracts, and one test suite runs against every
adapter."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from nst.jobs.job import Job, JobError, JobProgress, JobResult, JobStatus, ListPosition, Share
from nst.jobs.stored_file import StoredFile


@dataclass(frozen=True, slots=True)
class QueueState:
    """Number of jobs in each state, and the age of the oldest queued job."""

    jobs: Mapping[JobStatus, int]
    oldest_queued_seconds: float


class JobRepository(Protocol):
    """The single source of truth about jobs.

    Every method is one transaction, is safe to call from any thread or process, and raises
    RepositoryError if the database does not answer. A job that this version cannot parse is
    returned as `nst.jobs.stored.show` describes.
    """

    def add(self, job: Job) -> Job:
        """Store a new job with timestamps of the database's clock.
        If the owner has used the idempotency key before, store nothing and return the
        earlier job."""

    def get(self, job_id: str) -> Job:
        """Return a job. Raises JobNotFound."""

    def find_submitted(self, owner: str, idempotency_key: str) -> Job | None:
        """Return the owner's job with this idempotency key; None if there is none."""

    def list(
        self,
        owner: str,
        *,
        status: JobStatus | None = None,
        limit: int = 24,
        before: ListPosition | None = None,
    ) -> Sequence[Job]:
        """Return the owner's jobs, newest first.
        `before`: only jobs created before this."""

    def unfinished(self, owner: str) -> int:
        """Return the number of the owner's queued and running jobs."""

    def unfinished_of_client(self, client: str) -> int:
        """Return the number of queued and running jobs from this client, of any owner."""

    def place_in_queue(self, job_id: str) -> int | None:
        """Return the place of a job in the queue, 1 for the next job;
        None if the job is not queued."""

    def find_result(self, owner: str, fingerprint: str) -> Job | None:
        """Return the owner's latest job with this fingerprint whose result can be reused.

        A result can be reused if the job succeeded, was not steered, used the requested model, and
        used the same weights as the latest job of that model.
        """

    def claim_next(self, worker: str, lease_seconds: float) -> Job | None:
        """Lease the next queued job to a worker and start another attempt;
        return None if no job is queued.

        Two workers never get the same job. Each unfinished job of an owner or client delays that
        client's next one, so that nobody waits behind a hundred jobs of another client. A job that
        this version cannot parse fails with `nst.jobs.stored.UNREADABLE`, and the next one is
        taken.
        """

    def heartbeat(
        self, job_id: str, attempt: int, lease_seconds: float, progress: JobProgress | None
    ) -> Job:
        """Renew the lease, store the progress, and return the job with any request to
        cancel or steer it. Raises LeaseLost."""

    def keep_checkpoint(self, job_id: str, attempt: int, key: str) -> None:
        """Store the key of a checkpoint from which the next attempt continues.
        Raises LeaseLost."""

    def finish(
        self,
        job_id: str,
        attempt: int,
        status: JobStatus,
        *,
        progress: JobProgress | None = None,
        result: JobResult | None = None,
        error: JobError | None = None,
    ) -> Job:
        """Move a job to a final state and store its last progress. Without a result,
        the job has that of an earlier attempt. Raises LeaseLost."""

    def give_back(self, job_id: str, attempt: int) -> Job:
        """Return a job to its old place in the queue; cancel it if requested.
        Raises LeaseLost."""

    def put_back(self, job_id: str, attempt: int, max_failures: int, error: JobError) -> Job:
        """Move a job to the end of the queue after a dependency failed for it.

        After `max_failures` such failures the job fails; if requested it is canceled. Raises
        LeaseLost.
        """

    def fail_attempt(self, job_id: str, attempt: int, max_attempts: int, error: JobError) -> Job:
        """Queue a job again, or fail it after the last attempt. Raises LeaseLost."""

    def sweep(self, max_attempts: int, error: JobError, forgiven_until: float = 0) -> Sequence[Job]:
        """End the attempts whose leases have expired, and return their jobs.
        Each has failed, unless its lease expired before `forgiven_until`."""

    def cancel(self, job_id: str) -> Job:
        """Cancel a queued job, or ask a running one to stop.
        A canceled job stays unchanged; a queued one has its earlier result again. Raises
        JobNotFound, JobConflict."""

    def steer(self, job_id: str, changes: Mapping[str, float]) -> Job:
        """Store new values for the steerable options of a running job.
        Raises JobNotFound, JobConflict."""

    def retry(self, job_id: str) -> Job:
        """Queue a failed or canceled job again, from its first step. Raises JobNotFound,
        JobConflict."""

    def resume(self, job_id: str) -> Job:
        """Queue a canceled job again, to continue from its checkpoint.
        Steered values are kept. Raises JobNotFound, JobConflict."""

    def delete(self, job_id: str) -> None:
        """Delete a job and its shares; do nothing if there is no such job."""

    def delete_completed(self, time: float) -> str | None:
        """Delete one job that completed before this time; return its id or None."""

    def existing(self, job_ids: Sequence[str]) -> set[str]:
        """Return the ids that exist."""

    def state(self) -> QueueState:
        """Return the number of jobs by state and the age of the oldest queued one."""

    def deployment_id(self) -> str:
        """Return the random id of the database; a copy of the database has the same id."""

    def now(self) -> float:
        """Return the seconds since 1970 by the database's clock.
        All timestamps come from this clock."""

    def add_share(self, share: Share, most: int) -> None:
        """Store a share link unless its job has `most` links that have not expired.
        Raises JobNotFound, TooManyShares."""

    def shares(self, job_id: str) -> Sequence[Share]:
        """Return the share links of a job that have not expired."""

    def find_share(self, token_sha256: str) -> Share | None:
        """Return the share link with this token;
        None if it does not exist or has expired."""

    def delete_share(self, job_id: str, share_id: str) -> None:
        """Revoke a share link; do nothing if there is no such link."""

    def close(self) -> None: ...


ProcessName: TypeAlias = Literal["api", "worker"]
"""Role of a process in the queue: the API sends messages,
a worker sends and receives them."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message of the queue: this job is waiting for a worker."""

    job_id: str
    trace: Mapping[str, str]
    receipt: object = None
    """Handle by which the adapter commits the message."""


class JobQueue(Protocol):
    """A queue of messages that wake workers.

    It may lose or repeat messages, because the repository decides which worker gets a job.
    `publish` is safe from any thread; all other methods belong to one worker. Every method raises
    QueueError.
    """

    def publish(self, job_id: str, trace: Mapping[str, str]) -> None:
        """Send a message; return after the brokers have stored it."""

    def receive(self, timeout_seconds: float) -> Delivery | None:
        """Return the next uncommitted message of the group; None after the timeout."""

    def commit(self, delivery: Delivery) -> None:
        """Mark a message as done, so that it is not delivered again.
        If the commit is lost, the message is repeated."""

    def stay(self) -> None:
        """Keep the membership in the group.
        Call it every second between calls of `receive`; a message that comes meanwhile is then
        received without waiting."""

    def trouble(self, *processes: ProcessName) -> str | None:
        """Return why these processes cannot use the queue, as a text for an operator.
        Return None if they can. The call may take seconds and is safe from any thread."""

    def lag(self) -> int:
        """Return the last known number of messages that wait for this worker."""

    def close(self) -> None: ...


class ImageStorage(Protocol):
    """A store of files under keys such as "JOB_ID/result.png".

    Every method is safe to call from any thread or process, and raises StorageError, or
    StorageFull if no space is left. Directory prefixes end with "/".
    """

    def put(self, key: str, data: bytes | Path) -> None:
        """Store bytes or a file atomically, replacing an earlier file."""

    def get(self, key: str) -> bytes:
        """Return the content of a file. Raises FileNotFoundError."""

    def fetch(self, key: str, file: Path) -> None:
        """Download a stored file to `file` in pieces. Raises FileNotFoundError."""

    def stream(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `stop` in pieces.
        Raises FileNotFoundError."""

    def stat(self, key: str) -> StoredFile | None:
        """Return the metadata of a file; None if it does not exist."""

    def list(self, prefix: str) -> Sequence[StoredFile]:
        """Return all files of a directory and its subdirectories, sorted by key."""

    def directories(self) -> Sequence[str]:
        """Return the names of the top-level directories, such as ids of jobs."""

    def changed_at(self, prefix: str) -> float:
        """Return the time of the last change in a directory, in seconds since 1970;
        0 if it is empty. Unfinished uploads count."""

    def copy(self, source: str, target: str) -> None:
        """Copy a file within the storage. Raises FileNotFoundError."""

    def delete(self, name: str) -> None:
        """Delete a file, or all files below a directory if the name ends with a slash.
        Do nothing if there are none."""

    def link(self, key: str, seconds: float, disposition: str | None = None) -> str | None:
        """Return a URL from which a client can download the file for `seconds`, with this
        Content-Disposition; None if the file has to come through the API."""


class Subscription(Protocol):
    """A subscription to the progress of one job."""

    def wait(self, timeout_seconds: float) -> JobProgress | None:
        """Return the newest progress since the last call.
        Return None after the timeout, or if anything else has changed; in both cases the
        caller reads the job from the repository."""


class ProgressFeed(Protocol):
    """A broadcast of the progress of jobs to all subscribers.

    It may lose messages and never raises; subscribers also poll the repository.
    """

    def publish(self, job_id: str, progress: JobProgress | None) -> None:
        """Send progress to the subscribers.
        None means that something else about the job has changed."""

    def subscribe(self, job_id: str) -> AbstractContextManager[Subscription]:
        """Subscribe to one job while the context is open."""

    def close(self) -> None: ...


class RateLimiter(Protocol):
    """A counter of the resources that clients consume.
    It never raises; consumption that it cannot count is allowed."""

    def take(self, what: str, client: str, amount: int, limit: int, window_seconds: int) -> int:
        """Consume `amount` of a client's limit in a time window, and return 0. If that
        would exceed the limit, consume nothing and return the seconds until the next try.
        A negative amount is given back, down to a consumption of 0."""
