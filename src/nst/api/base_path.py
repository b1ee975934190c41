"""Base path of the service, for deployments below the root of their host."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nst.settings.values import is_url_path

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class BasePath:
    """Middleware that sets the base path: the configured one or that of a proxy.

    The proxy must be trusted. It may strip the prefix from forwarded paths or keep it.
    """

    def __init__(self, app: "WSGIApplication", base_path: str) -> None:
        """Wrap an application.

        `base_path`: a path such as /nst; if it is empty, a trusted proxy may send
        X-Forwarded-Prefix.
        """
        self._app = app
        self._base_path = base_path

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Handle a request, as WSGI defines it."""
        prefix = self._base_path or environ.get("SCRIPT_NAME", "").rstrip("/")
        # A client may have written the prefix itself; it must not lead to another host.
        prefix = prefix if is_url_path(prefix) else ""
        path = environ.get("PATH_INFO", "")
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            environ["PATH_INFO"] = path.removeprefix(prefix) or "/"
        environ["SCRIPT_NAME"] = prefix
        return self._app(environ, start_response)
