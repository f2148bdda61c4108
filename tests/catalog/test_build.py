"""Building a menu with few words, and naming its versions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from tests.catalog.menus import cafe, line, order
from webhook_kit.catalog.build import canonical_json, simple_catalog, versioned
from webhook_kit.catalog.cart import check_cart
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
)

NOW = datetime(2026, 7, 1, 3, tzinfo=UTC)
TEA = ExternalItem(item_id="tea", name="Tea", base_price=Decimal("2.50"), modifier_group_ids=["milk"])
SCONE = ExternalItem(item_id="scone", name="Scone", base_price=Decimal("3.00"))
OAT = ExternalItem(item_id="oat", name="Oat milk", base_price=Decimal("0.50"))
MILK = ExternalModifierGroup(modifier_group_id="milk", name="Milk", item_ids=["oat"], maximum_allowed=1)


def tea_room(**more: str) -> ExternalCatalogSet:
    return simple_catalog({"Drinks": [TEA], "Bakery": [SCONE]}, modifier_groups=[MILK], options=[OAT], **more)  # type: ignore[arg-type]


def test_a_simple_menu_compiles_and_sells_at_every_hour() -> None:
    result = check_cart(CompiledCatalog.compile(tea_room()), order(line("tea"), line("scone")), at=NOW, timezone=UTC)
    assert (result.violations, result.sub_total) == ((), Decimal("5.50"))


def test_an_option_of_a_simple_menu_is_no_dish() -> None:
    result = check_cart(CompiledCatalog.compile(tea_room()), order(line("oat")), at=NOW, timezone=UTC)
    assert [violation.code for violation in result.violations] == ["ITEM_UNAVAILABLE"]


def test_sections_keep_their_order_and_names() -> None:
    menu = tea_room(name="All day")
    (catalog,) = menu.catalogs.values()
    assert catalog.name == "All day"
    assert [menu.sections[key].name for key in catalog.section_ids] == ["Drinks", "Bakery"]


def test_ids_of_sections_come_from_their_names_alone() -> None:
    first = simple_catalog({"Drinks": [TEA], "Bakery": []})
    second = simple_catalog({"Bakery": [SCONE], "Drinks": []}, name="Other")
    assert set(first.sections) == set(second.sections)
    assert len(first.sections) == 2


def test_a_dish_may_stand_under_two_headings() -> None:
    assert list(simple_catalog({"Drinks": [SCONE], "Bakery": [SCONE.model_copy()]}).items) == ["scone"]


def test_one_id_for_two_different_items_is_refused() -> None:
    other = ExternalItem(item_id="tea", name="Iced tea", base_price=Decimal(3))
    with pytest.raises(CatalogInvalid) as caught:
        simple_catalog({"Drinks": [TEA, other]})
    assert caught.value.problems == ("$.items['tea']: two different entries have this id",)


def test_one_id_for_two_different_groups_is_refused() -> None:
    other = MILK.model_copy(update={"maximum_allowed": 2})
    with pytest.raises(CatalogInvalid, match="modifierGroups"):
        simple_catalog({}, modifier_groups=[MILK, other])


def test_availability_that_is_given_is_kept_and_an_empty_one_is_never_open() -> None:
    (catalog,) = simple_catalog({}, availability=[]).catalogs.values()
    assert catalog.availability == []
    noon = AvailabilityWindow.model_validate({"dayOfWeek": "Monday", "start": "12:00:00", "end": "13:00:00"})
    (catalog,) = simple_catalog({}, availability=[noon]).catalogs.values()
    assert catalog.availability == [noon]


def test_the_store_id_is_written_only_when_given() -> None:
    assert "storeId" not in tea_room().to_wire()
    assert tea_room(store_id="s").to_wire()["storeId"] == "s"


def test_an_unchanged_menu_keeps_its_version() -> None:
    first, second = versioned(tea_room(), "store"), versioned(tea_room(), "store")
    assert first.catalog_set_id == second.catalog_set_id
    assert UUID(first.catalog_set_id).version == 5
    assert versioned(first, "store").catalog_set_id == first.catalog_set_id


def test_the_version_survives_the_wire() -> None:
    made = versioned(tea_room(store_id="s"), "store")
    assert versioned(ExternalCatalogSet.from_json(made.to_json()), "store").catalog_set_id == made.catalog_set_id


def test_versions_of_two_stores_differ() -> None:
    assert versioned(tea_room(), "one").catalog_set_id != versioned(tea_room(), "two").catalog_set_id


def test_any_change_of_content_changes_the_version() -> None:
    before = versioned(tea_room(), "store").catalog_set_id
    dearer = TEA.model_copy(update={"base_price": Decimal("2.51")})
    changed = simple_catalog({"Drinks": [dearer], "Bakery": [SCONE]}, modifier_groups=[MILK], options=[OAT])
    reordered = simple_catalog({"Bakery": [SCONE], "Drinks": [TEA]}, modifier_groups=[MILK], options=[OAT])
    assert len({before, *(versioned(menu, "store").catalog_set_id for menu in (changed, reordered))}) == 3


def test_members_we_do_not_know_are_content() -> None:
    plain = ExternalCatalogSet.model_validate(cafe())
    wire = cafe()
    wire["items"]["latte"]["calories"] = 190
    assert canonical_json(ExternalCatalogSet.model_validate(wire)) != canonical_json(plain)


def test_versioned_leaves_the_menu_it_was_given_as_it_is() -> None:
    menu = tea_room()
    versioned(menu, "store")
    assert menu.catalog_set_id is None


def test_canonical_json_is_sorted_dense_and_leaves_out_the_version() -> None:
    content = canonical_json(versioned(tea_room(), "store"))
    parsed = json.loads(content)
    assert content == json.dumps(parsed, sort_keys=True, separators=(",", ":")).encode()
    assert "catalogSetId" not in parsed


def test_the_order_of_entities_and_the_spelling_of_defaults_do_not_matter() -> None:
    wire = cafe()
    wire["items"] = dict(reversed(wire["items"].items()))
    wire["items"]["latte"] |= {"description": None, "calories": None}
    wire["modifierGroups"]["milk"] |= {"enableDuplicateItems": False}
    assert canonical_json(ExternalCatalogSet.model_validate(wire)) == canonical_json(
        ExternalCatalogSet.model_validate(cafe())
    )
