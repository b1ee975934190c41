"""NST_* environment variables become settings; a wrong one is named."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from nst.errors import InvalidOption
from nst.settings import Settings, load_settings

KEY_SHA256 = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"

VARIABLES: dict[str, tuple[str, Any]] = {
    "weights_dir": ("/srv/weights", Path("/srv/weights")),
    "cache_dir": ("~x/cache dir", Path("~x/cache dir")),
    "weights_mirror": ("https://mirror.example/vgg", "https://mirror.example/vgg"),
    "offline": ("yes", True),
    "data_dir": ("/srv/nst", Path("/srv/nst")),
    "database_url": (
        "postgresql+psycopg://me:secret@host/nst",
        SecretStr("postgresql+psycopg://me:secret@host/nst"),
    ),
    "storage_url": ("s3://bucket/below", "s3://bucket/below"),
    "s3_endpoint": ("https://storage.example", "https://storage.example"),
    "s3_public_endpoint": ("https://files.example", "https://files.example"),
    "s3_region": ("eu-west-1", "eu-west-1"),
    "s3_access_key_id": ("me", SecretStr("me")),
    "s3_secret_access_key": ("secret", SecretStr("secret")),
    "redis_url": ("redis://:secret@host:6379/0", SecretStr("redis://:secret@host:6379/0")),
    "kafka_brokers": ("one:9092, two:9092", ("one:9092", "two:9092")),
    "kafka_topic": ("jobs", "jobs"),
    "kafka_dead_letter_topic": ("dead", "dead"),
    "kafka_group": ("painters", "painters"),
    "kafka_partitions": ("12", 12),
    "kafka_replication": ("3", 3),
    "kafka_group_protocol": ("consumer", "consumer"),
    "kafka_session_timeout_seconds": ("6", 6.0),
    "kafka_heartbeat_seconds": ("1", 1.0),
    "kafka_security_protocol": ("SASL_SSL", "SASL_SSL"),
    "kafka_sasl_mechanism": ("SCRAM-SHA-512", "SCRAM-SHA-512"),
    "kafka_username": ("me", "me"),
    "kafka_password": ("secret", SecretStr("secret")),
    "kafka_ca_file": ("/etc/ca.pem", Path("/etc/ca.pem")),
    "secret_key": ("a long secret", SecretStr("a long secret")),
    "api_keys": (f"ci:{KEY_SHA256}", {"ci": KEY_SHA256}),
    "cors_origins": (
        "https://a.example, https://b.example",
        ("https://a.example", "https://b.example"),
    ),
    "trusted_proxies": ("1", 1),
    "max_upload_bytes": ("1000000", 1_000_000),
    "max_pixels": ("1000000", 1_000_000),
    "max_size": ("1024", 1024),
    "max_jobs_per_client": ("3", 3),
    "max_bytes_per_day": ("1000000", 1_000_000),
    "max_queued": ("10", 10),
    "requests_per_minute": ("60", 60),
    "max_streams": ("50", 50),
    "max_streams_per_client": ("2", 2),
    "stream_seconds": ("60", 60.0),
    "retention": ("12h", timedelta(hours=12)),
    "worker_device": ("cpu", "cpu"),
    "lease_seconds": ("10", 10.0),
    "max_attempts": ("5", 5),
    "checkpoint_seconds": ("5", 5.0),
    "worker_metrics_port": ("9100", 9100),
    "log_format": ("json", "json"),
    "log_level": ("WARNING", "WARNING"),
    "traces_endpoint": ("http://collector:4318/v1/traces", "http://collector:4318/v1/traces"),
}
"""Field → text in the environment, value."""


@pytest.fixture(autouse=True)
def empty_environment(quiet_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"NST_{field.upper()}", raising=False)


def test_every_setting_is_tested() -> None:
    assert set(VARIABLES) == set(Settings.model_fields)


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings()
    assert not settings.weights_dir
    assert not settings.database_url
    assert not settings.kafka_brokers
    assert not settings.offline


@pytest.mark.parametrize("field", VARIABLES)
def test_variable_is_read(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value = VARIABLES[field]
    unset = load_settings().model_dump()
    monkeypatch.setenv(f"NST_{field.upper()}", text)
    assert load_settings().model_dump() == unset | {field: value}


@pytest.mark.parametrize("field", VARIABLES)
def test_empty_variable_is_as_none(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unset = load_settings()
    monkeypatch.setenv(f"NST_{field.upper()}", "")
    assert load_settings() == unset


def test_variables_of_others_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    unset = load_settings()
    monkeypatch.setenv("OFFLINE", "1")
    monkeypatch.setenv("NST_SOMETHING_ELSE", "1")
    assert load_settings() == unset


def test_file_beside_the_environment_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("NST_OFFLINE=1\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings().offline is False


def test_wrong_value_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NST_OFFLINE", "perhaps")
    with pytest.raises(InvalidOption) as caught:
        load_settings()
    assert (caught.value.field, caught.value.value) == ("NST_OFFLINE", "perhaps")
    assert len(str(caught.value).splitlines()) == 1


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().offline = True
