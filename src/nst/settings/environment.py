"""All settings, read from the environment variables NST_*."""

from typing import Any, TypeVar

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from nst.errors import InvalidOption
from nst.settings.groups import (
    Group,
    KafkaSettings,
    Limits,
    LogSettings,
    S3Settings,
    StorageSettings,
    WebSettings,
    WeightsSettings,
    WorkerSettings,
)

SECRETS = ("database_url", "redis_url", "secret_key", "api_keys")
"""Fields whose values are never shown."""

G = TypeVar("G", bound=Group)


def _group(kind: type[G], prefix: str) -> G:
    """Declare a group of settings, whose environment variables are named `prefix_field`."""
    declared: G = Field(default_factory=kind, validation_alias=prefix)
    return declared


class Settings(BaseSettings):
    """Settings of all processes.
    For example, field `topic` of group `kafka` is the environment variable NST_KAFKA_TOPIC."""

    model_config = SettingsConfigDict(
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        enable_decoding=False,
        frozen=True,
    )

    weights: WeightsSettings = _group(WeightsSettings, "NST")
    """Weights"""
    storage: StorageSettings = _group(StorageSettings, "NST")
    """Storage"""
    s3: S3Settings = _group(S3Settings, "NST_S3")
    """S3"""
    kafka: KafkaSettings = _group(KafkaSettings, "NST_KAFKA")
    """The task queue"""
    web: WebSettings = _group(WebSettings, "NST")
    """The API"""
    limits: Limits = _group(Limits, "NST")
    """Limits"""
    worker: WorkerSettings = _group(WorkerSettings, "NST")
    """Workers"""
    logs: LogSettings = _group(LogSettings, "NST")
    """Logs and traces"""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - _Groups stands for it
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - a file is not read
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - nor a directory
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Groups(settings_cls)


class _Groups(EnvSettingsSource):
    """Source of settings that reads the environment variables of fields. A group as a whole has
    no variable, so NST and NST_KAFKA have no effect."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        _, key, is_complex = super().get_field_value(field, field_name)
        return None, key, is_complex


def load_settings() -> Settings:
    """Load the settings from the environment.
    Raises InvalidOption, which names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        prefix, field = map(str, first["loc"][:2])
        value = "…" if field in SECRETS else first["input"]
        allowed = f"another value ({first['msg']})"
        raise InvalidOption(f"{prefix}_{field}".upper(), value, allowed) from None


def variables() -> dict[str, tuple[str, str, FieldInfo]]:
    """Return the group, the field and the declaration of every environment variable."""
    return {
        f"{group.validation_alias}_{field}".upper(): (name, field, declared)
        for name, group in Settings.model_fields.items()
        for field, declared in _fields(group).items()
    }


def _fields(group: FieldInfo) -> dict[str, FieldInfo]:
    assert isinstance(group.annotation, type)
    assert issubclass(group.annotation, Group)
    return group.annotation.model_fields
