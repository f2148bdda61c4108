"""STEP 5: the contract suite, run against your POS or a faithful fake of it.

`pytest` runs about fifty tests with a real kit and a real Redis. A failed test reports the harm that it prevents and the remedy.
docs/writing-an-adapter.md of webhook_kit describes every hook of the suite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from corner_pos import CornerPos
from corner_pos.placeholder import PlaceholderPos
from webhook_kit import Store
from webhook_kit.testing.contract import AdapterContract, PosTicket, TicketLine


class TestCornerPos(AdapterContract):
    adapter = CornerPos

    # A store at your POS, open for orders, for one test: start a fake POS here, or use a sandbox of your vendor.
    #     yield self.make_store(base_url=fake.url, credentials={"token": fake.token})
    # With a plain HTTP base_url the suite loses requests and responses on the wire.
    def open_store(self) -> AbstractContextManager[Store]:
        file = str(self.directory / "pos.sqlite")
        return nullcontext(self.make_store(file=file, credentials={"token": "placeholder-token"}))

    # The tickets of the POS, read without the adapter. A value of None is not compared.
    def tickets(self, store: Store) -> Sequence[PosTicket]:
        return [
            PosTicket(
                ticket.id,
                lines=[_line(line) for line in ticket.order["cart"]["lineItems"]],
                total=_money(ticket.order["amounts"]["total"]),
                tip=_money(ticket.order["amounts"]["tip"]),
                instructions=(ticket.order.get("deliveryInfo") or {}).get("instructions"),
            )
            for ticket in _pos(store).tickets(store.id)
        ]

    # Let every call of the POS fail. Delete it when base_url is plain HTTP: the suite then lets requests fail on the wire.
    @contextmanager
    def down(self, store: Store) -> Iterator[None]:
        with patch.object(PlaceholderPos, "_open", side_effect=ConnectionError("the POS is down")):
            yield

    # Each further hook enables more tests; tests without their hook are skipped, and the report shows it.
    def sell_out(self, store: Store, item_id: str) -> None:
        _pos(store).sell_out(item_id)

    def set_price(self, store: Store, item_id: str, price: Decimal) -> None:
        _pos(store).set_price(item_id, price)


def _pos(store: Store) -> PlaceholderPos:
    return PlaceholderPos(store.options["file"])


def _line(line: dict[str, Any]) -> TicketLine:
    options = [each for group in line.get("modifierGroups", []) for each in group["selectedModifiers"]]
    return TicketLine(line["itemId"], line.get("quantity", 1), [_line(each) for each in options])


def _money(amount: float) -> Decimal:
    return Decimal(str(amount))
