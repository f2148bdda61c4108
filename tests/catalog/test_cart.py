"""Rules of a cart one by one, and prices that were calculated by hand."""

from __future__ import annotations

import decimal
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.catalog.cafe_catalog import Wire, cafe, compiled, daily, entry, item, latte, line, order
from webhook_kit.catalog.cart import CheckedCart, PricedLine, check_cart
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.gett.models.order import ValidationError

BREAKFAST = datetime(2026, 7, 1, 8, tzinfo=UTC)
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
NIGHT = datetime(2026, 7, 1, 23, tzinfo=UTC)
ADDRESS = {"address1": "1 Main St", "city": "New York", "state": "NY", "postalCode": "10001"}
MILK = "$.cart.lineItems[0].modifierGroups[0]"


def check(*lines: Wire, wire: Wire | None = None, at: datetime = BREAKFAST, **options: Any) -> CheckedCart:
    return check_cart(compiled(wire or cafe()), order(*lines), at=at, timezone=UTC, **options)


def only_violation(result: CheckedCart) -> ValidationError:
    (violation,) = result.violations
    return violation


def summary(violation: ValidationError) -> tuple[str, str | None, str | None]:
    return violation.code, violation.json_path, violation.item_id


# -- price -------------------------------------------------------------------------------------------------------------


def test_a_line_is_quantity_times_base_price_and_modifiers() -> None:
    oat = line("oat", entry("froth", line("iced")))
    result = check(line("latte", entry("milk", oat), quantity=3), line("muffin"))
    assert result.violations == ()
    assert result.lines == (
        PricedLine(0, "line-latte", "latte", "Latte", 3, Decimal("4.20"), Decimal("12.60")),
        PricedLine(1, "line-muffin", "muffin", "Muffin", 1, Decimal("2.25"), Decimal("2.25")),
    )
    assert str(result.sub_total) == "14.85"


def test_kth_selection_costs_its_tier_counted_over_both_entries_of_the_group() -> None:
    # 0.50 + 0.50 for the first two, 0.25 for the third and the fourth
    split = check(latte(entry("syrup", line("vanilla")), entry("syrup", line("caramel", quantity=3))))
    assert split.violations == ()
    assert split.sub_total == Decimal("5.00")


def test_modifiers_of_a_tiered_selection_are_added() -> None:
    wire = cafe()
    wire["items"]["vanilla"]["modifierGroupIds"] = ["froth"]
    vanilla = line("vanilla", entry("froth", line("iced")), quantity=3)
    assert check(latte(entry("syrup", vanilla)), wire=wire).sub_total == Decimal("5.05")  # 3.50 + 1.25 + 3 × 0.10


def test_display_prices_are_ignored() -> None:
    wire = cafe()
    wire["items"]["muffin"] |= {"startingAt": 1, "compareAt": 99}
    assert check(line("muffin"), wire=wire).sub_total == Decimal("2.25")


def test_prices_are_exact_in_every_decimal_context() -> None:
    wire = cafe()
    wire["items"]["muffin"]["basePrice"] = 1234567890.99
    models, ordered = ExternalCatalogSet.model_validate(wire), order(line("muffin", quantity=9_999))
    with decimal.localcontext(prec=3):
        result = check_cart(CompiledCatalog.compile(models), ordered, at=BREAKFAST, timezone=UTC)
    assert result.sub_total == Decimal("12344444342009.01")


def test_line_with_a_violation_is_not_priced() -> None:
    result = check(line("latte"), line("muffin"))
    assert [priced.index for priced in result.lines] == [1]
    assert result.sub_total == Decimal("2.25")


# -- items ----------------------------------------------------------------------------------------------------------


def test_empty_cart_is_rejected() -> None:
    result = check()
    assert summary(only_violation(result)) == ("CART_EMPTY", "$.cart.lineItems", None)
    assert "itemId" not in only_violation(result).to_wire()
    assert str(result.sub_total) == "0.00"


def test_item_that_is_not_in_the_catalog_is_unavailable() -> None:
    assert summary(only_violation(check(line("tea")))) == ("ITEM_UNAVAILABLE", "$.cart.lineItems[0]", "tea")


def test_option_is_not_sold_on_its_own() -> None:
    assert summary(only_violation(check(line("muffin"), line("whole")))) == (
        "ITEM_UNAVAILABLE",
        "$.cart.lineItems[1]",
        "whole",
    )


def test_item_in_a_section_outside_every_catalog_is_not_sold() -> None:
    wire = cafe()
    wire["catalogs"]["morning"]["sectionIds"] = []
    assert summary(only_violation(check(line("muffin"), wire=wire))) == (
        "ITEM_UNAVAILABLE",
        "$.cart.lineItems[0]",
        "muffin",
    )


def test_item_of_a_section_may_be_an_option_too() -> None:
    wire = cafe()
    wire["modifierGroups"]["milk"]["itemIds"].append("muffin")
    assert check(line("latte", entry("milk", line("muffin"))), line("muffin"), wire=wire).violations == ()


def test_unavailable_item_is_named() -> None:
    violation = only_violation(check(line("muffin"), unavailable={"muffin"}))
    assert summary(violation) == ("ITEM_UNAVAILABLE", "$.cart.lineItems[0]", "muffin")
    assert violation.message == "Muffin has run out."


def test_unavailable_nested_option_is_named_with_its_path() -> None:
    oat = line("oat", entry("froth", line("warm")))
    violation = only_violation(check(line("latte", entry("milk", oat)), unavailable={"warm"}))
    path = f"{MILK}.selectedModifiers[0].modifierGroups[0].selectedModifiers[0]"
    assert summary(violation) == ("ITEM_UNAVAILABLE", path, "warm")
    assert violation.message == "Oat: Warm (Froth) has run out."


def test_unavailable_item_outside_the_cart_is_ignored() -> None:
    assert check(line("muffin"), unavailable={"latte"}).violations == ()


# -- modifiers ---------------------------------------------------------------------------------------------------------


def test_missing_required_group_is_reported_at_the_item() -> None:
    violation = only_violation(check(line("latte")))
    assert summary(violation) == ("MODIFIER_REQUIRED", "$.cart.lineItems[0]", "latte")
    assert violation.message == "Latte: choose exactly 1 of Milk; none chosen."


def test_missing_required_group_of_a_modifier_is_reported_at_the_modifier() -> None:
    violation = only_violation(check(line("latte", entry("milk", line("oat")))))
    assert summary(violation) == ("MODIFIER_REQUIRED", f"{MILK}.selectedModifiers[0]", "oat")


def test_empty_required_group_is_reported_at_the_group() -> None:
    assert summary(only_violation(check(line("latte", entry("milk"))))) == ("MODIFIER_REQUIRED", MILK, "latte")


def test_too_many_choices_are_reported_with_bounds_and_choices() -> None:
    chosen = [line("vanilla", quantity=2), line("caramel"), line("vanilla", quantity=2)]
    violation = only_violation(check(latte(entry("syrup", *chosen))))
    assert summary(violation) == ("MODIFIER_REQUIRED", "$.cart.lineItems[0].modifierGroups[1]", "latte")
    assert violation.message == "Latte: choose at most 4 of Syrup; 5 chosen (Vanilla × 4, Caramel)."


def test_different_bounds_are_both_reported() -> None:
    wire = cafe()
    wire["modifierGroups"]["syrup"]["minimumAllowed"] = 2
    assert only_violation(check(latte(entry("syrup", line("vanilla"))), wire=wire)).message == (
        "Latte: choose 2 to 4 of Syrup; 1 chosen (Vanilla)."
    )


def test_group_that_appears_twice_counts_as_one() -> None:
    violation = only_violation(check(latte(entry("milk", line("oat", entry("froth", line("warm")))))))
    assert summary(violation) == ("MODIFIER_REQUIRED", MILK, "latte")
    assert violation.message == "Latte: choose exactly 1 of Milk; 2 chosen (Whole, Oat)."


def test_choices_are_counted_for_each_line_and_modifier() -> None:
    assert check(latte(), latte(), latte(quantity=5)).violations == ()


def test_group_of_another_item_is_rejected() -> None:
    violation = only_violation(check(latte(entry("froth", line("warm")))))
    assert summary(violation) == ("MODIFIER_REQUIRED", "$.cart.lineItems[0].modifierGroups[1]", "latte")


def test_option_of_another_group_is_rejected_once() -> None:
    violation = only_violation(check(line("latte", entry("milk", line("vanilla")))))
    assert summary(violation) == ("MODIFIER_REQUIRED", f"{MILK}.selectedModifiers[0]", "vanilla")
    assert violation.message == "Latte: Vanilla is not an option of Milk."


@pytest.mark.parametrize(
    ("entries", "path"),
    [
        ([entry("milk", line("whole", quantity=2))], f"{MILK}.selectedModifiers[0]"),
        ([entry("milk", line("whole"), line("whole"))], f"{MILK}.selectedModifiers[1]"),
        (
            [entry("milk", line("whole")), entry("milk", line("whole"))],
            "$.cart.lineItems[0].modifierGroups[1].selectedModifiers[0]",
        ),
    ],
)
def test_option_repeats_only_where_the_group_allows_it(entries: list[Wire], path: str) -> None:
    wire = cafe()
    wire["modifierGroups"]["milk"]["maximumAllowed"] = 3
    violation = only_violation(check(line("latte", *entries), wire=wire))
    assert summary(violation) == ("MODIFIER_REQUIRED", path, "whole")
    assert violation.message == "Latte: Whole can be chosen only once from Milk, not 2 times."


def test_all_violations_are_reported_at_once() -> None:
    lines = [line("tea"), line("whole"), latte(entry("syrup", line("iced"), line("vanilla", quantity=4)))]
    result = check(*lines, unavailable={"vanilla"}, fulfillment_types={"DeliveryByMerchant"})
    assert [summary(violation) for violation in result.violations] == [
        ("ITEM_UNAVAILABLE", "$.cart.lineItems[0]", "tea"),
        ("ITEM_UNAVAILABLE", "$.cart.lineItems[1]", "whole"),
        ("MODIFIER_REQUIRED", "$.cart.lineItems[2].modifierGroups[1].selectedModifiers[0]", "iced"),
        ("ITEM_UNAVAILABLE", "$.cart.lineItems[2].modifierGroups[1].selectedModifiers[1]", "vanilla"),
        ("MODIFIER_REQUIRED", "$.cart.lineItems[2].modifierGroups[1]", "latte"),
        ("OTHER", "$.fulfillmentType", None),
    ]


# -- hours -------------------------------------------------------------------------------------------------------------


def test_store_without_an_open_catalog_is_closed_and_reported_once() -> None:
    violation = only_violation(check(latte(), line("muffin"), at=NIGHT))
    assert summary(violation) == ("STORE_CLOSED", "$.cart.storeId", None)


def test_store_without_catalogs_is_closed() -> None:
    result = check(line("a"), wire={"items": {"a": item("a", 1)}}, at=NOON)
    assert [violation.code for violation in result.violations] == ["STORE_CLOSED", "ITEM_UNAVAILABLE"]


def test_item_outside_every_open_catalog_is_out_of_hours() -> None:
    violation = only_violation(check(latte(), line("muffin"), at=NOON))
    assert summary(violation) == ("ITEM_UNAVAILABLE", "$.cart.lineItems[1]", "muffin")
    assert violation.message == "Muffin is out of hours: it is not served at this time."


def test_one_open_catalog_with_the_item_is_enough() -> None:
    wire = cafe()
    wire["catalogs"]["day"]["sectionIds"].append("bakery")
    assert check(line("muffin"), wire=wire, at=NOON).violations == ()


def test_hours_are_in_the_store_s_zone() -> None:
    result = check_cart(
        compiled(cafe()), order(latte()), at=NOON, timezone=ZoneInfo("America/Los_Angeles")
    )  # 5:00 there
    assert only_violation(result).code == "STORE_CLOSED"


def test_naive_time_is_rejected() -> None:
    with pytest.raises(ValueError, match="time zone"):
        check(latte(), at=datetime(2026, 7, 1, 12))  # noqa: DTZ001


# -- fulfillment -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delivery", "paths"),
    [
        (None, ["$.deliveryInfo"]),
        ({"address": None}, ["$.deliveryInfo.address"]),
        ({"address": {**ADDRESS, "city": " "}}, ["$.deliveryInfo.address.city"]),
        ({"address": {}}, [f"$.deliveryInfo.address.{member}" for member in ADDRESS]),
        ({"address": ADDRESS}, []),
    ],
)
def test_delivery_needs_a_complete_address(delivery: Wire | None, paths: list[str]) -> None:
    delivered = order(latte(), fulfillmentType="DeliveryByMerchant", deliveryInfo=delivery)
    result = check_cart(compiled(cafe()), delivered, at=NOON, timezone=UTC)
    assert [summary(violation) for violation in result.violations] == [
        ("ADDRESS_INVALID", path, None) for path in paths
    ]


@pytest.mark.parametrize("kind", ["Pickup", "Drone"])
def test_other_fulfillment_types_are_accepted_without_an_address(kind: str) -> None:
    result = check_cart(compiled(cafe()), order(latte(), fulfillmentType=kind), at=NOON, timezone=UTC)
    assert result.violations == ()


def test_fulfillment_type_that_the_store_does_not_offer_is_rejected() -> None:
    violation = only_violation(check(latte(), fulfillment_types={"DeliveryByMerchant", "Drone"}))
    assert summary(violation) == ("OTHER", "$.fulfillmentType", None)
    assert violation.message == "This store does not offer Pickup; it offers DeliveryByMerchant, Drone."


def test_store_without_fulfillment_types_rejects_every_type() -> None:
    assert only_violation(check(latte(), fulfillment_types=frozenset())).json_path == "$.fulfillmentType"


def test_daily_hours_end_before_the_closing_minute() -> None:
    wire = cafe()
    wire["catalogs"]["day"]["availability"] = daily("07:00:00", "12:00:00")
    assert only_violation(check(latte(), wire=wire, at=NOON)).code == "STORE_CLOSED"
