"""The WSGI application: routes, error handlers and headers."""

from datetime import timedelta
from typing import Any, cast

from apiflask import APIFlask
from flask import Response, g, request
from flask_cors import CORS
from werkzeug.exceptions import NotFound
from werkzeug.middleware.proxy_fix import ProxyFix

import nst
from nst import tracing
from nst.api import (
    archive,
    auth,
    catalog,
    compat,
    health,
    jobs,
    learned_styles,
    learning,
    openapi,
    page,
    problems,
    results,
    shared,
)
from nst.api.base_path import BasePath
from nst.api.json_body import SmallJsonRequest
from nst.api.service import Service

SESSION_DAYS = 365
FORM_OVERHEAD_BYTES = 100_000
"""Maximum bytes of a form in addition to its images."""


OPENAPI_CONFIG = {
    "OPENAPI_VERSION": "3.1.0",
    "AUTO_OPERATION_ID": True,
    "DESCRIPTION": "Neural style transfer: a photo and a painting in, the photo painted out.",
}


def create_app(service: Service) -> APIFlask:
    """Return the WSGI application."""
    settings, web = service.settings, service.settings.web
    app = APIFlask(
        "nst.api",
        title="nst",
        version=nst.__version__,
        docs_path=None,
        spec_path="/api/openapi.json",
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # options keep their order
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="nst_session",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=SESSION_DAYS),
        MAX_CONTENT_LENGTH=web.max_upload_bytes + FORM_OVERHEAD_BYTES,
        **OPENAPI_CONFIG,
    )
    app.wsgi_app = BasePath(app.wsgi_app, web.base_path)  # type: ignore[method-assign]
    if hops := web.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=1
        )
    if web.cors_origins:
        CORS(app, resources={"/api/*": {"origins": list(web.cors_origins)}})

    def limit_requests() -> None:
        if not request.path.startswith("/api/"):
            return
        if any("\0" in text for text in (request.path, *request.args.values())):
            raise NotFound  # PostgreSQL rejects such text, so nothing can match it
        service.quota.take_request(service.client(), web.requests_per_minute)
        auth.key_name(web.api_keys)
        auth.check_same_site(web.cors_origins)

    def take_answer() -> None:
        if request.path.startswith("/api/"):
            client = service.client()
            service.answers.enter(client)
            g.answers = client

    def give_answer_back(response: Response) -> Response:
        if client := g.pop("answers", None):
            if response.mimetype == "text/event-stream":  # event streams have their own limit
                service.answers.leave(client)
            else:
                # A response that passes a file on directly closes the file, but calls nothing else.
                response.direct_passthrough = False
                response.call_on_close(lambda: service.answers.leave(client))
        return response

    app.request_class = SmallJsonRequest
    app.session_interface = auth.Sessions()
    tracing.instrument(app)  # before all hooks, or a request that one refuses had no span
    problems.register(app)
    health.measure(app)
    app.before_request(take_answer)
    app.before_request(limit_requests)
    app.after_request(give_answer_back)
    app.after_request(
        page.security_headers(
            allow_embedding=bool(web.cors_origins), pictures_origin=settings.pictures_origin
        )
    )
    service.attach(app)
    _add_routes(app)
    return app


def specification() -> dict[str, Any]:
    """Return the OpenAPI description, without a running service."""
    app = APIFlask("nst.api", title="nst", version=nst.__version__, docs_path=None)
    app.config.update(OPENAPI_CONFIG)
    _add_routes(app)
    return cast("dict[str, Any]", app.spec)


def _add_routes(app: APIFlask) -> None:
    app.url_map.converters["page"] = page.PagePath
    for part in (jobs, archive, results, shared, learned_styles, learning, catalog, compat, health):
        app.register_blueprint(part.routes)
    app.register_blueprint(page.routes)
    app.spec_processor(openapi.complete)
