"""The application: routes, errors and headers put together."""

from datetime import timedelta
from typing import Any, cast

from apiflask import APIFlask
from flask import request
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix

import nst
from nst.api import auth, catalog, compat, health, jobs, page, problems, results, shared
from nst.api.service import Service
from nst.errors import TooManyRequests
from nst.options import StyleTransferOptions

SESSION_DAYS = 365
FORM_OVERHEAD_BYTES = 100_000
"""What a form has beside its pictures."""


def create_app(service: Service) -> APIFlask:
    """The WSGI application."""
    settings = service.settings
    app = APIFlask(
        "nst.api",
        title="nst",
        version=nst.__version__,
        docs_path=None,
        spec_path="/api/openapi.json",
    )
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="nst_session",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=SESSION_DAYS),
        MAX_CONTENT_LENGTH=settings.max_upload_bytes + FORM_OVERHEAD_BYTES,
        OPENAPI_VERSION="3.1.0",
        DESCRIPTION="Neural style transfer: a photo and a painting in, the photo painted out.",
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    if settings.cors_origins:
        CORS(app, resources={"/api/*": {"origins": list(settings.cors_origins)}})

    def limit_requests() -> None:
        if not request.path.startswith("/api/"):
            return
        limit = settings.requests_per_minute
        if wait := service.limiter.take("requests", service.client(), 1, limit, 60):
            raise TooManyRequests(f"more than {limit} requests in a minute", wait)
        auth.key_name(settings.api_keys)
        auth.check_same_site(settings.cors_origins)

    app.session_interface = auth.Sessions()
    app.url_map.converters["page"] = page.PagePath
    problems.register(app)
    health.measure(app)
    app.before_request(limit_requests)
    app.after_request(page.security_headers(allow_embedding=bool(settings.cors_origins)))
    service.attach(app)
    _add_routes(app)
    return app


def specification() -> dict[str, Any]:
    """The OpenAPI description, without a service behind it."""
    app = APIFlask("nst.api", title="nst", version=nst.__version__, docs_path=None)
    app.config["OPENAPI_VERSION"] = "3.1.0"
    _add_routes(app)
    return cast("dict[str, Any]", app.spec)


def _add_routes(app: APIFlask) -> None:
    for part in (jobs, results, shared, catalog, compat, health):
        app.register_blueprint(part.routes)
    app.register_blueprint(page.routes)
    app.spec_processor(_describe_forms)


def _describe_forms(spec: Any) -> Any:
    """What the forms take, made from the options themselves."""
    file = {"type": "string", "format": "binary"}
    options = StyleTransferOptions.model_json_schema()["properties"]
    new_job = {
        "content_image": file,
        "style_image": {"type": "array", "items": file, "minItems": 1, "maxItems": 8},
        "style_mask": {"type": "array", "items": file, "maxItems": 8},
        "content_from": {"type": "string", "description": "A job whose content picture to take."},
        "styles_from": {"type": "string", "description": "A job whose style pictures to take."},
        "sample_content": {"type": "string", "description": "The name of a sample photo."},
        "sample_style": {"type": "array", "items": {"type": "string"}},
        "preset": {"type": "string", "description": "Where the options come from."},
        **{
            name: {k: v for k, v in facts.items() if k != "default"}
            for name, facts in options.items()
        },
    }
    for path, properties in {
        "/api/v1/jobs": new_job,
        "/api/style_transfer": {"content_image": file, "style_image": file},
        "/api/v1/recipe": {"image": file},
    }.items():
        schema = {"type": "object", "properties": properties}
        content = {"multipart/form-data": {"schema": schema}}
        spec["paths"][path]["post"]["requestBody"] = {"content": content, "required": True}
    return spec
