"""Client of the kit's webhooks, as Gett is one: orders, signed requests, and a check of every problem document."""

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

PROBLEM_MEMBERS = {
    *("type", "title", "status", "detail", "instance", "errorCode", "errorCategory", "retryable"),
    *("requestId", "timestamp", "traceId"),
}
"""Members of every problem document; ``retryAfter`` and ``errors`` are optional."""


def line(item_id: str = "cola", quantity: Any = 1, **members: Any) -> dict[str, Any]:
    return {"lineItemId": "1", "itemId": item_id, "quantity": quantity, **members}


def order(*items: str | dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return an order of these items, of one cola (2.75) by default."""
    lines = [line(item) if isinstance(item, str) else item for item in items or ("cola",)]
    return {"cart": {"storeId": STORE_ID, "lineItems": lines}, "fulfillmentType": "Pickup", **members}


class JsonResponse(TestResponse):
    """A response whose JSON has any type."""

    json: Any


class WebhookClient:
    """Sends requests to the Flask application of a kit."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.prefix = kit.settings.webhook_prefix
        self.flask = create_app(kit).test_client()

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> JsonResponse:
        """Post exactly this body with exactly these headers."""
        return cast(JsonResponse, self.flask.post(f"{self.prefix}/{path}", data=body, headers=headers))

    def open(self, method: str, path: str, **headers: str) -> JsonResponse:
        return cast(JsonResponse, self.flask.open(path, method=method, headers=headers))

    def get(self, path: str) -> JsonResponse:
        return self.open("GET", path)

    def deliver(self, path: str, body: Any, headers: dict[str, str] | None = None, **signing: Any) -> JsonResponse:
        """Post a signed body; anything but bytes is sent as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.post(path, raw, {**signed(raw, signing.pop("secret", SECRET), **signing), **(headers or {})})

    def validate(self, body: Any, headers: dict[str, str] | None = None) -> JsonResponse:
        return self.deliver("validateOrder", body, headers)

    def place(self, body: Any, key: str | None = None, headers: dict[str, str] | None = None) -> JsonResponse:
        """Post a placeOrder, by default with a new key."""
        return self.deliver("placeOrder", body, headers, key=key or str(uuid4()))

    def validated(self, body: dict[str, Any], **members: Any) -> dict[str, Any]:
        """Validate an order, and return it as Gett places it: with token, id and payment."""
        token = self.validate(body).json["validatedOrderToken"]
        return {
            **body,
            "gettOrderId": str(uuid4()),
            "payment": {"type": "gettPayment"},
            "validatedOrderToken": token,
            **members,
        }

    def state(self, name: str) -> str:
        """Return the state of an order's placement record."""
        return (self.kit.placement_store.find(name) or {}).get("state", "unknown")

    def tickets(self) -> list[Ticket]:
        return BogusAdapter.tickets(str(self.kit.settings.store_options["file"]))


def expect_problem(response: JsonResponse, status: int, code: ErrorCode) -> dict[str, Any]:
    """Return the body of a response, which must be a complete problem document of this kind."""
    assert (response.status_code, response.mimetype) == (status, "application/problem+json"), response.text
    document: dict[str, Any] = response.json
    assert set(document) >= PROBLEM_MEMBERS
    assert document["errorCode"] == code
    assert document["type"] == f"{ERROR_TYPE_BASE}{code}"
    assert document["status"] == status
    assert document["errorCategory"] == code.kind.category
    assert len(document["traceId"]) == 32
    assert response.headers.get("Retry-After") == (str(document["retryAfter"]) if "retryAfter" in document else None)
    return document


def json_paths(document: dict[str, Any]) -> list[str]:
    return [error["jsonPath"] for error in document["errors"]]


def same_ticket(one: JsonResponse, other: JsonResponse) -> bool:
    """Return True if both responses are receipts of one ticket."""
    assert (one.status_code, other.status_code) == (200, 200), (one.text, other.text)
    return bool(one.json["partnerOrderId"] == other.json["partnerOrderId"])
