"""What the description of the API does not have from the routes by itself: the forms, the problems,
and how to say who asks."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from nst.options import StyleTransferOptions

Spec = dict[str, Any]
"""A part of an OpenAPI document."""


class Problem(BaseModel):
    """What is wrong, as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    """For people."""
    code: str
    """For programs; it does not change."""
    request_id: str
    field: str | None = None
    """The option or the file that is wrong."""
    retry_after_seconds: int | None = None


_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_FILE = {"type": "string", "format": "binary"}
_TEXT = {"type": "string"}

SMALL = {
    "name": "thumb",
    "in": "query",
    "description": "1: a small JPEG of it.",
    "schema": {"type": "string", "enum": ["1"]},
}
DOWNLOAD = {
    "name": "download",
    "in": "query",
    "description": "1: to be saved instead of shown.",
    "schema": {"type": "string", "enum": ["1"]},
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same request with the same key makes one job, however often it is sent.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "Of the last event that the client has seen; browsers send it by themselves.",
    "schema": _TEXT,
}

SECURITY_SCHEMES = {
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "nst_session",
        "description": "Set by the first answer: it owns the jobs of a browser.",
    },
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "One of NST_API_KEYS: it owns the jobs of a program.",
    },
}


def complete(incomplete: Spec | str) -> Spec | str:
    """The whole description, from what the routes say."""
    spec: Spec = _with_short_names(incomplete)
    schemas = spec["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    for unused in ("HTTPError", "ValidationError"):
        schemas.pop(unused, None)
    spec["components"]["securitySchemes"] = SECURITY_SCHEMES
    spec["security"] = [{}, *({name: []} for name in SECURITY_SCHEMES)]
    for _, operation in operations(spec):
        _tell_problems(operation)
        _tell_parameters(operation)
    for path, (properties, required) in _forms().items():
        schema = {"type": "object", "properties": properties, "required": required}
        content = {"multipart/form-data": {"schema": schema}}
        spec["paths"][path]["post"]["requestBody"] = {"content": content, "required": True}
    return spec


def operations(spec: Spec) -> Iterator[tuple[str, Spec]]:
    """ "GET /path" and what is said about it."""
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def _tell_problems(operation: Spec) -> None:
    responses = operation["responses"]
    for status, response in responses.items():
        if status >= "400":
            response["content"] = _PROBLEM
    responses["default"] = {"description": "A problem.", "content": _PROBLEM}


def _tell_parameters(operation: Spec) -> None:
    parameters = operation.setdefault("parameters", [])
    name = operation["operationId"]
    if name == "jobs_submit":
        parameters.append(IDEMPOTENCY_KEY)
    if name == "jobs_events":
        parameters.append(LAST_EVENT_ID)
    if any(kind.startswith("image/") for kind in _content_types(operation)):
        parameters.append(SMALL)
        if not name.startswith("catalog"):
            parameters.append(DOWNLOAD)
        operation["responses"]["206"] = {"description": "The range that was asked for."}
        operation["responses"]["304"] = {"description": "What the client has is the same."}


def _content_types(operation: Spec) -> Iterator[str]:
    yield from operation["responses"].get("200", {}).get("content", {})


def _forms() -> Mapping[str, tuple[Spec, list[str]]]:
    """Path → fields, and those that must be there."""
    pair = {"content_image": _FILE, "style_image": _FILE}
    return {
        "/api/v1/jobs": (_new_job(), []),
        "/api/style_transfer": (pair, list(pair)),
        "/api/v1/recipe": ({"image": _FILE}, ["image"]),
    }


def _new_job() -> Spec:
    options = StyleTransferOptions.model_json_schema()["properties"]
    return {
        "content_image": _FILE,
        "style_image": {"type": "array", "items": _FILE, "minItems": 1, "maxItems": 8},
        "style_mask": {"type": "array", "items": _FILE, "maxItems": 8},
        "content_from": _TEXT | {"description": "A job whose content picture to take."},
        "styles_from": _TEXT | {"description": "A job whose style pictures to take."},
        "sample_content": _TEXT | {"description": "The name of a sample photo."},
        "sample_style": {"type": "array", "items": _TEXT, "maxItems": 8},
        "preset": _TEXT | {"description": "Where the options come from."},
        **{
            name: {word: said for word, said in facts.items() if word != "default"}
            for name, facts in options.items()
        },
    }


def _with_short_names(part: Any) -> Any:
    """JobView.Picture and JobsView.Picture are the same: Picture."""
    if isinstance(part, dict):
        return {_short(name): _with_short_names(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_with_short_names(value) for value in part]
    is_reference = isinstance(part, str) and part.startswith("#/components/schemas/")
    return f"#/components/schemas/{_short(part.rsplit('/', 1)[1])}" if is_reference else part


def _short(name: str) -> str:
    return name.split(".")[1] if re.fullmatch(r"\w+\.\w+", name) else name
