"""Traces: spans of OpenTelemetry for webhooks, claims, POS calls, settlements, pushes and jobs.

They are off, and cost next to nothing, unless ``OTEL_EXPORTER_OTLP_ENDPOINT`` is set or the process has a tracer provider of its own
(``opentelemetry-instrument``). Whatever OpenTelemetry raises is logged once and changes nothing: no order depends on a trace.

A span has ids, codes and durations. It never has a text of an exception, a body, or contact data.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Literal, ParamSpec, Self, TypeVar

from webhook_kit.logs import logger

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

__all__ = ["TRACEPARENT", "ActiveSpan", "current_traceparent", "span", "start_tracing", "stop_tracing", "traced"]

log = logger("tracing")

P = ParamSpec("P")
R = TypeVar("R")

TRACEPARENT = re.compile(r"^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$")
"""A W3C traceparent: version, trace id, span id, flags."""

_MOST_CHARACTERS = 200
"""Characters of an attribute: an id from outside has any length."""

_tracer: Tracer | None = None
_failed = False

SpanKind = Literal["internal", "server", "client", "consumer"]


def start_tracing(service: str) -> None:
    """Begin to trace this process, if it is configured. A second call changes nothing.

    :param service: ``service.name`` of the process, unless ``OTEL_SERVICE_NAME`` says another.
    """
    global _tracer  # noqa: PLW0603 - one tracer per process, as OpenTelemetry has it
    configured = bool(
        os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    )
    if _tracer is not None or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    if not configured and "opentelemetry.trace" not in sys.modules:  # nobody can have set a provider: import nothing
        return
    try:
        from opentelemetry import trace

        provider = trace.get_tracer_provider()
        if isinstance(provider, trace.ProxyTracerProvider):  # nobody has set one
            if not configured:
                return
            _set_provider(service)
        _tracer = trace.get_tracer("webhook_kit")
    except ImportError:
        if configured:
            log.warning("tracing_not_available", why="OpenTelemetry is not installed: pip install webhook-kit[otel]")
    except Exception as error:  # noqa: BLE001 - a process runs without traces, too
        log.warning("tracing_not_available", why=type(error).__name__)


def stop_tracing() -> None:
    """Trace this process no longer."""
    global _tracer  # noqa: PLW0603 - as above
    _tracer = None


def _set_provider(service: str) -> None:
    """Export spans by OTLP, with the settings that OpenTelemetry reads from the environment."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME") or service
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


class ActiveSpan:
    """A span of this thread, from its start to the end of a ``with`` block; without tracing it does nothing."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span | None = None, token: object = None) -> None:
        self._span = span
        self._token = token

    @property
    def trace_id(self) -> str:
        """Trace id as 32 hex digits; empty without tracing."""
        parts = _traceparent(self._span)
        return parts[3:35] if parts else ""

    @property
    def traceparent(self) -> str | None:
        """Name of this span for other processes and threads; None without tracing."""
        return _traceparent(self._span)

    def set(self, **attributes: str | int | None) -> None:
        """Set attributes: ``order="a"`` is ``webhook_kit.order``. None is left out."""
        if self._span is not None:
            self.describe({f"webhook_kit.{name}": value for name, value in attributes.items()})

    def describe(self, attributes: Mapping[str, str | int | None]) -> None:
        """Set attributes by their whole names. None is left out."""
        if self._span is None:
            return
        try:
            for name, value in attributes.items():
                if value is not None:
                    self._span.set_attribute(name, _exportable(value) if isinstance(value, str) else value)
        except Exception as error:  # noqa: BLE001 - see the module
            _report(error)

    def fail(self, kind: str) -> None:
        """Mark the span as failed.

        :param kind: type of the error, or an HTTP status.
        """
        if self._span is None:
            return
        try:
            from opentelemetry.trace import StatusCode

            self._span.set_attribute("error.type", kind)
            self._span.set_status(StatusCode.ERROR)
        except Exception as error:  # noqa: BLE001 - see the module
            _report(error)

    def end(self) -> None:
        """End the span. A second call changes nothing."""
        ended, self._span = self._span, None
        if ended is None:
            return
        try:
            from opentelemetry import context

            context.detach(self._token)  # type: ignore[arg-type] # a token of its own type
            ended.end()
        except Exception as error:  # noqa: BLE001 - see the module
            _report(error)

    def __enter__(self) -> Self:
        """Return the span, which is the current one of this thread already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the span, and mark it as failed if the block raised."""
        if kind is not None:
            self.fail(kind.__name__)
        self.end()


_OFF = ActiveSpan()


def span(name: str, kind: SpanKind = "internal", *, parent: str | None = None, link: str | None = None) -> ActiveSpan:
    """Start a span, which is the current one of this thread until it ends.

    :param parent: traceparent of its parent; None: the current span of this thread.
    :param link: traceparent of a span of another trace that led to this one.
    """
    if _tracer is None:
        return _OFF
    try:
        from opentelemetry import context, trace

        links = [trace.Link(linked.get_span_context()) for linked in [_remote(link)] if linked is not None]
        above = _remote(parent)
        within: Context | None = None if above is None else trace.set_span_in_context(above)
        started = _tracer.start_span(name, within, trace.SpanKind[kind.upper()], links=links)
        return ActiveSpan(started, context.attach(trace.set_span_in_context(started, within)))
    except Exception as error:  # noqa: BLE001 - see the module
        _report(error)
        return _OFF


def traced(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that runs a function within a span of this name."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def within_span(*arguments: P.args, **options: P.kwargs) -> R:
            if _tracer is None:
                return function(*arguments, **options)
            with span(name):
                return function(*arguments, **options)

        return within_span

    return decorate


def current_traceparent() -> str | None:
    """Return the traceparent of this thread's current span; None if there is none."""
    if _tracer is None:
        return None
    try:
        from opentelemetry import trace

        return _traceparent(trace.get_current_span())
    except Exception as error:  # noqa: BLE001 - see the module
        _report(error)
        return None


def _traceparent(span: Span | None) -> str | None:
    if span is None:
        return None
    try:
        context = span.get_span_context()
        if not context.is_valid:
            return None
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
    except Exception as error:  # noqa: BLE001 - see the module
        _report(error)
        return None


def _exportable(value: str) -> str:
    """Return a text that can be exported: one half of a surrogate pair would cost a whole batch of spans."""
    return value[:_MOST_CHARACTERS].encode(errors="replace").decode()


def _remote(traceparent: str | None) -> Span | None:
    """Return the span of another process or thread; None if there is none."""
    match = TRACEPARENT.match(traceparent or "")
    if match is None:
        return None
    from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

    trace_id, span_id, flags = (int(match[part], 16) for part in (1, 2, 3))
    return NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags)))


def _report(error: Exception) -> None:
    """Log the first failure of OpenTelemetry; a line for each span would bury the others."""
    global _failed  # noqa: PLW0603 - once per process
    if not _failed:
        _failed = True
        log.warning("span_not_recorded", why=type(error).__name__)
