"""/healthz, /readyz and /metrics, for the operators of the service."""

import time
from http import HTTPStatus
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from werkzeug.exceptions import NotFound

from nst.api import problems
from nst.api.service import sends, service
from nst.metrics import HTTP_REQUESTS, HTTP_SECONDS, REGISTRY, QueueCollector

routes = APIBlueprint("health", __name__, tag="health")


@routes.get("/healthz")
def healthz() -> dict[str, str]:
    """Report that this process responds."""
    return {"status": "ok"}


@routes.before_request
def refuse_visitors() -> None:
    """Refuse requests that come through a proxy, except /healthz. Raises NotFound."""
    through_proxy = service().settings.web.trusted_proxies and "X-Forwarded-For" in request.headers
    if through_proxy and request.path != "/healthz":
        raise NotFound


@routes.get("/readyz")
@routes.doc(responses={200: "Jobs can be taken.", 503: "A dependency does not answer."})
def readyz() -> Any:
    """Report whether jobs can be accepted, and which dependencies do not answer.

    `degraded` names a dependency that jobs can do without, and describes what is wrong with it.
    """
    if failures := service().jobs.failures():
        detail = f"no jobs can be taken now: {', '.join(failures)}"
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return problems.problem(status, "not_ready", detail, failures=failures)
    trouble = service().queue_watch()
    return {"status": "ready"} | ({"degraded": {"queue": trouble}} if trouble else {})


@routes.get("/metrics")
@routes.doc(responses=sends("text/plain", "Metrics."))
def metrics() -> Response:
    """Return the metrics for Prometheus."""
    jobs, streams = service().jobs, service().streams
    own = CollectorRegistry()
    own.register(
        QueueCollector(jobs.state, lambda: streams.count, streams.limit, jobs.limits.max_queued)
    )
    text = generate_latest(REGISTRY) + generate_latest(own)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


def measure(app: APIFlask) -> None:
    """Count and time every request of the application."""

    def begin() -> None:
        g.began_at = time.perf_counter()

    def end(response: Response) -> Response:
        # Each label takes memory, so routes and methods that clients invent must not become labels.
        rule = request.url_rule
        method, route = (request.method, rule.rule) if rule else ("none", "none")
        HTTP_REQUESTS.labels(method, route, response.status_code).inc()
        HTTP_SECONDS.labels(method, route).observe(time.perf_counter() - g.began_at)
        return response

    app.before_request(begin)
    app.after_request(end)
