"""Differences between two catalogs: each kind of change, reported once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.cafe_catalog import Wire, cafe, daily, item, section
from tests.catalog.strategies import catalogs
from webhook_kit.catalog.diff import Change, ChangeKind, diff
from webhook_kit.gett.models.catalog import ExternalCatalogSet

Mutation = Callable[[Wire], object]


def changes(old: Wire, new: Wire) -> list[Change]:
    return diff(ExternalCatalogSet.model_validate(old), ExternalCatalogSet.model_validate(new))


def changed(alter: Mutation) -> list[tuple[str, str, str | None, str | None]]:
    new = cafe()
    alter(new)
    return [(str(one.kind), one.path, one.before, one.after) for one in changes(cafe(), new)]


def put(table: str, key: str, **members: Any) -> Mutation:
    return lambda wire: wire[table][key].update(members)


def replace_id(wire: Wire, table: str, key: str, new: str) -> None:
    """Replace an id in the whole catalog."""
    text = json.dumps(wire).replace(f'"{key}"', f'"{new}"')
    wire.clear()
    wire.update(json.loads(text))


def test_equal_catalogs_have_no_changes() -> None:
    assert changes(cafe(), cafe()) == []


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        (
            lambda wire: wire["items"].update(tea=item("tea", 2)) or wire["sections"]["hot"]["itemIds"].append("tea"),
            ("added", "$.items['tea']", None, None),
        ),
        (put("items", "oat", name="Oat drink"), ("renamed", "$.items['oat']", "Oat", "Oat drink")),
        (put("items", "oat", basePrice=0.7), ("repriced", "$.items['oat']", "0.60", "0.70")),
        (put("items", "latte", startingAt=3.5), ("repriced", "$.items['latte']", None, "startingAt 3.50")),
        (
            put("modifierGroups", "syrup", tiers=[{"offset": 0, "price": 1}]),
            (
                "repriced",
                "$.modifierGroups['syrup']",
                "0.50 from number 0 on, 0.25 from number 2 on",
                "1.00 from number 0 on",
            ),
        ),
        (
            lambda wire: wire["sections"]["hot"]["itemIds"].remove("latte")
            or wire["sections"]["bakery"]["itemIds"].insert(0, "latte"),
            ("moved", "$.items['latte']", "Hot", "Bakery"),
        ),
        (put("sections", "bakery", itemIds=["muffin", "oat"]), ("moved", "$.items['oat']", "not sold on its own", "Bakery")),
        (put("sections", "drinks", sectionIds=[]), ("moved", "$.sections['hot']", "Drinks", "nowhere")),
        (
            put("catalogs", "morning", availability=daily("07:00:00", "11:00:00")[:2]),
            (
                "hours",
                "$.catalogs['morning']",
                "; ".join(f"{day['dayOfWeek']} 07:00:00–11:00:00" for day in daily("07:00:00", "11:00:00")),
                "Sunday 07:00:00–11:00:00; Monday 07:00:00–11:00:00",
            ),
        ),
        (
            put("modifierGroups", "milk", maximumAllowed=2, enableDuplicateItems=True),
            ("bounds", "$.modifierGroups['milk']", "1 to 1", "1 to 2, may repeat"),
        ),
        (put("modifierGroups", "milk", itemIds=["whole"]), ("choices", "$.modifierGroups['milk']", "Oat", None)),
        (put("items", "muffin", modifierGroupIds=["syrup"]), ("choices", "$.items['muffin']", None, "Syrup")),
        (
            put("modifierGroups", "milk", defaultItems=[{"itemId": "oat"}]),
            ("choices", "$.modifierGroups['milk']", "by default nothing", "by default Oat × 1"),
        ),
        (put("modifierGroups", "milk", itemIds=["oat", "whole"]), ("reordered", "$.modifierGroups['milk']", "Whole, Oat", "Oat, Whole")),
        (put("items", "muffin", description="Warm"), ("display", "$.items['muffin']", None, "Warm")),
        (lambda wire: replace_id(wire, "items", "muffin", "m2"), ("new-id", "$.items['m2']", "muffin", "m2")),
        (lambda wire: replace_id(wire, "items", "milk", "m2"), ("new-id", "$.modifierGroups['m2']", "milk", "m2")),
        (lambda wire: replace_id(wire, "items", "hot", "h2"), ("new-id", "$.sections['h2']", "hot", "h2")),
        (lambda wire: replace_id(wire, "items", "day", "d2"), ("new-id", "$.catalogs['d2']", "day", "d2")),
    ],
)  # fmt: skip
def test_change_is_reported_once_and_nothing_else(alter: Mutation, expected: tuple[Any, ...]) -> None:
    assert changed(alter) == [expected]


def test_removed_item_is_reported_with_its_old_path() -> None:
    def without_muffin(wire: Wire) -> None:
        del wire["items"]["muffin"]
        wire["sections"]["bakery"]["itemIds"] = []

    assert changed(without_muffin) == [("removed", "$.items['muffin']", None, None)]


def test_windows_in_another_order_are_not_a_change() -> None:
    assert changed(lambda wire: wire["catalogs"]["day"]["availability"].reverse()) == []


def test_tiers_in_another_order_are_not_a_change() -> None:
    assert changed(lambda wire: wire["modifierGroups"]["syrup"]["tiers"].reverse()) == []


def test_item_with_a_new_id_may_have_a_new_price_too() -> None:
    def alter(wire: Wire) -> None:
        replace_id(wire, "items", "muffin", "m2")
        wire["items"]["m2"]["basePrice"] = 3

    assert changed(alter) == [
        ("new-id", "$.items['m2']", "muffin", "m2"),
        ("repriced", "$.items['m2']", "2.25", "3.00"),
    ]


def test_many_ids_may_change_at_once() -> None:
    new = cafe()
    for key in ("day", "drinks", "hot", "latte", "oat", "milk", "froth", "warm"):
        replace_id(new, "", key, f"{key}-2")
    assert {(one.kind, one.before) for one in changes(cafe(), new)} == {
        (ChangeKind.NEW_ID, key) for key in ("day", "drinks", "hot", "latte", "oat", "milk", "froth", "warm")
    }


def test_items_of_one_name_in_other_places_are_not_matched() -> None:
    old, new = cafe(), cafe()
    for wire, places in ((old, ("hot", "bakery")), (new, ("drinks", "hot"))):
        for number, place in enumerate(places):
            key = f"{'old' if wire is old else 'new'}-{number}"
            wire["items"][key] = item(key, number) | {"name": "Special"}
            wire["sections"][place]["itemIds"].append(key)
    assert [(str(one.kind), one.path, one.before) for one in changes(old, new)] == [
        ("removed", "$.items['old-1']", None),
        ("added", "$.items['new-0']", None),
        ("new-id", "$.items['new-1']", "old-0"),
        ("repriced", "$.items['new-1']", "0.00"),
    ]


def test_invalid_catalogs_can_be_compared() -> None:
    new = cafe()
    new["sections"]["hot"]["itemIds"] = ["missing", "latte"]
    new["sections"]["x"] = section("x", ["also missing"], "x", "nowhere")
    new["modifierGroups"]["milk"]["itemIds"] = ["missing"]
    assert {one.kind for one in changes(cafe(), new)} == {ChangeKind.ADDED, ChangeKind.CHOICES}


@given(catalogs(), catalogs())
def test_added_in_one_direction_is_removed_in_the_other(old: Wire, new: Wire) -> None:
    forward, backward = changes(old, new), changes(new, old)

    def paths(kind: ChangeKind, changes: list[Change]) -> set[str]:
        return {one.path for one in changes if one.kind is kind}

    assert paths(ChangeKind.ADDED, forward) == paths(ChangeKind.REMOVED, backward)
    assert paths(ChangeKind.REMOVED, forward) == paths(ChangeKind.ADDED, backward)
    assert len(forward) == len(backward)


@given(catalogs(), st.randoms())
def test_order_of_the_tables_is_not_a_change(wire: Wire, random: Any) -> None:
    """Shuffle the entries of a table."""
    new = json.loads(json.dumps(wire))
    new["items"] = dict(random.sample(list(new["items"].items()), len(new["items"])))
    assert changes(wire, new) == []


def test_every_kind_has_a_meaning() -> None:
    assert all(kind.meaning.endswith(".") for kind in ChangeKind)
