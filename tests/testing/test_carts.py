"""Carts drawn from a menu: legal as the kit sees it, and priced the same by two that know nothing of each other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from webhook_kit.catalog.cart import check_cart
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.testing.bogus_menu import bogus_menu
from webhook_kit.testing.carts import MISTAKES, Line, Orderable, carts, lines

EVENING = datetime(2026, 5, 6, 18, 30, tzinfo=UTC)
CATALOG = bogus_menu()
MENU = Orderable(CATALOG, at=EVENING)
COMPILED = CompiledCatalog.compile(CATALOG)


def check(cart: list[Line], **members: Any) -> Any:
    order = {"cart": {"storeId": "s", "lineItems": cart}, "fulfillmentType": "Pickup", **members}
    return check_cart(COMPILED, ExternalOrder.model_validate(order), at=EVENING, timezone=UTC)


@given(carts(MENU))
def test_what_is_drawn_is_legal_and_costs_what_the_kit_says(cart: list[Line]) -> None:
    checked = check(cart)
    assert checked.violations == ()
    assert checked.sub_total == MENU.price(cart)


def test_every_way_to_choose_something_is_legal_and_chooses_it() -> None:
    ways = dict(MENU.ways())
    assert set(MENU.dishes) < set(ways)
    for found, one in ways.items():
        assert check([one]).violations == ()
        assert found in {line["itemId"] for _, line in lines([one])}


@pytest.mark.parametrize("kind", MISTAKES)
def test_each_mistake_is_found_where_it_was_made(kind: str) -> None:
    mistake = MISTAKES[kind](MENU)
    assert mistake is not None
    found = {(violation.code, violation.json_path) for violation in check(mistake.cart, **mistake.more).violations}
    assert (mistake.code, mistake.path) in found


def test_what_is_left_out_is_in_no_cart_and_neither_is_what_needs_it() -> None:
    menu = Orderable(CATALOG, at=EVENING, leave_out=["small", "large", "cola"])
    assert not {"margherita", "cola"} & set(menu.dishes)
    assert "burger" in menu.dishes


def test_nothing_can_be_ordered_while_nothing_is_open() -> None:
    closed = CATALOG.model_copy(deep=True)
    for one in closed.catalogs.values():
        one.availability = None
    assert Orderable(closed, at=EVENING).dishes == []
