"""Live progress and rate limits: in Redis, or inside each process."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nst.jobs.ports import ProgressFeed, RateLimiter
    from nst.settings.groups import StorageSettings


def open_feed(storage: "StorageSettings") -> "ProgressFeed":
    """Return the feed of live progress."""
    from nst.adapters.memory import MemoryProgressFeed

    if not storage.redis_url:
        return MemoryProgressFeed()
    from nst.adapters.redis import RedisProgressFeed

    return RedisProgressFeed(storage.redis_url.get_secret_value(), MemoryProgressFeed())


def open_limiter(storage: "StorageSettings") -> "RateLimiter":
    """Return the counter of the resources that clients consume."""
    from nst.adapters.memory import MemoryRateLimiter

    if not storage.redis_url:
        return MemoryRateLimiter()
    from nst.adapters.redis import RedisRateLimiter

    return RedisRateLimiter(storage.redis_url.get_secret_value())


def check_feed(storage: "StorageSettings") -> str:
    """Return the version of Redis as a text. Raises FeedError."""
    if not storage.redis_url:
        return "in each process; many machines need NST_REDIS_URL"
    from nst.adapters.redis import check

    return check(storage.redis_url.get_secret_value())
