"""Settings of a deployment:
NST_* environment variables, read once, by `bootstrap` only."""

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
"""A time span, such as 90s, 10m, 12h or 7d."""
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
"""Words separated by commas or spaces."""
SECRETS = ("database_url", "secret_key", "api_keys")
"""Fields whose values are never shown."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]
ApiKeys = Annotated[dict[str, Sha256], NoDecode, BeforeValidator(_keys)]


class Settings(BaseSettings):
    """Settings of all processes; field `max_size` is the
    environment variable NST_MAX_SIZE."""

    model_config = SettingsConfigDict(env_prefix="NST_", env_ignore_empty=True, frozen=True)

    # ── weights ──
    weights_dir: Path | None = None
    """Directory with weights files, searched before the cache."""
    cache_dir: Path | None = None
    """Directory for downloaded weights and measured speeds.
    Default: the user's cache directory."""
    weights_mirror: str | None = None
    """URL of a mirror that has the weights under their
    published file names, tried first."""
    offline: bool = False
    """Never download anything."""

    # ── storage ──
    data_dir: Path = Field(default_factory=lambda: user_data_path("nst"))
    """Directory for jobs, images and the cookie secret, unless other settings place
    them elsewhere. Default: the user's data directory."""
    database_url: Annotated[SecretStr, AfterValidator(_database)] | None = None
    """URL of the database, postgresql+psycopg://user:password@host/database.
    Default: SQLite in the data directory."""

    storage_url: str | None = Field(default=None, pattern="^s3://[^/]+(/.*)?$")
    """Bucket and prefix for images, s3://bucket/prefix.
    Default: a folder in the data directory."""
    s3_endpoint: str | None = None
    """URL of an S3-compatible server, such as https://storage.example.
    Default: Amazon S3."""
    s3_public_endpoint: str | None = None
    """URL by which browsers reach the S3 server; with it they
    download large files from there."""
    s3_region: str = "us-east-1"
    """Region of the bucket."""
    s3_access_key_id: SecretStr | None = None
    """Access key of the bucket.
    Default: the credentials that Amazon's own tools would use."""
    s3_secret_access_key: SecretStr | None = None
    """Secret of the access key."""
    redis_url: SecretStr | None = None
    """URL of Redis for live progress and rate limits, redis://:password@host:6379/0.
    Default: both are kept in each process."""

    # ── the task queue ──
    kafka_brokers: Words = ()
    """Addresses of the Kafka brokers, host:port, separated by commas.
    Default: a queue inside the process."""
    kafka_topic: str = "nst.jobs"
    """Topic that wakes workers when a job is queued."""
    kafka_dead_letter_topic: str = "nst.jobs.dead"
    """Topic for messages that cannot be parsed."""
    kafka_group: str = "nst.workers"
    """Consumer group of the workers."""
    kafka_partitions: int = Field(default=64, ge=1)
    """Partitions of a topic that `nst migrate` creates; choose several per worker."""
    kafka_replication: int = Field(default=1, ge=1)
    """Replicas of a topic that `nst migrate` creates; use 3 in production."""
    kafka_group_protocol: Literal["auto", "classic", "consumer"] = "auto"
    """Group protocol of the workers. consumer:
    KIP-848, of Kafka 4; auto: consumer if the brokers support it, else classic."""
    kafka_session_timeout_seconds: float = Field(default=45.0, ge=1)
    """Seconds without a heartbeat before a worker's partitions are reassigned.
    With the consumer protocol the brokers decide."""
    kafka_heartbeat_seconds: float = Field(default=3.0, gt=0)
    """Seconds between heartbeats of a worker.
    With the consumer protocol the brokers decide."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Security protocol of the brokers."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """Authentication mechanism, for SASL_PLAINTEXT and SASL_SSL."""
    kafka_username: str | None = None
    """User name, for SASL."""
    kafka_password: SecretStr | None = None
    """Password, for SASL."""
    kafka_ca_file: Path | None = None
    """File of trusted certificates, for SSL and SASL_SSL.
    Default: the system's certificates."""

    # ── the API ──
    secret_key: Annotated[SecretStr, AfterValidator(_long_enough)] | None = None
    """Secret that signs cookies, at least 16 characters; identical for all API
    processes. Default: generated once and kept in the data directory."""
    api_keys: ApiKeys = {}
    """API keys as name:SHA-256, separated by commas."""
    cors_origins: Words = ()
    """Origins of other sites whose pages may call the API, separated by commas."""
    base_path: Annotated[str, AfterValidator(_path)] = ""
    """Path under which the page and the API are served, such as /nst.
    Default: the root, or the X-Forwarded-Prefix of a trusted proxy."""
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    """Number of proxies in front of the API that set X-Forwarded-For."""
    max_upload_bytes: int = Field(default=64_000_000, ge=100_000)
    """Maximum size of one request, in bytes."""
    max_pixels: int = Field(default=50_000_000, ge=10_000, le=150_000_000)
    """Maximum number of pixels of one uploaded image."""
    max_film_frames: int = Field(default=500, ge=0, le=100_000)
    """Maximum number of frames of one uploaded film;
    0 takes no films. Films need the extra `video` on the API and on the workers."""
    max_film_seconds: float = Field(default=20.0, gt=0, le=86_400)
    """Maximum length of one uploaded film, in seconds."""
    max_film_bytes: int = Field(default=50_000_000, ge=100_000)
    """Maximum size of one uploaded film, in bytes."""
    max_size: int = Field(default=4096, ge=32, le=16000)
    """Maximum length of the longer side of a result, in pixels."""
    max_jobs_per_client: int = Field(default=20, ge=1)
    """Maximum number of queued and running jobs per client."""
    max_jobs_per_address: int = Field(default=60, ge=1)
    """Maximum number of queued and running jobs per network
    address, across all cookies."""
    max_bytes_per_day: int = Field(default=2_000_000_000, ge=100_000)
    """Maximum number of bytes that one client uploads in a day."""
    max_pixel_steps_per_day: int = Field(default=200_000_000_000, ge=1_000_000, le=10**15)
    """Budget of one client in a day: the sum of pixels × steps over its jobs."""
    max_learned_styles_per_client: int = Field(default=20, ge=0)
    """Maximum number of learned styles that one client keeps; 0 takes none."""
    max_learned_styles_per_address: int = Field(default=60, ge=0)
    """Maximum number of learned styles that are kept per network
    address, across all cookies."""
    max_learned_style_bytes: int = Field(default=20_000_000, ge=100_000, le=200_000_000)
    """Maximum size of one learned style, in bytes."""
    max_learning_minutes: int = Field(default=60, ge=0, le=10_000)
    """Maximum number of minutes that one job may learn a style; 0 learns none.
    Meanwhile its worker does nothing else."""
    max_learning_minutes_per_day: int = Field(default=240, ge=1, le=100_000)
    """Maximum number of minutes of learning that one client asks for in a day."""
    max_queued: int = Field(default=1000, ge=1)
    """Maximum number of queued jobs of all clients together."""
    requests_per_minute: int = Field(default=600, ge=1)
    """Maximum number of requests per client in a minute."""
    max_streams: int = Field(default=500, ge=1, le=10_000)
    """Maximum number of open event streams; each occupies a thread."""
    max_streams_per_client: int = Field(default=20, ge=1)
    """Maximum number of open event streams per client."""
    stream_seconds: float = Field(default=300.0, ge=1)
    """Seconds before an event stream is closed; browsers reopen it."""
    retention: Duration = Field(default=timedelta(days=7), gt=timedelta(0))
    """Retention of finished jobs, such as 90s, 10m, 12h or 7d."""

    learned_style_retention: Duration = Field(default=timedelta(days=90), gt=timedelta(0))
    """Retention of learned styles after their last use, such as 12h or 90d."""

    # ── workers ──
    worker_device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Device on which a worker computes."""
    lease_seconds: float = Field(default=30.0, ge=3)
    """Seconds without a heartbeat before a job is reassigned to another worker."""
    max_attempts: int = Field(default=3, ge=1)
    """Number of attempts that may crash or lose their lease before a job fails."""
    max_job_seconds: float = Field(default=86_400.0, ge=1)
    """Maximum duration of one attempt at a job, in seconds."""
    max_dependency_failures: int = Field(default=10, ge=1)
    """Number of storage failures of one job before the job fails."""
    checkpoint_seconds: float = Field(default=30.0, ge=0)
    """Checkpoint interval of a running job, in seconds."""
    worker_metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port on which `nst worker` serves Prometheus metrics; 0 disables it."""

    # ── logs and traces ──
    log_format: Literal["console", "json"] = "console"
    """Log format: console for people, json for machines."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Minimum level of logged messages."""
    traces_endpoint: str | None = None
    """URL that receives traces, OTLP over HTTP, such as
    http://collector:4318/v1/traces; needs the extra `tracing`."""

    @property
    def has_own_database(self) -> bool:
        """Whether the database is an SQLite file, which only this machine uses."""
        url = self.database_url
        return url is None or url.get_secret_value().startswith("sqlite")


def load_settings() -> Settings:
    """Load the settings from the environment.
    Raises InvalidOption, which names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        value = "…" if field in SECRETS else first["input"]
        allowed = f"another value ({first['msg']})"
        raise InvalidOption(f"NST_{field}".upper(), value, allowed) from None
