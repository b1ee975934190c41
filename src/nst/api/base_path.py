"""The path below which everything is, where nst is not at the top of its host."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")


class BasePath:
    """Tells an application its path: the one that is set, or the one that a trusted proxy names.

    It does not matter whether the proxy takes the prefix from the addresses that it passes on.
    """

    def __init__(self, app: "WSGIApplication", base_path: str) -> None:
        """`base_path`: as /nst; empty: a trusted proxy may say it in X-Forwarded-Prefix."""
        self._app = app
        self._base_path = base_path

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Called by the server."""
        prefix = self._base_path or environ.get("SCRIPT_NAME", "").rstrip("/")
        # What a client may have written itself must not lead anywhere else.
        prefix = prefix if _PREFIX.fullmatch(prefix) else ""
        path = environ.get("PATH_INFO", "")
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            environ["PATH_INFO"] = path.removeprefix(prefix) or "/"
        environ["SCRIPT_NAME"] = prefix
        return self._app(environ, start_response)
