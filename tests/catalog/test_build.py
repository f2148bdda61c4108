"""Building of a simple catalog, and ids of its versions."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.catalog.cafe_catalog import cafe, line, order
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


def test_simple_catalog_compiles_and_is_always_open() -> None:
    result = check_cart(CompiledCatalog.compile(tea_room()), order(line("tea"), line("scone")), at=NOW, timezone=UTC)
    assert (result.violations, result.sub_total) == ((), Decimal("5.50"))


def test_option_of_a_simple_catalog_is_not_sold_on_its_own() -> None:
    result = check_cart(CompiledCatalog.compile(tea_room()), order(line("oat")), at=NOW, timezone=UTC)
    assert [violation.code for violation in result.violations] == ["ITEM_UNAVAILABLE"]


def test_sections_keep_their_order_and_names() -> None:
    catalog_set = tea_room(name="All day")
    (catalog,) = catalog_set.catalogs.values()
    assert catalog.name == "All day"
    assert [catalog_set.sections[key].name for key in catalog.section_ids] == ["Drinks", "Bakery"]


def test_section_ids_depend_on_their_names_only() -> None:
    first = simple_catalog({"Drinks": [TEA], "Bakery": []})
    second = simple_catalog({"Bakery": [SCONE], "Drinks": []}, name="Other")
    assert set(first.sections) == set(second.sections)
    assert len(first.sections) == 2


def test_item_may_be_in_two_sections() -> None:
    assert list(simple_catalog({"Drinks": [SCONE], "Bakery": [SCONE.model_copy()]}).items) == ["scone"]


def test_one_id_for_two_different_items_is_rejected() -> None:
    other = ExternalItem(item_id="tea", name="Iced tea", base_price=Decimal(3))
    with pytest.raises(CatalogInvalid) as caught:
        simple_catalog({"Drinks": [TEA, other]})
    assert caught.value.problems == ("$.items['tea']: two different entries have this id",)


def test_one_id_for_two_different_groups_is_rejected() -> None:
    other = MILK.model_copy(update={"maximum_allowed": 2})
    with pytest.raises(CatalogInvalid, match="modifierGroups"):
        simple_catalog({}, modifier_groups=[MILK, other])


def test_given_availability_is_kept() -> None:
    (catalog,) = simple_catalog({}, availability=[]).catalogs.values()
    assert catalog.availability == []
    noon = AvailabilityWindow.model_validate({"dayOfWeek": "Monday", "start": "12:00:00", "end": "13:00:00"})
    (catalog,) = simple_catalog({}, availability=[noon]).catalogs.values()
    assert catalog.availability == [noon]


def test_store_id_is_written_only_when_given() -> None:
    assert "storeId" not in tea_room().to_wire()
    assert tea_room(store_id="s").to_wire()["storeId"] == "s"


def test_unchanged_catalog_keeps_its_version() -> None:
    first, second = versioned(tea_room(), "store"), versioned(tea_room(), "store")
    assert first.catalog_set_id == second.catalog_set_id
    assert UUID(first.catalog_set_id).version == 5
    assert versioned(first, "store").catalog_set_id == first.catalog_set_id


def test_version_is_the_same_after_a_json_round_trip() -> None:
    original = versioned(tea_room(store_id="s"), "store")
    assert (
        versioned(ExternalCatalogSet.from_json(original.to_json()), "store").catalog_set_id == original.catalog_set_id
    )


def test_versions_of_two_stores_are_different() -> None:
    assert versioned(tea_room(), "one").catalog_set_id != versioned(tea_room(), "two").catalog_set_id


def test_changed_content_changes_the_version() -> None:
    before = versioned(tea_room(), "store").catalog_set_id
    dearer = TEA.model_copy(update={"base_price": Decimal("2.51")})
    changed = simple_catalog({"Drinks": [dearer], "Bakery": [SCONE]}, modifier_groups=[MILK], options=[OAT])
    reordered = simple_catalog({"Bakery": [SCONE], "Drinks": [TEA]}, modifier_groups=[MILK], options=[OAT])
    assert len({before, *(versioned(catalog, "store").catalog_set_id for catalog in (changed, reordered))}) == 3


def test_unknown_members_are_part_of_the_content() -> None:
    plain = ExternalCatalogSet.model_validate(cafe())
    wire = cafe()
    wire["items"]["latte"]["calories"] = 190
    assert canonical_json(ExternalCatalogSet.model_validate(wire)) != canonical_json(plain)


def test_versioned_does_not_change_its_argument() -> None:
    catalog_set = tea_room()
    versioned(catalog_set, "store")
    assert catalog_set.catalog_set_id is None


def test_canonical_json_is_compact_and_without_the_version() -> None:
    content = canonical_json(versioned(tea_room(), "store"))
    parsed = json.loads(content)
    assert content == json.dumps(parsed, separators=(",", ":"), ensure_ascii=False).encode()
    assert ExternalCatalogSet.from_json(content) == tea_room()
    assert "catalogSetId" not in parsed
    assert list(parsed["items"]) == sorted(parsed["items"])


UNKNOWN = {"zest": {"b": [{"d": 1, "c": None}], "a": "é"}, "calories": 190, "none": None}


def shuffled(value: Any) -> Any:
    """Return the same data with the members of every object in the opposite order."""
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(value)}
    return [shuffled(each) for each in value] if isinstance(value, list) else value


def test_the_order_of_unknown_members_does_not_change_the_content() -> None:
    wire = cafe()
    places = [wire, *wire["catalogs"].values(), *wire["sections"].values(), *wire["items"].values()]
    places += wire["modifierGroups"].values()
    windows = [window for catalog in wire["catalogs"].values() for window in catalog["availability"]]
    group = next(iter(wire["modifierGroups"].values()))
    group["defaultItems"], group["tiers"] = [{"itemId": group["itemIds"][0]}], [{"offset": 0, "price": 1.0}]
    seen = {canonical_json(ExternalCatalogSet.model_validate(wire))}
    for place in [*places, *windows, *group["defaultItems"], *group["tiers"]]:
        place.update(UNKNOWN)
        content = canonical_json(ExternalCatalogSet.model_validate(wire))
        assert content == canonical_json(ExternalCatalogSet.model_validate(shuffled(wire)))
        assert content not in seen
        seen.add(content)
        for name in UNKNOWN:
            del place[name]


def test_order_of_entities_and_explicit_defaults_do_not_change_the_content() -> None:
    wire = cafe()
    wire["items"] = dict(reversed(wire["items"].items()))
    wire["items"]["latte"] |= {"description": None, "calories": None}
    wire["modifierGroups"]["milk"] |= {"enableDuplicateItems": False}
    assert canonical_json(ExternalCatalogSet.model_validate(wire)) == canonical_json(
        ExternalCatalogSet.model_validate(cafe())
    )
