"""STEP 4: the contract suite, run against your POS or a faithful fake of it.

`pytest` runs some forty tests through a real kit and a real Redis. What does not hold is shown with what it protects and what to
do. docs/writing-an-adapter.md of webhook_kit lists everything that can be told to the suite.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from typing import Any

from corner_pos import CornerPos
from corner_pos.placeholder import Till
from webhook_kit.adapter import Store
from webhook_kit.testing.contract import AdapterContract, PosTicket, TicketLine


class TestCornerPos(AdapterContract):
    adapter = CornerPos

    # A store at your POS, open for orders, for the length of one test: start a fake here, or name a sandbox of your vendor's.
    #     yield self.make_store(base_url=fake.url, credentials={"token": fake.token})
    # With a plain HTTP base_url the suite loses requests and replies on the wire.
    def open_store(self) -> AbstractContextManager[Store]:
        return nullcontext(self.make_store(file=str(self.directory / "till.sqlite")))

    # What the POS has, read past the adapter. What a ticket does not tell is None, and is not compared.
    def tickets(self, store: Store) -> Sequence[PosTicket]:
        return [
            PosTicket(
                ticket.id,
                lines=[_line(line) for line in ticket.order["cart"]["lineItems"]],
                total=_money(ticket.order["amounts"]["total"]),
                tip=_money(ticket.order["amounts"]["tip"]),
                instructions=(ticket.order.get("deliveryInfo") or {}).get("instructions"),
            )
            for ticket in _till(store).tickets(store.id)
        ]

    # Each further hook enables more tests. Without it they are skipped, and the report gives the reason.
    def sell_out(self, store: Store, item_id: str) -> None:
        _till(store).sell_out(item_id)

    def set_price(self, store: Store, item_id: str, price: Decimal) -> None:
        _till(store).set_price(item_id, price)


def _till(store: Store) -> Till:
    return Till(store.options["file"])


def _line(line: dict[str, Any]) -> TicketLine:
    chosen = [each for group in line.get("modifierGroups", []) for each in group["selectedModifiers"]]
    return TicketLine(line["itemId"], line.get("quantity", 1), [_line(each) for each in chosen])


def _money(amount: float) -> Decimal:
    return Decimal(str(amount))
