"""The cheapest configuration against the cheapest of all that a slow search can try."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations, combinations_with_replacement, product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog import slow_price
from tests.catalog.menus import Wire, group, item
from tests.catalog.strategies import catalogs
from webhook_kit.catalog.cents import from_cents
from webhook_kit.catalog.minimum_price import MinimumPrices
from webhook_kit.gett.models.catalog import ExternalCatalogSet


def configurations(catalog: Wire, item_id: str) -> Iterator[Wire]:
    """Every legal configuration of an item, as a line."""
    keys = catalog["items"][item_id]["modifierGroupIds"]
    for chosen in product(*(list(choices(catalog, catalog["modifierGroups"][key])) for key in keys)):
        entries = [
            {"modifierGroupId": key, "selectedModifiers": list(selected)}
            for key, selected in zip(keys, chosen, strict=True)
        ]
        yield {"itemId": item_id, "quantity": 1, "modifierGroups": entries}


def choices(catalog: Wire, group: Wire) -> Iterator[tuple[Wire, ...]]:
    pick: Any = combinations_with_replacement if group["enableDuplicateItems"] else combinations
    # Of the ways to configure an option only the cheapest can be part of the cheapest whole.
    options = [best for option in group["itemIds"] if (best := cheapest(catalog, option)) is not None]
    for count in range(group["minimumAllowed"], group["maximumAllowed"] + 1):
        yield from pick(options, count)


def cheapest(catalog: Wire, item_id: str) -> Wire | None:
    return min(configurations(catalog, item_id), key=lambda line: slow_price.line_price(catalog, line), default=None)


@settings(max_examples=150, deadline=None)
@given(catalogs())
def test_no_configuration_is_cheaper_and_one_costs_just_that(catalog: Wire) -> None:
    computed = MinimumPrices(ExternalCatalogSet.model_validate(catalog))
    for item_id in catalog["items"]:
        found = computed.cheapest(item_id)
        best = cheapest(catalog, item_id)
        assert best is not None
        assert found is not None
        assert from_cents(found) == slow_price.line_price(catalog, best)


def test_an_item_without_a_legal_choice_has_no_configuration() -> None:
    wire = {
        "items": {"dish": item("dish", 5, "side"), "fries": item("fries", 1, "dip")},
        "modifierGroups": {"side": group("side", ["fries"], 1, 1), "dip": group("dip", [], 1, 1)},
    }
    computed = MinimumPrices(ExternalCatalogSet.model_validate(wire))
    assert computed.cheapest("fries") is None
    assert computed.cheapest("dish") is None


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_bounds_without_measure_are_no_work(least: int, most: int) -> None:
    most = max(least, most)
    tiers = [{"offset": 0, "price": 1}, {"offset": 10, "price": -0.5}]
    wire = {
        "items": {"dish": item("dish", 5, "many"), "one": item("one", 2)},
        "modifierGroups": {"many": group("many", ["one"], least, most, enableDuplicateItems=True, tiers=tiers)},
    }
    found = MinimumPrices(ExternalCatalogSet.model_validate(wire)).cheapest("dish")
    assert found is not None

    def of(count: int) -> Decimal:
        return Decimal(5) + min(count, 10) - max(0, count - 10) * Decimal("0.5")

    assert from_cents(found) == min(of(least), of(most))
