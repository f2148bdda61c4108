"""Drawn ways to place a validated order, and what the protocol demands of each: at the accepted price, or not at all."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tests.carts.oracle import Situation, judge, money

Wire = dict[str, Any]

WAYS = [
    *["with the token", "with the total", "with the token and no amounts", "with an expired token"],
    *["with another total", "without a price", "with the token of another cart", "with another tip"],
    *["after all prices rose", "after an item ran out", "twelve hours later"],
]
"""Ways to place an order: in those of the first line nothing has changed since the validation."""


@dataclass
class Placing:
    """An order as it is placed.

    :ivar situation: in which it is placed.
    :ivar order: as it is sent.
    :ivar meant: as it is judged: with the tip that its token implies.
    :ivar uses_token: it carries the token of its validation.
    :ivar refusal: code with which it is refused, whatever the cart; empty if the cart decides.
    :ivar accepted: the total that the customer has accepted.
    """

    way: str
    situation: Situation
    order: Wire
    meant: Wire
    uses_token: bool
    accepted: Decimal | None
    refusal: str = ""


def draw_placing(rng: Random, situation: Situation, order: Wire, way: str) -> Placing:
    """Draw how an order is placed that came in a validateOrder.

    :param way: one of :data:`WAYS`. An order that was refused has no token, and can only be placed with some total.
    """
    total = judge(situation, order).total
    order = deepcopy(order)
    placing = Placing(way, situation, order, order, "token" in way, accepted=total)
    # The members of the validation are kept; a tip without a total is no accepted price.
    amounts = dict(order.get("amounts") or {})
    if way == "with the total":
        placing.accepted = Decimal("1.00") if total is None else total
        order["amounts"] = {**amounts, "total": float(placing.accepted)}
    elif way == "with another total":
        assert total is not None
        placing.accepted = total + Decimal(rng.choice([1, -1, 100])) / 100
        order["amounts"] = {**amounts, "total": float(placing.accepted)}
    elif way == "without a price":
        placing.accepted = None
    elif way == "with the token and no amounts":
        placing.order = {name: value for name, value in order.items() if name != "amounts"}
    elif way == "with the token of another cart":
        line = rng.choice(order["cart"]["lineItems"])
        line["quantity"] = 2 if line.get("quantity") in (None, 1) else line["quantity"] - 1
        placing.refusal = "INVALID_REQUEST"
    elif way in ("with another tip", "after all prices rose", "after an item ran out", "twelve hours later"):
        placing.uses_token = True
        _change(rng, placing, amounts)
    return placing


def _change(rng: Random, placing: Placing, amounts: Wire) -> None:
    situation, order = placing.situation, placing.order
    if placing.way == "with another tip":
        order["amounts"] = {"tip": float(money(amounts.get("tip") or 0) + Decimal("0.01"))}
    elif placing.way == "after all prices rose":
        catalog = deepcopy(situation.catalog)
        for item in catalog["items"].values():
            item["basePrice"] = float(money(item["basePrice"]) + Decimal("0.01"))
        placing.situation = replace(situation, catalog=catalog)
    elif placing.way == "after an item ran out":
        gone = rng.choice(list(situation.catalog["items"]))
        placing.situation = replace(situation, unavailable={*situation.unavailable, gone})
    else:
        placing.situation = replace(situation, at=situation.at + timedelta(hours=12))


def refusals(placing: Placing) -> set[str]:
    """Return the codes of which one has to be the refusal's; empty if the order has to be placed (``gett-protocol.md §3``)."""
    if placing.refusal:
        return {placing.refusal}
    verdict = judge(placing.situation, placing.meant)
    codes = {complaint.code for complaint in verdict.complaints}
    if "STORE_CLOSED" in codes:  # it comes before all others
        return {"STORE_CLOSED"}
    if codes:
        return codes
    return set() if verdict.total == placing.accepted else {"ORDER_TOTAL_DIFFERENT"}
