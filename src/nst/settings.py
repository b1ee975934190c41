"""What the deployment sets: NST_* environment variables, read once, by `bootstrap` only."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from nst.errors import InvalidOption

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(value: Any) -> Any:
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", value)):
        return timedelta(**{_UNITS[match[2]]: float(match[1])})
    return value


def _words(value: Any) -> Any:
    return tuple(filter(None, re.split(r"[,\s]+", value))) if isinstance(value, str) else value


def _keys(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = dict(word.split(":", 1) for word in _words(value) if ":" in word)
    if len(pairs) != len(_words(value)):
        raise ValueError("write name:SHA-256-of-the-key, several with commas between")
    return pairs


def _database(url: SecretStr) -> SecretStr:
    if not re.match(r"(sqlite|postgresql\+psycopg)://.", url.get_secret_value()):
        raise ValueError("write postgresql+psycopg://user:password@host/database")
    return url


def _path(path: str) -> str:
    path = path.rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path):
        raise ValueError("write a path that begins with a slash, as /nst")
    return path


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < 16:
        raise ValueError("write 16 characters or more")
    return secret


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""As in 90s, 10m, 12h, 7d."""
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
"""With commas between."""
SECRETS = ("database_url", "secret_key", "api_keys")
"""Fields whose values are never shown."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]
ApiKeys = Annotated[dict[str, Sha256], NoDecode, BeforeValidator(_keys)]


class Settings(BaseSettings):
    """Each field is the environment variable of its upper-case name behind NST_."""

    model_config = SettingsConfigDict(env_prefix="NST_", env_ignore_empty=True, frozen=True)

    # ── weights ──
    weights_dir: Path | None = None
    """Directory that is looked into first for files of weights."""
    cache_dir: Path | None = None
    """Where downloaded weights are kept; by default the user's cache directory."""
    weights_mirror: str | None = None
    """Address with the published file names below it, tried before the published addresses."""
    offline: bool = False
    """Download nothing."""

    # ── where the service keeps what it has ──
    data_dir: Path = Field(default_factory=lambda: user_data_path("nst"))
    """Jobs, pictures and the secret of the cookies, where nothing else is said."""
    database_url: Annotated[SecretStr, AfterValidator(_database)] | None = None
    """Of PostgreSQL, postgresql+psycopg://user:password@host/database; by default SQLite in the
    data directory."""

    storage_url: str | None = Field(default=None, pattern="^s3://[^/]+(/.*)?$")
    """s3://bucket/prefix of pictures; by default a folder in the data directory."""
    s3_endpoint: str | None = None
    """Of a store that is compatible with S3, as https://storage.example; by default Amazon's."""
    s3_public_endpoint: str | None = None
    """Where clients reach that store, so that they get large files from it directly."""
    s3_region: str = "us-east-1"
    """Of the bucket."""
    s3_access_key_id: SecretStr | None = None
    """By default the credentials come from where Amazon's own tools find them."""
    s3_secret_access_key: SecretStr | None = None
    """Belongs to the access key."""
    redis_url: SecretStr | None = None
    """redis://:password@host:6379/0 for live progress and limits; by default in this process."""

    # ── the task queue ──
    kafka_brokers: Words = ()
    """host:port of Kafka's brokers, with commas between; by default a queue in this process."""
    kafka_topic: str = "nst.jobs"
    """That tells workers of jobs."""
    kafka_dead_letter_topic: str = "nst.jobs.dead"
    """Where messages go that cannot be read."""
    kafka_group: str = "nst.workers"
    """The consumer group of the workers."""
    kafka_partitions: int = Field(default=64, ge=1)
    """Of the topic when `nst migrate` makes it; several times as many as workers."""
    kafka_replication: int = Field(default=1, ge=1)
    """Of the topics when `nst migrate` makes them; 3 in production."""
    kafka_group_protocol: Literal["auto", "classic", "consumer"] = "auto"
    """Protocol of the workers' group. consumer: that of Kafka 4; auto: consumer where the brokers
    have it, else classic."""
    kafka_session_timeout_seconds: float = Field(default=45.0, ge=1)
    """Seconds without a heartbeat before the group gives a worker's partitions to others. With the
    protocol consumer the brokers set it."""
    kafka_heartbeat_seconds: float = Field(default=3.0, gt=0)
    """Seconds between two heartbeats of a worker. With the protocol consumer the brokers set it."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How to speak to the brokers."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """With SASL_PLAINTEXT and SASL_SSL."""
    kafka_username: str | None = None
    """With SASL."""
    kafka_password: SecretStr | None = None
    """With SASL."""
    kafka_ca_file: Path | None = None
    """Certificates that are trusted, with SSL and SASL_SSL; by default the system's."""

    # ── the API ──
    secret_key: Annotated[SecretStr, AfterValidator(_long_enough)] | None = None
    """Signs the cookies, 16 characters or more; must be the same for all API processes. By default
    one is made and kept in the data directory."""
    api_keys: ApiKeys = {}
    """name:SHA-256 of each API key, with commas between."""
    cors_origins: Words = ()
    """Other sites whose pages may use the API, with commas between."""
    base_path: Annotated[str, AfterValidator(_path)] = ""
    """Path of the address below which the page and the API are, as /nst; by default at the top, or
    where X-Forwarded-Prefix of a trusted proxy says."""
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    """How many proxies stand before the API and set X-Forwarded-For."""
    max_upload_bytes: int = Field(default=64_000_000, ge=100_000)
    """Of one request."""
    max_pixels: int = Field(default=50_000_000, ge=10_000, le=150_000_000)
    """Of one uploaded picture."""
    max_size: int = Field(default=4096, ge=32, le=16000)
    """Longest side of a result in pixels."""
    max_jobs_per_client: int = Field(default=20, ge=1)
    """That are queued or running at a time."""
    max_jobs_per_address: int = Field(default=60, ge=1)
    """Jobs queued or running at a time that come from one network address, whatever the cookies."""
    max_bytes_per_day: int = Field(default=2_000_000_000, ge=100_000)
    """Of one client's uploads."""
    max_pixel_steps_per_day: int = Field(default=200_000_000_000, ge=1_000_000, le=10**15)
    """Pixels of the result × steps, of all jobs of a client in a day."""
    max_queued: int = Field(default=1000, ge=1)
    """Jobs of everybody that wait."""
    requests_per_minute: int = Field(default=600, ge=1)
    """Of one client."""
    max_streams: int = Field(default=500, ge=1, le=10_000)
    """Of events that are open at a time; each holds a thread."""
    max_streams_per_client: int = Field(default=20, ge=1)
    """Of events that one client may have open."""
    stream_seconds: float = Field(default=300.0, ge=1)
    """After which a stream of events is closed; browsers open it again."""
    retention: Duration = Field(default=timedelta(days=7), gt=timedelta(0))
    """For how long finished jobs are kept, as in 90s, 10m, 12h, 7d."""

    # ── workers ──
    worker_device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """What a worker computes on."""
    lease_seconds: float = Field(default=30.0, ge=3)
    """After so much silence of its worker a job is given to another."""
    max_attempts: int = Field(default=3, ge=1)
    """That may crash or fall silent before a job has failed."""
    max_job_seconds: float = Field(default=86_400.0, ge=1)
    """Seconds that a worker may spend on one attempt at a job."""
    max_dependency_failures: int = Field(default=10, ge=1)
    """How often storage may fail for one job alone before the job has failed."""
    checkpoint_seconds: float = Field(default=30.0, ge=0)
    """So often the state of a running job is kept."""
    worker_metrics_port: int = Field(default=0, ge=0, le=65535)
    """Where `nst worker` tells Prometheus how it does; 0: nowhere."""

    # ── logs and traces ──
    log_format: Literal["console", "json"] = "console"
    """For people or for machines."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least that is worth a line."""
    traces_endpoint: str | None = None
    """Where traces are sent, OTLP over HTTP, as http://collector:4318/v1/traces; needs the extra
    `tracing`."""

    @property
    def has_own_database(self) -> bool:
        """Whether the database is a file of SQLite, which no other machine uses."""
        url = self.database_url
        return url is None or url.get_secret_value().startswith("sqlite")


def load_settings() -> Settings:
    """Raises InvalidOption, which names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        value = "…" if field in SECRETS else first["input"]
        allowed = f"another value ({first['msg']})"
        raise InvalidOption(f"NST_{field}".upper(), value, allowed) from None
