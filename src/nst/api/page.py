"""The page, the documentation of the API, and the headers that keep both safe."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from html import escape
from importlib import resources
from mimetypes import guess_type
from pathlib import Path

from flask import Blueprint, Response, current_app, request, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.routing import PathConverter
from werkzeug.security import safe_join

PAGE = Path(__file__).parent / "page"
"""Built from frontend/; in a checkout `make page` does so."""
DOCS = Path(__file__).parent / "docs"
SWAGGER = Path(str(resources.files("flask_openapi3_swagger"))) / "templates" / "swagger"

NO_PAGE = """<!doctype html><html lang="en"><title>nst</title>
<h1>nst is running</h1>
<p>The page has not been built; <code>make page</code> does so. The API is there:
<a href="@/api/docs">documentation</a>.</p></html>"""

SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            "img-src 'self' blob: data:",
            "media-src 'self' blob:",
            "style-src 'self' 'unsafe-inline'",  # style attributes, as sliders set them
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",  # the page names its own path
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=()",
}

LIVE = "/live"
WITH_WASM = "script-src 'self' 'wasm-unsafe-eval'"
"""Path of the page that paints the camera, and what its policy allows more: the
network of a learned style runs in WebAssembly there."""

YEAR_SECONDS = 365 * 24 * 3600

SHARED = re.compile(r"shared/(?P<token>[\w-]{1,100})/?", re.ASCII)
"""The path of a shared picture."""

routes = Blueprint("page", __name__)
"""Every path that is not the API's: the page finds its own way from there."""


@routes.get("/assets/<path:name>")
def assets(name: str) -> Response:
    """Compressed where the build has put such a copy beside the file."""
    folder = PAGE / "assets"
    copy = safe_join(str(folder), f"{name}.gz")
    is_packed = bool(copy and os.path.isfile(copy) and request.accept_encodings["gzip"])  # noqa: PTH113 - a name that is too long is no file, and no error
    kind, _ = guess_type(name)
    response = send_from_directory(
        folder, f"{name}.gz" if is_packed else name, mimetype=kind, max_age=YEAR_SECONDS
    )
    if is_packed:
        response.content_encoding = "gzip"
    response.vary.add("Accept-Encoding")
    response.cache_control.immutable = True
    return response


@routes.get("/api/docs")
def docs() -> Response:
    return send_from_directory(DOCS, "index.html")


@routes.get("/api/docs/<path:name>")
def docs_file(name: str) -> Response:
    try:
        return send_from_directory(DOCS, name, max_age=3600)
    except NotFound:
        return send_from_directory(SWAGGER, name, max_age=3600)


@routes.get("/", defaults={"path": ""})
@routes.get("/<page:path>")
def page(path: str) -> Response:
    with suppress(NotFound):
        return send_from_directory(PAGE, path, max_age=3600)
    if not (PAGE / "index.html").is_file():
        text = NO_PAGE.replace("@", request.script_root)
        return current_app.response_class(text, mimetype="text/html")
    shared = SHARED.fullmatch(path)
    if request.script_root or shared:
        return _adapted(request.script_root, _preview(shared["token"]) if shared else "")
    return send_from_directory(PAGE, "index.html", max_age=0)


def _preview(token: str) -> str:
    """Return what a messenger shows of a shared link: the painting, as a small JPEG. Nothing is
    looked up: of a link that is revoked the image is not there."""
    image = f"{request.url_root}api/v1/shared/{token}/result?thumb=1"
    facts = {
        "og:type": "website",
        "og:title": "A photo, painted",
        "og:description": "See the photo and the painting, and paint your own.",
        "og:image": image,
        "og:url": request.base_url,
        "twitter:card": "summary_large_image",
    }
    return "".join(
        f'<meta property="{name}" content="{escape(value)}" />' for name, value in facts.items()
    )


def _adapted(root: str, head: str) -> Response:
    """Return the page, told below which path it is, to which all its addresses are relative, and
    with `head` added to its head."""
    text = (PAGE / "index.html").read_text()
    text = text.replace('<base href="/"', f'<base href="{root}/"')
    text = text.replace("</head>", f"{head}</head>", 1)
    response = current_app.response_class(text, mimetype="text/html")
    response.cache_control.no_cache = True
    response.cache_control.max_age = 0
    return response


class PagePath(PathConverter):
    """Any path but those of the API, where wrong addresses
    and methods must be told apart."""

    regex = r"(?!api(?:/|$))[^/].*?"


def security_headers(
    *, allow_embedding: bool, pictures_origin: str | None = None
) -> Callable[[Response], Response]:
    """Adds them to every response.
    `allow_embedding`: pages of other sites, which may use the API, may show its
    pictures too. `pictures_origin`: the page may show pictures from there."""
    headers = dict(SECURITY_HEADERS)
    if pictures_origin:
        policy = headers["Content-Security-Policy"]
        for sources in ("img-src 'self' blob: data:", "media-src 'self' blob:"):
            policy = policy.replace(sources, f"{sources} {pictures_origin}")
        headers["Content-Security-Policy"] = policy

    def add(response: Response) -> Response:
        if request.path.rstrip("/") == LIVE:
            policy = f"{headers['Content-Security-Policy']}; {WITH_WASM}"
            response.headers["Content-Security-Policy"] = policy
        is_api = request.path.startswith("/api/")
        if is_api:
            response.headers.setdefault("Cache-Control", "no-store")
        if is_api and allow_embedding:
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    return add
