"""Minimum prices, compared with an exhaustive search."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations, combinations_with_replacement, product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.carts import oracle
from tests.catalog.cafe_catalog import Wire, group, item
from tests.catalog.strategies import catalogs
from webhook_kit.catalog.cents import from_cents
from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.catalog.minimum_price import MinimumPrices
from webhook_kit.gett.models.catalog import ExternalCatalogSet


def configurations(catalog: Wire, item_id: str) -> Iterator[Wire]:
    """Yield every legal configuration of an item, as a line."""
    keys = catalog["items"][item_id]["modifierGroupIds"]
    for chosen in product(*(list(choices(catalog, catalog["modifierGroups"][key])) for key in keys)):
        entries = [
            {"modifierGroupId": key, "selectedModifiers": list(selected)}
            for key, selected in zip(keys, chosen, strict=True)
        ]
        yield {"itemId": item_id, "quantity": 1, "modifierGroups": entries}


def choices(catalog: Wire, group: Wire) -> Iterator[tuple[Wire, ...]]:
    pick: Any = combinations_with_replacement if group["enableDuplicateItems"] else combinations
    # Only the cheapest configuration of an option can be part of the cheapest configuration of the item.
    options = [best for option in group["itemIds"] if (best := cheapest(catalog, option)) is not None]
    for count in range(group["minimumAllowed"], group["maximumAllowed"] + 1):
        yield from pick(options, count)


def cheapest(catalog: Wire, item_id: str) -> Wire | None:
    return min(configurations(catalog, item_id), key=lambda line: oracle.line_price(catalog, line), default=None)


@settings(max_examples=150, deadline=None)
@given(catalogs())
def test_minimum_price_is_that_of_the_cheapest_configuration(catalog: Wire) -> None:
    computed = MinimumPrices(CatalogIndex(ExternalCatalogSet.model_validate(catalog)))
    for item_id in catalog["items"]:
        minimum = computed.price(item_id)
        best = cheapest(catalog, item_id)
        assert best is not None
        assert minimum is not None
        assert from_cents(minimum) == oracle.line_price(catalog, best)


def test_item_without_a_legal_choice_has_no_minimum_price() -> None:
    wire = {
        "items": {"burger": item("burger", 5, "side"), "fries": item("fries", 1, "dip")},
        "modifierGroups": {"side": group("side", ["fries"], 1, 1), "dip": group("dip", [], 1, 1)},
    }
    computed = MinimumPrices(CatalogIndex(ExternalCatalogSet.model_validate(wire)))
    assert computed.price("fries") is None
    assert computed.price("burger") is None


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_huge_bounds_take_no_time(least: int, most: int) -> None:
    most = max(least, most)
    tiers = [{"offset": 0, "price": 1}, {"offset": 10, "price": -0.5}]
    wire = {
        "items": {"burger": item("burger", 5, "many"), "one": item("one", 2)},
        "modifierGroups": {"many": group("many", ["one"], least, most, enableDuplicateItems=True, tiers=tiers)},
    }
    minimum = MinimumPrices(CatalogIndex(ExternalCatalogSet.model_validate(wire))).price("burger")
    assert minimum is not None

    def price(count: int) -> Decimal:
        return Decimal(5) + min(count, 10) - max(0, count - 10) * Decimal("0.5")

    assert from_cents(minimum) == min(price(least), price(most))
