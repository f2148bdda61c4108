"""Random menus and carts against the slow reference."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.catalog import slow_price
from tests.catalog.strategies import MUTATIONS, Mutation, Wire, catalogs, moments, orders, windows
from webhook_kit.catalog.cart import CheckedCart, check_cart
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.hours import is_open
from webhook_kit.gett.models.catalog import AvailabilityWindow, ExternalCatalogSet
from webhook_kit.gett.models.order import ExternalOrder

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def checked(catalog: Wire, order: Wire, **known: Any) -> CheckedCart:
    menu = CompiledCatalog.compile(ExternalCatalogSet.model_validate(catalog))
    return check_cart(menu, ExternalOrder.model_validate(order), at=NOW, timezone=UTC_ZONE, **known)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_legal_cart_has_no_violations_and_costs_what_the_reference_says(data: st.DataObject) -> None:
    catalog = data.draw(catalogs())
    order = data.draw(orders(catalog))
    result = checked(catalog, order)
    assert result.violations == ()
    assert result.sub_total == slow_price.cart_price(catalog, order["cart"])
    assert [line.total for line in result.lines] == [
        slow_price.line_price(catalog, line) for line in order["cart"]["lineItems"]
    ]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_each_way_to_spoil_a_cart_is_found_where_it_is_and_nothing_else(
    mutation: Mutation, data: st.DataObject
) -> None:
    catalog = data.draw(catalogs())
    order = data.draw(orders(catalog))
    catalog, order = deepcopy(catalog), deepcopy(order)
    spoilt = mutation(data.draw, catalog, order)
    assume(spoilt is not None)
    assert spoilt is not None
    result = checked(catalog, order, **spoilt.known)
    found = [(error.code, error.json_path, error.item_id) for error in result.violations]
    assert sorted(found, key=str) == sorted(spoilt.expected, key=str)


@settings(max_examples=300, deadline=None)
@given(moment=moments(), week=st.none() | windows)
def test_hours_are_those_of_the_store_s_clock_also_when_it_changes(
    moment: tuple[str, datetime], week: list[Wire] | None
) -> None:
    zone, at = moment
    models = None if week is None else [AvailabilityWindow.model_validate(window) for window in week]
    assert is_open(models, at, ZoneInfo(zone)) == slow_price.is_open(week, at, zone)


@settings(max_examples=100, deadline=None)
@given(moment=moments(), weeks=st.lists(st.none() | windows, max_size=3))
def test_the_menu_knows_which_of_its_catalogs_are_open(
    moment: tuple[str, datetime], weeks: list[list[Wire] | None]
) -> None:
    zone, at = moment
    catalogs = {
        str(i): {"catalogId": str(i), "name": "", "sectionIds": [], "availability": week}
        for i, week in enumerate(weeks)
    }
    menu = CompiledCatalog.compile(ExternalCatalogSet.model_validate({"catalogs": catalogs}))
    opened = menu.open_catalogs(at, ZoneInfo(zone))
    assert [bool(opened >> i & 1) for i in range(len(weeks))] == [slow_price.is_open(week, at, zone) for week in weeks]
