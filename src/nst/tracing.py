"""Traces from the HTTP request through the queue to the phases of the engine.

They need OpenTelemetry (the extra `tracing`) and an endpoint to be sent to; without these, all
functions here do nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

PARTS = ("sdk", "exporter.otlp.proto.http", "instrumentation.flask")


def _is_installed() -> bool:
    """Return whether OpenTelemetry is installed completely.
    Other packages install parts of it."""
    try:
        return all(find_spec(f"opentelemetry.{part}") for part in PARTS)
    except ModuleNotFoundError:  # the parent package of a part
        return False


IS_INSTALLED = _is_installed()


def set_up(endpoint: str, service: str) -> None:
    """Send the spans of this process to an OTLP endpoint over HTTP.
    Call this after a fork."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
    trace.set_tracer_provider(provider)


def instrument(app: "Flask") -> None:
    """Record a span for every request."""
    if IS_INSTALLED:
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        instrumentor = FlaskInstrumentor()
        instrumentor.instrument_app(app, excluded_urls="healthz,readyz,metrics")  # type: ignore[no-untyped-call]


def headers() -> dict[str, str]:
    """Return headers that carry the current trace to another process.
    They are empty without a trace."""
    carrier: dict[str, str] = {}
    if IS_INSTALLED:
        from opentelemetry.propagate import inject

        inject(carrier)
    return carrier


@contextmanager
def span(name: str, trace: Mapping[str, str], **attributes: Any) -> Iterator[None]:
    """Record a span of the trace in these headers."""
    if not IS_INSTALLED:
        yield
        return
    from opentelemetry.propagate import extract
    from opentelemetry.trace import get_tracer

    with get_tracer("nst").start_as_current_span(
        name, context=extract(dict(trace)), attributes=attributes
    ):
        yield


def current_ids() -> dict[str, str]:
    """Return the ids of the current trace and span for a log line."""
    if not IS_INSTALLED:
        return {}
    from opentelemetry.trace import format_span_id, format_trace_id, get_current_span

    context = get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": format_trace_id(context.trace_id),
        "span_id": format_span_id(context.span_id),
    }
