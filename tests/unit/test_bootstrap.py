"""Parts that the processes of a service share."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from nst import bootstrap, processors
from nst.adapters.breaker import QueueWithBreaker
from nst.adapters.memory import MemoryJobQueue
from nst.api.service import service
from nst.bootstrap.storage import secret_key
from nst.errors import InvalidOption
from nst.settings.environment import load_settings
from support.waiting import wait_until


def web_application(ports: bootstrap.Ports, *, has_workers: bool = False) -> Flask:
    streams = bootstrap.event_streams()
    return bootstrap.web_application(ports, streams, answers_per_client=9, has_workers=has_workers)


@pytest.mark.parametrize(
    ("quota", "threads"),
    [
        ("200000 100000\n", "2"),
        ("350000 100000\n", "3"),
        ("50000 100000\n", "1"),
        ("max 100000\n", None),
        (None, None),
    ],
)
def test_a_container_has_a_thread_for_each_processor_that_it_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str | None, threads: str | None
) -> None:
    file = tmp_path / "cpu.max"
    if quota:
        file.write_text(quota)
    monkeypatch.setattr(processors, "CPU_QUOTA", file)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    bootstrap.prepare_process()
    assert os.environ["OMP_NUM_THREADS"] == "7"
    monkeypatch.delenv("OMP_NUM_THREADS")
    bootstrap.prepare_process()
    assert os.environ.pop("OMP_NUM_THREADS", None) == threads


def test_what_needs_a_group_of_the_settings_takes_it_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nst.video.can_read", lambda: True)
    bootstrap.prepare_database()
    with bootstrap.ports() as ports:
        worker = bootstrap.worker(ports)
        app = web_application(ports)
        with app.app_context():
            api = service()
        settings = bootstrap.settings()
        assert api.settings.web is settings.web
        assert api.jobs.limits is api.learned_styles.limits is settings.limits
        assert worker._context.limits is settings.limits
        assert worker._context.settings is settings.worker


def test_without_the_library_for_films_none_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nst.video.can_read", lambda: False)
    bootstrap.prepare_database()
    with bootstrap.ports() as ports:
        app = web_application(ports)
    limits = app.test_client().get("/api/v1/options").get_json()["limits"]
    assert (limits["max_film_frames"], limits["max_film_seconds"]) == (0, 20.0)


def test_settings_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = bootstrap.settings()
    monkeypatch.setenv("NST_MAX_SIZE", "100")
    assert bootstrap.settings() is first
    assert first.limits.max_size != 100


def test_settings_that_are_wrong_are_complained_about_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NST_MAX_SIZE", "1")
    for use in (bootstrap.settings, bootstrap.weights_store, bootstrap.event_streams):
        with pytest.raises(InvalidOption, match="NST_MAX_SIZE"):
            use()


def test_servers_that_start_at_the_same_time_make_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NST_DATA_DIR", str(tmp_path / "data"))
    settings = load_settings()
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: secret_key(settings), range(32)))
    (key,) = keys
    assert len(key) == 64
    assert secret_key(settings) == key
    assert (tmp_path / "data" / "secret-key").stat().st_mode & 0o777 == 0o600


def test_the_key_that_is_set_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NST_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NST_SECRET_KEY", "a secret that was set")
    assert secret_key(load_settings()) == "a secret that was set"
    assert not (tmp_path / "data").exists()


def test_ports_are_those_of_one_machine_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NST_DATA_DIR", str(tmp_path / "data"))
    assert bootstrap.migrate() == f"sqlite:///{tmp_path}/data/jobs.db"
    with bootstrap.ports() as ports:
        assert ports.repository.state().oldest_queued_seconds == 0
        ports.storage.put("a/b", b"x")
    assert (tmp_path / "data" / "pictures" / "a" / "b").read_bytes() == b"x"


def test_an_api_starts_while_the_broker_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only `nst migrate` creates the topics; workers find jobs without messages."""
    monkeypatch.setenv("NST_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NST_KAFKA_BROKERS", "127.0.0.1:1")
    bootstrap.prepare_database()
    with bootstrap.ports() as ports:
        assert isinstance(ports.queue, QueueWithBreaker)
        app = web_application(ports)
        assert app.test_client().get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("has_workers", "processes"), [(False, ("api",)), (True, ("api", "worker"))]
)
def test_readiness_covers_the_workers_of_the_process(
    monkeypatch: pytest.MonkeyPatch, has_workers: bool, processes: tuple[str, ...]
) -> None:
    monkeypatch.setattr(MemoryJobQueue, "trouble", lambda _, *asked: f"trouble of {asked}")
    bootstrap.prepare_database()
    with bootstrap.ports() as ports:
        client = web_application(ports, has_workers=has_workers).test_client()
        degraded = wait_until(lambda: client.get("/readyz").get_json().get("degraded"))
    assert degraded == {"queue": f"trouble of {processes}"}
