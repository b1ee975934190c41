"""What the processes of a service share."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, fields
from datetime import timedelta
from pathlib import Path

import pytest

from nst import bootstrap
from nst.adapters.breaker import QueueWithBreaker
from nst.api.service import ApiSettings
from nst.jobs.limits import Limits
from nst.settings import Settings, load_settings


@pytest.mark.parametrize("part", [Limits, ApiSettings])
def test_what_is_made_from_the_settings_has_their_defaults(part: type) -> None:
    shared = [field for field in fields(part) if field.name in Settings.model_fields]
    assert len(shared) > 3
    for field in shared:
        if field.default is not MISSING:
            declared = Settings.model_fields[field.name].get_default()
            if isinstance(declared, timedelta):
                declared = declared.total_seconds()
            assert field.default == declared, field.name


def test_servers_that_start_at_the_same_time_make_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NST_DATA_DIR", str(tmp_path / "data"))
    settings = load_settings()
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: bootstrap._secret_key(settings), range(32)))
    (key,) = keys
    assert len(key) == 64
    assert bootstrap._secret_key(settings) == key
    assert (tmp_path / "data" / "secret-key").stat().st_mode & 0o777 == 0o600


def test_the_key_that_is_set_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NST_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NST_SECRET_KEY", "a secret that was set")
    assert bootstrap._secret_key(load_settings()) == "a secret that was set"
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
    """The topics are made by `nst migrate` alone; workers find jobs without messages."""
    monkeypatch.setenv("NST_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NST_KAFKA_BROKERS", "127.0.0.1:1")
    bootstrap.prepare_database()
    with bootstrap.ports() as ports:
        assert isinstance(ports.queue, QueueWithBreaker)
        app = bootstrap.web_application(ports, bootstrap.event_streams(), answers_per_client=9)
        assert app.test_client().get("/readyz").status_code == 200
