"""Valid carts: the kit accepts them and computes the same price."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given

from webhook_kit.catalog.cart import check_cart
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.testing.bogus_catalog import bogus_catalog
from webhook_kit.testing.carts import carts
from webhook_kit.testing.orderable import CartLine, OrderableCatalog, walk_lines

EVENING = datetime(2026, 5, 6, 18, 30, tzinfo=UTC)
CATALOG = bogus_catalog()
ORDERABLE = OrderableCatalog(CATALOG, at=EVENING)
COMPILED = CompiledCatalog.compile(CATALOG)


def check(cart: list[CartLine], **members: Any) -> Any:
    order = {"cart": {"storeId": "s", "lineItems": cart}, "fulfillmentType": "Pickup", **members}
    return check_cart(COMPILED, ExternalOrder.model_validate(order), at=EVENING, timezone=UTC)


@given(carts(ORDERABLE))
def test_drawn_carts_are_valid_and_the_kit_computes_the_same_price(cart: list[CartLine]) -> None:
    checked = check(cart)
    assert checked.violations == ()
    assert checked.sub_total == ORDERABLE.price(cart)


def test_example_lines_are_valid_and_contain_their_item() -> None:
    examples = dict(ORDERABLE.example_lines())
    assert set(ORDERABLE.item_ids) < set(examples)
    for item_id, example in examples.items():
        assert check([example]).violations == ()
        assert item_id in {line["itemId"] for _, line in walk_lines([example])}


def test_left_out_items_and_items_that_require_them_are_not_orderable() -> None:
    orderable = OrderableCatalog(CATALOG, at=EVENING, leave_out=["small", "large", "cola"])
    assert not {"margherita", "cola"} & set(orderable.item_ids)
    assert "burger" in orderable.item_ids


def test_nothing_is_orderable_outside_opening_hours() -> None:
    closed = CATALOG.model_copy(deep=True)
    for catalog in closed.catalogs.values():
        catalog.availability = None
    assert OrderableCatalog(closed, at=EVENING).item_ids == []
