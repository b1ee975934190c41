"""Parts of the API description that no route declares.
They are forms, problems and authentication."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from nst.film_options import MAX_PASSES
from nst.jobs.learning import MAX_PHOTOS
from nst.jobs.uploads import MAX_STYLES
from nst.learning_options import LearningOptions
from nst.options import StyleTransferOptions
from nst.presets import PRESETS
from nst.samples import samples

Spec = dict[str, Any]
"""A part of an OpenAPI document."""


class Problem(BaseModel):
    """An error, as RFC 9457 defines it."""

    type: str
    title: str
    status: int
    detail: str
    """Sentence for people."""
    code: str
    """Code for programs; it does not change."""
    request_id: str
    field: str | None = None
    """Name of the option or the file that is wrong."""
    retry_after_seconds: int | None = None


_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_FILE = {"type": "string", "format": "binary"}
_TEXT = {"type": "string"}


def _flag(name: str, description: str) -> Spec:
    return {"name": name, "in": "query", "description": f"1: {description}", "schema": _TEXT}


SMALL = _flag("thumb", "return a small JPEG.")
DOWNLOAD = _flag("download", "send the file as a download.")
WHOLE = _flag("whole", "return the image in full size.")
FORMAT = {
    "name": "format",
    "in": "query",
    "description": "Format of the result. Each carries the recipe; PNG alone can have 16 bits.",
    "schema": {"type": "string", "enum": ["png", "jpeg", "webp"], "default": "png"},
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same request with the same key creates one job, however often it is sent.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "Id of the last event that the client received; browsers send it automatically.",
    "schema": _TEXT,
}

_ESTIMATED = (
    "sample_content",
    "passes",
    "preset",
    "size",
    "total_iterations",
    "scales",
    "style_loss",
    "model",
)
"""Fields of a new job in the description of an estimate, which takes all options."""

SECURITY_SCHEMES = {
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "nst_session",
        "description": "Set by the first answer: it owns the jobs of a browser. Requests that "
        "are sent at once without it carry the same 32 random hexadecimal digits in X-Visitor.",
    },
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "One of NST_API_KEYS: it owns the jobs of a program.",
    },
}


def complete(incomplete: Spec | str) -> Spec | str:
    """Return the complete description; `incomplete` is that of the routes."""
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
    for path, (properties, required, examples) in _forms().items():
        schema = {"type": "object", "properties": properties, "required": required}
        content = {"multipart/form-data": {"schema": schema, **examples}}
        spec["paths"][path]["post"]["requestBody"] = {"content": content, "required": True}
    _tell_links(spec)
    return spec


def operations(spec: Spec) -> Iterator[tuple[str, Spec]]:
    """Yield "GET /path" and its description."""
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
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    parameters = operation.setdefault("parameters", [])
    name = operation["operationId"]
    if name in ("jobs_submit", "learning_learn"):
        parameters.append(IDEMPOTENCY_KEY)
    if name == "catalog_estimate":
        parameters.extend(_estimate_query())
    if name == "jobs_events":
        parameters.append(LAST_EVENT_ID)
    if name in ("results_result", "shared_result"):
        parameters.append(FORMAT)
    if name == "catalog_upright":
        parameters.append(WHOLE)
    elif any(kind.startswith("image/") for kind in _content_types(operation)):
        parameters.append(SMALL)
        if not name.startswith("catalog"):
            parameters.append(DOWNLOAD)
        operation["responses"]["206"] = {"description": "The requested range."}
        operation["responses"]["304"] = {"description": "The client's copy is current."}


def _estimate_query() -> Iterator[Spec]:
    """Yield the parameters of an estimate: size and frames of the content, options."""
    side = {"type": "integer", "minimum": 1}
    facts = {
        "width": side | {"description": "Width of the content image in pixels."},
        "height": side | {"description": "Height of the content image in pixels."},
        "frames": side | {"description": "Number of frames of a film; omitted for an image."},
        **{name: schema for name, schema in _new_job().items() if name in _ESTIMATED},
    }
    for name, schema in facts.items():
        yield {"name": name, "in": "query", "schema": schema}


def _content_types(operation: Spec) -> Iterator[str]:
    yield from operation["responses"].get("200", {}).get("content", {})


def _forms() -> Mapping[str, tuple[Spec, list[str], Spec]]:
    """Return path → fields, required fields, and an example."""
    pair = {"content_image": _FILE, "style_image": _FILE}
    training_run = {"sample_style": ["impasto"], "minutes": "10"}
    example = {"sample_content": "cat", "sample_style": ["impasto"], "preset": "fast"}
    return {
        "/api/v1/jobs": (_new_job(), [], {"example": example}),
        "/api/style_transfer": (pair, list(pair), {}),
        "/api/v1/learned-styles": (_new_style(), ["file"], {}),
        "/api/v1/learning": (_new_lesson(), [], {"example": training_run}),
        "/api/v1/recipe": ({"image": _FILE}, ["image"], {}),
        "/api/v1/upright": ({"image": _FILE}, ["image"], {}),
    }


def _new_style() -> Spec:
    return {
        "file": _FILE | {"description": "A file of nst learn."},
        "name": _TEXT | {"description": "Its name for people; else that of the file."},
    }


def _new_lesson() -> Spec:
    options = LearningOptions.model_json_schema()["properties"]
    return {
        "style_image": {"type": "array", "items": _FILE, "maxItems": MAX_STYLES},
        "sample_style": {
            "type": "array",
            "items": _choice(samples("style"), "A sample style."),
            "maxItems": MAX_STYLES,
        },
        "photo": {
            "type": "array",
            "items": _FILE,
            "maxItems": MAX_PHOTOS,
            "description": "Photos to learn from; else the sample photos of nst.",
        },
        "name": {
            "type": "array",
            "items": _TEXT,
            "description": "Names of the styles, one for each; else those of the files.",
        },
        "licence": _TEXT | {"description": "Terms of use, kept in the file."},
        **{name: _field(facts) for name, facts in options.items()},
    }


def _new_job() -> Spec:
    options = StyleTransferOptions.model_json_schema()["properties"]
    return {
        "content_image": _FILE
        | {"description": "A picture, or a film within the limits of GET /api/v1/options."},
        "style_image": {"type": "array", "items": _FILE, "maxItems": 8},
        "style_mask": {"type": "array", "items": _FILE, "maxItems": 8},
        "detail_map": _FILE
        | {"description": "White where more of the content image is kept; in its shape."},
        "content_from": _TEXT | {"description": "Job whose content image is used."},
        "styles_from": _TEXT | {"description": "Job whose style images are used."},
        "masks_from": _TEXT | {"description": "Job whose style masks are used."},
        "detail_map_from": _TEXT | {"description": "Job whose detail map is used."},
        "initial_from": _TEXT
        | {"description": "Job whose result is the initial image; replaces init_method."},
        "sample_content": _choice(samples("content"), "A sample photo."),
        "sample_style": {
            "type": "array",
            "items": _choice(samples("style"), "A sample style."),
            "maxItems": 8,
        },
        "learned_style": _TEXT
        | {"description": "A learned style of mine, which paints in one pass; preset draft."},
        "preset": _choice(PRESETS, "Source of the options."),
        "steer": {
            "type": "array",
            "items": _TEXT,
            "description": "Changes of options from a step on, like 40:strength=0.8,tv_weight=2.",
        },
        "stop_after": {
            "type": "integer",
            "minimum": 1,
            "description": "Stop after this step and keep the image.",
        },
        "passes": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_PASSES,
            "default": 1,
            "description": "Number of times a film is painted, forward and backward in turn.",
        },
        **{name: _field(facts) for name, facts in options.items()},
    }


def _field(facts: Spec) -> Spec:
    if facts["type"] == "array":  # a form sends it as text with commas: 0.7,0.3
        return {"description": facts["description"]}
    return {word: said for word, said in facts.items() if word != "default"}


def _choice(names: Iterable[str], description: str) -> Spec:
    return {"type": "string", "enum": list(names), "description": description}


def _tell_links(spec: Spec) -> None:
    """Link the response that has the id of a new job to the routes of that job."""
    links = {
        operation["operationId"]: {
            "operationId": operation["operationId"],
            "parameters": {"job_id": "$response.body#/id"},
        }
        for route, operation in operations(spec)
        if "/api/v1/jobs/{job_id}" in route
    }
    spec["paths"]["/api/v1/jobs"]["post"]["responses"]["202"]["links"] = links


def _with_short_names(part: Any) -> Any:
    """Shorten names of schemas: JobView.Picture and JobsView.Picture become Picture."""
    if isinstance(part, dict):
        return {_short(name): _with_short_names(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_with_short_names(value) for value in part]
    is_reference = isinstance(part, str) and part.startswith("#/components/schemas/")
    return f"#/components/schemas/{_short(part.rsplit('/', 1)[1])}" if is_reference else part


def _short(name: str) -> str:
    return name.split(".")[1] if re.fullmatch(r"\w+\.\w+", name) else name
