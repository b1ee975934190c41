"""NST_* environment variables become settings; a wrong one is named."""

import inspect
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_data_path
from pydantic import SecretStr, ValidationError

from nst.errors import InvalidOption
from nst.settings import groups
from nst.settings.environment import SECRETS, Settings, load_settings, variables
from nst.settings.groups import WeightsSettings

URL = "postgresql+psycopg://nst:hunter2@db/nst"
HASH = "1f" * 32
VARIABLES: dict[str, tuple[str, Any]] = {
    "weights_dir": ("/srv/weights", Path("/srv/weights")),
    "cache_dir": ("~x/cache dir", Path("~x/cache dir")),
    "weights_mirror": ("https://mirror.example/vgg", "https://mirror.example/vgg"),
    "offline": ("yes", True),
    "data_dir": ("/srv/nst", Path("/srv/nst")),
    "database_url": (URL, SecretStr(URL)),
    "storage_url": ("s3://bucket/below", "s3://bucket/below"),
    "s3_endpoint": ("https://storage.example", "https://storage.example"),
    "s3_public_endpoint": ("https://files.example", "https://files.example"),
    "s3_region": ("eu-west-1", "eu-west-1"),
    "s3_access_key_id": ("me", SecretStr("me")),
    "s3_secret_access_key": ("hunter2", SecretStr("hunter2")),
    "redis_url": ("redis://:hunter2@host:6379/0", SecretStr("redis://:hunter2@host:6379/0")),
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
    "kafka_password": ("hunter2", SecretStr("hunter2")),
    "kafka_ca_file": ("/etc/ca.pem", Path("/etc/ca.pem")),
    "secret_key": ("hush hush hush hush", SecretStr("hush hush hush hush")),
    "api_keys": (f"anna:{HASH}, ben:{HASH}", {"anna": HASH, "ben": HASH}),
    "cors_origins": (
        "https://a.example, https://b.example",
        ("https://a.example", "https://b.example"),
    ),
    "trusted_proxies": ("2", 2),
    "max_upload_bytes": ("1000000", 1_000_000),
    "max_pixels": ("12000000", 12_000_000),
    "max_film_frames": ("0", 0),
    "max_film_seconds": ("7.5", 7.5),
    "max_film_bytes": ("1000000", 1_000_000),
    "max_size": ("1024", 1024),
    "max_learned_styles_per_client": ("0", 0),
    "max_learned_styles_per_address": ("3", 3),
    "max_learned_style_bytes": ("1000000", 1_000_000),
    "max_learning_minutes": ("20", 20),
    "max_learning_minutes_per_day": ("90", 90),
    "learned_style_retention": ("30d", timedelta(days=30)),
    "max_jobs_per_client": ("3", 3),
    "max_jobs_per_address": ("3", 3),
    "base_path": ("/nst/", "/nst"),
    "max_bytes_per_day": ("5000000", 5_000_000),
    "max_queued": ("7", 7),
    "requests_per_minute": ("60", 60),
    "max_streams": ("50", 50),
    "max_streams_per_client": ("4", 4),
    "stream_seconds": ("60", 60.0),
    "retention": ("36h", timedelta(hours=36)),
    "worker_device": ("cpu", "cpu"),
    "lease_seconds": ("10", 10.0),
    "max_attempts": ("5", 5),
    "max_pixel_steps_per_day": ("2000000", 2_000_000),
    "max_job_seconds": ("60", 60.0),
    "max_dependency_failures": ("4", 4),
    "checkpoint_seconds": ("5", 5.0),
    "worker_metrics_port": ("9100", 9100),
    "traces_endpoint": ("http://collector:4318/v1/traces", "http://collector:4318/v1/traces"),
    "log_format": ("json", "json"),
    "log_level": ("DEBUG", "DEBUG"),
}
"""Variable without NST_ → text in the environment, and the value."""


@pytest.fixture(autouse=True)
def empty_environment(quiet_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in variables():
        monkeypatch.delenv(variable, raising=False)


def value_of(settings: Settings, variable: str) -> Any:
    group, field, _ = variables()[f"NST_{variable.upper()}"]
    return getattr(getattr(settings, group), field)


def test_every_setting_is_tested() -> None:
    assert {f"NST_{name.upper()}" for name in VARIABLES} == variables().keys()


def test_nothing_needs_to_be_set() -> None:
    settings = load_settings()
    for field, (_, value) in VARIABLES.items():
        assert value_of(settings, field) != value, field
    assert settings.storage.data_dir == user_data_path("nst")


@pytest.mark.parametrize("field", VARIABLES)
def test_variable_is_read(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value = VARIABLES[field]
    unset = load_settings()
    monkeypatch.setenv(f"NST_{field.upper()}", text)
    found = load_settings()
    for each in VARIABLES:
        assert value_of(found, each) == (value if each == field else value_of(unset, each)), each


@pytest.mark.parametrize("field", VARIABLES)
def test_empty_variable_is_as_none(field: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unset = load_settings()
    monkeypatch.setenv(f"NST_{field.upper()}", "")
    assert load_settings() == unset


def test_variables_of_others_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    unset = load_settings()
    monkeypatch.setenv("OFFLINE", "1")
    monkeypatch.setenv("NST_SOMETHING_ELSE", "1")
    # Such names have a group of settings, and Kubernetes' variables for a service.
    monkeypatch.setenv("NST", "/opt/nst")
    monkeypatch.setenv("NST_KAFKA", "kafka:9092")
    monkeypatch.setenv("NST_KAFKA_PORT", "tcp://10.0.0.1:9092")
    assert load_settings() == unset


def test_file_beside_the_environment_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("NST_OFFLINE=1\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings().weights.offline is False


def test_wrong_value_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NST_OFFLINE", "perhaps")
    with pytest.raises(InvalidOption) as caught:
        load_settings()
    assert (caught.value.field, caught.value.value) == ("NST_OFFLINE", "perhaps")
    assert len(str(caught.value).splitlines()) == 1


WRONG = {
    "database_url": "mysql://user:hunter2@db/nst",
    "api_keys": "anna:hunter2",
    "secret_key": "hunter2",
    "base_path": "/nst/../other",
    "retention": "0s",
    "max_pixels": "0",
    "max_streams": "100000",
    "lease_seconds": "1",
    "stream_seconds": "0",
    "worker_device": "tpu",
    "log_level": "LOUD",
}


WRONG_URLS = [
    ("database_url", "postgresql+psycopg://user:hunter2@db:port/nst"),
    ("database_url", "postgresql+psycopg://user:hunter2"),
    ("redis_url", "hunter2@redis"),
    ("redis_url", "redis://:hunter2@redis:port/0"),
    ("s3_endpoint", "storage.example:9000"),
    ("s3_endpoint", "https:///bucket"),
    ("s3_public_endpoint", "pictures.example"),
    ("s3_public_endpoint", "https://pictures.example:port"),
]


@pytest.mark.parametrize(("field", "text"), [*WRONG.items(), *WRONG_URLS])
def test_wrong_values_are_named_and_secrets_are_not_shown(
    field: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"NST_{field.upper()}", text)
    with pytest.raises(InvalidOption) as caught:
        load_settings()
    assert caught.value.field == f"NST_{field.upper()}"
    assert "hunter2" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("field", SECRETS)
def test_secrets_are_not_shown_by_settings_that_are_printed(
    field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, _ = VARIABLES[field]
    monkeypatch.setenv(f"NST_{field.upper()}", text)
    shown = repr(load_settings())
    assert "hunter2" not in shown
    assert "hush" not in shown


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1.5h", 5400), ("7d", 604_800), ("PT1H", 3600)],
)
def test_durations(text: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NST_RETENTION", text)
    assert load_settings().limits.retention.total_seconds() == seconds


CENTURY_SECONDS = 100 * 365 * 24 * 3600
LONGER_THAN_A_CENTURY = {
    "retention": ("36501d", "9999999d", "99999999999d", f"{'9' * 400}d", "P36501D"),
    "learned_style_retention": ("876001h", "99999999999d"),
    "stream_seconds": (str(CENTURY_SECONDS + 1), "inf"),
    "max_job_seconds": (str(CENTURY_SECONDS + 1), "inf"),
    "lease_seconds": (str(CENTURY_SECONDS + 1), "inf"),
    "checkpoint_seconds": (str(CENTURY_SECONDS + 1), "inf"),
}


@pytest.mark.parametrize(
    ("field", "text"),
    [(field, text) for field, texts in LONGER_THAN_A_CENTURY.items() for text in texts],
)
def test_durations_of_more_than_a_century_are_refused(
    field: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such durations end at dates that do not exist, or are no numbers in JSON."""
    monkeypatch.setenv(f"NST_{field.upper()}", text)
    with pytest.raises(InvalidOption, match=r"36500d|or equal to 3153600000") as caught:
        load_settings()
    assert (caught.value.field, caught.value.value) == (f"NST_{field.upper()}", text)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["36500d", "P36500D"])
def test_a_century_is_allowed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NST_RETENTION", text)
    assert load_settings().limits.retention.total_seconds() == CENTURY_SECONDS


@pytest.mark.parametrize("text", ["3601", "1e300", "inf"])
def test_kafka_sessions_of_more_than_an_hour_are_refused(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Kafka client accepts at most an hour."""
    monkeypatch.setenv("NST_KAFKA_SESSION_TIMEOUT_SECONDS", text)
    with pytest.raises(InvalidOption, match="less than or equal to 3600") as caught:
        load_settings()
    assert caught.value.field == "NST_KAFKA_SESSION_TIMEOUT_SECONDS"


def test_several_words_may_stand_on_several_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NST_CORS_ORIGINS", "https://a.example\n  https://b.example,\n")
    assert load_settings().web.cors_origins == ("https://a.example", "https://b.example")


def test_every_setting_says_what_it_is() -> None:
    source = Path(inspect.getfile(groups)).read_text()
    for _, field, _ in variables().values():
        assert re.search(rf'^    {field}: [^\n]*(\n[^\n]*)?\n    """', source, re.MULTILINE), field


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().weights.offline = True
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().weights = WeightsSettings()
