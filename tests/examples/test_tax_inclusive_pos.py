"""The example in examples/tax_inclusive_pos passes the contract, and docs/cookbook.md quotes it."""

from __future__ import annotations

import hmac
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from textwrap import indent
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from tests.testing.contract.rest_pos import FakeRestPos
from webhook_kit import InvalidSignature, OrderChanged, OrderStatus, PosAdapter, Store
from webhook_kit.gett.models.money import cents
from webhook_kit.stores.adapters import load_adapter
from webhook_kit.testing.contract import AdapterContract, PosTicket, PosWebhook, TicketLine

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "tax_inclusive_pos"
sys.path.insert(0, str(EXAMPLE))

TaxInclusivePos: type[PosAdapter] = import_module("tax_inclusive_pos").TaxInclusivePos

SECRET = "one-secret-of-the-account"
SITE = "north"
BAG = Decimal("0.20")


class FakeTaxInclusivePos(FakeRestPos):
    """A POS with two sites. Its prices contain 20 % VAT."""

    def __init__(self) -> None:
        super().__init__()
        self.prices = {"soup": Decimal("4.80"), "pizza": Decimal("9.60")}
        self.tickets: list[dict[str, Any]] = []
        self.sold_out: set[str] = set()

    def get(self, path: list[str]) -> Any:
        match path:
            case ["sites", site, "items"]:
                wishes = {"pizza": ["no olives", "well done"]}
                return [
                    {"id": id, "name": id.capitalize(), "price": str(price), "wishes": wishes.get(id, [])}
                    for id, price in self.prices.items()
                ]
            case ["sites", site, "tickets"]:
                return [ticket for ticket in self.tickets if ticket["site"] == site]
        raise LookupError(path)

    def post(self, path: list[str], content: dict[str, Any]) -> Any:
        _, site, what = path
        ordered = [id for line in content["lines"] for id in (line["id"], *_wish_ids(line))]
        sold_out = [id for id in ordered if id in self.sold_out]
        if sold_out:
            return {"soldOut": sold_out}
        if what == "quotes":
            price = sum((self.prices[line["id"]] * line["count"] for line in content["lines"]), Decimal(0))
            vat = cents((price + BAG) / 6)
            return {
                "price": str(price),
                "fees": [{"name": "Bag", "price": str(BAG)}],
                "vat": [{"rate": "20", "amount": str(vat)}],
                "soldOut": [],
            }
        self.tickets.append({**content, "site": site, "id": f"{site}-{len(self.tickets) + 1}"})
        return {"id": self.tickets[-1]["id"], "soldOut": []}


class TestTaxInclusivePos(AdapterContract):
    pytestmark = pytest.mark.slow
    adapter = TaxInclusivePos
    place_order_request: ClassVar[str] = "POST /sites/north/tickets "
    steps: ClassVar[Sequence[str]] = ("preparing", "ready")
    pos_deadline = 1.0

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        with FakeTaxInclusivePos() as self.pos:
            yield self.make_store(base_url=self.pos.url, site=SITE, credentials={"secret": SECRET})

    def tickets(self, store: Store) -> Sequence[PosTicket]:
        return [
            PosTicket(
                ticket["id"],
                lines=[
                    TicketLine(line["id"], line["count"], [*map(TicketLine, _wish_ids(line))])
                    for line in ticket["lines"]
                ],
                total=Decimal(ticket["total"]),
                tip=Decimal(ticket["tip"]),
                instructions=ticket["note"],
            )
            for ticket in self.pos.tickets
        ]

    def advance(self, store: Store, order_id: str, step: str) -> PosWebhook:
        (ticket,) = (ticket for ticket in self.pos.tickets if ticket["id"] == order_id)
        return webhook({"site": SITE, "id": order_id, "ref": ticket["ref"], "step": step})

    def sell_out(self, store: Store, item_id: str) -> None:
        self.pos.sold_out.add(item_id)

    def set_price(self, store: Store, item_id: str, price: Decimal) -> None:
        self.pos.prices[item_id] = price


def _wish_ids(line: dict[str, Any]) -> list[str]:
    return [f"wish-{wish}" for wish in line["note"].split("; ") if wish]


def webhook(*events: dict[str, str], secret: str = SECRET) -> PosWebhook:
    body = json.dumps({"events": events}).encode()
    return PosWebhook({"x-signature": hmac.new(secret.encode(), body, sha256).hexdigest()}, body)


def site(name: str, secret: str = SECRET) -> Store:
    options = {"base_url": "http://pos.example", "site": name}
    return Store(
        name, str(uuid4()), "tax_inclusive_pos:TaxInclusivePos", options=options, credentials={"secret": secret}
    )


STORES = {name: site(name, secret) for name, secret in (("north", SECRET), ("south", SECRET), ("rival", "another"))}


def test_one_webhook_speaks_of_several_sites() -> None:
    events = [{"site": name, "id": "1", "ref": f"ref-{name}", "step": "ready"} for name in ("north", "south", "east")]
    sent = webhook(*events)
    assert TaxInclusivePos().parse_event(dict(sent.headers), sent.body, STORES) == [
        OrderChanged("north", "1", "ref-north", status=OrderStatus.READY),
        OrderChanged("south", "1", "ref-south", status=OrderStatus.READY),
    ]


def test_an_account_does_not_speak_of_the_sites_of_another() -> None:
    sent = webhook({"site": "north", "id": "1", "ref": "r", "step": "ready"}, secret="another")
    assert TaxInclusivePos().parse_event(dict(sent.headers), sent.body, STORES) == []
    forged = webhook({"site": "north", "id": "1", "ref": "r", "step": "ready"}, secret="guessed")
    with pytest.raises(InvalidSignature):
        TaxInclusivePos().parse_event(dict(forged.headers), forged.body, STORES)


def test_the_example_is_loaded_as_an_adapter() -> None:
    assert isinstance(load_adapter("tax_inclusive_pos:TaxInclusivePos"), TaxInclusivePos)


def test_the_cookbook_quotes_the_example() -> None:
    source = (EXAMPLE / "tax_inclusive_pos.py").read_text()
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "cookbook.md").read_text(), re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        assert any(indent(block, " " * depth) in source for depth in (0, 4, 8)), block
