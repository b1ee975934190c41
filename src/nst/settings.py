"""What the deployment sets: NST_* environment variables, read once, by `bootstrap` only."""

from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nst.errors import InvalidOption


class Settings(BaseSettings):
    """Each field is the environment variable of its upper-case name behind NST_."""

    model_config = SettingsConfigDict(env_prefix="NST_", env_ignore_empty=True, frozen=True)

    weights_dir: Path | None = None
    """Directory that is looked into first for files of weights."""
    cache_dir: Path | None = None
    """Where downloaded weights are kept; by default the user's cache directory."""
    weights_mirror: str | None = None
    """Address with the published file names below it, tried before the published addresses."""
    offline: bool = False
    """Download nothing."""


def load_settings() -> Settings:
    """Raises InvalidOption, which names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"NST_{first['loc'][0]}".upper()
        raise InvalidOption(name, first["input"], f"another value ({first['msg']})") from error
