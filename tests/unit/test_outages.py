"""An outage of the database that is longer than a lease costs no job an attempt."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nst import worker as worker_module
from nst.adapters.sql import SqlJobRepository
from nst.engine_process.messages import News, Stopped, Work
from nst.errors import RepositoryError
from nst.jobs import execute
from nst.jobs.execute import execute_job
from nst.jobs.job import JobStatus, Outcome
from nst.jobs.sweep import SteadyDatabase
from nst.jobs.worker_context import AttemptEnded
from nst.worker import Worker
from support.service_in_process import House, ScriptedEngine, finishes, paints
from support.waiting import PATIENCE_SECONDS, wait_until

LEASE_SECONDS = 4.0


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Return an event; while it is set, the database answers no repository."""
    is_out = threading.Event()

    def refusing(method: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def connect(repository: SqlJobRepository) -> Iterator[Any]:
            if is_out.is_set():
                raise RepositoryError("connection refused")
            with method(repository) as connection:
                yield connection

        return connect

    for name in ("_read", "_write"):
        monkeypatch.setattr(SqlJobRepository, name, refusing(getattr(SqlJobRepository, name)))
    return is_out


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers sweep often and wait only briefly."""
    monkeypatch.setattr(worker_module, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(worker_module, "BACK_OFF_SECONDS", (0.01, 0.05))


@contextmanager
def at_work(directory: Path, engine: ScriptedEngine) -> Iterator[Worker]:
    """Run a worker in a thread, with a connection of its own."""
    house = House(directory, lease_seconds=LEASE_SECONDS, keeps=True)
    # Heartbeats come later than other workers could sweep, and none is due when the lease ends. The
    # outage lasts for most of a lease, so it is noticed even if a heartbeat is late.
    shop = replace(house.worker_context(engine), heartbeat_seconds=0.3 * LEASE_SECONDS)
    worker = Worker(house.queue, shop, retention_seconds=3600)
    with closing(house), house.working(worker):
        yield worker


def has_lost_its_lease(directory: Path) -> bool:
    with closing(sqlite3.connect(directory / "jobs.db")) as database:
        query = "SELECT lease_expires_at < (julianday('now') - 2440587.5) * 86400.0 FROM jobs"
        return all(row[0] for row in database.execute(query))


def test_a_job_survives_an_outage_that_is_longer_than_its_lease(
    house: House, outage: threading.Event, restless: None
) -> None:
    goes_on = threading.Event()

    def wait(_: Work) -> None:
        assert goes_on.wait(PATIENCE_SECONDS)

    engine = ScriptedEngine([paints(1), wait, paints(2), finishes()])
    job = house.submit()
    with ExitStack() as stack:
        stack.enter_context(at_work(house.directory, engine))
        stack.callback(goes_on.set)  # a worker that waits cannot be stopped
        wait_until(lambda: house.repository.get(job.id).progress is not None)
        others = [
            stack.enter_context(at_work(house.directory, ScriptedEngine([finishes()])))
            for _ in range(2)
        ]
        outage.set()
        wait_until(lambda: has_lost_its_lease(house.directory))
        outage.clear()
        wait_until(lambda: not has_lost_its_lease(house.directory))
        wait_until(lambda: all(other._database.look() for other in others))
        goes_on.set()
        wait_until(lambda: house.repository.get(job.id).status.is_final)
    done = house.repository.get(job.id)
    assert (done.status, done.attempt, done.failed_attempts) == (JobStatus.SUCCEEDED, 1, 0)


def test_a_worker_that_is_killed_in_an_outage_costs_its_job_no_attempt(
    house: House, outage: threading.Event, restless: None
) -> None:
    job = house.submit()
    assert house.repository.claim_next("killed", LEASE_SECONDS)
    with at_work(house.directory, ScriptedEngine([finishes()])) as other:
        wait_until(lambda: other._database._looked_at > 0)
        outage.set()
        wait_until(lambda: has_lost_its_lease(house.directory))
        wait_until(lambda: other._database._is_out)
        outage.clear()
        wait_until(lambda: house.repository.get(job.id).status.is_final)
    done = house.repository.get(job.id)
    assert (done.status, done.attempt, done.failed_attempts) == (JobStatus.SUCCEEDED, 2, 0)


def stopped_in(outage: threading.Event, stop: threading.Event) -> ScriptedEngine:
    """Return an engine during whose work the database fails and the worker is stopped."""

    def fail(_: Work) -> None:
        outage.set()
        stop.set()

    return ScriptedEngine([paints(1), fail, Stopped(has_checkpoint=False)])


def test_a_worker_that_is_stopped_during_an_outage_gives_its_job_back(
    house: House, outage: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "HAND_BACK_SECONDS", 0.01)
    job, stop, turns = house.submit(), threading.Event(), iter(range(3))

    def end_outage() -> None:
        if outage.is_set() and next(turns, None) is None:
            outage.clear()

    context = house.worker_context(stopped_in(outage, stop), should_stop=stop, meanwhile=end_outage)
    with pytest.raises(RepositoryError):
        execute_job(house.claim(), context)
    after = house.repository.get(job.id)
    assert (after.status, after.lease_expires_at) == (JobStatus.QUEUED, None)
    assert (after.failed_attempts, after.failed_dependencies) == (0, 0)


def test_a_worker_that_is_stopped_during_a_longer_outage_ends(
    house: House, outage: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "HAND_BACK_SECONDS", 0.01)
    house.submit()
    stop, heard = threading.Event(), list[News | AttemptEnded]()
    context = house.worker_context(
        stopped_in(outage, stop), should_stop=stop, watch=heard.append, lease_seconds=0.1
    )
    with pytest.raises(RepositoryError):
        execute_job(house.claim(), context)
    ended = heard[-1]
    assert isinstance(ended, AttemptEnded)
    assert ended.outcome is Outcome.LEASE_LOST


class Clock:
    """Clock of a database; None: the database does not answer."""

    def __init__(self) -> None:
        self.time: float | None = 1000.0

    def now(self) -> float:
        if self.time is None:
            raise RepositoryError("connection refused")
        return self.time


def looks(*times: float) -> list[bool]:
    """Return what `look` returns at these times, with a lease of 12 s."""
    clock = Clock()
    database = SteadyDatabase(clock, 12.0)  # type: ignore[arg-type]
    seen = []
    for clock.time in times:
        seen.append(database.look())
    return seen


def test_a_database_is_steady_after_a_lease_without_a_gap() -> None:
    assert looks(0, 5, 10, 13, 18) == [False, False, False, True, True]


def test_a_gap_begins_the_time_again() -> None:
    """The database was away, this process slept, or the machine stood still."""
    assert looks(0, 5, 10, 13, 20, 25, 30, 33) == [*[False] * 3, True, *[False] * 3, True]


def test_only_leases_that_ended_in_an_outage_are_forgiven() -> None:
    clock = Clock()
    database = SteadyDatabase(clock, 12.0)  # type: ignore[arg-type]
    for clock.time in (1000.0, 1020.0):  # a gap is no outage
        database.look()
    assert database.forgiven_until == 0
    clock.time = None
    with pytest.raises(RepositoryError):
        database.look()
    for clock.time in (1030.0, 1035.0):
        database.look()
    assert database.forgiven_until == 1042.0


def test_a_clock_that_is_set_back_begins_the_time_again() -> None:
    assert looks(100, 105, 110, 113, 50, 55) == [*[False] * 3, True, False, False]
