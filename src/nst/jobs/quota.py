"""Quota of a client: what it may send in a day."""

from nst.errors import TooManyRequests
from nst.jobs.ports import RateLimiter

DAY_SECONDS = 24 * 3600


def count_bytes(limiter: RateLimiter, client: str, size_bytes: int, limit: int) -> None:
    """Count an upload of a client, whatever it is.
    Raises TooManyRequests above `limit` bytes in a day."""
    if wait := limiter.take("bytes", client, size_bytes, limit, DAY_SECONDS):
        raise TooManyRequests(f"you have uploaded {limit / 1e6:.0f} MB today", wait)
