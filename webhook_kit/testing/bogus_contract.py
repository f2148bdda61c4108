"""Contract tests of the fake POS: an example of a vendor's test module that defines every hook."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from webhook_kit.adapter import Store, StoreState
from webhook_kit.testing.bogus import BogusAdapter, Ticket
from webhook_kit.testing.bogus_products import OUTCOMES
from webhook_kit.testing.bogus_tickets import Tickets
from webhook_kit.testing.contract import AdapterContract, PosTicket, PosWebhook, TicketLine

__all__ = ["BogusContract"]

_LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


class BogusContract(AdapterContract):
    """Contract tests of the bogus adapter; subclasses test its variants."""

    adapter = BogusAdapter
    leave_out = OUTCOMES
    signs_events = False

    def open_store(self) -> AbstractContextManager[Store]:
        """Provide a store with a separate file."""
        file = str(self.directory / "pos.sqlite")
        return nullcontext(self.make_store(credentials={"token": "bogus-credential-90125"}, file=file, tax=True))

    def tickets(self, store: Store) -> Sequence[PosTicket]:
        """Return the tickets of the file."""
        states = {order.id: order.state for order in Tickets(_file(store)).changed_since(store.id, _LONG_AGO)}
        return [
            _ticket(ticket, cancelled=states.get(ticket.id) == "cancelled")
            for ticket in BogusAdapter.tickets(_file(store))
        ]

    def sell_out(self, store: Store, item_id: str) -> None:
        """Make an item unavailable."""
        BogusAdapter.sell_out(_file(store), item_id)

    def set_price(self, store: Store, item_id: str, price: Decimal) -> None:
        """Change a price."""
        BogusAdapter.set_price(_file(store), item_id, price)

    def close_store(self, store: Store) -> None:
        """Close the store."""
        BogusAdapter.set_state(_file(store), store.id, StoreState.CLOSED)

    @contextmanager
    def down(self, store: Store) -> Iterator[None]:
        """Let every call fail."""
        BogusAdapter.set_reachable(_file(store), reachable=False)
        try:
            yield
        finally:
            BogusAdapter.set_reachable(_file(store), reachable=True)

    def advance(self, store: Store, order_id: str, step: str) -> PosWebhook:
        """Advance a ticket and return the webhook about it."""
        BogusAdapter.advance(_file(store), order_id, step)
        field = "state" if step in ("completed", "cancelled") else "status"
        event = {"type": "order", "store_id": store.id, "order_id": order_id, field: step}
        body = json.dumps({"events": [event]}).encode()
        return PosWebhook({"x-bogus-secret": "bogus-secret", "content-type": "application/json"}, body)


def _file(store: Store) -> str:
    return str(store.options["file"])


def _ticket(ticket: Ticket, *, cancelled: bool) -> PosTicket:
    order = ticket.order
    amounts, delivery = order.get("amounts") or {}, order.get("deliveryInfo") or {}
    return PosTicket(
        ticket.id,
        lines=[_line(line) for line in order["cart"]["lineItems"]],
        total=_money(amounts.get("total")),
        tip=_money(amounts.get("tip")),
        instructions=delivery.get("instructions"),
        cancelled=cancelled,
    )


def _line(line: dict[str, Any]) -> TicketLine:
    options = [each for group in line.get("modifierGroups", []) for each in group["selectedModifiers"]]
    return TicketLine(line["itemId"], line.get("quantity", 1), [_line(each) for each in options])


def _money(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
