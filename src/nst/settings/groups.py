"""Groups of settings, each declared once: type, default, bounds and meaning.
Code that needs a setting receives its whole group."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from nst.errors import InvalidOption
from nst.settings.values import (
    ApiKeys,
    DatabaseUrl,
    Duration,
    RedisUrl,
    Seconds,
    ServerUrl,
    SigningKey,
    UrlPath,
    Words,
)


class Group(BaseModel):
    """Settings that belong together."""

    model_config = ConfigDict(frozen=True)


class WeightsSettings(Group):
    """Locations of weights and of measured speeds."""

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


class StorageSettings(Group):
    """Locations of jobs, images and live progress."""

    data_dir: Path = Field(default_factory=lambda: user_data_path("nst"))
    """Directory for jobs, images and the cookie secret, unless other settings place
    them elsewhere. Default: the user's data directory."""
    database_url: DatabaseUrl | None = None
    """URL of the database, postgresql+psycopg://user:password@host/database.
    Default: SQLite in the data directory."""
    storage_url: str | None = Field(default=None, pattern="^s3://[^/]+(/.*)?$")
    """Bucket and prefix for images, s3://bucket/prefix.
    Default: a folder in the data directory."""
    redis_url: RedisUrl | None = None
    """URL of Redis for live progress and rate limits, redis://:password@host:6379/0.
    Default: both are kept in each process."""

    @property
    def has_own_database(self) -> bool:
        """Whether the database is an SQLite file, which only this machine uses."""
        url = self.database_url
        return url is None or url.get_secret_value().startswith("sqlite")


class S3Settings(Group):
    """The S3 server of the bucket, and the keys for it."""

    endpoint: ServerUrl | None = None
    """URL of an S3-compatible server, such as https://storage.example.
    Default: Amazon S3."""
    public_endpoint: ServerUrl | None = None
    """URL by which browsers reach the S3 server; with it they
    download large files from there. Default: Amazon S3, or none if NST_S3_ENDPOINT is set."""
    region: str = "us-east-1"
    """Region of the bucket."""
    access_key_id: SecretStr | None = None
    """Access key of the bucket.
    Default: the credentials that Amazon's own tools would use."""
    secret_access_key: SecretStr | None = None
    """Secret of the access key."""


class KafkaSettings(Group):
    """Addresses, topics, group and authentication of the Kafka clients."""

    brokers: Words = ()
    """Addresses of the Kafka brokers, host:port, separated by commas.
    Default: a queue inside the process."""
    topic: str = "nst.jobs"
    """Topic that wakes workers when a job is queued."""
    dead_letter_topic: str = "nst.jobs.dead"
    """Topic for messages that cannot be parsed."""
    group: str = "nst.workers"
    """Consumer group of the workers."""
    partitions: int = Field(default=64, ge=1)
    """Partitions of the topic of jobs, which `nst migrate` creates.
    Choose several per worker."""
    replication: int = Field(default=1, ge=1)
    """Replicas of a topic that `nst migrate` creates; use 3 in production."""
    group_protocol: Literal["auto", "classic", "consumer"] = "auto"
    """Group protocol of the workers. consumer:
    KIP-848, of Kafka 4; auto: consumer if the brokers support it, else classic."""
    session_timeout_seconds: float = Field(default=45.0, ge=1, le=3600)
    """Seconds without a heartbeat before a worker's partitions are reassigned.
    With the consumer protocol the brokers decide."""
    heartbeat_seconds: float = Field(default=3.0, gt=0)
    """Seconds between heartbeats of a worker.
    With the consumer protocol the brokers decide."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Security protocol of the brokers."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """Authentication mechanism, for SASL_PLAINTEXT and SASL_SSL."""
    username: str | None = None
    """User name, for SASL."""
    password: SecretStr | None = None
    """Password, for SASL."""
    ca_file: Path | None = None
    """File of trusted certificates, for SSL and SASL_SSL.
    Default: the system's certificates."""

    def check(self) -> None:
        """Raise InvalidOption if the settings contradict each other.
        It is called only if brokers are set."""
        if self.heartbeat_seconds > self.session_timeout_seconds / 3:
            allowed = "at most a third of NST_KAFKA_SESSION_TIMEOUT_SECONDS"
            raise InvalidOption("NST_KAFKA_HEARTBEAT_SECONDS", self.heartbeat_seconds, allowed)
        if self.ca_file and not self.ca_file.is_file():
            raise InvalidOption("NST_KAFKA_CA_FILE", str(self.ca_file), "a file that exists")
        if self.uses_sasl:
            for name in ("sasl_mechanism", "username", "password"):
                if not getattr(self, name):
                    allowed = f"one, with {self.security_protocol}"
                    raise InvalidOption(f"NST_KAFKA_{name.upper()}", None, allowed)

    @property
    def user(self) -> str:
        """Name by which the brokers know this client."""
        return self.username or "ANONYMOUS"

    @property
    def uses_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL")


class WebSettings(Group):
    """Access to the API: secrets, origins, proxies and limits on requests."""

    secret_key: SigningKey | None = None
    """Secret that signs cookies, at least 16 characters; identical for all API
    processes. Default: generated once and kept in the data directory."""
    api_keys: ApiKeys = {}
    """API keys as name:SHA-256, separated by commas."""
    cors_origins: Words = ()
    """Origins of other sites whose pages may call the API, separated by commas."""
    base_path: UrlPath = ""
    """Path under which the page and the API are served, such as /nst.
    Default: the root, or the X-Forwarded-Prefix of a trusted proxy."""
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    """Number of proxies in front of the API that set X-Forwarded-For."""
    max_upload_bytes: int = Field(default=64_000_000, ge=100_000)
    """Maximum size of one request, in bytes."""
    requests_per_minute: int = Field(default=600, ge=1)
    """Maximum number of requests per client in a minute."""
    max_streams: int = Field(default=500, ge=1, le=10_000)
    """Maximum number of open event streams; each occupies a thread."""
    max_streams_per_client: int = Field(default=20, ge=1)
    """Maximum number of open event streams per client."""
    stream_seconds: Seconds = Field(default=300.0, ge=1)
    """Seconds before an event stream is closed; browsers reopen it."""


class Limits(Group):
    """Limits on the size and number of jobs, and their retention."""

    max_pixels: int = Field(default=50_000_000, ge=10_000, le=150_000_000)
    """Maximum number of pixels of one uploaded image."""
    max_film_frames: int = Field(default=500, ge=0, le=100_000)
    """Maximum number of frames of one uploaded film; 0 disables films.
    Films need the extra `video` on the API and on the workers."""
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
    """Maximum number of bytes that one client uploads in a day.
    Copies of an earlier result, which a repeated order gets, count too."""
    max_pixel_steps_per_day: int = Field(default=200_000_000_000, ge=1_000_000, le=10**15)
    """Budget of one client in a day: the sum of pixels × steps over its jobs."""
    max_learned_styles_per_client: int = Field(default=20, ge=0)
    """Maximum number of learned styles that one client keeps; 0 disables them."""
    max_learned_styles_per_address: int = Field(default=60, ge=0)
    """Maximum number of learned styles that are kept per network
    address, across all cookies."""
    max_learned_style_bytes: int = Field(default=20_000_000, ge=100_000, le=200_000_000)
    """Maximum size of one learned style, in bytes."""
    max_learning_minutes: int = Field(default=60, ge=0, le=10_000)
    """Maximum number of minutes that one job learns a style; 0 disables learning.
    Its worker runs no other job meanwhile."""
    max_learning_minutes_per_day: int = Field(default=240, ge=1, le=100_000)
    """Maximum number of minutes of learning that one client requests in a day."""
    max_job_seconds: Seconds = Field(default=86_400.0, ge=1)
    """Maximum duration of one attempt at a job, in seconds."""
    max_queued: int = Field(default=1000, ge=1)
    """Maximum number of queued jobs of all clients together."""
    retention: Duration = timedelta(days=7)
    """Retention of finished jobs, such as 90s, 10m, 12h or 7d; at most 36500d."""
    learned_style_retention: Duration = timedelta(days=90)
    """Retention of learned styles after their last use, such as 12h or 90d;
    at most 36500d."""


class WorkerSettings(Group):
    """Device, timeouts and retries of the workers."""

    worker_device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Device on which a worker computes."""
    lease_seconds: Seconds = Field(default=30.0, ge=3)
    """Seconds without a heartbeat before a job is reassigned to another worker."""
    max_attempts: int = Field(default=3, ge=1)
    """Number of attempts that may crash or lose their lease before a job fails."""
    max_dependency_failures: int = Field(default=10, ge=1)
    """Number of storage failures of one job before the job fails."""
    checkpoint_seconds: Seconds = Field(default=30.0, ge=0)
    """Checkpoint interval of a running job, in seconds."""
    worker_metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port on which `nst worker` serves Prometheus metrics; 0 disables it."""


class LogSettings(Group):
    """Format and level of the logs, and the receiver of traces."""

    log_format: Literal["console", "json"] = "console"
    """Log format: console for people, json for machines."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Minimum level of logged messages."""
    traces_endpoint: str | None = None
    """URL that receives traces, OTLP over HTTP, such as
    http://collector:4318/v1/traces; needs the extra `tracing`."""
