"""The drawn carts: each is known by a seed and a number, and is the same wherever it is drawn again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.carts.damage import DAMAGES, malformed, prices_beyond_sense
from tests.carts.drawn_catalogs import ZONES, draw_catalog, draw_moment
from tests.carts.drawn_orders import draw_order
from tests.carts.oracle import Situation

Wire = dict[str, Any]

CARTS_PER_CATALOG = 20
"""Carts of consecutive numbers share a catalog, because a catalog takes longer to draw and to compile than a cart."""

_OFFERED = [None, None, None, frozenset({"Pickup"}), frozenset({"Pickup", "DeliveryByMerchant"})]


@dataclass(frozen=True)
class Case:
    """A drawn order, and what it is judged by."""

    seed: int
    number: int
    situation: Situation
    order: Wire


def draw_cases(seed: int, numbers: range) -> Iterator[Case]:
    """Draw the carts of these numbers."""
    catalog: Wire = {}
    drawn = -1
    for number in numbers:
        if number // CARTS_PER_CATALOG != drawn:
            drawn = number // CARTS_PER_CATALOG
            catalog = draw_catalog(Random(f"catalog {seed} {drawn}"))
        yield _draw_case(seed, number, catalog)


def _draw_case(seed: int, number: int, catalog: Wire) -> Case:
    rng = Random(f"cart {seed} {number}")
    zone = rng.choice(list(ZONES))
    gone = rng.sample(list(catalog["items"]), rng.randint(1, 2)) if rng.random() < 0.15 else []
    situation = Situation(catalog, draw_moment(rng, catalog, zone), zone, frozenset(gone), rng.choice(_OFFERED))
    order = draw_order(rng, situation)
    for _ in range(rng.choice([0, 0, 0, 0, 1, 1, 1, 2, 3])):
        if order["cart"]["lineItems"]:
            situation = rng.choice(DAMAGES)(rng, situation, order) or situation
    if rng.random() < 0.015:
        situation = prices_beyond_sense(rng, situation, order)
    if order["cart"]["lineItems"] and rng.random() < 0.05:
        for _ in range(rng.randint(1, 2)):
            if isinstance(order["cart"]["lineItems"], list):
                malformed(rng, situation, order)
    return Case(seed, number, situation, order)
