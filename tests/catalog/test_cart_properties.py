"""Random catalogs and carts, compared with the reference implementation."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.carts import oracle
from tests.catalog.strategies import MUTATIONS, Mutation, Wire, catalogs, moments, orders, windows
from webhook_kit.catalog.cart import CheckedCart, check_cart
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.hours import is_open
from webhook_kit.gett.models.catalog import AvailabilityWindow, ExternalCatalogSet
from webhook_kit.gett.models.order import ExternalOrder

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def check(catalog: Wire, order: Wire, **options: Any) -> CheckedCart:
    compiled = CompiledCatalog.compile(ExternalCatalogSet.model_validate(catalog))
    return check_cart(compiled, ExternalOrder.model_validate(order), at=NOW, timezone=UTC_ZONE, **options)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_legal_cart_has_no_violations_and_the_reference_price(data: st.DataObject) -> None:
    catalog = data.draw(catalogs())
    order = data.draw(orders(catalog))
    result = check(catalog, order)
    assert result.violations == ()
    assert result.sub_total == oracle.cart_price(catalog, order["cart"])
    assert [line.total for line in result.lines] == [
        oracle.line_price(catalog, line) for line in order["cart"]["lineItems"]
    ]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_each_mutation_is_reported_at_its_path_and_nothing_else(mutation: Mutation, data: st.DataObject) -> None:
    catalog = data.draw(catalogs())
    order = data.draw(orders(catalog))
    catalog, order = deepcopy(catalog), deepcopy(order)
    mutated = mutation(data.draw, catalog, order)
    assume(mutated is not None)
    assert mutated is not None
    result = check(catalog, order, **mutated.options)
    violations = [(error.code, error.json_path, error.item_id) for error in result.violations]
    assert sorted(violations, key=str) == sorted(mutated.expected, key=str)


@settings(max_examples=300, deadline=None)
@given(moment=moments(), week=st.none() | windows)
def test_hours_match_the_reference_around_clock_changes(moment: tuple[str, datetime], week: list[Wire] | None) -> None:
    zone, at = moment
    models = None if week is None else [AvailabilityWindow.model_validate(window) for window in week]
    assert is_open(models, at, ZoneInfo(zone)) == oracle.is_open(week, at, zone)


@settings(max_examples=100, deadline=None)
@given(moment=moments(), weeks=st.lists(st.none() | windows, max_size=3))
def test_open_catalogs_match_the_reference(moment: tuple[str, datetime], weeks: list[list[Wire] | None]) -> None:
    zone, at = moment
    catalogs = {
        str(i): {"catalogId": str(i), "name": "", "sectionIds": [], "availability": week}
        for i, week in enumerate(weeks)
    }
    compiled = CompiledCatalog.compile(ExternalCatalogSet.model_validate({"catalogs": catalogs}))
    opened = compiled.open_catalogs(at, ZoneInfo(zone))
    assert [bool(opened >> i & 1) for i in range(len(weeks))] == [oracle.is_open(week, at, zone) for week in weeks]
