"""Delivery of webhooks: signed, with injected faults, each attempt in the traffic log (``gett-protocol.md §3``)."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import requests
from requests.structures import CaseInsensitiveDict

from webhook_kit.gett.signing import signed_headers
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.traffic_log import redact_headers, redact_payment
from webhook_kit.web import fetch

__all__ = ["DeliveryAttempt", "Webhook", "Webhooks"]

Name = Literal["validateOrder", "placeOrder", "orderEvent"]

_PATHS = {"validateOrder": "validate", "placeOrder": "place"}
_MAX_REORDER_WAIT = 10.0  # real seconds that a webhook waits for the next one
_MAX_RESPONSE_BYTES = 1024 * 1024
_MAX_BODY_BYTES = 64 * _MAX_RESPONSE_BYTES
_MAX_DEPTH = 100  # levels of a response's JSON; deeper, it could not be processed further


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook to deliver.

    :ivar url: base URL of the partner's webhooks; the complete URL of an order event.
    :ivar number: number of the attempt, from 1.
    """

    name: Name
    url: str
    body: Mapping[str, Any]
    store_id: str | None = None
    order_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    number: int = 1


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """Result of a delivery.

    :ivar status: HTTP status; None without a response.
    :ivar body: the parsed JSON, or the text if it is not JSON.
    :ivar headers: case-insensitive names.
    :ivar error: the reason that there is no response.
    """

    status: int | None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    error: Exception | None = None

    @property
    def failed(self) -> bool:
        """True if the delivery has to be retried, because the partner did not decide on the webhook [D]."""
        if self.status is None or self.status >= 500 or 300 <= self.status < 400:
            return True
        if self.status == 409:  # the placement is in progress, or conflicts for good
            return isinstance(self.body, dict) and self.body.get("retryable") is True
        return self.status in (401, 403, 404, 408, 425, 429) and not _is_unknown_id(self.body)


class Webhooks:
    """Delivers webhooks. Thread-safe."""

    def __init__(self, context: SandboxContext) -> None:
        self._context = context
        self._sent: Counter[str | None] = Counter()
        self._changed = threading.Condition()

    def deliver(self, webhook: Webhook) -> DeliveryAttempt:
        """Deliver once."""
        faults = self._context.faults.select(webhook.name, webhook.store_id, outgoing=True)
        if "delay" in faults:
            time.sleep(faults["delay"].seconds)
        if "status" in faults:
            attempt = DeliveryAttempt(faults["status"].status, {"detail": "injected fault: nothing was sent"})
            self._append_log(webhook, {}, attempt, 0.0, None, sorted(faults))
            return attempt
        if "reorder" in faults:
            self._wait_for_next(webhook)
        attempt = self._send(webhook, sorted(faults), secret="wrong" if "wrong_signature" in faults else None)
        if "duplicate" in faults:
            self._send(webhook, sorted(faults), secret=None)
        with self._changed:
            self._sent[webhook.store_id] += 1
            self._changed.notify_all()
        if "drop" in faults:
            return DeliveryAttempt(None, error=ConnectionResetError("the response was dropped: injected fault"))
        return attempt

    def _wait_for_next(self, webhook: Webhook) -> None:
        """Wait until the next webhook to the same store was sent."""
        with self._changed:
            before = self._sent[webhook.store_id]
            self._changed.wait_for(lambda: self._sent[webhook.store_id] > before, _MAX_REORDER_WAIT)

    def _send(self, webhook: Webhook, faults: list[Any], *, secret: str | None) -> DeliveryAttempt:
        path = _PATHS[webhook.name] if self._context.options.short_paths and webhook.name in _PATHS else webhook.name
        url = webhook.url if webhook.name == "orderEvent" else f"{webhook.url.rstrip('/')}/{path}"
        body = json.dumps(webhook.body).encode()
        headers = {
            # The Timestamp is real time, because the partner compares it with its own clock.
            **signed_headers(body, secret or self._context.secret),
            "traceparent": f"00-{self._trace()}-{self._trace()[:16]}-01",
            **webhook.headers,
        }
        started = time.monotonic()
        try:
            response = fetch(
                "POST",
                url,
                data=body,
                headers=headers,
                seconds=self._context.options.answer_timeout,
                limit=_MAX_BODY_BYTES,
                trust_env=False,  # no proxy for the loopback
            )
            attempt = DeliveryAttempt(
                response.status_code, _parse_response(response), CaseInsensitiveDict(response.headers)
            )
        except (requests.RequestException, OSError, ValueError) as error:
            attempt = DeliveryAttempt(None, error=error)
        self._append_log(webhook, headers, attempt, time.monotonic() - started, url, faults)
        return attempt

    def _trace(self) -> str:
        return self._context.random.hex("webhook trace", 32)

    def _append_log(
        self,
        webhook: Webhook,
        headers: Mapping[str, str],
        attempt: DeliveryAttempt,
        seconds: float,
        url: str | None,
        faults: list[Any],
    ) -> None:
        response = None
        if attempt.status is not None:
            response = {
                "status": attempt.status,
                "headers": redact_headers(attempt.headers.items()),
                "body": redact_payment(attempt.body),
            }
        self._context.append_log(
            "order_event" if webhook.name == "orderEvent" else "webhook",
            call=webhook.name,
            storeId=webhook.store_id,
            orderId=webhook.order_id,
            attempt=webhook.number,
            request={
                "method": "POST",
                "url": url,
                "headers": redact_headers(headers.items()),
                "body": redact_payment(dict(webhook.body)),
            },
            response=response,
            error=None if attempt.error is None else f"{type(attempt.error).__name__}: {attempt.error}",
            seconds=round(seconds, 6),
            faults=faults,
        )


def _is_unknown_id(body: Any) -> bool:
    """Return True if a 404 means an unknown store or catalog, and not a wrong URL."""
    return isinstance(body, dict) and str(body.get("errorCode", "")).endswith("_NOT_FOUND")


def _parse_response(response: requests.Response) -> Any:
    try:
        body = response.json() if len(response.content) <= _MAX_RESPONSE_BYTES else response.text[:1000]
    except (requests.exceptions.JSONDecodeError, RecursionError):
        return response.text
    return response.text if _nests_deeper(body, _MAX_DEPTH) else body


def _nests_deeper(body: Any, limit: int) -> bool:
    level = [body]
    for _ in range(limit):
        members = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        level = [member for group in members for member in group]
    return bool(level)
