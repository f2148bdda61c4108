"""Webhook that a thread answers: its start, its trace, and what its log line and the metrics say about it."""

from __future__ import annotations

import time
from functools import cached_property

from flask import Request, g, request

from webhook_kit.metrics.definitions import WEBHOOK_DURATION, WEBHOOKS
from webhook_kit.webhooks.trace import trace_id

__all__ = ["WebhookCall", "current_call"]


class WebhookCall:
    """A webhook that is being answered.

    :ivar signed_body: the raw body if its signature was verified. Without a signature there is nothing to remember: whoever
        knows the Authorization header can send anything.
    :ivar noted: fields of the log line.
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.started = time.perf_counter()
        self.signed_body = b""
        self.noted: dict[str, object] = {}

    def note(self, **fields: object) -> None:
        """Note fields for the log line; None is left out."""
        self.noted.update((name, value) for name, value in fields.items() if value is not None)

    @cached_property
    def trace(self) -> str:
        """Trace id."""
        return trace_id(self.request.headers.get("traceparent"))

    def finish(self, name: str) -> float:
        """Count the webhook in the metrics, and return the seconds that it took.

        :param name: name of the call.
        """
        seconds = time.perf_counter() - self.started
        outcome = "replayed" if self.noted.get("replayed") else str(self.noted.get("outcome", "failed"))
        WEBHOOKS.count(name, outcome, str(self.noted.get("code", "")))
        WEBHOOK_DURATION.observe(seconds, name)
        return seconds


def current_call() -> WebhookCall:
    """Return the webhook that this thread answers. Flask looks up the request at each access, so it is done once here."""
    call: WebhookCall | None = g.get("webhook_call")
    if call is None:
        call = g.webhook_call = WebhookCall(request._get_current_object())  # type: ignore[attr-defined] # noqa: SLF001 - documented
    return call
