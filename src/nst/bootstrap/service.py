"""The web service: its WSGI application and its streams of events."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from nst.bootstrap.connections import Ports
from nst.bootstrap.engine import estimate
from nst.bootstrap.process import settings
from nst.bootstrap.storage import pictures_origin, secret_key

if TYPE_CHECKING:
    from flask import Flask

    from nst.api.service import ApiSettings, Service
    from nst.api.streams import Streams
    from nst.jobs.ports import ProcessName
    from nst.settings.groups import Limits


def web_application(
    ports: Ports, streams: "Streams", answers_per_client: int, *, has_workers: bool
) -> "Flask":
    """Return the WSGI application.
    `answers_per_client`: maximum number of concurrent answers to one client.
    `has_workers`: whether this process also runs workers."""
    from nst.api.app import create_app

    processes: Sequence[ProcessName] = ("api", "worker") if has_workers else ("api",)
    return create_app(_service(ports, streams, answers_per_client, processes))


def event_streams() -> "Streams":
    """Return the event streams, with the limits of the settings."""
    from nst.api.streams import Streams

    web = settings().web
    return Streams(web.max_streams, web.max_streams_per_client, web.stream_seconds)


def _service(
    ports: Ports,
    streams: "Streams",
    answers_per_client: int,
    processes: "Sequence[ProcessName]",
) -> "Service":
    from nst.api.service import Service
    from nst.api.watch import Watch
    from nst.decoding import Decoder
    from nst.jobs.learned_styles import LearnedStyles
    from nst.jobs.quota import Quota
    from nst.jobs.service import Jobs

    limits = _limits()
    decoder, quota = Decoder(limits.max_pixels), Quota(ports.limiter)
    return Service(
        Jobs(ports.repository, ports.queue, ports.storage, ports.feed, quota, limits, decoder),
        quota,
        streams,
        _api_settings(answers_per_client),
        decoder,
        LearnedStyles(ports.repository.learned_styles, ports.storage, quota, limits),
        Watch(lambda: ports.queue.trouble(*processes)),
        partial(estimate, device=settings().worker.worker_device),
    )


def _limits() -> "Limits":
    """Return the limits of the settings; films are disabled if their library is missing."""
    from nst import video

    limits = settings().limits
    return limits if video.can_read() else limits.model_copy(update={"max_film_frames": 0})


def _api_settings(answers_per_client: int) -> "ApiSettings":
    from nst.api.service import ApiSettings

    return ApiSettings(
        settings().web,
        secret_key=secret_key(settings()),
        pictures_origin=pictures_origin(settings()),
        answers_per_client=answers_per_client,
    )
