"""Client of a POS for its webhooks, and an order that is being placed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from werkzeug.test import TestResponse

from webhook_kit.adapter import (
    Placed,
    PlacedStatus,
)
from webhook_kit.app import create_app
from webhook_kit.gett.models.order import Amounts, Cart, LineItem, PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.claims import Claim

__all__ = ["SECRET", "OrderInPlacement", "order", "post", "send"]

SECRET = {"x-bogus-secret": "bogus-secret"}


def post(kit: Kit, body: Any, adapter: str = "bogus", headers: Mapping[str, str] = SECRET) -> TestResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return create_app(kit).test_client().post(f"/pos/{adapter}/events", data=raw, headers=dict(headers))


def send(kit: Kit, *events: dict[str, Any]) -> list[str]:
    answer = post(kit, {"events": list(events)})
    assert answer.status_code == 200, answer.text
    outcomes: list[str] = json.loads(answer.text)
    return outcomes


def order(status: str | None = None, **members: Any) -> dict[str, Any]:
    return {"type": "order", "store_id": "main", "status": status, **members}


class OrderInPlacement:
    """An order whose placement has begun."""

    def __init__(self, kit: Kit, *, gett_id: str | None = None, store_id: str = "main") -> None:
        self.kit = kit
        self.ref = f"o-{uuid4()}"
        self.pos_id = f"pos-{uuid4()}"
        self.order = PlaceOrderRequest(
            cart=Cart(store_id="s", line_items=[LineItem(item_id="cola")]), fulfillment_type="Pickup", amounts=Amounts()
        )
        gett_id = self.ref if gett_id is None else gett_id
        claim = kit.placement_store.claim(key=self.ref, gett_id=gett_id, store_id=store_id, fingerprint="fp")
        assert isinstance(claim, Claim)
        self.claim = claim
        assert kit.placement_store.record_call(claim, self.order.to_json())

    def placed(self) -> OrderInPlacement:
        self.kit.placement.record(self.claim, self.order, Placed(self.pos_id, PlacedStatus.PENDING))
        return self

    @property
    def lane(self) -> str:
        return lane_name(Kind.ORDER, self.ref)

    @property
    def appended(self) -> list[str]:
        bodies = [note["body"] for note in self.kit.lanes.history(self.lane) if note["event"] == "appended"]
        return [body.get("status") or body["state"] for body in bodies]
