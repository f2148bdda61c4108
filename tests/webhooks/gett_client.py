"""Gett's side of the webhooks, for tests: orders, signed deliveries, and what every problem document must have."""

from __future__ import annotations

import json
from typing import Any, cast
from uuid import uuid4

from werkzeug.test import TestResponse

from webhook_kit.app import create_app
from webhook_kit.gett.models.problem import ERROR_TYPE_BASE, ErrorCode
from webhook_kit.kit import Kit
from webhook_kit.testing.bogus import BogusAdapter, Ticket
from webhook_kit.testing.signer import signed

STORE_ID = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"
SECRET = "whsec_test"

MEMBERS = {
    *("type", "title", "status", "detail", "instance", "errorCode", "errorCategory", "retryable"),
    *("requestId", "timestamp", "traceId"),
}
"""What every problem document has; ``retryAfter`` and ``errors`` come where they belong."""


def line(item_id: str = "cola", quantity: Any = 1, **members: Any) -> dict[str, Any]:
    return {"lineItemId": "1", "itemId": item_id, "quantity": quantity, **members}


def order(*items: str | dict[str, Any], **members: Any) -> dict[str, Any]:
    """An order of these items, a cola (2.75) when none is named."""
    lines = [line(item) if isinstance(item, str) else item for item in items or ("cola",)]
    return {"cart": {"storeId": STORE_ID, "lineItems": lines}, "fulfillmentType": "Pickup", **members}


class Answer(TestResponse):
    """A response whose JSON nobody has doubts about."""

    json: Any


class Partner:
    """A kit behind its real Flask application."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.prefix = kit.settings.webhook_prefix
        self.client = create_app(kit).test_client()

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Deliver exactly this."""
        return cast(Answer, self.client.post(f"{self.prefix}/{path}", data=body, headers=headers))

    def open(self, method: str, path: str, **headers: str) -> Answer:
        """Ask for anything at all."""
        return cast(Answer, self.client.open(path, method=method, headers=headers))

    def get(self, path: str) -> Answer:
        return self.open("GET", path)

    def deliver(self, path: str, body: Any, headers: dict[str, str] | None = None, **signing: Any) -> Answer:
        """Deliver signed; what is not bytes is written as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.post(path, raw, {**signed(raw, signing.pop("secret", SECRET), **signing), **(headers or {})})

    def validate(self, body: Any, headers: dict[str, str] | None = None) -> Answer:
        return self.deliver("validateOrder", body, headers)

    def place(self, body: Any, key: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        """Deliver with a fresh key, unless one is given."""
        return self.deliver("placeOrder", body, headers, key=key or str(uuid4()))

    def placing(self, body: dict[str, Any], **members: Any) -> dict[str, Any]:
        """The same order as Gett places it after validating it: with a token, an id and a payment."""
        token = self.validate(body).json["validatedOrderToken"]
        return {
            **body,
            "gettOrderId": str(uuid4()),
            "payment": {"type": "gettPayment"},
            "validatedOrderToken": token,
            **members,
        }

    def state(self, name: str) -> str:
        """Where an order's record stands."""
        return (self.kit.placement_store.find(name) or {}).get("state", "unknown")

    def tickets(self) -> list[Ticket]:
        return BogusAdapter.tickets(str(self.kit.settings.store_options["file"]))


def problem(answer: Answer, status: int, code: ErrorCode) -> dict[str, Any]:
    """The answer, which must be a complete problem document of this kind."""
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text
    document: dict[str, Any] = answer.json
    assert set(document) >= MEMBERS
    assert document["errorCode"] == code
    assert document["type"] == f"{ERROR_TYPE_BASE}{code}"
    assert document["status"] == status
    assert document["errorCategory"] == code.kind.category
    assert len(document["traceId"]) == 32
    assert answer.headers.get("Retry-After") == (str(document["retryAfter"]) if "retryAfter" in document else None)
    return document


def paths(document: dict[str, Any]) -> list[str]:
    return [error["jsonPath"] for error in document["errors"]]


def same_ticket(one: Answer, other: Answer) -> bool:
    """Whether both are receipts of one ticket."""
    assert (one.status_code, other.status_code) == (200, 200), (one.text, other.text)
    return bool(one.json["partnerOrderId"] == other.json["partnerOrderId"])
