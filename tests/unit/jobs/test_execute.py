"""Execution of a job: a real repository and storage, a scripted engine."""

import errno
import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nst.engine_process.messages import Failed, News, OutOfSpace, Painted, Stopped, Work
from nst.errors import DiskFull, RepositoryError, StorageError, StorageFull
from nst.jobs import execute, failures
from nst.jobs.execute import execute_job
from nst.jobs.job import CHECKPOINT, FRAMES, PREVIEW, Job, JobError, JobProgress, JobStatus
from nst.jobs.sweep import sweep
from nst.jobs.worker_context import AttemptEnded
from support.service_in_process import (
    CAT,
    CRASH,
    WAVES,
    House,
    Line,
    ScriptedEngine,
    files_of,
    finishes,
    paints,
    progress,
)
from support.waiting import PATIENCE_SECONDS, no_waiting, wait_until


def run(house: House, engine: ScriptedEngine, **facts: Any) -> Job:
    """Run the next job with this engine; return the job afterwards."""
    job = house.claim()
    execute_job(job, house.worker_context(engine, **facts))
    return house.repository.get(job.id)


def waits_for(event: threading.Event) -> Line:
    """Return a line that waits for something that a person does meanwhile."""

    def wait(_: Work) -> News | None:
        assert event.wait(PATIENCE_SECONDS)
        return None

    return wait


def does(action: Callable[[], object]) -> Line:
    def do(_: Work) -> None:
        action()

    return do


# ── jobs that succeed ─────────────────────────────────────────────────────────────────────────


def test_a_job_is_painted(house: House) -> None:
    job = house.submit()
    engine = ScriptedEngine([paints(1), paints(2), finishes()])
    done = run(house, engine)
    assert (done.status, done.attempt, done.lease_expires_at) == (JobStatus.SUCCEEDED, 1, None)
    assert done.result
    assert done.result.key == f"{job.id}/1-result.png"
    assert done.progress == progress(2)
    assert files_of(house, job.id) == [
        *("1-result.png", "content"),
        *("frames/000001.jpg", "frames/000002.jpg", "preview.jpg", "style-0"),
    ]


def test_the_engine_finds_the_pictures_in_a_directory_that_goes_afterwards(house: House) -> None:
    found: dict[str, bytes] = {}

    def look(work: Work) -> None:
        found.update({file.name: file.read_bytes() for file in work.directory.iterdir()})

    house.submit()
    engine = ScriptedEngine([look, finishes()])
    run(house, engine, checkpoint_seconds=17.0)
    assert found == {"content": CAT, "style-0": WAVES}
    assert engine.works[0].checkpoint_seconds == 17.0
    assert not engine.works[0].directory.exists()


def test_listeners_hear_of_every_step_and_of_the_end(house: House) -> None:
    job = house.submit()
    with house.feed.subscribe(job.id) as news:
        house.work(does(lambda: None), paints(1), finishes())
        assert news.wait(0) is None  # something has changed: the job is finished
    heard = []
    house.submit(options={"seed": 1})
    claimed = house.claim()
    with house.feed.subscribe(claimed.id) as news:
        began = does(lambda: news.wait(0))  # something has changed: the job runs
        script = [
            began,
            paints(1),
            does(lambda: heard.append(news.wait(PATIENCE_SECONDS))),
            finishes(),
        ]
        execute_job(claimed, house.worker_context(ScriptedEngine(script)))
    assert heard == [progress(1)]


def test_reports_that_have_arrived_are_shown_once_as_the_newest(house: House) -> None:
    """A storage that is slower than the steps would otherwise show old progress and delay the
    end."""
    job, stored, shown = house.submit(), list[str](), list[int]()
    put = house.storage.put
    frames = [f"{FRAMES}{step:06d}.jpg" for step in range(1, 51)]

    def draw(work: Work) -> None:
        (work.directory / FRAMES).mkdir()
        for name in (PREVIEW, *frames):
            (work.directory / name).write_bytes(b"an image")

    def count(key: str, data: bytes | Path) -> None:
        stored.append(key.removeprefix(f"{job.id}/"))
        put(key, data)

    def show(job_id: str, progress: JobProgress | None) -> None:
        assert job_id == job.id
        shown.extend([progress.step] if progress else [])

    house.storage.put = count  # type: ignore[method-assign]
    house.feed.publish = show  # type: ignore[method-assign]
    reports = [Painted(progress(n, 50), [PREVIEW, name]) for n, name in enumerate(frames, 1)]
    done = house.work(draw, *reports, finishes(steps=50))
    assert stored == [PREVIEW, *frames, "1-result.png"]
    assert shown == [50]
    assert (done.status, done.progress) == (JobStatus.SUCCEEDED, progress(50, 50))


def test_no_checkpoint_step_or_end_is_lost_among_reports(house: House) -> None:
    job = house.submit()
    heard: list[News | AttemptEnded] = []
    reports = [Painted(progress(1), has_checkpoint=True), Painted(progress(2))]

    def save(work: Work) -> None:
        (work.directory / CHECKPOINT).write_bytes(b"state")

    engine = ScriptedEngine([save, *reports, CRASH])
    after = run(house, engine, watch=heard.append)
    assert (after.status, after.failed_attempts) == (JobStatus.QUEUED, 1)
    assert after.checkpoint == f"{job.id}/checkpoints/1"
    assert [news.progress.step for news in heard if isinstance(news, Painted)] == [1, 2]
    assert heard[2] == CRASH


def test_the_heartbeat_keeps_progress_and_lease(house: House) -> None:
    job = house.submit()

    def look(_: Work) -> None:
        wait_until(lambda: house.repository.get(job.id).progress == progress(1))
        wait_for_heartbeat(house, job.id)

    assert house.work(paints(1), look, finishes()).status is JobStatus.SUCCEEDED


def wait_for_heartbeat(house: House, job_id: str) -> None:
    """Wait for a heartbeat that began after this call; one may already be under way."""

    def lease_ends_at() -> float:
        return house.repository.get(job_id).lease_expires_at or 0.0

    def is_renewed(since: float) -> bool:
        return lease_ends_at() > since

    for _ in range(2):
        wait_until(partial(is_renewed, lease_ends_at()))


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.CANCELED])
def test_the_picture_is_kept_also_of_a_canceled_job(house: House, status: JobStatus) -> None:
    house.submit()
    done = house.work(finishes(status, steps=3))
    assert done.status is status
    assert done.result
    assert house.storage.stat(done.result.key)


def test_an_error_of_the_engine_is_the_end(house: House) -> None:
    house.submit()
    error = JobError(code="out_of_memory", message="try a smaller size")
    failed = house.work(Failed(error))
    assert (failed.status, failed.error, failed.failed_attempts) == (JobStatus.FAILED, error, 0)


# ── requests during a job ─────────────────────────────────────────────────────────────────────


def test_cancel_and_steering_reach_the_engine(house: House) -> None:
    job = house.submit()
    engine = ScriptedEngine()
    engine._scripts.append(
        [
            does(lambda: house.jobs.steer("anna", job.id, {"style_weight": 5.0})),
            waits_for(engine.has_heard),
            does(engine.has_heard.clear),
            does(lambda: house.jobs.cancel("anna", job.id)),
            waits_for(engine.has_heard),
            finishes(JobStatus.CANCELED),
        ]
    )
    done = run(house, engine)
    assert engine.heard[:2] == [{"style_weight": 5.0}, "cancel"]
    assert done.status is JobStatus.CANCELED


def test_what_was_asked_for_while_pictures_were_fetched_is_not_forgotten(house: House) -> None:
    job = house.submit()
    fetch = house.storage.fetch

    def slow(key: str, file: Path) -> None:
        if key.endswith("content"):
            house.jobs.cancel("anna", job.id)
            house.jobs.steer("anna", job.id, {"style_weight": 5.0})
            wait_for_heartbeat(house, job.id)
        fetch(key, file)

    house.storage.fetch = slow  # type: ignore[method-assign]
    engine = ScriptedEngine()
    engine._scripts.append([waits_for(engine.has_heard), finishes(JobStatus.CANCELED)])
    run(house, engine)
    assert engine.heard[:2] == ["cancel", {"style_weight": 5.0}]


def test_the_lease_is_renewed_until_a_job_is_given_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage that hangs answers a question about it as late as a lease ends."""
    job = house.submit()
    failing(house, StorageError(Path("x"), "timed out"), "preview.jpg")

    def probe(_: object) -> None:
        wait_for_heartbeat(house, job.id)
        raise StorageError(Path("x"), "timed out")

    monkeypatch.setattr(execute, "probe_storage", probe)
    with pytest.raises(StorageError):
        run(house, ScriptedEngine([paints(1)]))
    given_back = house.repository.get(job.id)
    assert (given_back.status, given_back.failed_attempts) == (JobStatus.QUEUED, 0)


def test_a_job_that_is_resumed_again_and_again_keeps_one_checkpoint_and_one_result(
    house: House,
) -> None:
    job = house.submit()
    for step in (1, 2, 3):
        done = house.work(
            paints(step, checkpoint=b"state %d" % step),
            does(lambda: house.jobs.cancel("anna", job.id)),
            finishes(JobStatus.CANCELED, steps=step),
        )
        assert done.can_resume
        names = [name for name in files_of(house, job.id) if name[0] in "0123456789c"]
        assert names == [f"{step}-result.png", f"checkpoints/{step}", "content"]
        house.jobs.resume("anna", job.id)


def test_a_job_that_takes_too_long_ends_with_the_picture_so_far(house: House) -> None:
    job = house.submit()
    engine = ScriptedEngine()
    canceled = finishes(JobStatus.CANCELED)
    engine._scripts.append([paints(1), waits_until_told(engine), paints(2), canceled])
    done = run(house, engine, max_job_seconds=0.0)
    assert engine.heard.count("cancel") == 1
    assert (done.status, done.error) == (JobStatus.FAILED, failures.TOO_LONG)
    assert done.result
    assert house.storage.stat(done.result.key)
    assert house.jobs.retry("anna", job.id).error is None


def waits_until_told(engine: ScriptedEngine) -> Line:
    """Return a line that waits without news until something was asked for."""

    def wait(_: Work) -> News | None:
        if not engine.has_heard.wait(0.01):
            engine._script.appendleft(wait)
        return None

    return wait


def test_a_job_that_ends_in_time_is_not_told_to(house: House) -> None:
    house.submit()
    engine = ScriptedEngine([paints(1), finishes()])
    done = run(house, engine, max_job_seconds=PATIENCE_SECONDS)
    assert (done.status, engine.heard) == (JobStatus.SUCCEEDED, ["kill"])


# ── earlier attempts ──────────────────────────────────────────────────────────────────────────


def test_a_crash_is_another_attempt_from_the_checkpoint(house: House) -> None:
    job = house.submit()
    again = house.work(paints(1), paints(2, checkpoint=b"after step 2"), CRASH)
    assert (again.status, again.failed_attempts) == (JobStatus.QUEUED, 1)
    assert again.checkpoint == f"{job.id}/checkpoints/1"
    states: list[bytes] = []

    def look(work: Work) -> None:
        states.append((work.directory / "checkpoint").read_bytes())

    done = house.work(look, paints(3), finishes())
    assert (done.status, done.attempt) == (JobStatus.SUCCEEDED, 2)
    assert states == [b"after step 2"]
    assert "checkpoints/1" not in files_of(house, job.id)
    frames = [name for name in files_of(house, job.id) if name.startswith("frames/")]
    assert frames == [f"frames/00000{step}.jpg" for step in (1, 2, 3)]


def test_a_checkpoint_for_which_there_is_no_space_means_from_the_beginning(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = house.submit()
    house.work(paints(2, checkpoint=b"state"), CRASH)
    fetch = house.storage.fetch
    refused: list[str] = []
    found: list[str] = []

    def full(key: str, file: Path) -> None:
        if "checkpoint" in key:
            refused.append(key)
            raise StorageFull(file, "no space left")
        fetch(key, file)

    def look(work: Work) -> None:
        found.extend(sorted(file.name for file in work.directory.iterdir()))

    monkeypatch.setattr(house.storage, "fetch", full)
    assert house.work(look, finishes()).status is JobStatus.SUCCEEDED
    assert refused == [f"{job.id}/checkpoints/1"]
    assert found == ["content", "style-0"]


def test_frames_of_a_run_that_is_not_gone_on_with_are_removed(house: House) -> None:
    job = house.submit()
    house.work(paints(8), finishes(JobStatus.CANCELED))
    house.jobs.retry("anna", job.id)
    house.work(paints(4), finishes())
    frames = [name for name in files_of(house, job.id) if name.startswith("frames/")]
    assert frames == ["frames/000004.jpg"]


def test_a_checkpoint_that_is_gone_means_from_the_beginning(house: House) -> None:
    job = house.submit()
    house.work(paints(2, checkpoint=b"state"), CRASH)
    house.storage.delete(f"{job.id}/checkpoints/")
    states: list[bool] = []

    def look(work: Work) -> None:
        states.append((work.directory / "checkpoint").exists())

    assert house.work(look, finishes()).status is JobStatus.SUCCEEDED
    assert states == [False]


def test_what_a_killed_attempt_left_on_this_machine_goes(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    job = house.submit()
    left = tmp_path / "tmp" / f"nst-job-{job.id}-abc"
    left.mkdir(parents=True)
    (left / "checkpoint").write_bytes(b"large")
    house.work(finishes())
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_canceled_job_is_not_tried_again_after_a_crash(house: House) -> None:
    job = house.submit()
    after = house.work(does(lambda: house.jobs.cancel("anna", job.id)), CRASH)
    assert after.status is JobStatus.CANCELED


def test_an_engine_that_says_nothing_is_killed(house: House) -> None:
    house.submit()
    engine = ScriptedEngine([paints(1)])
    after = run(house, engine, silence_seconds=0.1)
    assert (after.status, after.failed_attempts) == (JobStatus.QUEUED, 1)
    assert engine.heard == ["kill"]


def test_a_worker_that_has_to_go_gives_the_job_back(house: House) -> None:
    job = house.submit()
    stop = threading.Event()
    engine = ScriptedEngine()
    engine._scripts.append(
        [
            paints(1),
            does(stop.set),
            waits_for(engine.has_heard),
            paints(2, checkpoint=b"after step 2"),
            Stopped(has_checkpoint=False),
        ]
    )
    after = run(house, engine, should_stop=stop, stop_seconds=PATIENCE_SECONDS)
    assert (after.status, after.failed_attempts) == (JobStatus.QUEUED, 0)
    assert after.checkpoint == f"{job.id}/checkpoints/1"
    assert engine.heard[0] == "stop"


def test_an_engine_that_does_not_stop_in_time_is_left(house: House) -> None:
    house.submit()
    stop = threading.Event()
    stop.set()
    engine = ScriptedEngine([])
    with no_waiting():
        after = run(house, engine, should_stop=stop, stop_seconds=0.1)
    assert (after.status, after.failed_attempts) == (JobStatus.QUEUED, 0)
    assert engine.heard == ["stop", "kill"]


# ── lost leases ───────────────────────────────────────────────────────────────────────────────


def test_a_worker_presumed_dead_writes_nothing(house: House) -> None:
    job = house.submit()

    def lose(_: Work) -> None:
        house.repository.give_back(job.id, 1)
        house.claim()

    engine = ScriptedEngine([paints(1), lose, *[paints(2)] * 9, finishes(JobStatus.CANCELED)])
    with no_waiting():  # the engine ended by itself
        after = run(house, engine, stop_seconds=PATIENCE_SECONDS)
    assert (after.status, after.attempt, after.result) == (JobStatus.RUNNING, 2, None)
    assert engine.heard == ["cancel", "kill"]


def test_nobody_waits_for_an_engine_that_has_ended(house: House) -> None:
    job = house.submit()
    engine = ScriptedEngine([does(lambda: house.jobs.delete("anna", job.id)), finishes()])
    claimed = house.claim()
    with no_waiting():
        execute_job(claimed, house.worker_context(engine, stop_seconds=PATIENCE_SECONDS))
    assert house.storage.directories() == []


def test_an_engine_that_does_not_end_by_itself_is_killed(house: House) -> None:
    job = house.submit()

    def delete(_: Work) -> None:
        house.jobs.delete("anna", job.id)

    engine = ScriptedEngine([delete])
    execute_job(house.claim(), house.worker_context(engine, stop_seconds=0.1))
    assert engine.heard == ["cancel", "kill"]


def test_what_is_painted_of_a_deleted_job_goes_too(house: House) -> None:
    job = house.submit()

    def delete(_: Work) -> None:
        house.jobs.delete("anna", job.id)

    claimed = house.claim()
    execute_job(claimed, house.worker_context(ScriptedEngine([delete, paints(1), finishes()])))
    assert house.storage.directories() == []


def test_pictures_that_are_gone_fail_the_job(house: House) -> None:
    job = house.submit()
    house.storage.delete(f"{job.id}/")
    failed = house.work(finishes())
    assert failed.status is JobStatus.FAILED
    assert failed.error == failures.GONE


# ── failures of dependencies ──────────────────────────────────────────────────────────────────


def failing(house: House, error: Exception, name: str) -> None:
    """Make the storage fail for files of this name from now on."""
    put = house.storage.put

    def fail(key: str, data: bytes | Path) -> None:
        if key.endswith(name):
            raise error
        put(key, data)

    house.storage.put = fail  # type: ignore[method-assign]


def test_a_storage_that_fails_gives_the_job_back(house: House) -> None:
    house.submit()
    job = house.claim()
    failing(house, StorageError(Path("x"), "broken"), "preview.jpg")
    engine = ScriptedEngine([paints(1), finishes()])
    with pytest.raises(StorageError):
        execute_job(job, house.worker_context(engine))
    after = house.repository.get(job.id)
    assert (after.status, after.failed_attempts) == (JobStatus.QUEUED, 0)
    assert engine.heard == ["kill"]


def test_a_job_that_storage_always_refuses_stands_behind_the_others_and_ends(
    house: House,
) -> None:
    """One object may not be read; the storage works for all other jobs."""
    poisoned = house.submit()
    failing(house, StorageError(Path("x"), "permission denied"), f"{poisoned.id}/preview.jpg")
    others = [house.submit("ben", options={"seed": seed}).id for seed in range(1, 4)]
    with pytest.raises(StorageError):
        house.work(paints(1))
    assert [house.work(paints(1), finishes()).id for _ in others] == others
    for _ in range(2):
        assert house.repository.get(poisoned.id).status is JobStatus.QUEUED
        with pytest.raises(StorageError):
            run(house, ScriptedEngine([paints(1)]), max_dependency_failures=3)
    ended = house.repository.get(poisoned.id)
    assert (ended.status, ended.failed_attempts) == (JobStatus.FAILED, 0)
    assert ended.error == failures.UNSERVED


def test_an_outage_of_the_storage_is_no_fault_of_a_job(house: House) -> None:
    first, second = (house.submit(options={"seed": seed}) for seed in range(2))
    failing(house, StorageError(Path("x"), "connection refused"), "")
    for _ in range(3):
        with pytest.raises(StorageError):
            run(house, ScriptedEngine([paints(1)]), max_dependency_failures=1)
    after = house.repository.get(first.id)
    assert (after.status, after.attempt, after.failed_dependencies) == (JobStatus.QUEUED, 3, 0)
    assert house.repository.place_in_queue(second.id) == 2


def test_a_job_is_given_back_as_soon_as_the_database_answers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the lease of the job would expire and cost it an attempt."""
    house.submit()
    job = house.claim()
    answers = iter([False] * 3)
    write = house.repository._write_of_attempt

    def sometimes(job_id: str, attempt: int, values: Any) -> Job:
        is_heartbeat = values.get("lease_expires_at") is not None  # it has its own clock
        if not is_heartbeat and not next(answers, True):
            raise RepositoryError("connection refused")
        return write(job_id, attempt, values)

    monkeypatch.setattr(execute, "HAND_BACK_SECONDS", 0.01)
    monkeypatch.setattr(house.repository, "_write_of_attempt", sometimes)
    engine = ScriptedEngine([paints(1, checkpoint=b"state"), finishes()])
    with pytest.raises(RepositoryError):
        execute_job(job, house.worker_context(engine))
    after = house.repository.get(job.id)
    assert (after.status, after.failed_attempts) == (JobStatus.QUEUED, 0)


def test_a_job_that_fills_the_storage_itself_fails_in_the_end(house: House) -> None:
    job = house.submit()
    failing(house, StorageFull(Path("x"), "there is no space left"), "result.png")
    for times in (1, 2):
        with pytest.raises(StorageFull):
            house.work(paints(1, checkpoint=b"large"), finishes())
        after = house.repository.get(job.id)
        assert (after.status, after.failed_dependencies) == (JobStatus.QUEUED, times)
        assert files_of(house, job.id) == ["content", "preview.jpg", "style-0"]
        assert not [*house.storage.list("probe/")]
    with pytest.raises(StorageFull):
        house.work(finishes())
    failed = house.repository.get(job.id)
    assert failed.status is JobStatus.FAILED
    assert failed.error
    assert failed.error.code == "storage_full"


def test_a_storage_that_is_full_for_all_costs_no_job_an_attempt(house: House) -> None:
    job = house.submit()
    failing(house, StorageFull(Path("x"), "there is no space left"), "")
    for _ in range(5):
        with pytest.raises(StorageFull):
            house.work(paints(1, checkpoint=b"large"), finishes())
    after = house.repository.get(job.id)
    assert (after.status, after.failed_attempts, after.failed_dependencies) == ("queued", 0, 0)


def little_space(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    usage = SimpleNamespace(total=1 << 30, used=0, free=free_bytes)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def test_a_worker_without_space_gives_the_job_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is unchanged and keeps its place; another machine may have space."""
    first, _ = (house.submit(options={"seed": seed}) for seed in range(2))
    little_space(monkeypatch, 1_000_000)
    with pytest.raises(DiskFull):
        run(house, ScriptedEngine([paints(1), OutOfSpace("no space left")]))
    after = house.repository.get(first.id)
    assert (after.status, after.failed_attempts, after.failed_dependencies) == ("queued", 0, 0)
    assert house.repository.place_in_queue(first.id) == 1


def test_a_job_that_fills_the_disk_itself_stands_behind_the_others(house: House) -> None:
    job, _ = (house.submit(options={"seed": seed}) for seed in range(2))
    with pytest.raises(DiskFull):
        house.work(OutOfSpace("no space left"))
    after = house.repository.get(job.id)
    assert (after.status, after.failed_attempts, after.failed_dependencies) == ("queued", 0, 1)
    assert house.repository.place_in_queue(job.id) == 2


def test_no_space_to_fetch_the_pictures(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    job = house.submit()

    def fail(_: str, file: Path) -> None:
        raise StorageFull(file, "no space left")

    monkeypatch.setattr(house.storage, "fetch", fail)
    with pytest.raises(DiskFull):
        house.work(finishes())
    assert house.repository.get(job.id).status is JobStatus.QUEUED


def test_no_space_for_a_directory(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    job = house.submit()

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(DiskFull):
        house.work(finishes())
    after = house.repository.get(job.id)
    assert (after.status, after.failed_attempts) == (JobStatus.QUEUED, 0)


@pytest.mark.parametrize(
    "error", [StorageFull(Path("x"), "there is no space left"), FileNotFoundError("x")]
)
def test_a_checkpoint_that_does_not_fit_is_skipped(house: House, error: Exception) -> None:
    """The checkpoint does not fit into the storage, or the engine has removed it.
    The engine removes a checkpoint to make room."""
    job = house.submit()
    failing(house, error, "/1")
    done = house.work(paints(1, checkpoint=b"large"), paints(2, checkpoint=b"large"), finishes())
    assert (done.status, done.checkpoint) == (JobStatus.SUCCEEDED, None)
    assert "1-result.png" in files_of(house, job.id)


def test_frames_leave_the_disk_when_they_are_stored(house: House) -> None:
    left: list[str] = []

    def look(work: Work) -> None:
        left.extend(file.name for file in work.directory.glob("frames/*"))

    job = house.submit()
    house.work(paints(1), look, finishes())
    assert left == []
    assert "frames/000001.jpg" in files_of(house, job.id)


def test_a_fault_of_ours_fails_the_attempt(house: House) -> None:
    house.submit()
    job = house.claim()
    failing(house, ZeroDivisionError("a fault"), "preview.jpg")
    engine = ScriptedEngine([paints(1), finishes()])
    with pytest.raises(ZeroDivisionError):
        execute_job(job, house.worker_context(engine))
    assert house.repository.get(job.id).failed_attempts == 1
    assert engine.heard == ["kill"]


def test_a_heartbeat_that_fails_is_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.submit()
    beats: list[int] = []
    heartbeat = house.repository.heartbeat

    def sometimes(*arguments: Any) -> Job:
        beats.append(1)
        if len(beats) < 3:
            raise RepositoryError("busy")
        return heartbeat(*arguments)

    monkeypatch.setattr(house.repository, "heartbeat", sometimes)
    done = house.work(does(lambda: wait_until(lambda: len(beats) >= 3)), finishes())
    assert done.status is JobStatus.SUCCEEDED


# ── sweep ─────────────────────────────────────────────────────────────────────────────────────


def test_sweep_queues_what_nobody_works_on(house: House) -> None:
    house.submit()
    job = house.claim_and_fall_silent()
    shop = house.worker_context(ScriptedEngine())
    with house.feed.subscribe(job.id) as news:
        (swept,) = sweep(shop)
        assert (swept.id, swept.status, swept.failed_attempts) == (job.id, JobStatus.QUEUED, 1)
        assert sweep(shop) == []
        with no_waiting():
            news.wait(PATIENCE_SECONDS)


def test_messages_between_worker_and_engine_survive_pickling(house: House) -> None:
    import pickle

    house.submit()
    engine = ScriptedEngine([paints(1), finishes()])
    run(house, engine)
    work = engine.works[0]
    again = pickle.loads(pickle.dumps(work))  # noqa: S301 - ours
    assert replace(again, directory=work.directory) == work
