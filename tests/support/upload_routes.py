"""Routes of the API that take files, as its description lists them."""

from collections.abc import Sequence

from nst.api.app import specification
from nst.api.openapi import operations


def upload_routes() -> Sequence[str]:
    """Return the paths of the routes that take a form with files."""
    return [
        route.removeprefix("POST ")
        for route, operation in operations(specification())
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    ]
