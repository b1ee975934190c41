"""ProgressFeed and RateLimiter between processes, on Redis.

Redis holds no lasting data, and it may be flushed or fail at any time. Then no call waits for it,
progress comes from the repository, and every request is allowed.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.retry import Retry

from nst.errors import FeedError
from nst.jobs.job import JobProgress
from nst.jobs.ports import ProgressFeed, Subscription
from nst.metrics import DEPENDENCY_ERRORS

ANSWER_SECONDS = 0.5
"""Timeout of a request, in seconds."""

REST_SECONDS = 2.0
"""Pause after a failed request, in seconds."""

LISTEN_SECONDS = 0.05
"""Interval at which the listener checks for new subscriptions, in seconds."""

CHANNEL = "nst:job:"

# KEYS: the counter. ARGV: amount, limit, milliseconds. Returns the milliseconds to wait.
TAKE = """
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local left = redis.call('PTTL', KEYS[1])
if left < 1 then used, left = 0, tonumber(ARGV[3]) end -- in its last millisecond it is there still
if used + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return left end
used = math.max(0, used + tonumber(ARGV[1]))
redis.call('SET', KEYS[1], string.format('%.0f', used), 'PX', left)
return 0
"""

T = TypeVar("T")

logger = logging.getLogger(__name__)


class RedisProgressFeed:
    """A ProgressFeed across processes.
    In each process one thread listens for the jobs that have subscribers there and
    forwards their messages to `local`."""

    def __init__(self, url: str, local: ProgressFeed) -> None:
        """`url`: redis://user:password@host:6379/0, or rediss:// for TLS."""
        self._client = _Client(url)
        self._local = local
        self._listeners: Counter[str] = Counter()
        self._heard: dict[str, threading.Event] = {}
        """Events by job id, each set while Redis sends the messages of the job."""
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def publish(self, job_id: str, progress: JobProgress | None) -> None:
        text = progress.model_dump_json() if progress else ""
        self._client.ask(lambda redis: redis.publish(CHANNEL + job_id, text))

    @contextmanager
    def subscribe(self, job_id: str) -> Iterator[Subscription]:
        with self._local.subscribe(job_id) as subscription:
            self._listen_to(job_id).wait(ANSWER_SECONDS)
            try:
                yield subscription
            finally:
                self._ignore(job_id)

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread:
            self._thread.join()
        self._client.close()

    def _listen_to(self, job_id: str) -> threading.Event:
        with self._changed:
            self._listeners[job_id] += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="nst-feed", daemon=True)
                self._thread.start()
            self._changed.notify()
            return self._heard.setdefault(job_id, threading.Event())

    def _ignore(self, job_id: str) -> None:
        with self._changed:
            self._listeners[job_id] -= 1
            if not self._listeners[job_id]:
                del self._listeners[job_id]

    def _run(self) -> None:
        news = self._client.listen()
        while not self._is_closed:
            try:
                self._agree(news)
                if message := news.get_message(timeout=LISTEN_SECONDS):
                    self._hear(message)
            except RedisError as error:
                self._client.rest(error)
                with self._changed:
                    self._changed.wait_for(lambda: self._is_closed, REST_SECONDS)
        news.close()

    def _agree(self, news: PubSub) -> None:
        """Wait for a subscription, then subscribe in Redis to exactly the jobs with listeners."""
        with self._changed:
            self._changed.wait_for(lambda: self._listeners or news.channels or self._is_closed)
            sent = set(news.channels) - news.pending_unsubscribe_channels
            wanted = {CHANNEL + job_id for job_id in self._listeners}
            for channel in sent - wanted:
                self._heard.pop(channel.removeprefix(CHANNEL), None)
        if missing := wanted - sent:
            news.subscribe(*missing)
        if needless := sent - wanted:
            news.unsubscribe(*needless)  # type: ignore[no-untyped-call]

    def _hear(self, message: dict[str, Any]) -> None:
        job_id = message["channel"].removeprefix(CHANNEL)
        if message["type"] == "message":
            self._local.publish(job_id, _progress(message["data"]))
        elif message["type"] == "subscribe" and (heard := self._heard.get(job_id)):
            if heard.is_set():  # the connection is new: messages may have been missed
                self._local.publish(job_id, None)
            heard.set()


class RedisRateLimiter:
    """A RateLimiter with fixed time windows, counted for all processes."""

    def __init__(self, url: str) -> None:
        self._client = _Client(url)
        self._take = self._client.redis.register_script(TAKE)

    def take(self, what: str, client: str, amount: int, limit: int, window_seconds: int) -> int:
        key = f"nst:used:{what}:{client}"
        window_ms = 1000 * window_seconds
        left_ms = self._client.ask(
            lambda _: cast("int", self._take(keys=[key], args=[amount, limit, window_ms]))
        )
        return -(-(left_ms or 0) // 1000)


def check(url: str) -> str:
    """Return the version of the server as a text.
    Raises FeedError, which names the cause."""
    client = _Client(url)
    try:
        client.redis.ping()
        return f"Redis {client.redis.info('server')['redis_version']}"
    except RedisError as error:
        raise FeedError(str(error)) from error
    finally:
        client.close()


class _Client:
    """Client of Redis, which sends no requests for a while after a failure."""

    def __init__(self, url: str) -> None:
        # An idle connection may have been lost, so a failed request deserves one retry.
        again = Retry(NoBackoff(), 1, (RedisConnectionError,))
        self.redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=again,
        )
        self._rests_until = 0.0
        self._is_resting = False

    def ask(self, question: Callable[[Redis], T]) -> T | None:
        """Return the answer of Redis; None if the request fails or is not sent."""
        if time.monotonic() < self._rests_until:
            return None
        try:
            answer = question(self.redis)
        except RedisError as error:
            self.rest(error)
            return None
        self._is_resting = False
        return answer

    def rest(self, error: RedisError) -> None:
        DEPENDENCY_ERRORS.labels("feed").inc()
        if not self._is_resting:
            logger.warning("Redis does not answer; continuing without it: %s", error)
        self._is_resting = True
        self._rests_until = time.monotonic() + REST_SECONDS

    def listen(self) -> PubSub:
        return cast("PubSub", self.redis.pubsub())  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self.redis.close()


def _progress(text: str) -> JobProgress | None:
    """Parse progress. Return None for an empty text, and for a text of another version of nst."""
    try:
        return JobProgress.model_validate_json(text) if text else None
    except ValidationError:
        return None
