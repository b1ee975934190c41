"""The worker's loop, and the process that paints for the worker."""

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from nst import worker as worker_module
from nst.engine_process import parent
from nst.engine_process.messages import Crashed, Finished, News, Painted, Stopped, Work
from nst.engine_process.parent import EngineProcess, Paint
from nst.errors import QueueError, RepositoryError, StorageFull
from nst.jobs import workplace
from nst.jobs.janitor import BATCH
from nst.jobs.job import Job, JobStatus
from nst.jobs.ports import Delivery
from nst.worker import Worker
from support import engines
from support.service_in_process import House, Line, ScriptedEngine, finishes, paints
from support.waiting import PATIENCE_SECONDS, wait_until

# ── the engine's process ──────────────────────────────────────────────────────────────────────


@pytest.fixture
def job(house: House) -> Job:
    return house.submit()


@contextmanager
def engine(paint: Paint) -> Iterator[EngineProcess]:
    with closing(EngineProcess(paint)) as running:
        yield running


def work(job: Job, directory: Path) -> Work:
    return Work(directory, job, checkpoint_seconds=30)


def news_of(running: EngineProcess) -> list[News]:
    """Return all news up to the end of one piece of work."""
    found = [next_of(running)]
    while isinstance(found[-1], Painted):
        found.append(next_of(running))
    return found


def next_of(running: EngineProcess) -> News:
    def look() -> News | None:
        return running.news(0.1)

    return cast("News", wait_until(look))


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
    job: Job, tmp_path: Path, paint: Paint, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "END_SECONDS", PATIENCE_SECONDS)
    with engine(paint) as running:
        for _ in range(2):
            running.start(work(job, tmp_path))
            last = news_of(running)[-1]
            assert isinstance(last, Crashed)
            assert reason in last.reason


def test_a_process_that_hangs_up_is_a_crash(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "END_SECONDS", 0.1)
    with engine(engines.closes) as running:
        running.start(work(job, tmp_path))
        assert isinstance(news_of(running)[-1], Crashed)


def test_a_process_that_hangs_is_killed_and_the_next_one_is_there(job: Job, tmp_path: Path) -> None:
    with engine(engines.hangs) as running:
        running.start(work(job, tmp_path))
        next_of(running)
        assert running.news(0.1) is None
        running.kill()
        running.start(work(job, tmp_path))
        assert isinstance(next_of(running), Painted)


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
        next_of(running)
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
    """Run a worker in a thread."""
    shop = house.worker_context(running)  # type: ignore[arg-type]
    worker = Worker(house.queue, shop, retention_seconds=3600)
    with house.working(worker):
        yield worker


def is_done(house: House, *jobs: Job) -> Callable[[], bool]:
    return lambda: all(house.repository.get(job.id).status.is_final for job in jobs)


def test_jobs_are_done_one_after_the_other(house: House) -> None:
    jobs = [house.submit(options={"seed": seed}) for seed in range(3)]
    script: list[Line] = [paints(1), finishes()]
    engine = ScriptedEngine(script, script, script)
    with at_work(house, engine):
        wait_until(is_done(house, *jobs))
    assert {house.repository.get(job.id).status for job in jobs} == {JobStatus.SUCCEEDED}
    assert [work.job.id for work in engine.works] == [job.id for job in jobs]


@pytest.fixture
def idles_forever(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep an idle worker waiting for messages until the test gives up."""
    house.lease_seconds = 100 * PATIENCE_SECONDS
    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 2 * PATIENCE_SECONDS)


@pytest.mark.usefixtures("idles_forever")
def test_a_message_wakes_a_worker_that_waits(house: House) -> None:
    with at_work(house, ScriptedEngine([finishes()])) as worker:
        wait_until(lambda: worker._found_nothing)
        wait_until(is_done(house, house.submit()))


@pytest.mark.usefixtures("idles_forever")
def test_jobs_without_a_message_are_found_without_a_pause_between(house: House) -> None:
    jobs = [house.submit(options={"seed": seed}) for seed in range(5)]
    while house.queue.receive(0):
        pass
    with at_work(house, ScriptedEngine(*[[finishes()]] * 5)):
        wait_until(is_done(house, *jobs))


def test_a_crash_of_the_engine_leaves_worker_and_other_jobs_alone(house: House) -> None:
    jobs = [house.submit(options={"seed": seed}) for seed in range(2)]
    with engine(engines.dies_once) as running, at_work(house, running):
        wait_until(is_done(house, *jobs))
    for job in jobs:
        done = house.repository.get(job.id)
        assert (done.status, done.attempt, done.failed_attempts) == ("succeeded", 2, 1)


def test_a_worker_that_stops_gives_its_job_back(house: House) -> None:
    job = house.submit()
    with engine(engines.obeys) as running:
        with at_work(house, running):
            wait_until(lambda: house.repository.get(job.id).progress is not None)
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
        wait_until(is_done(house, job))


def test_without_the_queue_jobs_are_done_all_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: float) -> Delivery | None:
        raise QueueError("no broker")

    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 0.01)
    monkeypatch.setattr(house.queue, "receive", fail)
    job = house.submit()
    with at_work(house, ScriptedEngine([finishes()])):
        wait_until(is_done(house, job))


def test_a_job_whose_worker_fell_silent_is_done_by_another(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "SWEEP_SECONDS", 0.05)
    monkeypatch.setattr(worker_module, "IDLE_SECONDS", 0.05)
    house.lease_seconds = 1.0  # a sweep needs a database that has answered for as long
    job = house.submit()
    house.claim_and_fall_silent()
    with at_work(house, ScriptedEngine([finishes()])):
        wait_until(is_done(house, job))
    done = house.repository.get(job.id)
    assert (done.status, done.attempt, done.failed_attempts) == ("succeeded", 2, 1)


def test_workers_of_a_process_have_names_of_their_own(house: House) -> None:
    shop = house.worker_context(ScriptedEngine())
    names = {Worker(house.queue, shop, retention_seconds=1).name for _ in range(2)}
    assert len(names) == 2


def test_no_exception_of_housekeeping_reaches_a_running_job(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job ends in its first attempt, whatever else fails."""
    calls = set[str]()

    def stumbles(name: str) -> Callable[..., None]:
        def fail(*_: object, **__: object) -> None:
            calls.add(name)
            raise ZeroDivisionError(f"a fault of ours in {name}")

        return fail

    monkeypatch.setattr(house.repository, "now", stumbles("now"))
    monkeypatch.setattr(house.queue, "stay", stumbles("stay"))
    monkeypatch.setattr(house.queue, "commit", lambda _: None)
    monkeypatch.setattr(worker_module, "SWEEP_SECONDS", 0.0)
    monkeypatch.setattr(worker_module, "CLEAN_SECONDS", 0.0)
    job = house.submit()

    with at_work(house, ScriptedEngine([paints(1), None, None, paints(2), finishes()])):
        wait_until(is_done(house, job))
    assert {"now", "stay"} <= calls
    done = house.repository.get(job.id)
    assert (done.status, done.attempt, done.failed_attempts) == ("succeeded", 1, 0)


def test_a_worker_cleans_between_its_jobs_only_until_nothing_is_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [house.submit(options={"seed": seed}) for seed in range(3)]
    removed = iter([BATCH, BATCH, 1])
    running: list[int] = []

    def clean(*_: object) -> int:
        running.append(house.repository.state().jobs[JobStatus.RUNNING])
        return next(removed)

    monkeypatch.setattr(worker_module, "clean", clean)
    script: list[Line] = [paints(1), None, None, paints(2), finishes()]
    with at_work(house, ScriptedEngine(script, script, script)):
        wait_until(is_done(house, *jobs))
    assert running == [0, 0, 0]


def test_a_job_that_cannot_be_read_does_not_stop_a_worker(house: House) -> None:
    unreadable, healthy = (house.submit(options={"seed": seed}) for seed in range(2))
    house.store_unknown_option(unreadable.id)
    with at_work(house, ScriptedEngine([finishes()])):
        wait_until(is_done(house, unreadable, healthy))
    assert house.repository.get(healthy.id).status is JobStatus.SUCCEEDED
    failed = house.repository.get(unreadable.id)
    assert failed.error is not None
    assert (failed.status, failed.error.code) == (JobStatus.FAILED, "unreadable_job")


@pytest.fixture
def own_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    return directory


def test_a_worker_without_space_takes_no_job_until_there_is_some(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [1_000_000]
    looks: list[int] = []

    def usage(_: object) -> SimpleNamespace:
        looks.append(free[0])
        return SimpleNamespace(free=free[0])

    monkeypatch.setattr(shutil, "disk_usage", usage)
    monkeypatch.setattr(worker_module, "BACK_OFF_SECONDS", (0.01, 0.02))
    job = house.submit()
    with at_work(house, ScriptedEngine([finishes()])):
        wait_until(lambda: len(looks) >= 3)
        assert house.repository.get(job.id).attempt == 0
        free[0] = 1 << 30
        wait_until(is_done(house, job))
    assert house.repository.get(job.id).attempt == 1


def test_a_worker_takes_no_job_while_the_storage_has_no_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, refused, has_room = house.storage.put, list[str](), threading.Event()

    def put_if_there_is_room(key: str, data: bytes | Path) -> None:
        if not has_room.is_set():
            refused.append(key)
            raise StorageFull(Path(key), "there is no space left")
        put(key, data)

    jobs = [house.submit(options={"seed": seed}) for seed in range(2)]
    monkeypatch.setattr(house.storage, "put", put_if_there_is_room)
    monkeypatch.setattr(worker_module, "BACK_OFF_SECONDS", (0.01, 0.02))
    script: list[Line] = [paints(1), finishes()]
    engine = ScriptedEngine(script, script, script)
    with at_work(house, engine):
        wait_until(lambda: refused.count("probe/file") >= 5)
        assert len(engine.works) == 1
        has_room.set()
        wait_until(is_done(house, *jobs))
    found = [house.repository.get(job.id) for job in jobs]
    assert [(job.status, job.failed_dependencies) for job in found] == [("succeeded", 0)] * 2


def test_directories_that_killed_workers_left_go_when_a_worker_starts(
    house: House, own_temporary: Path
) -> None:
    left = own_temporary / "nst-job-0a1b-99"
    left.mkdir()
    (left / "checkpoint").write_bytes(b"large")
    foreign = own_temporary / "somebody's"
    foreign.mkdir()
    with workplace.directory_of("2c3d") as living, at_work(house, ScriptedEngine()):
        wait_until(lambda: not left.exists())
        assert living.exists()
    assert list(own_temporary.iterdir()) == [foreign]


def test_an_idle_worker_sees_that_the_database_is_steady_however_short_the_lease(
    house: House,
) -> None:
    """With the shortest lease that the settings allow, a worker still sweeps."""
    house.lease_seconds = 3.0
    job = house.submit()
    house.claim_and_fall_silent()
    with at_work(house, ScriptedEngine([finishes()])):
        wait_until(is_done(house, job))
    assert house.repository.get(job.id).failed_attempts == 1


def test_its_first_line_says_why_there_are_no_messages(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "GREET_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(house.queue, "trouble", lambda process: f"{process} lacks READ")
    context = house.worker_context(ScriptedEngine([finishes()]))
    made = Worker(house.queue, context, retention_seconds=1.0, name="w")
    made.stop()
    with caplog.at_level("DEBUG", logger="nst.worker"):
        made.run()
    assert [record.getMessage() for record in caplog.records] == [
        "w gets no messages: worker lacks READ",
        "w waits for jobs",
        "worker w is done",
    ]
