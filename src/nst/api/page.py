"""The web page, the documentation of the API, and the headers that protect both."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from html import escape
from importlib import resources
from mimetypes import guess_type
from pathlib import Path

from flask import Blueprint, Response, current_app, redirect, request, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.routing import PathConverter
from werkzeug.security import safe_join
from werkzeug.wrappers import Response as WSGIResponse

PAGE = Path(__file__).parent / "page"
"""Directory of the web page, built from frontend/; in a checkout run `make page`."""
DOCS = Path(__file__).parent / "docs"
SWAGGER = Path(str(resources.files("flask_openapi3_swagger"))) / "templates" / "swagger"

NO_PAGE = """<!doctype html><html lang="en"><title>nst</title>
<h1>nst is running</h1>
<p>The page has not been built; <code>make page</code> does so. The API is there:
<a href="@/api/docs">documentation</a>.</p></html>"""

IMAGES, FILMS = "img-src 'self' blob: data:", "media-src 'self' blob:"
"""Sources of images and of films.
The origin of a storage that sends them itself is added."""

SECURITY_HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            IMAGES,
            FILMS,
            "style-src 'self' 'unsafe-inline'",  # sliders set style attributes
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",  # the page sets its own base path
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
"""Path of the page that paints a camera, and the addition to its content policy.
The network of a learned style runs in WebAssembly on that page."""

YEAR_SECONDS = 365 * 24 * 3600

SHARED = re.compile(r"shared/(?P<token>[\w-]{1,100})/?", re.ASCII)
"""Pattern of the path of a shared result."""

routes = Blueprint("page", __name__)
"""Routes for every path outside the API; the page itself interprets the path."""


@routes.get("/assets/<path:name>")
def assets(name: str) -> Response:
    """Send a file of the page, compressed if the build has made a compressed copy."""
    folder = PAGE / "assets"
    copy = safe_join(str(folder), f"{name}.gz")
    is_packed = bool(copy and os.path.isfile(copy) and request.accept_encodings["gzip"])  # noqa: PTH113 - a name that is too long is no file, not an error
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


@routes.get("/index.html")
def page_file() -> WSGIResponse:
    """Redirect to the page, because the file has no base path and no route."""
    return redirect(f"{request.script_root}/")


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
    """Return the meta tags of a shared link, from which messengers show a preview.

    The preview image is a small JPEG of the result. The link is not looked up: if it is revoked,
    the image does not exist.
    """
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
    """Return the page with its base path, and with `head` added to its head.

    `root`: the base path, to which all addresses in the page are relative.
    """
    text = (PAGE / "index.html").read_text()
    text = text.replace('<base href="/"', f'<base href="{root}/"')
    text = text.replace("</head>", f"{head}</head>", 1)
    response = current_app.response_class(text, mimetype="text/html")
    response.cache_control.no_cache = True
    response.cache_control.max_age = 0
    return response


class PagePath(PathConverter):
    """Any path except those of the API.
    The API must distinguish wrong addresses from wrong methods."""

    regex = r"(?!api(?:/|$))[^/].*?"


def security_headers(
    *, allow_embedding: bool, pictures_origin: str | None = None
) -> Callable[[Response], Response]:
    """Return a function that adds the security headers to a response.

    `allow_embedding`: pages of other sites, which may use the API, may also show its images.
    `pictures_origin`: origin from which the page may show images and films.
    """
    headers = dict(SECURITY_HEADERS)
    if pictures_origin:
        policy = headers["Content-Security-Policy"]
        for sources in (IMAGES, FILMS):
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
