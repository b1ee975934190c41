"""Server-sent events: live progress of a job."""

import threading
from collections.abc import Callable, Iterator

from nst.api.job_views import JobView
from nst.jobs.following import VisibleJob
from nst.jobs.job import Job
from nst.slots import Slots

POLL_SECONDS = 2.0
"""Seconds without an event after which a stream polls the repository.
If the job has not changed, the stream sends a comment."""
RETRY_MILLISECONDS = 1000
"""Milliseconds after which a browser reopens a closed stream."""
PING = ": ping\n\n"
"""Comment of a stream without news.
It keeps proxies from closing the connection, and it reveals a closed tab, whose slot another
tab may need."""


class Streams(Slots):
    """Open streams. Each occupies a thread, so their number is limited."""

    def __init__(self, limit: int, limit_per_client: int, lifetime_seconds: float) -> None:
        super().__init__(limit, limit_per_client, reason="too many streams of events are open")
        self.lifetime_seconds = lifetime_seconds
        self.is_closing = threading.Event()
        """Set when the server shuts down."""

    def events(
        self, changes: Iterator[VisibleJob | None], view: Callable[[VisibleJob], JobView]
    ) -> Iterator[str]:
        """Yield the events of a stream: "snapshot", "progress" for every change, "end"."""
        is_first = True
        for seen in changes:
            if self.is_closing.is_set():
                return
            if seen is None:
                yield PING
                continue
            if is_first:
                yield f"retry: {RETRY_MILLISECONDS}\n" + _event("snapshot", view(seen))
            if seen.job.status.is_final:
                yield _event("end", view(seen))
            elif not is_first:
                yield _event("progress", view(seen))
            is_first = False


def has_seen_end(job: Job, last_event_id: str | None) -> bool:
    """Return whether `last_event_id` is the id of the job's last event.

    Nothing follows that event.
    """
    return job.status.is_final and last_event_id == _end_id(job.attempt)


def _end_id(attempt: int) -> str:
    return f"{attempt}-end"


def _event(name: str, view: JobView) -> str:
    step = view.progress.step if view.progress else 0
    event_id = _end_id(view.attempt) if name == "end" else f"{view.attempt}-{step}"
    return f"id: {event_id}\nevent: {name}\ndata: {view.model_dump_json()}\n\n"
