"""The worker's loop, and the process that paints for it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nst import worker as worker_module
from nst.errors import QueueError, RepositoryError
from nst.jobs.execute import Crashed, Finished, News, Painted, Stopped, Work
from nst.jobs.job import Job, JobStatus
from nst.jobs.ports import Delivery
from nst.worker import EngineProcess, Paint, Worker
from service import House, Line, ScriptedEngine, finishes, paints
from unit import engines

# ── the process that paints ───────────────────────────────────────────────────────────────────


@pytest.fixture
def job(house: House) -> Job:
    return house.submit()


@contextmanager
def engine(paint: Paint) -> Iterator[EngineProcess]:
    running = EngineProcess(paint)
    yield running
    running.close()


def work(job: Job, directory: Path) -> Work:
    return Work(directory, job, checkpoint_seconds=30)


def news_of(running: EngineProcess) -> list[News]:
    """All there is to the end of one piece of work."""
    found: list[News] = []
    deadline = time.monotonic() + 20
    while not found or isinstance(found[-1], Painted):
        assert time.monotonic() < deadline, found
        if news := running.news(0.1):
            found.append(news)
    return found


def test_it_paints_one_job_after_the_other_in_the_same_process(job: Job, tmp_path: Path) -> None:
    with engine(engines.answers) as running:
        pids = set()
        for _ in range(2):
            running.start(work(job, tmp_path))
            first, last = news_of(running)
            assert isinstance(first, Painted)
            assert isinstance(last, Finished)
            pids.add(first.progress.in_force["pid"])
        assert len(pids) == 1
        assert running.news(0.01) is None


@pytest.mark.parametrize(
    ("paint", "reason"),
    [(engines.dies, "exit code -9"), (engines.exits, "exit code 3")],
)
def test_a_process_that_ends_is_a_crash_and_is_replaced(
    job: Job, tmp_path: Path, paint: Paint, reason: str
) -> None:
    with engine(paint) as running:
        for _ in range(2):
            running.start(work(job, tmp_path))
            last = news_of(running)[-1]
            assert isinstance(last, Crashed)
            assert reason in last.reason


def test_a_process_that_hangs_up_is_a_crash(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "END_SECONDS", 0.1)
    with engine(engines.closes) as running:
        running.start(work(job, tmp_path))
        assert isinstance(news_of(running)[-1], Crashed)


def test_a_process_that_hangs_is_killed_and_the_next_one_is_there(job: Job, tmp_path: Path) -> None:
    with engine(engines.hangs) as running:
        running.start(work(job, tmp_path))
        while not running.news(0.1):
            pass
        assert running.news(0.1) is None
        running.kill()
        running.start(work(job, tmp_path))
        while not (first := running.news(0.1)):
            pass
        assert isinstance(first, Painted)


@pytest.mark.parametrize(
    ("tell", "answer"),
    [
        (EngineProcess.cancel, Finished(JobStatus.CANCELED, engines.RESULT_FACTS)),
        (EngineProcess.stop, Stopped(has_checkpoint=False)),
        (
            lambda running: running.steer({"tv_weight": 2.0}),
            Finished(JobStatus.SUCCEEDED, engines._steered(2.0)),
        ),
    ],
)
def test_it_is_told_what_people_ask_for(
    job: Job, tmp_path: Path, tell: Callable[[EngineProcess], None], answer: News
) -> None:
    with engine(engines.obeys) as running:
        running.start(work(job, tmp_path))
        while not running.news(0.1):
            pass
        tell(running)
        assert news_of(running) == [answer]


def test_an_idle_process_is_told_nothing_and_not_killed(job: Job, tmp_path: Path) -> None:
    with engine(engines.answers) as running:
        running.start(work(job, tmp_path))
        first, _ = news_of(running)
        running.cancel()
        running.stop()
        running.kill()
        running.start(work(job, tmp_path))
        again, last = news_of(running)
        assert isinstance(first, Painted)
        assert isinstance(again, Painted)
        assert again.progress.in_force == first.progress.in_force
        assert isinstance(last, Finished)


def test_a_process_that_died_between_jobs_is_replaced(job: Job, tmp_path: Path) -> None:
    with engine(engines.answers) as running:
        running._process.kill()
        running._process.join()
        running.start(work(job, tmp_path))
        assert isinstance(news_of(running)[-1], Finished)


# ── the worker ────────────────────────────────────────────────────────────────────────────────


@contextmanager
def at_work(house: House, running: object) -> Iterator[Worker]:
    """A worker in a thread."""
    shop = house.workshop(running)  # type: ignore[arg-type]
    worker = Worker(house.queue, shop, retention_seconds=3600)
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield worker
    worker.stop()
    thread.join(10)
    assert not thread.is_alive()


def eventually(is_true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_done(house: House, *jobs: Job) -> Callable[[], bool]:
    return lambda: all(house.repository.get(job.id).status.is_final for job in jobs)


def test_jobs_are_done_one_after_the_other(house: House) -> None:
    jobs = [house.submit(options={"seed": seed}) for seed in range(3)]
    script: list[Line] = [paints(1), finishes()]
    engine = ScriptedEngine(script, script, script)
    with at_work(house, engine):
        eventually(is_done(house, *jobs))
    assert {house.repository.get(job.id).status for job in jobs} == {JobStatus.SUCCEEDED}
    assert [work.job.id for work in engine.works] == [job.id for job in jobs]


def test_a_message_wakes_a_worker_that_waits(house: House) -> None:
    with at_work(house, ScriptedEngine([finishes()])) as worker:
        eventually(lambda: worker._found_nothing)
        began = time.monotonic()
        eventually(is_done(house, house.submit()))
        assert time.monotonic() - began < 1


def test_jobs_without_a_message_are_found_without_a_pause_between(house: House) -> None:
    jobs = [house.submit(options={"seed": seed}) for seed in range(5)]
    while house.queue.receive(0):
        pass
    began = time.monotonic()
    with at_work(house, ScriptedEngine(*[[finishes()]] * 5)):
        eventually(is_done(house, *jobs))
        assert time.monotonic() - began < worker_module.IDLE_SECONDS


def test_a_crash_of_the_engine_leaves_worker_and_other_jobs_alone(house: House) -> None:
    jobs = [house.submit(options={"seed": seed}) for seed in range(2)]
    with engine(engines.dies_once) as running, at_work(house, running):
        eventually(is_done(house, *jobs), seconds=60)
    for job in jobs:
        done = house.repository.get(job.id)
        assert (done.status, done.attempt, done.failed_attempts) == ("succeeded", 2, 1)


def test_a_worker_that_stops_gives_its_job_back(house: House) -> None:
    job = house.submit()
    with engine(engines.obeys) as running:
        with at_work(house, running):
            eventually(lambda: house.repository.get(job.id).progress is not None)
        after = house.repository.get(job.id)
    assert (after.status, after.failed_attempts) == (JobStatus.QUEUED, 0)


def test_a_worker_outlives_everything_outside(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter(
        [RepositoryError("gone"), QueueError("gone"), ZeroDivisionError("a fault of ours")]
    )
    claim_next = house.repository.claim_next

    def claim(worker: str, lease_seconds: float) -> Job | None:
        if error := next(failures, None):
            raise error
        return claim_next(worker, lease_seconds)

    monkeypatch.setattr(worker_module, "BACK_OFF_SECONDS", (0.01, 0.02))
    monkeypatch.setattr(house.repository, "claim_next", claim)
    job = house.submit()
    with at_work(house, ScriptedEngine([finishes()])):
        eventually(is_done(house, job))


def test_without_the_queue_jobs_are_done_all_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: float) -> Delivery | None:
        raise QueueError("no broker")

    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(house.queue, "receive", fail)
    job = house.submit()
    with at_work(house, ScriptedEngine([finishes()])):
        eventually(is_done(house, job))


def test_a_job_whose_worker_fell_silent_is_done_by_another(tmp_path: Path) -> None:
    house = House(tmp_path, lease_seconds=0.2)
    job = house.submit()
    house.claim()  # and no heartbeat follows
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as context:
        context.setattr(worker_module, "SWEEP_SECONDS", 0.05)
        context.setattr(worker_module, "IDLE_SECONDS", 0.05)
        with at_work(house, ScriptedEngine([finishes()])):
            eventually(is_done(house, job))
    done = house.repository.get(job.id)
    assert (done.status, done.attempt, done.failed_attempts) == ("succeeded", 2, 1)
    house.close()


def test_workers_of_a_process_have_names_of_their_own(house: House) -> None:
    shop = house.workshop(ScriptedEngine())
    names = {Worker(house.queue, shop, retention_seconds=1).name for _ in range(2)}
    assert len(names) == 2
