"""Edges of the rules: sizes that are still within a bound, prices that are nearly suspicious, the longest of several windows."""

from __future__ import annotations

import pytest

from tests.catalog.cafe_catalog import Wire, group, item
from tests.catalog.check_cases import clean, findings, window
from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path


def of(wire: Wire, rule: CatalogRule) -> list[Finding]:
    return [finding for finding in findings(wire) if finding.rule is rule]


@pytest.mark.parametrize(("length", "too_long"), [(255, False), (256, True)])
def test_key_of_255_characters_is_not_too_long(length: int, too_long: bool) -> None:
    wire, key = clean(), "x" * length
    wire["items"][key] = item(key[:255], 1)
    assert bool(of(wire, CatalogRule.TOO_LONG)) is too_long
    assert (entity_path("items", key) == f"$.items['{key}']") is not too_long
    assert entity_path("items", "x" * 256) == f"$.items['{'x' * 255}…']"


@pytest.mark.parametrize("length", [20_000, 20_001])
def test_description_at_its_bound_is_not_too_long(length: int) -> None:
    wire = clean()
    wire["items"]["muffin"]["description"] = "x" * length
    assert bool(of(wire, CatalogRule.TOO_LONG)) is (length > 20_000)


def test_name_at_its_bound_is_not_reported_beside_one_beyond() -> None:
    wire = clean()
    wire["items"]["muffin"]["name"], wire["items"]["latte"]["name"] = "x" * 1_000, "x" * 1_001
    assert [finding.path for finding in of(wire, CatalogRule.TOO_LONG)] == ["$.items['latte'].name"]


@pytest.mark.parametrize("count", [1_000, 1_001])
def test_a_thousand_default_items_are_not_too_many(count: int) -> None:
    wire = clean()
    wire["modifierGroups"]["milk"]["defaultItems"] = [{"itemId": "whole", "quantity": 1}] * count
    assert bool(of(wire, CatalogRule.TOO_MANY)) is (count > 1_000)


def test_window_overlaps_the_longest_one_before_it() -> None:
    wire = clean()
    wire["catalogs"]["day"]["availability"] = [
        window("Monday", "08:00:00", "20:00:00"),
        window("Monday", "09:00:00", "10:00:00"),
        window("Monday", "11:00:00", "12:00:00"),
    ]
    paths = [finding.path for finding in of(wire, CatalogRule.WINDOWS_OVERLAP)]
    assert paths == [f"$.catalogs['day'].availability[{index}]" for index in (1, 2)]


def priced(*prices: float) -> Wire:
    wire = clean()
    wire["items"] = {f"i{index}": item(f"i{index}", price) for index, price in enumerate(prices)}
    wire["modifierGroups"] = {}
    wire["sections"]["hot"]["itemIds"] = list(wire["items"])
    wire["sections"]["bakery"]["itemIds"] = []
    return wire


@pytest.mark.parametrize(("prices", "number"), [((350, 225, 0), "2"), ((350, 225, 0.5), None), ((350, 225, 1), "3")])
def test_prices_in_cents_are_counted_without_free_items_and_are_all_whole(
    prices: tuple[float, ...], number: str | None
) -> None:
    found = of(priced(*prices), CatalogRule.PRICE_IN_CENTS)
    assert [finding.message.partition(" prices")[0] for finding in found] == ([f"all {number}"] if number else [])


@pytest.mark.parametrize("most", [0, 1])
def test_tier_after_the_last_selection_is_never_used(most: int) -> None:
    wire = clean()
    tiers = [{"offset": 0, "price": 0.5}, {"offset": 1, "price": 0.25}]
    wire["modifierGroups"]["syrup"] = group("syrup", ["vanilla", "caramel"], 0, most, tiers=tiers)
    assert [finding.path for finding in of(wire, CatalogRule.TIER_NEVER_USED)] == [
        "$.modifierGroups['syrup'].tiers[1].offset"
    ]
