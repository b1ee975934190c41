"""Objects that the routes work with, and the description of their responses."""

import hmac
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

from flask import Flask, current_app

from nst.api import auth
from nst.api.job_views import JobView
from nst.api.streams import Streams
from nst.decoding import Decoder
from nst.jobs.following import VisibleJob
from nst.jobs.learned_styles import LearnedStyles
from nst.jobs.learning import LearningJobs
from nst.jobs.quota import Quota
from nst.jobs.service import Jobs
from nst.options import StyleTransferOptions
from nst.settings.groups import WebSettings
from nst.slots import Slots

_EXTENSION = "nst"

Estimate = Callable[[StyleTransferOptions, tuple[int, int], int | None], float | None]
"""Options, width and height of the content, and number of frames of a film in all
passes (None for an image) → seconds, or None if they are unknown."""

Responses = dict[int | str, dict[str, str | dict[str, dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Settings of the API in this deployment."""

    web: WebSettings
    secret_key: str
    """Key that signs the cookies."""
    pictures_origin: str | None = None
    """Origin of the URLs by which clients get images from the storage itself."""
    answers_per_client: int = 48
    """Maximum responses to one client at a time, in addition to event streams."""


@dataclass(frozen=True, slots=True)
class Service:
    """Objects behind the routes of one application."""

    jobs: Jobs
    quota: Quota
    streams: Streams
    settings: ApiSettings
    decoder: Decoder
    """Decoder of the images in the storage."""
    learned_styles: LearnedStyles
    queue_watch: Callable[[], str | None] = lambda: None
    """Function that returns at once the known trouble with the queue; None: none."""
    estimate: Estimate = lambda _options, _size, _frames: None
    """Function that returns the seconds of a transfer on this machine; None: unknown."""
    answers: Slots = field(init=False)
    """Slots of the responses that are being sent."""

    def __post_init__(self) -> None:
        reason = "too many of your requests are being answered"
        limit = self.settings.answers_per_client
        object.__setattr__(self, "answers", Slots(sys.maxsize, limit, reason=reason))

    def attach(self, app: Flask) -> None:
        """Attach this service to an application; `service` then returns it."""
        app.extensions[_EXTENSION] = self

    def me(self) -> str:
        """Return the owner of the jobs of this request. Raises NotAllowed, InvalidOption."""
        return auth.owner(self.settings.web.api_keys)

    def client(self) -> str:
        """Return the client to which this request is counted."""
        return auth.client(self.settings.web.api_keys)

    def client_in_store(self) -> str:
        """Return the client as a hash, which is kept with a job.

        It is keyed because the number of addresses is small.
        """
        key = self.settings.secret_key.encode()
        return hmac.digest(key, self.client().encode(), "sha256").hex()

    @property
    def learning_jobs(self) -> LearningJobs:
        """Jobs that learn a style."""
        return LearningJobs(self.jobs, self.learned_styles)

    def view(self, seen: VisibleJob) -> JobView:
        """Return a job as its owner sees it."""
        return JobView.of(
            seen.job,
            place_in_queue=seen.place_in_queue,
            retention_seconds=self.jobs.limits.retention.total_seconds(),
        )


def service() -> Service:
    """Return the service of the application that handles this request."""
    return cast("Service", current_app.extensions[_EXTENSION])


def sends(content_types: str, description: str, *others: int) -> Responses:
    """Describe a route that sends something other than a view.

    `content_types`: media types sent with status 200, separated by commas. `others`: further
    statuses, sent with nothing (304) or with a problem.
    """
    content: dict[str, dict[str, Any]] = {kind: {} for kind in content_types.split(", ")}
    found: Responses = {200: {"description": description, "content": content}}
    return found | {status: {"description": HTTPStatus(status).phrase} for status in others}
