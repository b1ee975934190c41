"""What the application needs from outside. The docstrings are the contracts; one suite of tests
holds every adapter to them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from nst.jobs.job import Job, JobError, JobProgress, JobResult, JobStatus, Share


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many jobs there are in each state, and how long the oldest has been waiting."""

    jobs: Mapping[JobStatus, int]
    oldest_queued_seconds: float


class JobRepository(Protocol):
    """The truth about jobs. Every method is one transaction, is safe to call from any thread or
    process, and raises RepositoryError if the database does not answer. Of a job that this version
    cannot read `nst.jobs.stored.show` says what is returned."""

    def add(self, job: Job) -> Job:
        """Store a new job, with the times of the repository's clock. If the owner has used the
        idempotency key before, nothing is stored and the earlier job is returned."""

    def get(self, job_id: str) -> Job:
        """Raises JobNotFound."""

    def find_submitted(self, owner: str, idempotency_key: str) -> Job | None:
        """The owner's job that was added with this key."""

    def list(
        self,
        owner: str,
        *,
        status: JobStatus | None = None,
        limit: int = 24,
        before: str | None = None,
    ) -> Sequence[Job]:
        """Newest first; `before`: only those that were created before this job."""

    def unfinished(self, owner: str) -> int:
        """How many of the owner's jobs are queued or running."""

    def unfinished_of_client(self, client: str) -> int:
        """How many of the client's jobs, whoever owns them, are queued or running."""

    def place_in_queue(self, job_id: str) -> int | None:
        """1 for the job that is claimed next; None if it does not wait."""

    def find_result(self, owner: str, fingerprint: str) -> Job | None:
        """The owner's latest job of this fingerprint whose result still answers the order: it
        succeeded, was not steered, was painted by the model that was asked for, and with the
        weights with which that model painted last."""

    def claim_next(self, worker: str, lease_seconds: float) -> Job | None:
        """Take the job whose turn it is: running, another attempt, leased. Each job of the same
        owner or client that is not finished puts a new one back a little, and one that is tried
        again, so that nobody waits behind somebody else's hundred. Two workers never get the same
        job. A job that this version cannot read fails with `nst.jobs.stored.UNREADABLE`, and the
        next one is taken. None: nothing is queued."""

    def heartbeat(
        self, job_id: str, attempt: int, lease_seconds: float, progress: JobProgress | None
    ) -> Job:
        """Renew the lease, store how far it is, and learn what was asked meanwhile.
        Raises LeaseLost."""

    def keep_checkpoint(self, job_id: str, attempt: int, key: str) -> None:
        """The next attempt goes on from there. Raises LeaseLost."""

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
        """Into a final state, with the last progress. Raises LeaseLost."""

    def give_back(self, job_id: str, attempt: int) -> Job:
        """Queued again, at its old place; canceled if that was asked for. Raises LeaseLost."""

    def put_back(self, job_id: str, attempt: int, max_failures: int, error: JobError) -> Job:
        """Queued again behind all jobs that wait, because something outside failed for this job;
        failed if it did so `max_failures` times, canceled if that was asked for. Raises
        LeaseLost."""

    def fail_attempt(self, job_id: str, attempt: int, max_attempts: int, error: JobError) -> Job:
        """Queued again, or failed if that was the last attempt. Raises LeaseLost."""

    def sweep(self, max_attempts: int, error: JobError) -> Sequence[Job]:
        """Fail the attempt of every running job whose lease ran out; return these jobs."""

    def waiting(self, seconds: float, limit: int) -> Sequence[Job]:
        """Jobs that have been queued for longer, the oldest first."""

    def cancel(self, job_id: str) -> Job:
        """A queued job is canceled, a running one is asked to stop, of a canceled one nothing
        changes. Raises JobNotFound, JobConflict."""

    def steer(self, job_id: str, changes: Mapping[str, float]) -> Job:
        """Add to what a running job is steered by. Raises JobNotFound, JobConflict."""

    def retry(self, job_id: str) -> Job:
        """A failed or canceled job is queued again, from its beginning. Raises JobNotFound,
        JobConflict."""

    def delete(self, job_id: str) -> None:
        """Forget it and its shares. A job that is not there is forgotten already."""

    def completed_before(self, time: float, limit: int) -> Sequence[str]:
        """Ids of jobs in a final state since before this time."""

    def existing(self, job_ids: Sequence[str]) -> set[str]:
        """Which of these there are."""

    def state(self) -> QueueState: ...

    def deployment_id(self) -> str:
        """Random id that the database was made with; a copy of the database has the same."""

    def now(self) -> float:
        """Seconds since 1970, by the clock that all times of jobs come from."""

    def add_share(self, share: Share) -> None:
        """Raises JobNotFound."""

    def shares(self, job_id: str) -> Sequence[Share]:
        """Those that have not expired."""

    def find_share(self, token_sha256: str) -> Share | None:
        """None if there is none, or it has expired."""

    def delete_share(self, job_id: str, share_id: str) -> None: ...

    def close(self) -> None: ...


ProcessName: TypeAlias = Literal["api", "worker"]
"""Who uses the queue: the API sends messages, a worker sends and receives them."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message of the queue: there is work."""

    job_id: str
    trace: Mapping[str, str]
    receipt: object = None
    """What the adapter needs to commit it."""


class JobQueue(Protocol):
    """Wakes workers. It may lose or repeat messages: the repository decides who does what.
    Publishing is safe from any thread; the rest belongs to one worker. Raises QueueError."""

    def publish(self, job_id: str, trace: Mapping[str, str]) -> None:
        """Returns when the message is safe."""

    def receive(self, timeout_seconds: float) -> Delivery | None:
        """The next message that none of the group has committed; None: none came in time."""

    def commit(self, delivery: Delivery) -> None:
        """It need not be delivered again. Does not wait for the answer: what is not committed
        after all comes again."""

    def stay(self) -> None:
        """To be called every second while no message is wanted: keeps the place in the group."""

    def trouble(self, process: ProcessName) -> str | None:
        """Ask whether the process can use the queue, which may take seconds. Return what keeps it
        from that, in words for an operator, or None. Safe to call from any thread."""

    def lag(self) -> int:
        """How many messages wait for this worker, as far as it knows without asking."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What the storage knows about a file."""

    key: str
    size_bytes: int
    etag: str
    modified_at: float


class ImageStorage(Protocol):
    """Owns bytes. Keys are ours: "job id/what it is". Safe to call from any thread or process;
    raises StorageError, or StorageFull if there is no space left."""

    def put(self, key: str, data: bytes | Path) -> None:
        """Store bytes or a file, whole or not at all, in place of what was there."""

    def get(self, key: str) -> bytes:
        """Raises FileNotFoundError."""

    def fetch(self, key: str, file: Path) -> None:
        """Write it to a file, without holding all of it. Raises FileNotFoundError."""

    def stream(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Its bytes from `start` to before `stop`, piece by piece. Raises FileNotFoundError."""

    def stat(self, key: str) -> StoredFile | None:
        """None if there is no such file."""

    def list(self, prefix: str) -> Sequence[StoredFile]:
        """All files of a directory and those below it, by key. `prefix` ends with "/"."""

    def directories(self) -> Sequence[str]:
        """The names at the top: ids of jobs."""

    def changed_at(self, prefix: str) -> float:
        """When something in a directory was stored last, also what is being stored; seconds since
        1970, 0 if there is nothing. `prefix` ends with "/"."""

    def copy(self, source: str, target: str) -> None:
        """Raises FileNotFoundError."""

    def delete(self, prefix: str) -> None:
        """All files of a directory and those below it. `prefix` ends with "/"."""

    def link(self, key: str, seconds: float, disposition: str | None = None) -> str | None:
        """An address from which a client may get the file itself for a while, with this
        Content-Disposition; None if it must come through the API."""


class Subscription(Protocol):
    """To the news of one job."""

    def wait(self, timeout_seconds: float) -> JobProgress | None:
        """The newest progress since the last call. None: none came in time, or something else has
        changed; look into the repository."""


class ProgressFeed(Protocol):
    """Tells everybody who listens how far a job is, at once. It may lose news and never fails:
    who hears nothing looks into the repository now and then."""

    def publish(self, job_id: str, progress: JobProgress | None) -> None:
        """`None`: something else has changed."""

    def subscribe(self, job_id: str) -> AbstractContextManager[Subscription]: ...

    def close(self) -> None: ...


class RateLimiter(Protocol):
    """Counts what clients use up. It never fails: what it cannot count is allowed."""

    def take(self, what: str, client: str, amount: int, limit: int, window_seconds: int) -> int:
        """Use `amount` of what the client may use up in a window of time. 0, or if that is more
        than the limit the seconds after which to try again; then nothing is used up."""
