"""Responses of the API; its documentation is generated from these classes."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, WithJsonSchema

NUMBERS = {"type": "array", "items": {"type": "number"}}
SCALARS = [{"type": kind} for kind in ("number", "string", "boolean", "null")]

Options = dict[str, Annotated[Any, WithJsonSchema({"anyOf": [*SCALARS, NUMBERS]})]]
"""Options by name, with values as in JSON."""


def _require_all(schema: dict[str, Any]) -> None:
    """Mark every field of a schema as required, without a default.

    Defaults are for rows of earlier versions; a response has every field.
    """
    schema["required"] = list(schema["properties"])
    for field in schema["properties"].values():
        field.pop("default", None)


class View(BaseModel):
    """A response, which always has all of its fields.
    The docstrings of the fields are published in its documentation."""

    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_extra=_require_all)


class FrameView(View):
    step: int
    url: str


class FramesView(View):
    frames: list[FrameView]


class SampleView(View):
    """An image that comes with nst."""

    name: str
    title: str
    url: str
    thumb: str


def as_time(seconds: float | None) -> Any:
    """Return a time in UTC, given in seconds since the epoch; None for None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
