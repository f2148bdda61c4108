"""Every rule, broken once: found where it is broken, and nothing else; and everything at once."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest

from tests.catalog.menus import Wire, cafe, daily, entry, group, item, line, order, section
from webhook_kit.catalog.check import MODIFIER_LEVELS, CatalogRule, Finding, Severity, check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.integrity import integrity_problems
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.webhooks.parsing import MAX_DEPTH


def clean() -> Wire:
    """The café with its tiers in order: nothing to complain about."""
    wire = cafe()
    wire["modifierGroups"]["syrup"]["tiers"].reverse()
    return wire


def found(wire: Wire) -> list[Finding]:
    return check(ExternalCatalogSet.model_validate(wire))


def change(table: str, key: str, **members: Any) -> Callable[[Wire], None]:
    def apply(wire: Wire) -> None:
        wire[table][key] |= members

    return apply


def add(table: str, key: str, value: Wire) -> Callable[[Wire], None]:
    def apply(wire: Wire) -> None:
        wire[table][key] = value

    return apply


def window(day: str, start: str, end: str) -> Wire:
    return {"dayOfWeek": day, "start": start, "end": end}


def tier(offset: int, price: float) -> Wire:
    return {"offset": offset, "price": price}


def empty(wire: Wire) -> None:
    wire.clear()


def deep(wire: Wire) -> None:
    wire["items"]["muffin"]["modifierGroupIds"] = ["level-1"]
    for level in range(1, MODIFIER_LEVELS + 2):
        wire["modifierGroups"][f"level-{level}"] = group(f"level-{level}", [f"option-{level}"], 0, 1)
        below = [f"level-{level + 1}"] if level <= MODIFIER_LEVELS else []
        wire["items"][f"option-{level}"] = item(f"option-{level}", 0, *below)


MILK, SYRUP, LATTE, DAY = (
    "$.modifierGroups['milk']",
    "$.modifierGroups['syrup']",
    "$.items['latte']",
    "$.catalogs['day']",
)
TWICE = {"enableDuplicateItems": True}

BROKEN: list[tuple[CatalogRule, Callable[[Wire], None], str]] = [
    (CatalogRule.KEY_IS_NOT_ID, change("items", "muffin", itemId="cake"), "$.items['muffin'].itemId"),
    (CatalogRule.DANGLING_REFERENCE, change("catalogs", "day", sectionIds=["drinks", "?"]), f"{DAY}.sectionIds[1]"),
    (CatalogRule.DANGLING_REFERENCE, change("sections", "hot", itemIds=["?", "latte"]), "$.sections['hot'].itemIds[0]"),
    (CatalogRule.DANGLING_REFERENCE, change("sections", "hot", sectionIds=["?"]), "$.sections['hot'].sectionIds[0]"),
    (CatalogRule.DANGLING_REFERENCE, change("items", "muffin", modifierGroupIds=["?"]), "$.items['muffin'].modifierGroupIds[0]"),
    (CatalogRule.DANGLING_REFERENCE, change("modifierGroups", "milk", itemIds=["whole", "oat", "?"]), f"{MILK}.itemIds[2]"),
    (CatalogRule.DUPLICATE_REFERENCE, change("catalogs", "day", sectionIds=["drinks", "drinks"]), f"{DAY}.sectionIds[1]"),
    (CatalogRule.DUPLICATE_REFERENCE, change("sections", "hot", itemIds=["latte"] * 2), "$.sections['hot'].itemIds[1]"),
    (CatalogRule.DUPLICATE_REFERENCE, change("sections", "drinks", sectionIds=["hot"] * 2), "$.sections['drinks'].sectionIds[1]"),
    (CatalogRule.DUPLICATE_REFERENCE, change("items", "oat", modifierGroupIds=["froth"] * 2), "$.items['oat'].modifierGroupIds[1]"),
    (CatalogRule.DUPLICATE_REFERENCE, change("modifierGroups", "milk", itemIds=["whole", "oat", "oat"]), f"{MILK}.itemIds[2]"),
    (CatalogRule.SECTION_CYCLE, change("sections", "hot", sectionIds=["drinks"]), "$.sections['hot'].sectionIds[0]"),
    (CatalogRule.MODIFIER_CYCLE, change("items", "warm", modifierGroupIds=["milk"]), "$.items['warm'].modifierGroupIds[0]"),
    (CatalogRule.MODIFIERS_TOO_DEEP, deep, "$.items['muffin']"),
    (CatalogRule.UNREACHABLE, add("sections", "lost", section("lost", ["latte"])), "$.sections['lost']"),
    (CatalogRule.UNREACHABLE, add("items", "lost", item("lost", 1)), "$.items['lost']"),
    (CatalogRule.UNREACHABLE, add("modifierGroups", "lost", group("lost", ["oat"], 0, 1)), "$.modifierGroups['lost']"),
    (CatalogRule.NOTHING_ON_SALE, empty, "$.catalogs"),
    (CatalogRule.MINIMUM_ABOVE_MAXIMUM, change("modifierGroups", "milk", minimumAllowed=2), f"{MILK}.minimumAllowed"),
    (CatalogRule.NEGATIVE_BOUND, change("modifierGroups", "milk", minimumAllowed=-1), f"{MILK}.minimumAllowed"),
    (CatalogRule.NOTHING_TO_CHOOSE, change("modifierGroups", "syrup", maximumAllowed=0, tiers=None), SYRUP),
    (CatalogRule.TOO_FEW_OPTIONS, change("modifierGroups", "milk", minimumAllowed=3, maximumAllowed=3), f"{MILK}.itemIds"),
    (
        CatalogRule.DEFAULT_NOT_AN_OPTION,
        change("modifierGroups", "milk", defaultItems=[{"itemId": "vanilla"}]),
        f"{MILK}.defaultItems[0].itemId",
    ),
    (
        CatalogRule.DEFAULTS_OUT_OF_BOUNDS,
        change("modifierGroups", "milk", defaultItems=[{"itemId": "oat"}, {"itemId": "whole"}]),
        f"{MILK}.defaultItems",
    ),
    (
        CatalogRule.DEFAULT_REPEATED,
        change("modifierGroups", "milk", maximumAllowed=2, defaultItems=[{"itemId": "oat"}, {"itemId": "oat"}]),
        f"{MILK}.defaultItems[1]",
    ),
    (CatalogRule.TIERS_WITHOUT_ZERO, change("modifierGroups", "syrup", tiers=[tier(1, 1)]), f"{SYRUP}.tiers"),
    (CatalogRule.TIERS_WITHOUT_ZERO, change("modifierGroups", "syrup", tiers=[]), f"{SYRUP}.tiers"),
    (CatalogRule.TIER_REPEATED, change("modifierGroups", "syrup", tiers=[tier(0, 1), tier(0, 2)]), f"{SYRUP}.tiers[1].offset"),
    (CatalogRule.TIERS_UNSORTED, change("modifierGroups", "syrup", tiers=[tier(2, 1), tier(0, 2)]), f"{SYRUP}.tiers"),
    (CatalogRule.TIER_NEVER_USED, change("modifierGroups", "syrup", tiers=[tier(0, 1), tier(4, 2)]), f"{SYRUP}.tiers[1].offset"),
    (CatalogRule.TIER_NEVER_USED, change("modifierGroups", "syrup", tiers=[tier(-1, 1), tier(0, 2)]), f"{SYRUP}.tiers[0].offset"),
    (CatalogRule.NEGATIVE_PRICE, change("items", "muffin", basePrice=-0.01), "$.items['muffin'].basePrice"),
    (CatalogRule.NEGATIVE_PRICE, change("items", "oat", compareAt=-1), "$.items['oat'].compareAt"),
    (CatalogRule.NEGATIVE_OPTION_PRICE, change("items", "whole", basePrice=-0.5), "$.items['whole'].basePrice"),
    (CatalogRule.NEGATIVE_OPTION_PRICE, change("modifierGroups", "syrup", tiers=[tier(0, -1)]), f"{SYRUP}.tiers[0].price"),
    (CatalogRule.STARTING_AT_TOO_LOW, change("items", "iced", startingAt=0.09), "$.items['iced'].startingAt"),
    (
        CatalogRule.WINDOW_OVER_MIDNIGHT,
        change("catalogs", "day", availability=[*daily("07:00:00", "19:00:00"), window("Friday", "22:00:00", "02:00:00")]),
        f"{DAY}.availability[7]",
    ),
    (
        CatalogRule.WINDOWS_OVERLAP,
        change("catalogs", "day", availability=[window("Friday", "12:00:00", "00:00:00"), window("Friday", "23:59:59", "00:00:00")]),
        f"{DAY}.availability[1]",
    ),
    (CatalogRule.NEVER_OPEN, change("catalogs", "day", availability=None), f"{DAY}.availability"),
    (CatalogRule.NEVER_OPEN, change("catalogs", "day", availability=[]), f"{DAY}.availability"),
    (CatalogRule.BLANK_NAME, change("catalogs", "day", name=""), f"{DAY}.name"),
    (CatalogRule.BLANK_NAME, change("sections", "hot", name=" \t"), "$.sections['hot'].name"),
    (CatalogRule.BLANK_NAME, change("items", "oat", name="\u00a0"), "$.items['oat'].name"),
    (CatalogRule.BLANK_NAME, change("modifierGroups", "milk", name=""), f"{MILK}.name"),
    (CatalogRule.IMAGE_NOT_HTTPS, change("items", "oat", imageUrl="http://cdn.example/oat.jpg"), "$.items['oat'].imageUrl"),
    (CatalogRule.IMAGE_NOT_HTTPS, change("items", "oat", imageUrl="https:///oat.jpg"), "$.items['oat'].imageUrl"),
    (CatalogRule.IMAGE_NOT_HTTPS, change("items", "oat", imageUrl="https://[oat.jpg"), "$.items['oat'].imageUrl"),
]  # fmt: skip

FINE: list[Callable[[Wire], None]] = [
    change("modifierGroups", "milk", minimumAllowed=5, maximumAllowed=12, **TWICE),  # a dozen of two kinds
    change("modifierGroups", "syrup", defaultItems=[{"itemId": "vanilla", "quantity": 4}]),
    change("modifierGroups", "milk", defaultItems=[{"itemId": "oat", "quantity": None}]),
    change("modifierGroups", "syrup", tiers=[tier(0, 0), tier(3, 1)]),
    change("items", "latte", startingAt=3.5),
    change("items", "latte", startingAt=4),  # can be had, as the latte with oat milk
    change("items", "latte", compareAt=0),
    change("items", "oat", imageUrl="https://cdn.example/oat.jpg?width=400"),
    change("catalogs", "day", availability=[window("Friday", "22:00:00", "00:00:00"), window("Saturday", "00:00:00", "02:00:00")]),
    change("catalogs", "day", availability=[window("Friday", "07:00:00", "12:00:00"), window("Friday", "12:00:00", "13:00:00")]),
    change("catalogs", "day", availability=[window("Friday", "00:00:00", "00:00:00")]),
    change("sections", "bakery", sectionIds=["hot"]),  # two ways to one section
]  # fmt: skip


@pytest.mark.parametrize(("rule", "spoil", "path"), BROKEN, ids=[f"{rule}-{path}" for rule, _, path in BROKEN])
def test_a_broken_rule_is_found_where_it_is_broken_and_nothing_else(
    rule: CatalogRule, spoil: Callable[[Wire], None], path: str
) -> None:
    wire = clean()
    spoil(wire)
    assert [(finding.rule, finding.path) for finding in found(wire)] == [(rule, path)]


@pytest.mark.parametrize("vary", FINE)
def test_what_keeps_the_rules_is_left_alone(vary: Callable[[Wire], None]) -> None:
    wire = clean()
    vary(wire)
    assert found(wire) == []


IN_THE_BYTES = {
    CatalogRule.TOO_LARGE,
    CatalogRule.NOT_JSON,
    CatalogRule.TOO_DEEP,
    CatalogRule.DUPLICATE_KEY,
    CatalogRule.WRONG_SHAPE,
    CatalogRule.CLOCK_FORMAT,
}


def test_every_rule_is_broken_above_or_can_only_be_broken_in_bytes() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(CatalogRule) - IN_THE_BYTES - {CatalogRule.INEXACT_PRICE}


def test_a_price_finer_than_a_cent_is_found_in_a_copy_that_nobody_read_again() -> None:
    models = ExternalCatalogSet.model_validate(clean())
    models.items["latte"].base_price = Decimal("3.505")
    (finding,) = check(models)
    assert (finding.rule, finding.path) == (CatalogRule.INEXACT_PRICE, "$.items['latte'].basePrice")


def test_all_violations_are_told_at_once() -> None:
    """Every one of the table that does not touch an entity which another one changes."""
    wire = clean()
    expected = set()
    touched: set[str] = set()
    for rule, spoil, path in BROKEN:
        before = deepcopy(wire)
        spoil(wire)
        changed = {
            f"{table} {key}"
            for table in before
            for key in wire.get(table, ())
            if wire[table][key] != before[table].get(key)
        }
        if touched & changed or not wire:
            wire = before
            continue
        touched |= changed
        expected.add((rule, path))
    assert {(finding.rule, finding.path) for finding in found(wire)} == expected
    assert len(expected) > 7


def test_a_dangling_reference_hides_no_false_price() -> None:
    wire = clean()
    wire["items"]["latte"] |= {"modifierGroupIds": ["milk", "gone"], "startingAt": 1}
    assert {finding.rule for finding in found(wire)} >= {
        CatalogRule.DANGLING_REFERENCE,
        CatalogRule.STARTING_AT_TOO_LOW,
    }


def test_a_circle_of_modifiers_hides_no_false_price_elsewhere() -> None:
    wire = clean()
    wire["items"]["warm"]["modifierGroupIds"] = ["froth"]
    wire["items"]["muffin"] |= {"modifierGroupIds": ["syrup"], "startingAt": 1}
    assert [finding.rule for finding in found(wire)] == [CatalogRule.MODIFIER_CYCLE, CatalogRule.STARTING_AT_TOO_LOW]


def test_what_makes_a_menu_unusable_is_an_error_here_too() -> None:
    for rule, spoil, _ in BROKEN:
        wire = clean()
        spoil(wire)
        models = ExternalCatalogSet.model_validate(wire)
        told = integrity_problems(models)
        if not told:
            CompiledCatalog.compile(models)
            continue
        assert rule.severity is Severity.ERROR
        assert told == [str(finding) for finding in check(models)]
        with pytest.raises(CatalogInvalid):
            CompiledCatalog.compile(models)


def test_a_finding_says_what_where_and_what_to_do() -> None:
    wire = clean()
    wire["items"]["latte"]["startingAt"] = 3.49
    (finding,) = found(wire)
    assert finding.to_wire() == {
        "severity": "warning",
        "rule": "starting-at-too-low",
        "path": "$.items['latte'].startingAt",
        "message": "is 3.49, but the cheapest configuration that may be ordered costs 3.50",
        "hint": CatalogRule.STARTING_AT_TOO_LOW.hint,
    }


def test_every_rule_has_a_name_of_its_own_and_says_everything() -> None:
    assert len({str(rule) for rule in CatalogRule}) == len(list(CatalogRule))
    for rule in CatalogRule:
        assert rule == rule.name.lower().replace("_", "-")
        assert all(text.strip() == text and text for text in (rule.meaning, rule.source, rule.hint))
        assert rule.meaning.endswith(".")
        assert rule.hint.endswith(".")


def test_ids_that_would_break_a_line_are_escaped() -> None:
    wire = clean()
    wire["items"]["a\n'\x1b[31m"] = item("a\n'\x1b[31m", 1)
    (finding,) = found(wire)
    assert finding.path == r"$.items['a\u000a\'\u001b[31m']"


def test_a_large_circle_is_told_in_few_words() -> None:
    wire = clean()
    for n in range(500):
        wire["sections"][f"s{n}"] = section(f"s{n}", [], f"s{(n + 1) % 500}")
    wire["sections"]["drinks"]["sectionIds"].append("s0")
    (finding,) = found(wire)
    assert finding.rule is CatalogRule.SECTION_CYCLE
    assert len(finding.message) < 200


def test_an_order_holds_as_many_levels_of_modifiers_as_the_rule_says() -> None:
    def depth(value: object) -> int:
        if isinstance(value, dict):
            return 1 + max(map(depth, value.values()), default=0)
        return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0

    selected = line("x")
    for _ in range(MODIFIER_LEVELS):
        selected = line("x", entry("g", selected))
    sent = order(selected).to_wire()
    assert depth(sent) <= MAX_DEPTH < depth(order(line("x", entry("g", selected))).to_wire())


def test_deep_nesting_and_many_ways_take_no_stack_and_no_time() -> None:
    floors = 3_000
    wire = clean()
    wire["items"]["latte"]["modifierGroupIds"] = ["g0"]
    for n in range(floors):
        wire["modifierGroups"][f"g{n}"] = group(f"g{n}", [f"o{n}", f"p{n}"], 0, 1)
        below = [f"g{n + 1}"] if n + 1 < floors else []
        wire["items"] |= {f"o{n}": item(f"o{n}", 1, *below), f"p{n}": item(f"p{n}", 1, *below)}
    rules = [finding.rule for finding in found(wire)]
    assert CatalogRule.MODIFIERS_TOO_DEEP in rules
    assert CatalogRule.MODIFIER_CYCLE not in rules
