"""The objects that the routes work with, and the description of their responses."""

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
"""Options, width and height of the content, and the frames
of a film in all passes, None for a picture → seconds."""

Responses = dict[int | str, dict[str, str | dict[str, dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Settings of the API in this deployment."""

    web: WebSettings
    secret_key: str
    """Signs the cookies."""
    pictures_origin: str | None = None
    """Origin of the links by which clients get pictures from the storage itself."""
    answers_per_client: int = 48
    """Answers that one client may be receiving at a time, beside streams of events."""


@dataclass(frozen=True, slots=True)
class Service:
    """Behind the routes of one application."""

    jobs: Jobs
    quota: Quota
    streams: Streams
    settings: ApiSettings
    decoder: Decoder
    """Decoder of the images in the storage."""
    learned_styles: LearnedStyles
    queue_watch: Callable[[], str | None] = lambda: None
    """Says at once what keeps messages from the queue, as far as is known."""
    estimate: Estimate = lambda _options, _size, _frames: None
    """Seconds that a transfer will take on this machine, if that is known."""
    answers: Slots = field(init=False)
    """Held by the answers that are being sent."""

    def __post_init__(self) -> None:
        reason = "too many of your requests are being answered"
        limit = self.settings.answers_per_client
        object.__setattr__(self, "answers", Slots(sys.maxsize, limit, reason=reason))

    def attach(self, app: Flask) -> None:
        """Make it the one that `service` finds."""
        app.extensions[_EXTENSION] = self

    def me(self) -> str:
        """To whom the jobs of this request belong. Raises NotAllowed."""
        return auth.owner(self.settings.web.api_keys)

    def client(self) -> str:
        """Return the client to whom this request is counted."""
        return auth.client(self.settings.web.api_keys)

    def client_in_store(self) -> str:
        """The client as a hash, keyed because there are few
        addresses: what is kept with a job."""
        key = self.settings.secret_key.encode()
        return hmac.digest(key, self.client().encode(), "sha256").hex()

    @property
    def learning_jobs(self) -> LearningJobs:
        """The jobs that learn a style."""
        return LearningJobs(self.jobs, self.learned_styles)

    def view(self, seen: VisibleJob) -> JobView:
        """For its owner."""
        return JobView.of(
            seen.job,
            place_in_queue=seen.place_in_queue,
            retention_seconds=self.jobs.limits.retention.total_seconds(),
        )


def service() -> Service:
    """Return the service of the application that handles this request."""
    return cast("Service", current_app.extensions[_EXTENSION])


def sends(content_types: str, description: str, *others: int) -> Responses:
    """The documentation of a route that sends something else than a view: with 200,
    and with these other statuses nothing (304) or problems. `content_types`: one, or several with
    commas between."""
    content: dict[str, dict[str, Any]] = {kind: {} for kind in content_types.split(", ")}
    found: Responses = {200: {"description": description, "content": content}}
    return found | {status: {"description": HTTPStatus(status).phrase} for status in others}
