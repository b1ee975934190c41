"""Limit of the JSON bodies of requests."""

from typing import Any

from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

MAX_JSON_BYTES = 10_000
"""Maximum size of the JSON body of a request, in bytes.
Parsed JSON can take 25 times as much memory, and the largest useful body has 500 bytes."""


class SmallJsonRequest(Request):
    """Request whose JSON body has a limit of its own, far below the limit of a form."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Return the parsed body. Raises RequestEntityTooLarge, BadRequest."""
        self.max_content_length = MAX_JSON_BYTES
        try:
            return super().get_json(force, silent, cache)
        except RequestEntityTooLarge as error:
            raise RequestEntityTooLarge(
                f"the JSON body is too large; expected at most {MAX_JSON_BYTES} bytes"
            ) from error
        except RecursionError as error:
            raise BadRequest("the JSON body is nested too deeply") from error
