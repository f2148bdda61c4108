"""A store of the sandbox: a menu, a partner's webhooks behind real HTTP, and a consumer's calls."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

from flask import Flask, Response, jsonify, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.sandbox.shared_schemas import KEY, STORE
from webhook_kit.catalog.build import simple_catalog, versioned
from webhook_kit.gett.models.catalog import ExternalItem
from webhook_kit.gett.signing import verify
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.testing.processes import PATIENCE

MENU = versioned(
    simple_catalog(
        {
            "Pizza": [ExternalItem(item_id="m", name="Margherita", base_price=9, description="San Marzano, basil")],
            "Curry": [ExternalItem(item_id="p", name="Phở Pad Thai", base_price=12)],
        }
    ),
    "main",
)


class Partner:
    """A partner's webhooks, which believe only what is authentic; ``answers`` come before the usual one."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.answers: list[Response] = []
        self.app = Flask("partner")
        self.app.post("/hooks/<webhook>")(self.receive)
        self.hold = threading.Event()
        self.hold.set()

    def receive(self, webhook: str) -> Response:
        body = request.get_json()
        self.seen.append((webhook, dict(request.headers), body))
        verify(
            request.get_data(), request.headers.get("Signature"), request.headers.get("Timestamp"), ["whsec_sandbox"]
        )
        self.hold.wait(PATIENCE)
        if self.answers:
            return self.answers.pop(0)
        if webhook in ("validateOrder", "validate"):
            return jsonify({**body, "amounts": AMOUNTS, "isValid": True, "errors": [], "validatedOrderToken": "t-1"})
        amounts = body.get("amounts") or AMOUNTS
        return jsonify({**body, "partnerOrderId": "p-7", "placedAt": "2026-03-04T12:00:00Z", "amounts": amounts})

    def names(self) -> list[str]:
        return [name for name, _, _ in self.seen]


AMOUNTS = {"subTotal": 9.0, "fees": 0.0, "promotions": 0.0, "taxes": 0.9, "adjustments": 0.0, "tip": 1.0, "total": 10.9}
ORDER: dict[str, Any] = {
    "cart": {
        "storeId": STORE,
        "catalogSetId": MENU.catalog_set_id,
        "lineItems": [{"lineItemId": "1", "itemId": "m", "quantity": 1}],
    },
    "fulfillmentType": "Pickup",
    "amounts": {"tip": 1.0},
    "customer": {"firstName": "Ada", "phone": "+15551234567", "partnerUserId": "u-1"},
}


class Consumer:
    """Orders with the partner's key, or in a session."""

    def __init__(self, client: FlaskClient, context: SandboxContext) -> None:
        self.client = client
        self.context = context
        self.headers = dict(KEY)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self.client.open(
            f"/v1/marketplace/{path}", method=method, json=body, headers={**self.headers, **headers}
        )

    def session(self, **given: Any) -> dict[str, Any]:
        created: dict[str, Any] = self.client.post("/v1/marketplace/session/create", json=given, headers=KEY).get_json()
        self.headers = {"Authorization": f"Bearer {created['token']}"}
        return created

    def validate(self, **changes: Any) -> TestResponse:
        return self.call("POST", "orders/validate", {**ORDER, **changes})

    def place(self, key: str | None = None, **changes: Any) -> TestResponse:
        body = {**ORDER, "payment": {"type": "gettPayment"}, "validatedOrderToken": "t-1", **changes}
        return self.call("POST", "orders/place", body, **{"Idempotency-Key": key or str(uuid4())})
