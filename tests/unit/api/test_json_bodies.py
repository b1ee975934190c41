"""Bodies of JSON that are too large, too deep or no JSON, on every route that reads JSON."""

import json
import re
from typing import Any

import pytest

from nst.api.app import specification
from nst.api.json_body import MAX_JSON_BYTES
from support.service_in_process import House, browser

FORM = "multipart/form-data; boundary=x"


def routes() -> list[tuple[str, str]]:
    """Return method and path of every route that reads JSON, for a job that does not exist."""
    return [
        (method.upper(), re.sub(r"{\w+}", "0", path))
        for path, methods in specification()["paths"].items()
        for method, operation in methods.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]


ROUTES = routes()


def test_these_routes_read_json() -> None:
    assert set(ROUTES) == {
        ("POST", "/api/v1/jobs/0/steer"),
        ("POST", "/api/v1/jobs/0/shares"),
        ("PATCH", "/api/v1/learned-styles/0"),
    }


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", FORM])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_large_body_is_refused_with_the_limit(
    house: House, method: str, path: str, content_type: str
) -> None:
    data = json.dumps([{}] * MAX_JSON_BYTES)
    response: Any = browser(house.app()).open(
        path, method=method, data=data, content_type=content_type
    )
    assert (response.status_code, response.json["code"]) == (413, "too_large")
    assert str(MAX_JSON_BYTES) in response.json["detail"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "data", [b"[" * MAX_JSON_BYTES, b'{"a":' * 2000, b"{", b"\xff", b"", b"9" * 5000]
)
def test_a_body_that_cannot_be_parsed(house: House, method: str, path: str, data: bytes) -> None:
    response: Any = browser(house.app()).open(
        path, method=method, data=data, content_type="application/json"
    )
    assert (response.status_code, response.json["code"]) == (400, "bad_request")
    assert "JSON" in response.json["detail"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("data", [b"[]", b"7", b'"x"', b"{}" + b" " * (MAX_JSON_BYTES - 2)])
def test_a_body_that_is_json(house: House, method: str, path: str, data: bytes) -> None:
    response: Any = browser(house.app()).open(
        path, method=method, data=data, content_type="application/json"
    )
    assert response.status_code in (404, 422)
