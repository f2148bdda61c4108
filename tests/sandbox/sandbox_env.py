"""Test environment of the sandbox: a store, a partner with webhooks, and a consumer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webhook_kit.catalog.build import simple_catalog, versioned
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.gett.signing import verify
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.testing.processes import PATIENCE

KEY = {"Authorization": "Bearer key-1"}
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
STORE = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"

Call = Callable[..., TestResponse]

CATALOG = versioned(
    simple_catalog(
        {
            "Pizza": [ExternalItem(item_id="m", name="Margherita", base_price=9, description="San Marzano, basil")],
            "Curry": [ExternalItem(item_id="p", name="Phở Pad Thai", base_price=12)],
        }
    ),
    "main",
)


class FakePartner:
    """Webhooks of a partner that verify signatures; queued ``responses`` replace the usual response."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.responses: list[Response] = []
        self.app = Flask("partner")
        self.app.post("/hooks/<webhook>")(self.receive)
        self.may_answer = threading.Event()
        self.may_answer.set()

    def receive(self, webhook: str) -> Response:
        body = request.get_json()
        self.received.append((webhook, dict(request.headers), body))
        verify(
            request.get_data(), request.headers.get("Signature"), request.headers.get("Timestamp"), ["whsec_sandbox"]
        )
        self.may_answer.wait(PATIENCE)
        if self.responses:
            return self.responses.pop(0)
        if webhook in ("validateOrder", "validate"):
            return jsonify({**body, "amounts": AMOUNTS, "isValid": True, "errors": [], "validatedOrderToken": "t-1"})
        amounts = body.get("amounts") or AMOUNTS
        return jsonify({**body, "partnerOrderId": "p-7", "placedAt": "2026-03-04T12:00:00Z", "amounts": amounts})

    def received_names(self) -> list[str]:
        return [name for name, _, _ in self.received]


AMOUNTS = {"subTotal": 9.0, "fees": 0.0, "promotions": 0.0, "taxes": 0.9, "adjustments": 0.0, "tip": 1.0, "total": 10.9}
ORDER: dict[str, Any] = {
    "cart": {
        "storeId": STORE,
        "catalogSetId": CATALOG.catalog_set_id,
        "lineItems": [{"lineItemId": "1", "itemId": "m", "quantity": 1}],
    },
    "fulfillmentType": "Pickup",
    "amounts": {"tip": 1.0},
    "customer": {
        "firstName": "Ada",
        "lastName": "L",
        "email": "ada@x.co",
        "phone": "+15551234567",
        "partnerUserId": "u-1",
    },
}


class Consumer:
    """A consumer who orders with the partner's key, or in a session."""

    def __init__(self, client: FlaskClient, context: SandboxContext) -> None:
        self.client = client
        self.context = context
        self.headers = dict(KEY)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.client.open(
            f"/v1/marketplace/{path}", method=method, json=body, headers={**self.headers, **headers}
        )

    def session(self, **identity: Any) -> dict[str, Any]:
        created: dict[str, Any] = self.client.post(
            "/v1/marketplace/session/create", json=identity, headers=KEY
        ).get_json()
        self.headers = {"Authorization": f"Bearer {created['token']}"}
        return created

    def validate(self, **changes: Any) -> TestResponse:
        return self.call("POST", "orders/validate", {**ORDER, **changes})

    def place(self, key: str | None = None, **changes: Any) -> TestResponse:
        body = {**ORDER, "payment": {"type": "gettPayment"}, "validatedOrderToken": "t-1", **changes}
        return self.call("POST", "orders/place", body, **{"Idempotency-Key": key or str(uuid4())})


def check_problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.mimetype) == (status, "application/problem+json"), response.text
    problem: dict[str, Any] = response.get_json(force=True)
    assert problem["status"] == status
    assert problem["errorCode"] == code
    assert problem["type"] == f"https://developer.gett-tech.com/errors/{code}"
    assert {"title", "detail", "errorCategory", "retryable", "requestId", "timestamp", "traceId"} <= set(problem)
    return problem


def jsonify_response(body: Any, status: int) -> Response:
    import json

    return Response(json.dumps(body), status, mimetype="application/problem+json")
