"""Metrics of jobs, and failures of dependencies, counted where they happen."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from nst import bootstrap, metrics
from nst.adapters import redis
from nst.adapters.memory import MemoryProgressFeed
from nst.adapters.redis import RedisProgressFeed
from nst.adapters.sql import SqlJobRepository
from nst.adapters.storage import in_folder
from nst.engine_process.messages import Failed, Stopped
from nst.errors import InvalidOption, RepositoryError, StorageError
from nst.jobs.job import Job, JobError, JobStatus, Outcome
from nst.jobs.ports import QueueState
from nst.worker import Worker
from support.service_in_process import CRASH, House, Line, ScriptedEngine, finishes, form, paints
from support.waiting import PATIENCE_SECONDS, wait_until


def value(name: str, **labels: str) -> float:
    """Return the value of a metric; 0 where nothing was counted yet."""
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0


@contextmanager
def counted(name: str, increase: float, **labels: str) -> Iterator[None]:
    before = value(name, **labels)
    yield
    assert value(name, **labels) - before == pytest.approx(increase), name


def worker(house: House, *script: Line) -> Worker:
    shop = house.worker_context(ScriptedEngine(script))
    return Worker(house.queue, shop, retention_seconds=3600, name="w")


NOBODY = "127.0.0.1:1"
"""Address of a port at which nothing listens."""


# ── descriptions ──────────────────────────────────────────────────────────────────────────────


def test_every_metric_has_a_name_of_ours_a_unit_and_a_sentence() -> None:
    families = [f for f in metrics.describe() if not f.name.startswith("process_")]
    for family in families:
        assert re.fullmatch(r"nst_[a-z_]+", family.name)
        assert family.documentation.endswith("."), family.name
        assert not family.unit or family.name.endswith(f"_{family.unit}"), family.name
        for unit in ("seconds", "bytes"):
            assert not family.name.endswith(unit) or family.unit == unit, family.name
    assert len({f.documentation for f in families}) == len(families) > 20


def test_labels_are_named_in_the_sentence() -> None:
    state = QueueState({JobStatus.QUEUED: 1}, 0.0)
    collected = metrics.QueueCollector(lambda: state, lambda: 0, 0, 0).collect()
    sentences = [
        *(
            (metric._documentation, label)
            for metric in metrics.REGISTRY._collector_to_names
            if isinstance(metric, MetricWrapperBase)
            for label in metric._labelnames
        ),
        *(
            (family.documentation, label)
            for family in collected
            for sample in family.samples
            for label in sample.labels
        ),
    ]
    for sentence, label in sentences:
        assert re.search(rf"\b{label}\b", sentence), (sentence, label)
    assert {label for _, label in sentences} == {
        *("method", "route", "status", "cached", "outcome", "term", "worker", "found", "system")
    }


# ── attempts ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        (finishes(), Outcome.SUCCEEDED),
        (finishes(JobStatus.CANCELED), Outcome.CANCELED),
        (Failed(JobError(code="diverged", message="no")), Outcome.FAILED),
        (Stopped(has_checkpoint=False), Outcome.GIVEN_BACK),
        (CRASH, Outcome.CRASHED),
    ],
    ids=lambda value: str(value) if isinstance(value, Outcome) else "",
)
def test_attempt_is_counted_by_how_it_ended(house: House, line: Line, outcome: Outcome) -> None:
    house.submit()
    succeeded = int(outcome is Outcome.SUCCEEDED)
    with (
        counted("nst_attempts_total", 1, outcome=outcome),
        counted("nst_attempt_duration_seconds_count", succeeded),
        counted("nst_wait_seconds_count", 1),
        counted("nst_messages_total", 1, found="job"),
    ):
        worker(house, line)._work()
    assert value("nst_attempts_running") == 0


def test_a_lease_that_is_lost_is_counted(house: House) -> None:
    job = house.submit()

    def takes_it_away(_: object) -> None:
        with house.repository._write() as connection:
            connection.exec_driver_sql("UPDATE jobs SET attempt = attempt + 1")

    with counted("nst_attempts_total", 1, outcome="lease_lost"):
        worker(house, takes_it_away, paints(1), paints(2), finishes())._work()
    assert house.repository.get(job.id).attempt == 2


def test_a_storage_that_fails_gives_the_attempt_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.submit()

    def fail(*_: object) -> None:
        raise StorageError(Path("content"), "gone")

    monkeypatch.setattr(house.storage, "fetch", fail)
    with counted("nst_attempts_total", 1, outcome="given_back"), pytest.raises(StorageError):
        worker(house)._work()


def test_only_the_first_claim_ends_the_wait(house: House) -> None:
    house.submit()
    worker(house, CRASH)._work()
    with counted("nst_wait_seconds_count", 0):
        worker(house, finishes())._work()


def test_the_wait_is_that_between_the_repository_s_times(house: House) -> None:
    job = house.submit()
    with house.repository._write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET queued_at = queued_at - 100")
    before = value("nst_wait_seconds_sum")
    worker(house, finishes())._work()
    claimed: Job = house.repository.get(job.id)
    assert claimed.started_at is not None
    waited = claimed.started_at - claimed.queued_at
    assert value("nst_wait_seconds_sum") - before == pytest.approx(waited, abs=0.01)
    assert 100 <= waited < 100 + PATIENCE_SECONDS


def test_steps_losses_and_evaluations_are_those_of_the_engine(house: House) -> None:
    house.submit()
    steps = [paints(step) for step in (1, 2, 3)]
    with (
        counted("nst_step_duration_seconds_count", 2),  # no step comes before the first one
        counted("nst_step_duration_seconds_sum", 2),
        counted("nst_evaluations_total", 12),
        counted("nst_final_loss_sum", 3.5, term="total"),
        counted("nst_final_loss_sum", 2.0, term="style"),
    ):
        worker(house, *steps, finishes())._work()


def test_the_evaluations_of_a_canceled_job_are_counted_when_it_succeeds(house: House) -> None:
    house.submit()
    with counted("nst_evaluations_total", 0):
        worker(house, paints(1), finishes(JobStatus.CANCELED))._work()


def test_the_running_job_is_shown_while_it_runs(house: House) -> None:
    house.submit()
    seen: dict[str, float] = {}

    def look(_: object) -> None:
        seen.update(
            running=value("nst_attempts_running"),
            step=value("nst_running_step", worker="w"),
            last=value("nst_running_last_step", worker="w"),
            loss=value("nst_running_loss", worker="w", term="content"),
        )

    worker(house, paints(4), look, finishes())._work()
    assert seen == {"running": 1, "step": 4, "last": 10, "loss": 1}
    for name in ("nst_running_step", "nst_running_last_step"):
        assert metrics.REGISTRY.get_sample_value(name, {"worker": "w"}) is None
    labels = {"worker": "w", "term": "content"}
    assert metrics.REGISTRY.get_sample_value("nst_running_loss", labels) is None


def test_a_message_may_find_nothing(house: House) -> None:
    house.submit()
    worker(house, finishes())._work()
    house.queue.publish("an old message", {})
    with counted("nst_messages_total", 1, found="nothing"):
        worker(house)._work()


def test_the_loop_says_that_it_goes_round_and_what_waits(house: House) -> None:
    for seed in range(3):
        house.submit(options={"seed": seed})
    worker(house)._do_what_is_due()
    assert value("nst_queue_lag_messages", worker="w") == 3
    first = value("nst_worker_last_turn_timestamp_seconds", worker="w")
    worker(house)._do_what_is_due()
    assert value("nst_worker_last_turn_timestamp_seconds", worker="w") > first > 1e9


def test_jobs_of_silent_workers_are_counted_by_who_finds_them(house: House) -> None:
    house.lease_seconds = 1.0  # a sweep needs a database that has answered for as long
    job = house.submit()
    house.claim_and_fall_silent()
    sweeper = worker(house)

    def is_swept() -> bool:
        sweeper._sweep()
        return house.repository.get(job.id).failed_attempts == 1

    with counted("nst_leases_expired_total", 1):
        wait_until(is_swept)


# ── the API ───────────────────────────────────────────────────────────────────────────────────


def test_jobs_are_counted_by_whether_a_result_was_there(house: House) -> None:
    client = house.client()
    with counted("nst_jobs_taken_total", 1, cached="no"):
        assert client.post("/api/v1/jobs", data=form()).status_code == 202
    worker(house, finishes())._work()
    with counted("nst_jobs_taken_total", 1, cached="yes"):
        assert client.post("/api/v1/jobs", data=form()).status_code == 202
    with counted("nst_jobs_taken_total", 1, cached="no"):
        style = {"sample_style": "impasto", "minutes": "1"}
        assert client.post("/api/v1/learning", data=style).status_code == 202
    upload = {name: field for name, field in form().items() if name != "preset"}
    with counted("nst_jobs_taken_total", 1, cached="no"):
        assert client.post("/api/style_transfer", data=upload).status_code == 202


def test_without_the_repository_everything_else_is_told() -> None:
    def fail() -> QueueState:
        raise RepositoryError("gone")

    registry = CollectorRegistry()
    registry.register(metrics.QueueCollector(fail, lambda: 3, 500, 1000))
    text = generate_latest(registry).decode()
    assert "nst_event_streams 3.0" in text
    assert "nst_jobs" not in text


# ── failures of dependencies ──────────────────────────────────────────────────────────────────


def test_a_database_that_fails_is_counted() -> None:
    repository = SqlJobRepository(f"postgresql+psycopg://nobody@{NOBODY}/none")
    with counted("nst_dependency_errors_total", 1, system="repository"), suppress(RepositoryError):
        repository.now()
    repository.close()


def test_a_storage_that_fails_is_counted(tmp_path: Path) -> None:
    storage = in_folder(tmp_path / "pictures")
    (tmp_path / "pictures" / "job").write_text("a file where a directory belongs")
    with counted("nst_dependency_errors_total", 1, system="storage"), pytest.raises(StorageError):
        storage.put("job/content", b"bytes")
    with counted("nst_dependency_errors_total", 0, system="storage"):
        assert storage.stat("other/content") is None  # a missing file is no failure


def test_a_redis_that_fails_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "REST_SECONDS", PATIENCE_SECONDS)
    feed = RedisProgressFeed(f"redis://{NOBODY}/0", MemoryProgressFeed())
    with counted("nst_dependency_errors_total", 1, system="feed"):
        feed.publish("job", None)
        feed.publish("job", None)  # the adapter does not ask Redis again for a while
    feed.close()


# ── the endpoint of a worker ──────────────────────────────────────────────────────────────────


def test_a_port_that_is_taken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("0.0.0.0", 0))  # noqa: S104 - as the endpoint does
        other.listen()
        monkeypatch.setenv("NST_WORKER_METRICS_PORT", str(other.getsockname()[1]))
        with pytest.raises(InvalidOption, match="Address already in use") as caught:
            bootstrap.serve_metrics()
    assert caught.value.field == "NST_WORKER_METRICS_PORT"
