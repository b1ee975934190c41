"""The service inside the process of a test, with a scripted engine.

The adapters are those of `nst serve`; the engine reports what the test wants.
"""

import atexit
import functools
import io
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from apiflask import APIFlask
from flask.testing import FlaskClient

from nst import image_writer
from nst.adapters import storage
from nst.adapters.memory import MemoryJobQueue, MemoryProgressFeed, MemoryRateLimiter
from nst.adapters.sql import SqlJobRepository
from nst.api.app import create_app
from nst.api.service import ApiSettings, Service
from nst.api.streams import Streams
from nst.decoding import Decoder
from nst.engine_process.messages import Crashed, Finished, News, Painted, Work
from nst.jobs.execute import execute_job
from nst.jobs.job import FRAMES, PREVIEW, RESULT, Job, JobLosses, JobProgress, JobStatus
from nst.jobs.learned_styles import LearnedStyles
from nst.jobs.quota import Quota
from nst.jobs.service import Jobs
from nst.jobs.uploads import JobRequest, Sender, Upload
from nst.jobs.worker_context import WorkerContext
from nst.options import StyleTransferOptions
from nst.recipe import PictureFile, Recipe
from nst.settings.groups import Group, Limits, WebSettings, WorkerSettings
from nst.worker import Worker
from support.jobs import new_result
from support.pictures import encoded, picture
from support.waiting import PATIENCE_SECONDS, wait_until

CAT = encoded(picture(64, 48), "PNG")
WAVES = encoded(picture(48, 48).rotate(90), "PNG")

# ── scripted engine ───────────────────────────────────────────────────────────────────────────

Line: TypeAlias = News | Callable[[Work], News | None] | None
"""Line of a script: news, a function that may return news, or None for no news."""


class ScriptedEngine:
    """Engine that plays one script for each piece of work."""

    def __init__(self, *scripts: Sequence[Line]) -> None:
        self.works: list[Work] = []
        self.heard: list[Any] = []
        """Calls in their order: steering, and "cancel", "stop" and "kill"."""
        self.has_heard = threading.Event()
        self._scripts = deque(scripts)
        self._script: deque[Line] = deque()

    def start(self, work: Work) -> None:
        self.works.append(work)
        self._script = deque(self._scripts.popleft())

    def news(self, timeout_seconds: float) -> News | None:
        """Return the next line. News have already arrived; a function is called when the worker
        waits for news, after it has handled all earlier ones."""
        waits = timeout_seconds > 0
        if not self._script or (callable(self._script[0]) and not waits):
            time.sleep(min(timeout_seconds, 0.01))
            return None
        line = self._script.popleft()
        return line(self.works[-1]) if callable(line) else line

    def steer(self, steering: Mapping[str, float]) -> None:
        self._hear(dict(steering))

    def cancel(self) -> None:
        self._hear("cancel")

    def stop(self) -> None:
        self._hear("stop")

    def kill(self) -> None:
        self._script.clear()
        self._hear("kill")

    def _hear(self, what: object) -> None:
        self.heard.append(what)
        self.has_heard.set()


def progress(step: int, total: int = 10, **facts: Any) -> JobProgress:
    return JobProgress(
        **{
            "step": step,
            "total_iterations": total,
            "elapsed_seconds": float(step),
            "remaining_seconds": float(total - step),
            "size": (64, 48),
            "losses": JobLosses(content=1.0, style=2.0, total_variation=0.5, total=3.5),
            "in_force": {"style_weight": 3e4},
            "preview_step": step,
            **facts,
        }
    )


def paints(step: int, *, checkpoint: bytes | None = None) -> Line:
    """Return a line that paints a step with its preview and its frame."""

    def say(work: Work) -> News:
        frame = f"{FRAMES}{step:06d}.jpg"
        (work.directory / FRAMES).mkdir(exist_ok=True)
        for name in (PREVIEW, frame):
            (work.directory / name).write_bytes(encoded(picture(64, 48).rotate(step), "JPEG"))
        if checkpoint is not None:
            (work.directory / "checkpoint").write_bytes(checkpoint)
        return Painted(progress(step), [PREVIEW, frame], checkpoint is not None)

    return say


def finishes(status: JobStatus = JobStatus.SUCCEEDED, steps: int = 10, **facts: Any) -> Line:
    """Return a line that ends with a result of these facts.
    The result contains a recipe, as the engine's results do."""

    def say(work: Work) -> News:
        order = work.job.order
        recipe = Recipe.of(
            order.options,
            model="vgg16",
            weights_sha256="1" * 64,
            distances=None,
            content=PictureFile(path=order.content.name, sha256=order.content.sha256),
            styles=[PictureFile(path=s.name, sha256=s.sha256) for s in order.styles],
        )
        image_writer.save(
            picture(64, 48), work.directory / RESULT, recipe=recipe.text(), overwrite=True
        )
        reason = "canceled" if status is JobStatus.CANCELED else "total_iterations"
        return Finished(status, new_result(steps=steps, stop_reason=reason, **facts))

    return say


CRASH = Crashed("its process ended with exit code -9")

# ── the service ───────────────────────────────────────────────────────────────────────────────


class Browser(FlaskClient):
    """Client that reads every answer to its end and closes it by default."""

    if TYPE_CHECKING:  # answers are JSON, whose types mypy does not know
        get: Callable[..., Any]
        head: Callable[..., Any]
        post: Callable[..., Any]
        put: Callable[..., Any]
        delete: Callable[..., Any]
        options: Callable[..., Any]

    def open(self, *arguments: Any, **options: Any) -> Any:
        return super().open(*arguments, **{"buffered": True, **options})


@dataclass
class House:
    """The whole service, in one directory."""

    directory: Path
    limits: Limits = field(default_factory=Limits)
    lease_seconds: float = 2 * PATIENCE_SECONDS
    keeps: bool = False
    """Whether the database that the directory already has is kept."""

    def __post_init__(self) -> None:
        if not self.keeps:
            (self.directory / "jobs.db").write_bytes(_empty_database())
        self.repository = SqlJobRepository(f"sqlite:///{self.directory / 'jobs.db'}")
        self.queue = MemoryJobQueue()
        self.storage = storage.in_folder(self.directory / "pictures")
        self.feed = MemoryProgressFeed()
        self.quota = Quota(MemoryRateLimiter())
        self.jobs = Jobs(
            self.repository,
            self.queue,
            self.storage,
            self.feed,
            self.quota,
            self.limits,
            decoder(),
        )

        self.learned_styles = LearnedStyles(
            self.repository.learned_styles, self.storage, self.quota, self.limits
        )

    def close(self) -> None:
        self.repository.close()

    def submit(self, owner: str = "anna", **facts: Any) -> Job:
        """Submit a job of this owner.
        Tests that need different jobs use different seeds, because different images are slow to
        make."""
        options = facts.pop("options", {})
        of_request = {field.name for field in fields(JobRequest)} & set(facts)
        request = JobRequest(
            **{
                "content": Upload(CAT, "cat.png"),
                "styles": [Upload(WAVES, "waves.png")],
                "options": StyleTransferOptions.from_preset("fast", **options),
                **{name: facts.pop(name) for name in of_request},
            }
        )
        return self.jobs.submit(Sender(owner, **facts), request)

    def worker_context(self, engine: ScriptedEngine, **facts: Any) -> WorkerContext:
        """Return the context of a worker with this engine.
        `facts`: values that differ from the settings, or other fields of the context."""
        settings = {"lease_seconds": self.lease_seconds, **taken(facts, WorkerSettings)}
        return WorkerContext(
            self.repository,
            self.storage,
            self.feed,
            engine,
            self.repository.learned_styles,
            WorkerSettings().model_copy(update=settings),
            self.limits.model_copy(update=taken(facts, Limits)),
            **{"heartbeat_seconds": 0.02, **facts},
        )

    @contextmanager
    def working(self, worker: Worker) -> Iterator[None]:
        """Run a worker in a thread, which ends with the body.
        A thread that outlived a failed test would keep pytest from ending."""
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield
        finally:
            worker.stop()
            self.queue.publish("nothing", {})  # the worker may be waiting for a message
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()

    def claim(self) -> Job:
        job = self.repository.claim_next("worker", self.lease_seconds)
        assert job
        return job

    def claim_and_fall_silent(self) -> Job:
        """Claim the next job, and wait until its lease has expired."""
        job = self.repository.claim_next("silent worker", 0.0)
        assert job
        wait_until(lambda: self.repository.now() > (job.lease_expires_at or 0.0))
        return job

    def store_unknown_option(self, job_id: str) -> None:
        """Change the row of a job as a version with one more option would."""
        with self.repository._write() as connection:
            connection.exec_driver_sql(
                """UPDATE jobs SET "order" = json_set("order", '$.options.glitter', 1)
                WHERE id = ?""",
                (job_id,),
            )

    def work(self, *script: Line) -> Job:
        """Have the next job painted by this script; return the job afterwards."""
        job = self.claim()
        execute_job(job, self.worker_context(ScriptedEngine(script)))
        return self.repository.get(job.id)

    def app(self, **facts: Any) -> APIFlask:
        """Return the application.
        `facts`: values that differ from the settings, and `streams`, `decoder` and `secret_key`."""
        streams = facts.pop("streams", Streams(50, 10, 2 * PATIENCE_SECONDS))
        decodes = facts.pop("decoder", decoder())
        key = facts.pop("secret_key", "a secret")
        web = WebSettings().model_copy(update=taken(facts, WebSettings))
        settings = ApiSettings(web, key, **facts)
        app = create_app(
            Service(self.jobs, self.quota, streams, settings, decodes, self.learned_styles)
        )
        app.test_client_class = Browser
        return app

    def client(self, **settings: Any) -> Browser:
        """Return a browser that has never visited the service."""
        return browser(self.app(**settings))


def taken(facts: dict[str, Any], group: type[Group]) -> dict[str, Any]:
    """Remove the fields of the group from the facts and return them."""
    return {name: facts.pop(name) for name in facts.keys() & group.model_fields}


def limited_to(**values: float) -> Limits:
    """Return the default limits with these values.
    No deployment could set such values; the images of tests are small."""
    assert values.keys() <= Limits.model_fields.keys()
    return Limits().model_copy(update=values)


@functools.cache
def decoder() -> Decoder:
    """Return the one decoder of all tests, whose processes are warm."""
    made = Decoder(wait_seconds=PATIENCE_SECONDS)
    atexit.register(made.close)
    return made


@functools.cache
def _empty_database() -> bytes:
    """Return a migrated database, made once for hundreds of tests."""
    with TemporaryDirectory() as directory:
        file = Path(directory, "jobs.db")
        repository = SqlJobRepository(f"sqlite:///{file}")
        repository.migrate()
        repository.close()
        return file.read_bytes()


def browser(app: APIFlask, *, use_cookies: bool = True) -> Browser:
    """Return another browser on the same application."""
    client = app.test_client(use_cookies=use_cookies)
    assert isinstance(client, Browser)
    return client


def files_of(house: House, job_id: str) -> list[str]:
    """Return the names of the files that the storage on disk has of a job."""
    folder = house.directory / "pictures" / job_id
    found = (str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    return sorted(found)


def form(**fields: Any) -> dict[str, Any]:
    """Return the form of a new job: two images and these fields; None omits a field."""
    files = {
        "content_image": (io.BytesIO(CAT), "cat.png"),
        "style_image": (io.BytesIO(WAVES), "waves.png"),
        "preset": "fast",
    }
    return {name: value for name, value in (files | fields).items() if value is not None}


def upload(data: bytes, name: str = "picture.png") -> tuple[io.BytesIO, str]:
    """Return a file for a form."""
    return io.BytesIO(data), name
