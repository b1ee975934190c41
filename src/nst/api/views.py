"""Responses of the API, in the shapes that its documentation is made from."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, WithJsonSchema

NUMBERS = {"type": "array", "items": {"type": "number"}}
SCALARS = [{"type": kind} for kind in ("number", "string", "boolean", "null")]

Options = dict[str, Annotated[Any, WithJsonSchema({"anyOf": [*SCALARS, NUMBERS]})]]
"""Options by name, as JSON has them."""


def _require_all(schema: dict[str, Any]) -> None:
    """Defaults are for rows of earlier versions; a client gets every field."""
    schema["required"] = list(schema["properties"])
    for field in schema["properties"].values():
        field.pop("default", None)


class View(BaseModel):
    """A response. Its documentation has the sentences below its fields,
    all of which it always has."""

    model_config = ConfigDict(use_attribute_docstrings=True, json_schema_extra=_require_all)


class FrameView(View):
    step: int
    url: str


class FramesView(View):
    frames: list[FrameView]


class SampleView(View):
    """A picture that comes with nst."""

    name: str
    title: str
    url: str
    thumb: str


def as_time(seconds: float | None) -> Any:
    """In UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
