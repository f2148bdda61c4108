"""The POS in Node passes the contract, with and without native idempotency."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

from tests.node_pos import node_pos
from webhook_kit import Store
from webhook_kit.testing.contract import AdapterContract, PosTicket, PosWebhook, TicketLine
from webhook_kit_http import HttpAdapter, HttpNativeAdapter

SECRET = "one-long-secret-of-the-store"


class NodeContract(AdapterContract):
    place_order_request = "POST /orders "
    settings: ClassVar[dict[str, str]] = {}

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        store = self.make_store(credentials={"secret": SECRET})
        with node_pos(self.directory, store.id, SECRET, **self.settings) as self.pos:
            yield replace(store, options={"base_url": self.pos.url})

    def tickets(self, store: Store) -> Sequence[PosTicket]:
        return [_ticket(ticket) for ticket in self.pos.tickets()]

    def advance(self, store: Store, order_id: str, step: str) -> PosWebhook:
        return self.pos.advance(order_id, step)

    def sell_out(self, store: Store, item_id: str) -> PosWebhook:
        return self.pos.sell_out(item_id)

    def set_price(self, store: Store, item_id: str, price: Decimal) -> None:
        self.pos.set_price(item_id, price)

    def close_store(self, store: Store) -> None:
        self.pos.close()


class TestNodePos(NodeContract):
    """It makes a ticket of every order that it receives, also for a key that has one."""

    adapter = HttpAdapter
    settings: ClassVar[dict[str, str]] = {"IGNORE_KEYS": "1"}


class TestNodePosWithNativeIdempotency(NodeContract):
    adapter = HttpNativeAdapter


def _ticket(ticket: dict[str, Any]) -> PosTicket:
    return PosTicket(
        ticket["id"],
        lines=[_line(line) for line in ticket["cart"]["lineItems"]],
        total=Decimal(str(ticket["amounts"]["total"])),
        tip=Decimal(str(ticket["amounts"]["tip"])),
        instructions=(ticket.get("deliveryInfo") or {}).get("instructions"),
        cancelled=ticket.get("state") == "cancelled",
    )


def _line(line: dict[str, Any]) -> TicketLine:
    options = [each for group in line.get("modifierGroups", []) for each in group["selectedModifiers"]]
    return TicketLine(line["itemId"], line.get("quantity", 1), [_line(each) for each in options])
