"""A job for which one call of a port always fails comes to an end.

All other jobs finish.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from nst import worker as worker_module
from nst.adapters.sql.schema import jobs
from nst.engine_process.messages import Work
from nst.errors import RepositoryError, StorageError, StorageFull
from nst.jobs import execute, failures
from nst.jobs.failures import CRASHED, GONE, UNSERVED
from nst.jobs.job import FRAMES, LEARNED, Job, JobError, JobStatus
from nst.jobs.order import Film, Learning
from nst.jobs.sweep import SteadyDatabase
from nst.learning_options import LearningOptions
from nst.worker import Worker
from support.service_in_process import CRASH, House, ScriptedEngine, finishes, paints
from support.waiting import wait_until
from unit.learning import tiny


class Painter(ScriptedEngine):
    """Engine that paints or learns every job in the same way, but crashes for some."""

    def __init__(self, learned: bytes, crashes: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._learned = learned
        self._crashes = crashes
        self.waits_for: dict[str, Callable[[], bool]] = {}
        """For ids of jobs: what the painting waits for before its second step."""

    def start(self, work: Work) -> None:
        if work.job.order.learning:
            (work.directory / LEARNED).write_bytes(self._learned)
        end = CRASH if work.job.id in self._crashes else finishes()
        self._scripts.append([paints(1, checkpoint=b"state"), self._wait, paints(2), end])
        super().start(work)

    def _wait(self, work: Work) -> None:
        if condition := self.waits_for.get(work.job.id):
            wait_until(condition)


@contextmanager
def at_work(house: House, engine: ScriptedEngine) -> Iterator[None]:
    shop = house.worker_context(engine, max_dependency_failures=2)
    worker = Worker(house.queue, shop, retention_seconds=3600)
    with house.working(worker):
        yield


def change(house: House, job_id: str, **columns: Any) -> None:
    with house.repository._write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(columns))


def submitted(house: House, kind: str, seed: int) -> Job:
    """Submit a job of this kind; a film has frames that an earlier attempt painted."""
    job = house.submit(options={"seed": seed})
    if kind == "film":
        film = Film(frames=2, seconds=0.1, first_frame=job.order.content.key)
        house.storage.put(f"{job.id}/{FRAMES}000001.png", b"a frame")
        frames = f"{job.id}/{FRAMES}"
        _change_order(house, job, film=film)
        change(house, job.id, checkpoint=frames)
    if kind == "learning":
        _change_order(house, job, learning=Learning(options=LearningOptions(), names=("waves",)))
    return job


def _change_order(house: House, job: Job, **fields: Any) -> None:
    order = job.order.model_copy(update=fields)
    change(house, job.id, order=order.model_dump(mode="json"))


class Poison:
    """A method that fails if its first argument belongs to the job."""

    def __init__(self, method: Callable[..., Any], job_id: str, error: Exception) -> None:
        self._method = method
        self._job_id = job_id
        self._error = error
        self.has_failed = False

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if str(getattr(arguments[0], "id", arguments[0])).startswith(self._job_id):
            self.has_failed = True
            raise self._error
        return self._method(*arguments, **options)


BROKEN = StorageError(Path("x"), "permission denied")
FULL = StorageFull(Path("x"), "there is no space left")
OURS = ZeroDivisionError("a fault of ours")
DEADLOCK = RepositoryError("deadlock")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(worker_module, "BACK_OFF_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(execute, "HAND_BACK_SECONDS", 0.01)


@pytest.fixture
def learned(tmp_path: Path) -> bytes:
    return tiny.saved(tmp_path / "waves.nst").read_bytes()


def submit_four(house: House, kind: str) -> tuple[str, list[str]]:
    """Submit a job to poison and three others; return their ids."""
    bad, *others = (submitted(house, kind, seed).id for seed in range(4))
    return bad, others


def check_all_end(
    house: House, bad: str, others: list[str], engine: ScriptedEngine, expected: JobError | None
) -> None:
    """Check that the bad job fails with the expected error, or succeeds if that is None."""

    def are_over() -> bool:
        return all(house.repository.get(job_id).status.is_final for job_id in (bad, *others))

    with at_work(house, engine):
        wait_until(are_over)
    done = [house.repository.get(job_id) for job_id in others]
    assert {(job.status, job.attempt) for job in done} == {(JobStatus.SUCCEEDED, 1)}
    poisoned = house.repository.get(bad)
    assert poisoned.status is (JobStatus.FAILED if expected else JobStatus.SUCCEEDED)
    assert poisoned.error == expected


@pytest.mark.parametrize(
    ("kind", "port", "name", "error", "expected"),
    [
        ("image", "storage", "fetch", BROKEN, UNSERVED),
        ("image", "storage", "fetch", FULL, UNSERVED),  # the disk of the worker, not the storage
        ("image", "storage", "fetch", OURS, CRASHED),
        ("image", "storage", "fetch", FileNotFoundError("x"), GONE),
        ("image", "storage", "stream", BROKEN, UNSERVED),
        ("image", "storage", "stream", FULL, UNSERVED),
        ("image", "storage", "stream", OURS, CRASHED),
        ("image", "storage", "put", BROKEN, UNSERVED),
        ("image", "storage", "put", FULL, failures.FULL),
        ("image", "storage", "put", OURS, CRASHED),
        ("image", "storage", "delete", BROKEN, UNSERVED),
        ("image", "storage", "list", BROKEN, UNSERVED),
        ("image", "feed", "publish", OURS, CRASHED),
        ("image", "repository", "heartbeat", DEADLOCK, None),
        ("image", "repository", "heartbeat", OURS, None),
        ("image", "repository", "keep_checkpoint", DEADLOCK, UNSERVED),
        ("image", "repository", "finish", DEADLOCK, UNSERVED),
        ("image", "repository", "finish", OURS, CRASHED),
        ("film", "storage", "fetch", BROKEN, UNSERVED),
        ("film", "storage", "put", BROKEN, UNSERVED),
        ("film", "storage", "put", FULL, failures.FULL),
        ("film", "storage", "list", BROKEN, UNSERVED),
        ("film", "storage", "delete", BROKEN, None),  # its frames go with the job
        ("film", "repository", "keep_checkpoint", DEADLOCK, UNSERVED),
        ("learning", "storage", "fetch", BROKEN, UNSERVED),
        ("learning", "storage", "put", BROKEN, UNSERVED),
        ("learning", "storage", "delete", BROKEN, UNSERVED),
        ("learning", "learned_styles", "put", DEADLOCK, UNSERVED),
        ("learning", "learned_styles", "put", OURS, CRASHED),
    ],
    ids=lambda value: value.code if isinstance(value, JobError) else str(value),
)
def test_one_poisoned_job_and_all_others_finish(
    house: House,
    learned: bytes,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    port: str,
    name: str,
    error: Exception,
    expected: JobError | None,
) -> None:
    bad, others = submit_four(house, kind)
    owner = house.repository if port == "learned_styles" else house
    found = getattr(owner, port)
    poison = Poison(getattr(found, name), bad, error)
    monkeypatch.setattr(found, name, poison)
    engine = Painter(learned)
    if name == "heartbeat":  # heartbeats have their own clock, which a painting may outrun
        engine.waits_for[bad] = lambda: poison.has_failed
    check_all_end(house, bad, others, engine, expected)
    assert poison.has_failed


@pytest.mark.parametrize("error", [DEADLOCK, OURS], ids=str)
@pytest.mark.parametrize("name", ["give_back", "put_back", "fail_attempt"])
def test_one_job_that_cannot_be_queued_again_and_all_others_finish(
    house: House, learned: bytes, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    """The worker goes on, and the sweep ends the job after its leases have expired.
    A job whose crash cannot be stored is given back as one that the database does not serve."""
    bad, others = submit_four(house, "image")
    monkeypatch.setattr(worker_module, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(SteadyDatabase, "look", lambda _: True)
    monkeypatch.setattr(execute, "_is_well", lambda _: name != "give_back")
    if name != "fail_attempt":
        monkeypatch.setattr(house.storage, "fetch", Poison(house.storage.fetch, bad, BROKEN))
    poison = Poison(getattr(house.repository, name), bad, error)

    def call(job_id: str, *arguments: Any) -> Job:
        if job_id == bad:
            change(house, bad, lease_expires_at=0.0)
        return poison(job_id, *arguments)  # type: ignore[no-any-return]

    beat = house.repository.heartbeat

    def beat_of_others(job_id: str, *arguments: Any) -> Job:
        # One may come between the end of the lease and the sweep, and would renew it.
        return house.repository.get(job_id) if job_id == bad else beat(job_id, *arguments)

    monkeypatch.setattr(house.repository, name, call)
    monkeypatch.setattr(house.repository, "heartbeat", beat_of_others)
    engine = Painter(learned, (bad,) if name == "fail_attempt" else ())
    is_given_back = (name, error) == ("fail_attempt", DEADLOCK)
    check_all_end(house, bad, others, engine, UNSERVED if is_given_back else CRASHED)
    assert poison.has_failed
