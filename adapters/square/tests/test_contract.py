"""The contract suite of webhook_kit, against a fake Square."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

from tests.fake_square import FakeSquare
from tests.square_messages import LOCATION, SIGNATURE_KEY, TOKEN, WEBHOOK_URL, Json
from tests.square_seller import fill_catalog
from webhook_kit import Store
from webhook_kit.testing.contract import AdapterContract, PosTicket, PosWebhook, TicketLine
from webhook_kit_square import SquareAdapter

STEPS = {"preparing": "RESERVED", "ready": "PREPARED", "completed": "COMPLETED"}


class TestSquare(AdapterContract):
    adapter = SquareAdapter
    place_order_request: ClassVar[str] = "POST /v2/payments "  # only a paid order is a ticket

    square: FakeSquare

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        with FakeSquare() as self.square:
            fill_catalog(self.square)
            credentials = {"token": TOKEN, "webhook_signature_key": SIGNATURE_KEY}
            store = self.make_store(credentials=credentials, base_url=self.square.url, webhook_url=WEBHOOK_URL)
            yield replace(store, id=LOCATION, adapter="square")

    def tickets(self, store: Store) -> Sequence[PosTicket]:
        return [self._ticket(order) for order in self.square.orders.values() if order.get("tenders")]

    def sell_out(self, store: Store, item_id: str) -> PosWebhook | None:
        for each in self._sellable(item_id):
            self.square.sell_out(each)
        return None

    def set_price(self, store: Store, item_id: str, price: Decimal) -> None:
        for each in self._sellable(item_id):
            self.square.set_price(each, int(price * 100))

    def close_store(self, store: Store) -> None:
        self.square.location["status"] = "INACTIVE"

    def advance(self, store: Store, order_id: str, step: str) -> PosWebhook | None:
        return PosWebhook(*self.square.advance(order_id, STEPS[step]))

    def _sellable(self, item_id: str) -> list[str]:
        item = self.square.catalog.get(item_id)
        return [each["id"] for each in item["item_data"]["variations"]] if item else [item_id]

    def _ticket(self, order: Json) -> PosTicket:
        (fulfillment,) = order["fulfillments"]
        details = fulfillment.get("pickup_details") or fulfillment["delivery_details"]
        return PosTicket(
            id=order["id"],
            lines=[self._line(line) for line in order["line_items"]],
            total=Decimal(order["total_money"]["amount"]) / 100,
            tip=Decimal(order["total_tip_money"]["amount"]) / 100,
            instructions=details["note"],
            cancelled=fulfillment["state"] == "CANCELED",
        )

    def _line(self, line: Json) -> TicketLine:
        modifiers = [TicketLine(each["catalog_object_id"], int(each["quantity"])) for each in line["modifiers"]]
        variation, quantity = line["catalog_object_id"], int(line["quantity"])
        for item in self.square.catalog.values():
            variations = [each["id"] for each in item.get("item_data", {}).get("variations", [])]
            if variation in variations and len(variations) > 1:
                return TicketLine(item["id"], quantity, [TicketLine(variation), *modifiers])
        return TicketLine(variation, quantity, modifiers)
