"""The description of the API by itself."""

from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from nst.api.openapi import operations
from nst.controls import STEERABLE
from nst.options import StyleTransferOptions
from support.service_in_process import House

UNDESCRIBED = {"page", "openapi", "static"}
"""Endpoints of the application that are no part of the API."""

WITHOUT_BODY = {f"POST /api/v1/jobs/{{job_id}}/{verb}" for verb in ("cancel", "retry", "resume")}
"""Routes that change something without reading a body."""


@pytest.fixture
def spec(house: House) -> dict[str, Any]:
    found: dict[str, Any] = house.client().get("/api/openapi.json").json
    return found


def test_it_is_valid(spec: dict[str, Any]) -> None:
    assert spec["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(spec).validate()


def described_paths(app: Flask) -> set[str]:
    return {
        rule.rule.replace("<int:", "{").replace("<", "{").replace(">", "}")
        for rule in app.url_map.iter_rules()
        if rule.endpoint.split(".")[0] not in UNDESCRIBED
    }


def test_every_route_is_described_with_a_sentence_and_a_name(
    spec: dict[str, Any], house: House
) -> None:
    assert set(spec["paths"]) == described_paths(house.app())
    names = [operation["operationId"] for _, operation in operations(spec)]
    assert len(set(names)) == len(names)
    for route, operation in operations(spec):
        assert operation["summary"].endswith("."), route
        assert operation["tags"], route


def test_every_body_is_described(spec: dict[str, Any]) -> None:
    """The proxies that are shipped take large bodies where the description has a form."""
    routes = {route for route, of in operations(spec) if "requestBody" not in of}
    assert {route for route in routes if not route.startswith(("GET ", "DELETE "))} == WITHOUT_BODY


def test_every_error_is_a_problem(spec: dict[str, Any]) -> None:
    for route, operation in operations(spec):
        assert "default" in operation["responses"], route
        for status, response in operation["responses"].items():
            if status == "default" or status >= "400":
                (kind,) = response["content"]
                assert kind == "application/problem+json", route


def test_every_reference_leads_somewhere_and_nothing_is_said_twice(spec: dict[str, Any]) -> None:
    schemas = spec["components"]["schemas"]
    assert {"JobView", "JobsView", "Problem", "ProgressView", "Steering"} <= set(schemas)
    assert not [name for name in schemas if "." in name]
    text = repr(spec)
    for name in schemas:
        assert f"#/components/schemas/{name}'" in text, name


def test_every_option_is_a_field_of_the_form(spec: dict[str, Any]) -> None:
    body = spec["paths"]["/api/v1/jobs"]["post"]["requestBody"]
    fields = body["content"]["multipart/form-data"]["schema"]["properties"]
    for name, facts in StyleTransferOptions.model_json_schema()["properties"].items():
        assert fields[name]["description"] == facts["description"]
        assert "default" not in fields[name]  # the default depends on the preset
    assert {
        "content_image",
        "style_image",
        "style_mask",
        "detail_map",
        "masks_from",
        "detail_map_from",
        "initial_from",
        "preset",
    } <= set(fields)


def test_what_can_be_steered_is_described(spec: dict[str, Any]) -> None:
    described = spec["components"]["schemas"]["Steering"]
    assert list(described["properties"]) == list(STEERABLE)
    assert described["additionalProperties"] is False
