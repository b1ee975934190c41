"""Composition root: builds what the processes need from the settings."""

import os
import secrets
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from flask import Flask
    from pydantic import SecretStr

    from nst.adapters.kafka import KafkaSettings
    from nst.adapters.sql import SqlJobRepository
    from nst.api.streams import Streams
    from nst.engine.network.download import OnDownload
    from nst.engine.network.weights import OnStandIn, WeightsStore
    from nst.engine_process.parent import Paint
    from nst.jobs.learned_styles import LearnedStyles
    from nst.jobs.ports import ImageStorage, JobQueue, ProgressFeed, RateLimiter
    from nst.jobs.quota import Quota
    from nst.options import StyleTransferOptions
    from nst.result import Result
    from nst.settings import Settings
    from nst.speed import Speeds
    from nst.worker import Worker


def prepare_process() -> None:
    """To be called before torch is imported.

    Threads that have nothing to do sleep, unless the environment says otherwise: where anything
    else runs beside a transfer, threads that spin make it several times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def weights_store(
    file: Path | None = None,
    on_download: "OnDownload | None" = None,
    on_stand_in: "OnStandIn | None" = None,
) -> "WeightsStore":
    """Weights as the environment says, or from `file` alone."""
    from nst.engine.network.weights import WeightsStore
    from nst.settings import load_settings

    settings = load_settings()
    return WeightsStore(
        file=file,
        directory=settings.weights_dir,
        cache=settings.cache_dir and settings.cache_dir / "weights",
        mirror=settings.weights_mirror,
        offline=settings.offline,
        on_download=on_download,
        on_stand_in=on_stand_in,
    )


def speeds(device: str = "auto") -> "Speeds":
    """Return the speeds that this machine has measured on the requested device."""
    from platformdirs import user_cache_path

    from nst.settings import load_settings
    from nst.speed import Speeds

    return Speeds(load_settings().cache_dir or user_cache_path("nst"), device)


def estimate(
    options: "StyleTransferOptions",
    content_size: tuple[int, int],
    frames: int | None = None,
    device: str = "auto",
) -> float | None:
    """Return the seconds that a transfer will take on this machine;
    None if nothing like it was measured here. `content_size`: width and height in
    pixels. `frames`: of a film, in all passes; None: a picture."""
    from nst import image_sizes
    from nst.engine.scales import work
    from nst.film_options import later_options

    size, known = image_sizes.fit(content_size, options.size), speeds(device)
    first = known.estimate(options, work(size, options))
    if first is None or frames is None:
        return first
    later = later_options(options)
    each = known.estimate_frame(later, work(size, later))
    return None if each is None else first + (frames - 1) * each


def keep_speed(result: "Result", device: str = "auto") -> None:
    """Keep how long this transfer took, for the next estimates."""
    from nst.engine.scales import work

    speeds(device).record(result, work(result.image.size, result.options))


def keep_frame_speed(
    options: "StyleTransferOptions", size: tuple[int, int], seconds: float, device: str = "auto"
) -> None:
    """Keep how long a later frame of a film took.
    `size`: its width and height in pixels."""
    from nst.engine.scales import work

    speeds(device).record_frame(options, seconds, work(size, options))


# ── the service ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside world, as the settings have it."""

    repository: "SqlJobRepository"
    queue: "JobQueue"
    storage: "ImageStorage"
    feed: "ProgressFeed"
    limiter: "RateLimiter"

    def close(self) -> None:
        for port in (self.queue, self.feed, self.repository):
            port.close()


def set_up_logs() -> None:
    """Set up the logs as the settings say. Raises InvalidOption."""
    from nst import logs
    from nst.settings import load_settings

    settings = load_settings()
    logs.set_up(settings.log_format, settings.log_level)


def logs_are_for_programs() -> bool:
    """Whether the settings ask for logs in JSON. Raises InvalidOption."""
    from nst.settings import load_settings

    return load_settings().log_format == "json"


def page_address(address: str) -> str:
    """Return where a browser finds the page of a server with this address. Raises
    InvalidOption."""
    from nst.settings import load_settings

    return address + load_settings().base_path


def set_up_traces(service: str) -> None:
    """Set up traces as the settings say; call it after a fork."""
    from nst import tracing
    from nst.errors import InvalidOption
    from nst.settings import load_settings

    endpoint = load_settings().traces_endpoint
    if endpoint and not tracing.IS_INSTALLED:
        allowed = "nothing, or install the extra: pip install 'nst[tracing]'"
        raise InvalidOption("NST_TRACES_ENDPOINT", endpoint, allowed)
    if endpoint:
        tracing.set_up(endpoint, service)


def serve_metrics() -> None:
    """Until this process ends, on the port of the settings, if there is one: for a
    process that answers no other requests. Raises InvalidOption."""
    from nst.errors import InvalidOption
    from nst.settings import load_settings

    if not (port := load_settings().worker_metrics_port):
        return
    from nst import metrics

    try:
        metrics.serve(port)
    except OSError as error:
        allowed = f"a port that is free ({error.strerror})"
        raise InvalidOption("NST_WORKER_METRICS_PORT", port, allowed) from error


def migrate(revision: str = "head") -> str:
    """Bring the database to this revision, and make Kafka's topics; returns where the
    database is. Raises RepositoryError, QueueError."""
    from nst.settings import load_settings

    settings = load_settings()
    repository = _repository(settings)
    try:
        repository.migrate(revision)
    finally:
        repository.close()
    if settings.kafka_brokers:
        from nst.adapters.kafka import create_topics

        create_topics(_kafka(settings))
    return repository.location


def prepare_database() -> None:
    """Make the tables where the database is SQLite.
    PostgreSQL belongs to many processes, maybe of several versions: there only
    `nst migrate` changes anything. Raises RepositoryError if the tables are not
    there or this version cannot work with them."""
    from nst.settings import load_settings

    settings = load_settings()
    repository = _repository(settings)
    try:
        if settings.has_own_database:
            repository.migrate()
        else:
            repository.check()
    finally:
        repository.close()


@dataclass(frozen=True, slots=True)
class Check:
    """Whether a part of the outside world is as it must be."""

    part: str
    is_well: bool
    words: str


Role: TypeAlias = Literal["api", "worker", "migration"]
"""Role of a process. Each role needs other rights in Kafka."""


def check_services(roles: Sequence[Role]) -> Iterator[Check]:
    """Check each part that the settings name, with the rights of these roles. Raises
    InvalidOption."""
    from nst.errors import DependencyError
    from nst.settings import load_settings

    settings = load_settings()
    checks = {
        "database": _check_database,
        "queue": lambda settings: _check_queue(settings, roles),
        "live news": _check_feed,
        "storage": _check_storage,
    }
    for part, check in checks.items():
        try:
            yield Check(part, is_well=True, words=check(settings))
        except DependencyError as error:
            yield Check(part, is_well=False, words=str(error))


@contextmanager
def ports() -> Iterator[Ports]:
    """Open for as long as the context. Raises InvalidOption, DependencyError."""
    from nst.settings import load_settings

    opened = _ports(load_settings())
    try:
        yield opened
    finally:
        opened.close()


def is_behind_proxy() -> bool:
    """Whether all requests come from a proxy, which says who asks.
    Raises InvalidOption."""
    from nst.settings import load_settings

    return load_settings().trusted_proxies > 0


def web_application(ports: Ports, streams: "Streams", answers_per_client: int) -> "Flask":
    """The WSGI application.
    `answers_per_client`: answers one client may receive at a time."""
    from nst import tracing, video
    from nst.api.app import create_app
    from nst.api.service import ApiSettings, Service
    from nst.api.watch import Watch
    from nst.decoding import Decoder
    from nst.jobs.limits import Limits
    from nst.jobs.quota import Quota
    from nst.jobs.service import Jobs
    from nst.settings import load_settings

    settings = load_settings()
    limits = Limits(
        max_jobs_per_client=settings.max_jobs_per_client,
        max_jobs_per_address=settings.max_jobs_per_address,
        max_bytes_per_day=settings.max_bytes_per_day,
        max_queued=settings.max_queued,
        max_size=settings.max_size,
        max_pixels=settings.max_pixels,
        max_pixel_steps_per_day=settings.max_pixel_steps_per_day,
        max_job_seconds=settings.max_job_seconds,
        max_film_frames=settings.max_film_frames if video.can_read() else 0,
        max_film_seconds=settings.max_film_seconds,
        max_film_bytes=settings.max_film_bytes,
        max_learning_minutes=settings.max_learning_minutes,
        max_learning_minutes_per_day=settings.max_learning_minutes_per_day,
    )
    api_settings = ApiSettings(
        secret_key=_secret_key(settings),
        retention_seconds=settings.retention.total_seconds(),
        max_upload_bytes=settings.max_upload_bytes,
        requests_per_minute=settings.requests_per_minute,
        api_keys=settings.api_keys,
        cors_origins=settings.cors_origins,
        trusted_proxies=settings.trusted_proxies,
        base_path=settings.base_path,
        pictures_origin=_pictures_origin(settings),
        answers_per_client=answers_per_client,
    )
    decoder, quota = Decoder(settings.max_pixels), Quota(ports.limiter)
    jobs = Jobs(ports.repository, ports.queue, ports.storage, ports.feed, quota, limits, decoder)
    queue_watch = Watch(lambda: ports.queue.trouble("api"))
    seconds = partial(estimate, device=settings.worker_device)
    app = create_app(
        Service(
            jobs,
            quota,
            streams,
            api_settings,
            decoder,
            _learned_styles(ports, quota, settings),
            queue_watch,
            seconds,
        )
    )
    tracing.instrument(app)
    return app


def _learned_styles(ports: Ports, quota: "Quota", settings: "Settings") -> "LearnedStyles":
    from nst.jobs.learned_styles import LearnedStyles, StyleLimits

    limits = StyleLimits(
        max_styles_per_client=settings.max_learned_styles_per_client,
        max_styles_per_address=settings.max_learned_styles_per_address,
        max_style_bytes=settings.max_learned_style_bytes,
        max_bytes_per_day=settings.max_bytes_per_day,
    )
    return LearnedStyles(ports.repository.learned_styles, ports.storage, quota, limits)


def event_streams() -> "Streams":
    """Limited as the settings say."""
    from nst.api.streams import Streams
    from nst.settings import load_settings

    settings = load_settings()
    return Streams(settings.max_streams, settings.max_streams_per_client, settings.stream_seconds)


def check_device() -> None:
    """Find out before any job comes whether this machine has the device of the
    settings. Raises InvalidOption."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from nst.errors import InvalidOption
    from nst.settings import load_settings

    device = load_settings().worker_device
    if device in ("auto", "cpu"):
        return
    # A process of its own: a worker does not hold torch in its memory.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        available = process.submit(_devices).result()
    if device not in available:
        allowed = f"auto, or what is here: {', '.join(available)}. {NEEDS[device]}"
        raise InvalidOption("NST_WORKER_DEVICE", device, allowed)


NEEDS = {
    "cuda": "cuda needs an NVIDIA GPU that nvidia-smi shows and a torch with CUDA; in a container, "
    "the NVIDIA container toolkit and the image nst-worker-cuda",
    "mps": "mps needs a Mac with an Apple GPU",
}
"""Requirements of a device before torch can use it."""


def _devices() -> list[str]:
    from nst.engine.device import available_devices

    return available_devices()


def queue_of_a_worker(ports: Ports) -> "JobQueue":
    """A place in a consumer group belongs to one worker; a queue in this process to
    all. Raises InvalidOption if the brokers do not take what the settings ask for."""
    from nst.settings import load_settings

    settings = load_settings()
    if not settings.kafka_brokers:
        return ports.queue
    from nst.adapters.kafka import look

    kafka = _kafka(settings)
    if (offer := look(kafka)) and (complaint := offer.complaint(kafka)):
        raise complaint
    return _queue(settings)


def worker(ports: Ports, paint: "Paint | None" = None) -> "Worker":
    """One worker with its own engine process, whose life is
    `paint` where it is given."""
    from nst.engine_process.parent import EngineProcess
    from nst.jobs.janitor import clean_styles
    from nst.jobs.worker_context import WorkerContext
    from nst.settings import load_settings
    from nst.worker import Worker

    settings = load_settings()
    context = WorkerContext(
        ports.repository,
        ports.storage,
        ports.feed,
        EngineProcess(paint or _paint),
        ports.repository.learned_styles,
        lease_seconds=settings.lease_seconds,
        heartbeat_seconds=min(1.0, settings.lease_seconds / 3),
        max_attempts=settings.max_attempts,
        max_job_seconds=settings.max_job_seconds,
        max_dependency_failures=settings.max_dependency_failures,
        checkpoint_seconds=settings.checkpoint_seconds,
    )
    queue = queue_of_a_worker(ports)
    return Worker(
        queue,
        context,
        retention_seconds=settings.retention.total_seconds(),
        clean_styles=partial(
            clean_styles,
            ports.repository,
            ports.repository.learned_styles,
            ports.storage,
            settings.learned_style_retention.total_seconds(),
        ),
    )


def _paint(connection: "Connection") -> None:
    """The whole life of an engine process; it is spawned, and so found by its name."""
    prepare_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker, which tells us
    set_up_logs()
    set_up_traces("nst-engine")
    from nst.engine_process.child import paint
    from nst.engine_process.painting import Keep
    from nst.settings import load_settings

    device = load_settings().worker_device
    keep = Keep(partial(keep_speed, device=device), partial(keep_frame_speed, device=device))
    paint(connection, device, weights_store(), keep)


def _ports(settings: "Settings") -> Ports:
    return Ports(
        repository=_repository(settings),
        queue=_queue(settings),
        storage=_storage(settings),
        feed=_feed(settings),
        limiter=_limiter(settings),
    )


def _queue(settings: "Settings") -> "JobQueue":
    from nst.adapters.memory import MemoryJobQueue

    if not settings.kafka_brokers:
        return MemoryJobQueue()
    from nst.adapters.breaker import QueueWithBreaker
    from nst.adapters.kafka import KafkaJobQueue

    return QueueWithBreaker(KafkaJobQueue(_kafka(settings)))


def _kafka(settings: "Settings") -> "KafkaSettings":
    from nst.adapters.kafka import KafkaSettings

    return KafkaSettings(
        brokers=settings.kafka_brokers,
        topic=settings.kafka_topic,
        dead_letter_topic=settings.kafka_dead_letter_topic,
        group=settings.kafka_group,
        partitions=settings.kafka_partitions,
        replication=settings.kafka_replication,
        group_protocol=settings.kafka_group_protocol,
        session_timeout_seconds=settings.kafka_session_timeout_seconds,
        heartbeat_seconds=settings.kafka_heartbeat_seconds,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_username,
        password=_revealed(settings.kafka_password),
        ca_file=settings.kafka_ca_file,
    )


def _storage(settings: "Settings") -> "ImageStorage":
    from nst.adapters.storage import in_folder, in_s3

    if not settings.storage_url:
        return in_folder(settings.data_dir / "pictures")
    return in_s3(
        settings.storage_url,
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint,
        access_key_id=_revealed(settings.s3_access_key_id),
        secret_access_key=_revealed(settings.s3_secret_access_key),
    )


def _pictures_origin(settings: "Settings") -> str | None:
    """Where links of the storage lead, if it gives any."""
    if not settings.storage_url:
        return None
    if settings.s3_public_endpoint:
        address = urlsplit(settings.s3_public_endpoint)
        return f"{address.scheme}://{address.netloc}"
    if settings.s3_endpoint:
        return None
    bucket = urlsplit(settings.storage_url).netloc
    return f"https://{bucket}.s3.{settings.s3_region}.amazonaws.com"


def _feed(settings: "Settings") -> "ProgressFeed":
    from nst.adapters.memory import MemoryProgressFeed

    if not settings.redis_url:
        return MemoryProgressFeed()
    from nst.adapters.redis import RedisProgressFeed

    return RedisProgressFeed(settings.redis_url.get_secret_value(), MemoryProgressFeed())


def _limiter(settings: "Settings") -> "RateLimiter":
    from nst.adapters.memory import MemoryRateLimiter

    if not settings.redis_url:
        return MemoryRateLimiter()
    from nst.adapters.redis import RedisRateLimiter

    return RedisRateLimiter(settings.redis_url.get_secret_value())


def _revealed(secret: "SecretStr | None") -> str | None:
    return secret.get_secret_value() if secret else None


def _check_database(settings: "Settings") -> str:
    repository = _repository(settings)
    try:
        return repository.check()
    finally:
        repository.close()


def _check_queue(settings: "Settings", roles: Sequence[Role]) -> str:
    if not settings.kafka_brokers:
        return "in each process; many machines need NST_KAFKA_BROKERS"
    from nst.adapters.kafka import check, check_migration

    kafka = _kafka(settings)
    found = [check_migration(kafka)] if "migration" in roles else []
    if processes := [role for role in roles if role != "migration"]:
        found.append(check(kafka, processes))
    return "; ".join(found)


def _check_feed(settings: "Settings") -> str:
    if not settings.redis_url:
        return "in each process; many machines need NST_REDIS_URL"
    from nst.adapters.redis import check

    return check(settings.redis_url.get_secret_value())


def _check_storage(settings: "Settings") -> str:
    storage, probe = _storage(settings), f"probe-{secrets.token_hex(8)}"
    storage.put(f"{probe}/file", b"nst")
    storage.delete(f"{probe}/")
    return settings.storage_url or str(settings.data_dir / "pictures")


def _repository(settings: "Settings") -> "SqlJobRepository":
    from nst.adapters.sql import SqlJobRepository

    if settings.database_url:
        return SqlJobRepository(settings.database_url.get_secret_value())
    _make_private(settings.data_dir)
    return SqlJobRepository(f"sqlite:///{settings.data_dir / 'jobs.db'}")


def _secret_key(settings: "Settings") -> str:
    """The one that is set, or one that is made once and kept."""
    from filelock import FileLock

    from nst.files import write_file

    if settings.secret_key:
        return settings.secret_key.get_secret_value()
    _make_private(settings.data_dir)
    file = settings.data_dir / "secret-key"
    with FileLock(settings.data_dir / "secret-key.lock"):  # another process may be starting too
        if not file.exists():
            write_file(file, _write_new_key)
    return file.read_text()


def _write_new_key(file: Path) -> None:
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(32))


def _make_private(directory: Path) -> None:
    from nst.errors import StorageError

    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(directory, error.strerror or str(error)) from error
