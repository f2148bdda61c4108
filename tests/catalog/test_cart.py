"""Each rule of a cart in one sentence, and what it costs in figures done by hand."""

from __future__ import annotations

import decimal
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.catalog.menus import Wire, cafe, compiled, daily, entry, item, latte, line, order
from webhook_kit.catalog.cart import CheckedCart, PricedLine, check_cart
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.gett.models.order import ValidationError

BREAKFAST = datetime(2026, 7, 1, 8, tzinfo=UTC)
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
NIGHT = datetime(2026, 7, 1, 23, tzinfo=UTC)
ADDRESS = {"address1": "1 Main St", "city": "New York", "state": "NY", "postalCode": "10001"}
MILK = "$.cart.lineItems[0].modifierGroups[0]"


def checked(*lines: Wire, menu: Wire | None = None, at: datetime = BREAKFAST, **known: Any) -> CheckedCart:
    return check_cart(compiled(menu or cafe()), order(*lines), at=at, timezone=UTC, **known)


def only(result: CheckedCart) -> ValidationError:
    (violation,) = result.violations
    return violation


def told(violation: ValidationError) -> tuple[str, str | None, str | None]:
    return violation.code, violation.json_path, violation.item_id


# -- price -------------------------------------------------------------------------------------------------------------


def test_a_line_is_quantity_times_base_price_and_modifiers() -> None:
    oat = line("oat", entry("froth", line("iced")))
    result = checked(line("latte", entry("milk", oat), quantity=3), line("muffin"))
    assert result.violations == ()
    assert result.lines == (
        PricedLine(0, "line-latte", "latte", "Latte", 3, Decimal("4.20"), Decimal("12.60")),
        PricedLine(1, "line-muffin", "muffin", "Muffin", 1, Decimal("2.25"), Decimal("2.25")),
    )
    assert str(result.sub_total) == "14.85"


def test_the_kth_selection_costs_its_tier_counting_quantities_over_both_entries_of_the_group() -> None:
    # 0.50 + 0.50 for the first two, 0.25 for the third and the fourth
    split = checked(latte(entry("syrup", line("vanilla")), entry("syrup", line("caramel", quantity=3))))
    assert split.violations == ()
    assert split.sub_total == Decimal("5.00")


def test_the_modifiers_of_a_tiered_selection_still_add() -> None:
    menu = cafe()
    menu["items"]["vanilla"]["modifierGroupIds"] = ["froth"]
    vanilla = line("vanilla", entry("froth", line("iced")), quantity=3)
    assert checked(latte(entry("syrup", vanilla)), menu=menu).sub_total == Decimal("5.05")  # 3.50 + 1.25 + 3 × 0.10


def test_display_prices_never_enter() -> None:
    menu = cafe()
    menu["items"]["muffin"] |= {"startingAt": 1, "compareAt": 99}
    assert checked(line("muffin"), menu=menu).sub_total == Decimal("2.25")


def test_prices_are_exact_whatever_the_caller_s_decimal_context() -> None:
    menu = cafe()
    menu["items"]["muffin"]["basePrice"] = 1234567890.99
    models, ordered = ExternalCatalogSet.model_validate(menu), order(line("muffin", quantity=9_999))
    with decimal.localcontext(prec=3):
        result = check_cart(CompiledCatalog.compile(models), ordered, at=BREAKFAST, timezone=UTC)
    assert result.sub_total == Decimal("12344444342009.01")


def test_a_line_with_something_wrong_is_not_priced() -> None:
    result = checked(line("latte"), line("muffin"))
    assert [priced.index for priced in result.lines] == [1]
    assert result.sub_total == Decimal("2.25")


# -- what is on the menu -----------------------------------------------------------------------------------------------


def test_an_empty_cart_is_refused() -> None:
    result = checked()
    assert told(only(result)) == ("CART_EMPTY", "$.cart.lineItems", None)
    assert "itemId" not in only(result).to_wire()
    assert str(result.sub_total) == "0.00"


def test_an_item_not_on_the_menu_is_unavailable() -> None:
    assert told(only(checked(line("tea")))) == ("ITEM_UNAVAILABLE", "$.cart.lineItems[0]", "tea")


def test_an_option_is_not_sold_as_a_dish() -> None:
    assert told(only(checked(line("muffin"), line("whole")))) == ("ITEM_UNAVAILABLE", "$.cart.lineItems[1]", "whole")


def test_a_dish_in_a_section_that_no_catalog_holds_is_not_sold() -> None:
    menu = cafe()
    menu["catalogs"]["morning"]["sectionIds"] = []
    assert told(only(checked(line("muffin"), menu=menu))) == ("ITEM_UNAVAILABLE", "$.cart.lineItems[0]", "muffin")


def test_a_dish_may_be_an_option_as_well() -> None:
    menu = cafe()
    menu["modifierGroups"]["milk"]["itemIds"].append("muffin")
    assert checked(line("latte", entry("milk", line("muffin"))), line("muffin"), menu=menu).violations == ()


def test_an_item_that_ran_out_is_named() -> None:
    violation = only(checked(line("muffin"), unavailable={"muffin"}))
    assert told(violation) == ("ITEM_UNAVAILABLE", "$.cart.lineItems[0]", "muffin")
    assert violation.message == "Muffin has run out."


def test_a_nested_option_that_ran_out_is_named_with_its_place() -> None:
    oat = line("oat", entry("froth", line("warm")))
    violation = only(checked(line("latte", entry("milk", oat)), unavailable={"warm"}))
    path = f"{MILK}.selectedModifiers[0].modifierGroups[0].selectedModifiers[0]"
    assert told(violation) == ("ITEM_UNAVAILABLE", path, "warm")
    assert violation.message == "Oat: Warm (Froth) has run out."


def test_what_ran_out_but_is_not_in_the_cart_does_not_matter() -> None:
    assert checked(line("muffin"), unavailable={"latte"}).violations == ()


# -- modifiers ---------------------------------------------------------------------------------------------------------


def test_a_required_group_that_is_absent_is_named_at_the_item() -> None:
    violation = only(checked(line("latte")))
    assert told(violation) == ("MODIFIER_REQUIRED", "$.cart.lineItems[0]", "latte")
    assert violation.message == "Latte: choose exactly 1 of Milk; none chosen."


def test_a_required_group_is_missed_inside_a_modifier_too() -> None:
    violation = only(checked(line("latte", entry("milk", line("oat")))))
    assert told(violation) == ("MODIFIER_REQUIRED", f"{MILK}.selectedModifiers[0]", "oat")


def test_a_required_group_present_but_empty_is_named_at_the_group() -> None:
    assert told(only(checked(line("latte", entry("milk"))))) == ("MODIFIER_REQUIRED", MILK, "latte")


def test_too_many_choices_are_told_with_bounds_and_choices() -> None:
    chosen = [line("vanilla", quantity=2), line("caramel"), line("vanilla", quantity=2)]
    violation = only(checked(latte(entry("syrup", *chosen))))
    assert told(violation) == ("MODIFIER_REQUIRED", "$.cart.lineItems[0].modifierGroups[1]", "latte")
    assert violation.message == "Latte: choose at most 4 of Syrup; 5 chosen (Vanilla × 4, Caramel)."


def test_bounds_that_differ_are_both_told() -> None:
    menu = cafe()
    menu["modifierGroups"]["syrup"]["minimumAllowed"] = 2
    assert only(checked(latte(entry("syrup", line("vanilla"))), menu=menu)).message == (
        "Latte: choose 2 to 4 of Syrup; 1 chosen (Vanilla)."
    )


def test_a_group_that_appears_twice_counts_as_one() -> None:
    violation = only(checked(latte(entry("milk", line("oat", entry("froth", line("warm")))))))
    assert told(violation) == ("MODIFIER_REQUIRED", MILK, "latte")
    assert violation.message == "Latte: choose exactly 1 of Milk; 2 chosen (Whole, Oat)."


def test_each_line_and_each_modifier_is_counted_for_itself() -> None:
    assert checked(latte(), latte(), latte(quantity=5)).violations == ()


def test_a_group_of_another_item_is_refused() -> None:
    violation = only(checked(latte(entry("froth", line("warm")))))
    assert told(violation) == ("MODIFIER_REQUIRED", "$.cart.lineItems[0].modifierGroups[1]", "latte")


def test_an_option_of_another_group_is_refused_once() -> None:
    violation = only(checked(line("latte", entry("milk", line("vanilla")))))
    assert told(violation) == ("MODIFIER_REQUIRED", f"{MILK}.selectedModifiers[0]", "vanilla")
    assert violation.message == "Latte: Vanilla is no choice of Milk."


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
def test_a_modifier_repeats_only_where_the_group_allows_it(entries: list[Wire], path: str) -> None:
    menu = cafe()
    menu["modifierGroups"]["milk"]["maximumAllowed"] = 3
    violation = only(checked(line("latte", *entries), menu=menu))
    assert told(violation) == ("MODIFIER_REQUIRED", path, "whole")
    assert violation.message == "Latte: Whole can be chosen only once from Milk, not 2 times."


def test_all_violations_are_told_at_once() -> None:
    lines = [line("tea"), line("whole"), latte(entry("syrup", line("iced"), line("vanilla", quantity=4)))]
    result = checked(*lines, unavailable={"vanilla"}, fulfillment_types={"DeliveryByMerchant"})
    assert [told(violation) for violation in result.violations] == [
        ("ITEM_UNAVAILABLE", "$.cart.lineItems[0]", "tea"),
        ("ITEM_UNAVAILABLE", "$.cart.lineItems[1]", "whole"),
        ("MODIFIER_REQUIRED", "$.cart.lineItems[2].modifierGroups[1].selectedModifiers[0]", "iced"),
        ("ITEM_UNAVAILABLE", "$.cart.lineItems[2].modifierGroups[1].selectedModifiers[1]", "vanilla"),
        ("MODIFIER_REQUIRED", "$.cart.lineItems[2].modifierGroups[1]", "latte"),
        ("OTHER", "$.fulfillmentType", None),
    ]


# -- hours -------------------------------------------------------------------------------------------------------------


def test_a_store_with_no_catalog_open_is_closed_and_says_so_once() -> None:
    violation = only(checked(latte(), line("muffin"), at=NIGHT))
    assert told(violation) == ("STORE_CLOSED", "$.cart.storeId", None)


def test_a_menu_without_catalogs_is_closed() -> None:
    result = checked(line("a"), menu={"items": {"a": item("a", 1)}}, at=NOON)
    assert [violation.code for violation in result.violations] == ["STORE_CLOSED", "ITEM_UNAVAILABLE"]


def test_an_item_that_no_open_catalog_holds_is_out_of_hours() -> None:
    violation = only(checked(latte(), line("muffin"), at=NOON))
    assert told(violation) == ("ITEM_UNAVAILABLE", "$.cart.lineItems[1]", "muffin")
    assert violation.message == "Muffin is out of hours: it is not served at this time."


def test_one_open_catalog_of_several_that_hold_an_item_is_enough() -> None:
    menu = cafe()
    menu["catalogs"]["day"]["sectionIds"].append("bakery")
    assert checked(line("muffin"), menu=menu, at=NOON).violations == ()


def test_hours_are_read_in_the_store_s_zone() -> None:
    result = check_cart(
        compiled(cafe()), order(latte()), at=NOON, timezone=ZoneInfo("America/Los_Angeles")
    )  # 5:00 there
    assert only(result).code == "STORE_CLOSED"


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        checked(latte(), at=datetime(2026, 7, 1, 12))  # noqa: DTZ001


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
def test_a_delivery_needs_a_whole_address(delivery: Wire | None, paths: list[str]) -> None:
    delivered = order(latte(), fulfillmentType="DeliveryByMerchant", deliveryInfo=delivery)
    result = check_cart(compiled(cafe()), delivered, at=NOON, timezone=UTC)
    assert [told(violation) for violation in result.violations] == [("ADDRESS_INVALID", path, None) for path in paths]


@pytest.mark.parametrize("kind", ["Pickup", "Drone"])
def test_other_fulfillment_types_are_accepted_as_text_and_need_no_address(kind: str) -> None:
    result = check_cart(compiled(cafe()), order(latte(), fulfillmentType=kind), at=NOON, timezone=UTC)
    assert result.violations == ()


def test_a_fulfillment_type_that_the_store_does_not_offer_is_refused() -> None:
    violation = only(checked(latte(), fulfillment_types={"DeliveryByMerchant", "Drone"}))
    assert told(violation) == ("OTHER", "$.fulfillmentType", None)
    assert violation.message == "This store does not offer Pickup; it offers DeliveryByMerchant, Drone."


def test_a_store_that_offers_nothing_refuses_every_type() -> None:
    assert only(checked(latte(), fulfillment_types=frozenset())).json_path == "$.fulfillmentType"


def test_daily_hours_end_before_the_closing_minute() -> None:
    menu = cafe()
    menu["catalogs"]["day"]["availability"] = daily("07:00:00", "12:00:00")
    assert only(checked(latte(), menu=menu, at=NOON)).code == "STORE_CLOSED"
