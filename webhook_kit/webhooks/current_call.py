"""Webhook that a thread answers: its start, its trace, and what its log line and the metrics say about it."""

from __future__ import annotations

import time
from functools import cached_property

from flask import Blueprint, g, request
from werkzeug.wrappers import Request

from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.metrics.definitions import WEBHOOK_DURATION, WEBHOOKS
from webhook_kit.tracing import ActiveSpan, span
from webhook_kit.webhooks.trace import is_traced, trace_id

__all__ = ["RECEIVED", "WebhookCall", "count_refused", "current_call", "trace_calls"]

RECEIVED = "webhook_kit.received"
"""Key of a request's environment for the monotonic time at which its head arrived. Only ``webhook-kit serve`` sets it."""

_NAMES = {
    "validateOrder": "validateOrder",
    "validate": "validateOrder",
    "placeOrder": "placeOrder",
    "place": "placeOrder",
    "orderEvents": "orderEvents",
}
"""Names of the order webhooks, by the last parts of their paths."""


_TRACED = ("order", "store", "gett_store", "code")
"""Noted fields that are attributes of the span: ids and codes."""


class WebhookCall:
    """A webhook that is being answered.

    :ivar received: monotonic time at which it arrived, before it waited for a thread.
    :ivar route: path of the webhook, with the names of variable parts.
    :ivar signed_body: the raw body if its signature was verified. Without a signature there is nothing to remember: whoever
        knows the Authorization header can send anything.
    :ivar noted: fields of the log line.
    """

    def __init__(self, request: Request, route: str) -> None:
        self.request = request
        self.route = route
        self.received: float = request.environ.get(RECEIVED) or time.monotonic()
        self.signed_body = b""
        self.noted: dict[str, object] = {}
        self._span = ActiveSpan()

    def start_span(self) -> None:
        """Start a span of this thread; that of the caller, if it sends one, is the parent."""
        self._span = span(
            f"{self.request.method} {self.route}", "server", parent=self.request.headers.get("traceparent")
        )

    def end_span(self) -> None:
        """End the span."""
        self._span.end()

    def note(self, **fields: object) -> None:
        """Note fields for the log line; None is left out."""
        self.noted.update((name, value) for name, value in fields.items() if value is not None)

    @cached_property
    def trace(self) -> str:
        """Trace id: that of the span, if there is one."""
        return self._span.trace_id or trace_id(self.request.headers.get("traceparent"))

    @property
    def traced(self) -> bool:
        """True if the trace id is that of the caller, or of a span: somebody may search for it."""
        return bool(self._span.trace_id) or is_traced(self.request.headers.get("traceparent"))

    def finish(self, name: str, status: int) -> float:
        """Count the webhook in the metrics, and return the seconds that it took.

        :param name: name of the call.
        :param status: HTTP status of the answer.
        """
        seconds = time.monotonic() - self.received
        outcome = "replayed" if self.noted.get("replayed") else str(self.noted.get("outcome", "failed"))
        WEBHOOKS.count(name, outcome, str(self.noted.get("code", "")))
        WEBHOOK_DURATION.observe(seconds, name)
        self._describe(outcome, status)
        return seconds

    def _describe(self, outcome: str, status: int) -> None:
        """Set the attributes of the span, if there is one."""
        if not self._span.trace_id:
            return
        self._span.describe(
            {
                "http.request.method": self.request.method,
                "http.route": self.route,
                "http.response.status_code": status,
            }
        )
        self._span.set(outcome=outcome, **{name: str(self.noted[name]) for name in _TRACED if name in self.noted})
        if status >= 500:
            self._span.fail(str(status))


def count_refused(path: str) -> None:
    """Count a request that was refused before a thread handled it, if it is a webhook."""
    name = "posEvents" if path.startswith("/pos/") else _NAMES.get(path.rpartition("/")[2])
    if name is not None:
        WEBHOOKS.count(name, "failed", ErrorCode.SERVICE_UNAVAILABLE)


def current_call() -> WebhookCall:
    """Return the webhook that this thread answers through Flask."""
    call: WebhookCall | None = g.get("webhook_call")
    if call is None:
        call = g.webhook_call = WebhookCall(request, str(request.url_rule))
    return call


def trace_calls(blueprint: Blueprint) -> None:
    """Give each request of a blueprint a span, from the time before it is handled to the end of its answer."""

    @blueprint.before_request
    def start() -> None:
        current_call().start_span()

    @blueprint.teardown_request
    def end(_error: BaseException | None) -> None:
        current_call().end_span()
