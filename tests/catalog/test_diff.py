"""What changed between two menus: each kind once, nothing twice, nothing made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.menus import Wire, cafe, daily, item, section
from tests.catalog.strategies import catalogs
from webhook_kit.catalog.diff import Change, ChangeKind, diff
from webhook_kit.gett.models.catalog import ExternalCatalogSet

Spoil = Callable[[Wire], object]


def changes(old: Wire, new: Wire) -> list[Change]:
    return diff(ExternalCatalogSet.model_validate(old), ExternalCatalogSet.model_validate(new))


def changed(alter: Spoil) -> list[tuple[str, str, str | None, str | None]]:
    new = cafe()
    alter(new)
    return [(str(one.kind), one.path, one.before, one.after) for one in changes(cafe(), new)]


def put(table: str, key: str, **members: Any) -> Spoil:
    return lambda wire: wire[table][key].update(members)


def churned(wire: Wire, table: str, key: str, new: str) -> None:
    """The whole menu with another id for one thing."""
    text = json.dumps(wire).replace(f'"{key}"', f'"{new}"')
    wire.clear()
    wire.update(json.loads(text))


def test_the_same_menu_has_not_changed() -> None:
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
        (lambda wire: churned(wire, "items", "muffin", "m2"), ("new-id", "$.items['m2']", "muffin", "m2")),
        (lambda wire: churned(wire, "items", "milk", "m2"), ("new-id", "$.modifierGroups['m2']", "milk", "m2")),
        (lambda wire: churned(wire, "items", "hot", "h2"), ("new-id", "$.sections['h2']", "hot", "h2")),
        (lambda wire: churned(wire, "items", "day", "d2"), ("new-id", "$.catalogs['d2']", "day", "d2")),
    ],
)  # fmt: skip
def test_a_change_is_told_once_and_nothing_else(alter: Spoil, expected: tuple[Any, ...]) -> None:
    assert changed(alter) == [expected]


def test_what_is_gone_is_told_by_its_old_path() -> None:
    def without_muffin(wire: Wire) -> None:
        del wire["items"]["muffin"]
        wire["sections"]["bakery"]["itemIds"] = []

    assert changed(without_muffin) == [("removed", "$.items['muffin']", None, None)]


def test_windows_in_another_order_are_the_same_hours() -> None:
    assert changed(lambda wire: wire["catalogs"]["day"]["availability"].reverse()) == []


def test_tiers_in_another_order_cost_the_same() -> None:
    assert changed(lambda wire: wire["modifierGroups"]["syrup"]["tiers"].reverse()) == []


def test_a_thing_under_a_new_id_may_cost_something_else_too() -> None:
    def alter(wire: Wire) -> None:
        churned(wire, "items", "muffin", "m2")
        wire["items"]["m2"]["basePrice"] = 3

    assert changed(alter) == [
        ("new-id", "$.items['m2']", "muffin", "m2"),
        ("repriced", "$.items['m2']", "2.25", "3.00"),
    ]


def test_every_id_of_a_menu_may_churn_at_once() -> None:
    new = cafe()
    for key in ("day", "drinks", "hot", "latte", "oat", "milk", "froth", "warm"):
        churned(new, "", key, f"{key}-2")
    assert {(one.kind, one.before) for one in changes(cafe(), new)} == {
        (ChangeKind.NEW_ID, key) for key in ("day", "drinks", "hot", "latte", "oat", "milk", "froth", "warm")
    }


def test_two_of_one_name_are_not_taken_for_each_other_in_other_places() -> None:
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


def test_menus_that_contradict_themselves_can_be_compared() -> None:
    new = cafe()
    new["sections"]["hot"]["itemIds"] = ["gone", "latte"]
    new["sections"]["x"] = section("x", ["also gone"], "x", "nowhere")
    new["modifierGroups"]["milk"]["itemIds"] = ["gone"]
    assert {one.kind for one in changes(cafe(), new)} == {ChangeKind.ADDED, ChangeKind.CHOICES}


@given(catalogs(), catalogs())
def test_what_is_added_one_way_is_removed_the_other(old: Wire, new: Wire) -> None:
    there, back = changes(old, new), changes(new, old)

    def of(kind: ChangeKind, found: list[Change]) -> set[str]:
        return {one.path for one in found if one.kind is kind}

    assert of(ChangeKind.ADDED, there) == of(ChangeKind.REMOVED, back)
    assert of(ChangeKind.REMOVED, there) == of(ChangeKind.ADDED, back)
    assert len(there) == len(back)


@given(catalogs(), st.randoms())
def test_ids_say_nothing_to_people(wire: Wire, random: Any) -> None:
    """However ids are shuffled among things of distinct names: nothing is added, nothing removed."""
    new = json.loads(json.dumps(wire))
    new["items"] = dict(random.sample(list(new["items"].items()), len(new["items"])))
    assert changes(wire, new) == []


def test_every_kind_says_what_it_is() -> None:
    assert all(kind.meaning.endswith(".") for kind in ChangeKind)
