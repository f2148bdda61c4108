"""Tests of the page's own rules against those of the kit: prices, bounds, opening hours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

from webhook_kit.catalog.cart import CheckedCart, check_cart
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.hours import is_open
from webhook_kit.gett.models.catalog import AvailabilityWindow, ExternalCatalogSet
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.server import serve

random = import_module("tests.catalog.strategies")  # strategies for catalogs and carts

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MODIFIER_MUTATIONS = ("foreign_group", "foreign_option", "required_group_absent", "too_few", "too_many", "repeated")
MUTATIONS = [mutation for mutation in random.MUTATIONS if mutation.__name__ in MODIFIER_MUTATIONS]
EXAMPLES = hypothesis_settings(max_examples=60)

Page = Callable[..., Any]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """``page("rules.linePrice(a.catalogSet, a.line)", catalogSet=…, line=…)``: an expression over the page's modules."""
    with serve(create_app(SandboxContext("key-1"))) as url:
        browser_page = browser.new_page()
        browser_page.goto(url)

        def evaluate(expression: str, **arguments: Any) -> Any:
            load = "await Promise.all(['rules', 'hours'].map((name) => import(`/__storefront/static/js/${name}.js`)))"
            return browser_page.evaluate(
                f"async (a) => {{ const [rules, hours] = {load}; return {expression}; }}", arguments
            )

        yield evaluate
        browser_page.close()


def check(catalog: Any, order: Any) -> CheckedCart:
    compiled = CompiledCatalog.compile(ExternalCatalogSet.model_validate(catalog))
    return check_cart(compiled, ExternalOrder.model_validate(order), at=NOON, timezone=UTC)


@EXAMPLES
@given(st.data())
def test_valid_cart_has_the_same_price_and_no_violations(page: Page, data: st.DataObject) -> None:
    catalog = data.draw(random.catalogs())
    order = data.draw(random.orders(catalog))
    expected = check(catalog, order)
    result = page(
        "a.lines.map((line) => [rules.linePrice(a.catalogSet, line), rules.violations(a.catalogSet, line)])",
        catalogSet=catalog,
        lines=order["cart"]["lineItems"],
    )
    assert expected.violations == ()
    assert result == [[int(line.total * 100), []] for line in expected.lines]


@EXAMPLES
@given(st.data())
def test_line_is_invalid_exactly_if_the_kit_rejects_it(page: Page, data: st.DataObject) -> None:
    catalog = data.draw(random.catalogs())
    order = data.draw(random.orders(catalog))
    if data.draw(st.sampled_from(MUTATIONS))(data.draw, catalog, order) is None:
        return
    lines = order["cart"]["lineItems"]
    wrong = {
        index
        for index in range(len(lines))
        for violation in check(catalog, order).violations
        if f"{violation.json_path}.".startswith((f"$.cart.lineItems[{index}].",))
    }
    result = page(
        "a.lines.map((line) => rules.violations(a.catalogSet, line).length > 0)", catalogSet=catalog, lines=lines
    )
    assert {index for index, bad in enumerate(result) if bad} == wrong


CLICKS = """(() => {
    const line = rules.newLine(a.catalogSet, a.item);
    const slots = (one) => rules.groupsOf(a.catalogSet, one.itemId).flatMap((group) => [
        ...group.itemIds.map((id) => [one, group, id]),
        ...rules.selectedIn(one, group.modifierGroupId).flatMap(slots),
    ]);
    for (const click of a.clicks) {
        const all = slots(line);
        if (!all.length) break;
        const [one, group, id] = all[click % all.length];
        if (!rules.canAdd(group, one, id)) continue;
        rules.setQuantity(a.catalogSet, one, group, id, rules.count(rules.selectedIn(one, group.modifierGroupId), id) + 1);
    }
    return [line, rules.linePrice(a.catalogSet, line)];
})()"""


@EXAMPLES
@given(st.data())
def test_no_sequence_of_clicks_exceeds_the_maximum(page: Page, data: st.DataObject) -> None:
    catalog = data.draw(random.catalogs())
    item_id = data.draw(st.sampled_from([key for one in catalog["sections"].values() for key in one["itemIds"]]))
    clicks = data.draw(st.lists(st.integers(0, 1000), min_size=5, max_size=25))
    line, cents = page(CLICKS, catalogSet=catalog, item=item_id, clicks=clicks)
    checked = check(catalog, {"cart": {"storeId": "store", "lineItems": [line]}, "fulfillmentType": "Pickup"})
    # The only violations left are required groups without a choice.
    for violation in checked.violations:
        assert violation.code == "MODIFIER_REQUIRED"
        assert "only once" not in violation.message
    for group, total in totals(catalog, line):
        assert total <= group["maximumAllowed"]
    if not checked.violations:
        assert cents == int(checked.sub_total * 100)


def totals(catalog: Any, line: Any) -> Iterator[tuple[Any, int]]:
    for entry in line["modifierGroups"]:
        chosen = entry["selectedModifiers"]
        yield catalog["modifierGroups"][entry["modifierGroupId"]], sum(one["quantity"] for one in chosen)
        for one in chosen:
            yield from totals(catalog, one)


@EXAMPLES
@given(random.windows, random.moments())
def test_same_hours_are_open_as_in_the_kit(page: Page, windows: list[Any], moment: tuple[str, datetime]) -> None:
    zone, at = moment
    expected = is_open([AvailabilityWindow.model_validate(window) for window in windows], at, ZoneInfo(zone))
    result = page(
        "hours.service(a.windows, new Date(a.at), a.zone)",
        windows=windows,
        zone=zone,
        at=at.isoformat(timespec="milliseconds"),
    )
    assert result["open"] is expected, result["text"]


@pytest.mark.parametrize(
    ("windows", "at", "text"),
    [
        ([("Wednesday", "11:00:00", "15:00:00")], "2026-03-04T12:00:00Z", "Served until 3:00 PM"),
        # The start is included, the end is not.
        ([("Wednesday", "12:00:00", "15:00:00")], "2026-03-04T12:00:00Z", "Served until 3:00 PM"),
        ([("Wednesday", "11:00:00", "12:00:00")], "2026-03-04T12:00:00Z", "Served Wednesday from 11:00 AM"),
        ([("Wednesday", "17:00:00", "00:00:00")], "2026-03-04T12:00:00Z", "Served from 5:00 PM"),
        ([("Thursday", "06:30:00", "11:00:00")], "2026-03-04T12:00:00Z", "Served tomorrow from 6:30 AM"),
        ([("Monday", "06:00:00", "11:00:00")], "2026-03-04T12:00:00Z", "Served Monday from 6:00 AM"),
        ([("Wednesday", "06:00:00", "11:00:00")], "2026-03-04T12:00:00Z", "Served Wednesday from 6:00 AM"),
        # Over midnight, and over the end of the week.
        (
            [("Saturday", "17:00:00", "00:00:00"), ("Sunday", "00:00:00", "02:00:00")],
            "2026-03-07T23:00:00Z",
            "Served until 2:00 AM",
        ),
        ([(day, "00:00:00", "00:00:00") for day in random.DAYS], "2026-03-04T12:00:00Z", "Served all day"),
        ([], "2026-03-04T12:00:00Z", "Not served at present"),
    ],
)
def test_text_of_opening_hours(page: Page, windows: list[tuple[str, str, str]], at: str, text: str) -> None:
    parsed = [{"dayOfWeek": day, "start": start, "end": end} for day, start, end in windows]
    assert page("hours.service(a.windows, new Date(a.at), 'UTC').text", windows=parsed, at=at) == text


@pytest.mark.parametrize("zone", [None, "Mars/Olympus"])
def test_without_a_zone_it_is_never_open(page: Page, zone: str | None) -> None:
    always = random.ALWAYS
    assert page("hours.service(a.windows, new Date(), a.zone).open", windows=always, zone=zone) is False
