"""Types of the values of environment variables."""

import re
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

MAX_DURATION = timedelta(days=36_500)
"""Maximum of every duration: a time so long after today is still a valid date."""


def _duration(value: Any) -> Any:
    if isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", value)):
        try:
            return timedelta(**{_UNITS[match[2]]: float(match[1])})
        except OverflowError:  # _within_a_century refuses it
            return timedelta.max
    return value


def _within_a_century(duration: timedelta) -> timedelta:
    if not timedelta(0) < duration <= MAX_DURATION:
        raise ValueError(f"write more than 0s and at most {MAX_DURATION.days}d")
    return duration


def _words(value: Any) -> Any:
    return tuple(filter(None, re.split(r"[,\s]+", value))) if isinstance(value, str) else value


def _keys(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    pairs = dict(word.split(":", 1) for word in _words(value) if ":" in word)
    if len(pairs) != len(_words(value)):
        raise ValueError("write name:SHA-256-of-the-key, several with commas between")
    return pairs


def _database(url: SecretStr) -> SecretStr:
    if not _is_url(url.get_secret_value(), r"sqlite|postgresql\+psycopg"):
        raise ValueError("write postgresql+psycopg://user:password@host/database")
    return url


def _redis(url: SecretStr) -> SecretStr:
    if not _is_url(url.get_secret_value(), "rediss?|unix"):
        raise ValueError("write redis://:password@host:6379/0")
    return url


def _server(url: str) -> str:
    if not (_is_url(url, "https?") and urlsplit(url).hostname):
        raise ValueError("write http:// or https:// and a host, as https://storage.example")
    return url


def _is_url(text: str, schemes: str) -> bool:
    """Return whether this is a URL with one of these schemes and, if any, a numeric port."""
    try:
        _ = urlsplit(text).port
    except ValueError:
        return False
    return bool(re.match(f"({schemes})://.", text))


def _path(path: str) -> str:
    path = path.rstrip("/")
    if not is_url_path(path):
        raise ValueError("write a path that begins with a slash and has no part . or .., as /nst")
    return path


def is_url_path(text: str) -> bool:
    """Return whether this is a path such as /nst/test, or empty for the root.
    The parts . and .. are refused, because clients resolve them."""
    parts = text.split("/")
    return parts[0] == "" and all(
        part not in (".", "..") and re.fullmatch(r"[A-Za-z0-9._~-]+", part) for part in parts[1:]
    )


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < 16:
        raise ValueError("write 16 characters or more")
    return secret


Duration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_within_a_century)]
"""A time span, such as 90s, 10m, 12h or 7d."""
Seconds = Annotated[float, Field(le=MAX_DURATION.total_seconds())]
"""A time span in seconds."""
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""Words separated by commas or spaces."""
ApiKeys = Annotated[
    dict[str, Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]], BeforeValidator(_keys)
]
"""SHA-256 of each API key, in hex, by the name of the key."""
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis)]
ServerUrl = Annotated[str, AfterValidator(_server)]
UrlPath = Annotated[str, AfterValidator(_path)]
"""A path without a slash at its end, such as /nst; empty for the root."""
SigningKey = Annotated[SecretStr, AfterValidator(_long_enough)]


def revealed(secret: SecretStr | None) -> str | None:
    """Return the text of a secret, for the library that needs it."""
    return secret.get_secret_value() if secret else None
