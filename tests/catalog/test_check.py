"""Every rule, violated once and reported at its path alone; and many violations reported at once."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.catalog.cafe_catalog import Wire, cafe, daily, entry, group, item, line, order, section
from webhook_kit.catalog.check import MAX_MODIFIER_LEVELS, CatalogRule, Finding, Severity, check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.catalog.integrity import integrity_problems
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem
from webhook_kit.webhooks.parsing import MAX_DEPTH


def clean() -> Wire:
    """Return the café's catalog with its tiers in order, so that it has no findings."""
    wire = cafe()
    wire["modifierGroups"]["syrup"]["tiers"].reverse()
    return wire


def findings(wire: Wire) -> list[Finding]:
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


def all_in_cents(wire: Wire) -> None:
    for one in wire["items"].values():
        one["basePrice"] *= 100
    for one in wire["modifierGroups"]["syrup"]["tiers"]:
        one["price"] *= 100


def two_bakeries(wire: Wire) -> None:
    """Add a second section "Bakery" to the catalog, with what is not in the first one."""
    wire["sections"]["more"] = section("more", ["muffin"]) | {"name": "Bakery"}
    wire["catalogs"]["morning"]["sectionIds"].append("more")


def deep(wire: Wire) -> None:
    wire["items"]["muffin"]["modifierGroupIds"] = ["level-1"]
    for level in range(1, MAX_MODIFIER_LEVELS + 2):
        wire["modifierGroups"][f"level-{level}"] = group(f"level-{level}", [f"option-{level}"], 0, 1)
        below = [f"level-{level + 1}"] if level <= MAX_MODIFIER_LEVELS else []
        wire["items"][f"option-{level}"] = item(f"option-{level}", 0, *below)


MILK, SYRUP, LATTE, DAY = (
    "$.modifierGroups['milk']",
    "$.modifierGroups['syrup']",
    "$.items['latte']",
    "$.catalogs['day']",
)
TWICE = {"enableDuplicateItems": True}

VIOLATIONS: list[tuple[CatalogRule, Callable[[Wire], None], str]] = [
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
    (CatalogRule.UNREACHABLE, add("sections", "unused", section("unused", ["latte"])), "$.sections['unused']"),
    (CatalogRule.UNREACHABLE, add("items", "unused", item("unused", 1)), "$.items['unused']"),
    (CatalogRule.UNREACHABLE, add("modifierGroups", "unused", group("unused", ["oat"], 0, 1)), "$.modifierGroups['unused']"),
    (CatalogRule.NOTHING_ON_SALE, empty, "$.catalogs"),
    (CatalogRule.MINIMUM_ABOVE_MAXIMUM, change("modifierGroups", "milk", minimumAllowed=2), f"{MILK}.minimumAllowed"),
    (CatalogRule.NEGATIVE_BOUND, change("modifierGroups", "milk", minimumAllowed=-1), f"{MILK}.minimumAllowed"),
    (CatalogRule.NEGATIVE_BOUND, change("modifierGroups", "milk", maximumAllowed=-1), f"{MILK}.maximumAllowed"),
    (CatalogRule.NEGATIVE_BOUND, change("modifierGroups", "syrup", maximumAllowed=-1, defaultItems=[{"itemId": "vanilla"}]), f"{SYRUP}.maximumAllowed"),
    (CatalogRule.MINIMUM_ABOVE_MAXIMUM, change("modifierGroups", "milk", maximumAllowed=0), f"{MILK}.minimumAllowed"),
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
    (CatalogRule.INEXACT_PRICE, change("items", "muffin", basePrice=2.495), "$.items['muffin'].basePrice"),
    (CatalogRule.INEXACT_PRICE, change("items", "oat", startingAt=2.495), "$.items['oat'].startingAt"),
    (CatalogRule.INEXACT_PRICE, change("items", "oat", compareAt=0.001), "$.items['oat'].compareAt"),
    (CatalogRule.INEXACT_PRICE, change("modifierGroups", "syrup", tiers=[tier(0, 0.125)]), f"{SYRUP}.tiers[0].price"),
    (CatalogRule.PRICE_IN_CENTS, change("items", "muffin", basePrice=225), "$.items['muffin'].basePrice"),
    (CatalogRule.PRICE_IN_CENTS, change("items", "oat", basePrice=15500), "$.items['oat'].basePrice"),
    (CatalogRule.PRICE_IN_CENTS, change("items", "latte", compareAt=450), f"{LATTE}.compareAt"),
    (CatalogRule.PRICE_IN_CENTS, change("items", "latte", startingAt=350), f"{LATTE}.startingAt"),
    (CatalogRule.PRICE_IN_CENTS, change("modifierGroups", "syrup", tiers=[tier(0, 0.5), tier(2, 125)]), f"{SYRUP}.tiers[1].price"),
    (CatalogRule.PRICE_IN_CENTS, all_in_cents, "$.items['latte'].basePrice"),
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
    (CatalogRule.WINDOW_OVER_MIDNIGHT, change("catalogs", "day", availability=[window("Friday", "22:00:00", "02:00:00")]), f"{DAY}.availability[0]"),
    (CatalogRule.EMPTY_WINDOW, change("catalogs", "day", availability=[window("Friday", "10:00:00", "10:00:00")]), f"{DAY}.availability[0]"),
    (CatalogRule.ENDS_BEFORE_MIDNIGHT, change("catalogs", "day", availability=[window("Friday", "00:00:00", "23:59:59")]), f"{DAY}.availability[0].end"),
    (CatalogRule.ENDS_BEFORE_MIDNIGHT, change("catalogs", "day", availability=[window("Friday", "23:00:00", "23:59:00")]), f"{DAY}.availability[0].end"),
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
    (CatalogRule.EQUAL_NAMES, change("items", "caramel", name=" vanilla"), f"{SYRUP}.itemIds[1]"),
    (CatalogRule.EQUAL_NAMES, change("modifierGroups", "syrup", name="Milk"), f"{LATTE}.modifierGroupIds[1]"),
    (CatalogRule.EQUAL_NAMES, change("catalogs", "morning", name="DAY"), "$.catalogs['morning']"),
    (CatalogRule.EQUAL_NAMES, two_bakeries, "$.catalogs['morning'].sectionIds[1]"),
    (CatalogRule.MARKUP_IN_TEXT, change("items", "oat", name="Oat &amp; rice"), "$.items['oat'].name"),
    (CatalogRule.MARKUP_IN_TEXT, change("items", "oat", description="From <b>oats</b>"), "$.items['oat'].description"),
    (CatalogRule.MARKUP_IN_TEXT, change("sections", "hot", name="Hot<br/>"), "$.sections['hot'].name"),
    (CatalogRule.CONTROL_CHARACTER, change("items", "oat", name="\u202etaO"), "$.items['oat'].name"),
    (CatalogRule.CONTROL_CHARACTER, change("items", "oat", name="Oat\n"), "$.items['oat'].name"),
    (CatalogRule.CONTROL_CHARACTER, change("items", "oat", description="Oat\x1b[2J"), "$.items['oat'].description"),
    (CatalogRule.CONTROL_CHARACTER, change("modifierGroups", "milk", name="Mi\ufffdk"), f"{MILK}.name"),
    (CatalogRule.MISSPELLED_MEMBER, change("items", "muffin", modifierGroupsIds=["milk"]), "$.items['muffin'].modifierGroupsIds"),
    (CatalogRule.MISSPELLED_MEMBER, change("modifierGroups", "milk", minAllowed=1), f"{MILK}.minAllowed"),
    (CatalogRule.MISSPELLED_MEMBER, change("modifierGroups", "milk", enableDuplicates=True), f"{MILK}.enableDuplicates"),
    (CatalogRule.MISSPELLED_MEMBER, change("modifierGroups", "milk", defaultItem="oat"), f"{MILK}.defaultItem"),
    (CatalogRule.MISSPELLED_MEMBER, change("modifierGroups", "syrup", tiers=[tier(0, 1) | {"Price": 2}]), f"{SYRUP}.tiers[0].Price"),
    (CatalogRule.FOREIGN_MEMBER, change("items", "oat", soldOut=True), "$.items['oat'].soldOut"),
    (CatalogRule.FOREIGN_MEMBER, change("items", "oat", is_available=False), "$.items['oat'].is_available"),
    (CatalogRule.FOREIGN_MEMBER, change("items", "oat", status="SOLD_OUT"), "$.items['oat'].status"),
    (CatalogRule.FOREIGN_MEMBER, change("modifierGroups", "milk", max_choices=1), f"{MILK}.max_choices"),
    (CatalogRule.FOREIGN_MEMBER, change("modifierGroups", "milk", isRequired=True), f"{MILK}.isRequired"),
    (CatalogRule.FOREIGN_MEMBER, change("catalogs", "day", holidays=[]), f"{DAY}.holidays"),
    (CatalogRule.IMAGE_NOT_HTTPS, change("items", "oat", imageUrl="http://cdn.example/oat.jpg"), "$.items['oat'].imageUrl"),
    (CatalogRule.IMAGE_NOT_HTTPS, change("items", "oat", imageUrl="https:///oat.jpg"), "$.items['oat'].imageUrl"),
    (CatalogRule.IMAGE_NOT_HTTPS, change("items", "oat", imageUrl="https://[oat.jpg"), "$.items['oat'].imageUrl"),
]  # fmt: skip

VALID: list[Callable[[Wire], None]] = [
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
    change("catalogs", "day", availability=[window("Friday", "00:00:00", "23:58:00")]),
    change("items", "oat", name="Oat < rice & R&D; <3", description="Two lines\r\nand a tab\t"),
    change("items", "oat", name="Crème brûlée 🧑\u200d🍳 ليمون"),
    change("items", "oat", vendorCode="x", x_note=1, sku_hint=[]),
    change("items", "muffin", basePrice=99),
    change("items", "muffin", basePrice=67),
    change("items", "muffin", basePrice=1000.5),
    change("items", "oat", name="Latte"),  # a drink and a kind of milk are not side by side
    change("sections", "bakery", sectionIds=["hot"]),  # two ways to one section
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "violate", "path"), VIOLATIONS, ids=[f"{rule}-{path}" for rule, _, path in VIOLATIONS]
)
def test_violation_is_reported_at_its_path_and_nothing_else(
    rule: CatalogRule, violate: Callable[[Wire], None], path: str
) -> None:
    wire = clean()
    violate(wire)
    assert [(finding.rule, finding.path) for finding in findings(wire)] == [(rule, path)]


@pytest.mark.parametrize("vary", VALID)
def test_valid_variant_has_no_findings(vary: Callable[[Wire], None]) -> None:
    wire = clean()
    vary(wire)
    assert findings(wire) == []


RULES_OF_BYTES_AND_BOUNDS = {
    CatalogRule.NOT_A_CATALOG,
    CatalogRule.TOO_MANY,
    CatalogRule.TOO_LONG,
    CatalogRule.TOO_LARGE,
    CatalogRule.NOT_JSON,
    CatalogRule.TOO_DEEP,
    CatalogRule.DUPLICATE_KEY,
    CatalogRule.WRONG_SHAPE,
    CatalogRule.CLOCK_FORMAT,
    CatalogRule.ROUNDED_PRICE,
}


def test_every_rule_has_a_case_or_concerns_bytes_or_bounds() -> None:
    assert {rule for rule, _, _ in VIOLATIONS} == set(CatalogRule) - RULES_OF_BYTES_AND_BOUNDS


def test_price_with_fractions_of_a_cent_is_named_with_its_item() -> None:
    models = ExternalCatalogSet.model_validate(clean())
    models.items["latte"] = ExternalItem.model_validate(item("latte", 3.505, "milk", "syrup"))
    (finding,) = check(models)
    assert str(finding) == "$.items['latte'].basePrice: 3.505 has fractions of a cent (item 'Latte')"


def test_all_violations_are_reported_at_once() -> None:
    """Apply every case that does not touch an entity which an earlier case has changed."""
    wire = clean()
    expected = set()
    touched: set[str] = set()
    for rule, violate, path in VIOLATIONS:
        before = deepcopy(wire)
        violate(wire)
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
    assert {(finding.rule, finding.path) for finding in findings(wire)} == expected
    assert len(expected) > 7


def one_rule(*changes: Callable[[Wire], None]) -> list[tuple[CatalogRule, str]]:
    wire = clean()
    for apply in changes:
        apply(wire)
    return [(finding.rule, finding.path) for finding in findings(wire)]


def test_misspelled_reference_is_told_once() -> None:
    assert one_rule(change("catalogs", "day", sectionIds=["drink"])) == [
        (CatalogRule.DANGLING_REFERENCE, f"{DAY}.sectionIds[0]")
    ]
    both = change("catalogs", "day", sectionIds=["drink"]), change("catalogs", "morning", sectionIds=["bakeries"])
    assert {rule for rule, _ in one_rule(*both)} == {CatalogRule.DANGLING_REFERENCE}


def test_only_the_first_unreachable_entity_of_a_chain_is_told() -> None:
    extra = (
        add("items", "cake", item("cake", 1, "icing")),
        add("modifierGroups", "icing", group("icing", ["sugar"], 0, 1)),
        add("items", "sugar", item("sugar", 0)),
    )
    assert one_rule(*extra) == [(CatalogRule.UNREACHABLE, "$.items['cake']")]


def test_misspelled_list_of_references_is_told_once() -> None:
    extra = (
        change("items", "muffin", modifierGroupsIds=["icing"]),
        add("modifierGroups", "icing", group("icing", ["sugar"], 0, 1)),
        add("items", "sugar", item("sugar", 0)),
    )
    assert one_rule(*extra) == [(CatalogRule.MISSPELLED_MEMBER, "$.items['muffin'].modifierGroupsIds")]


def test_catalog_without_sections_is_told_once() -> None:
    wire = clean()
    for one in wire["catalogs"].values():
        one["sectionIds"] = []
    assert [finding.rule for finding in findings(wire)] == [CatalogRule.NOTHING_ON_SALE]


def test_negative_starting_at_is_told_once() -> None:
    assert one_rule(change("items", "latte", startingAt=-1)) == [(CatalogRule.NEGATIVE_PRICE, f"{LATTE}.startingAt")]


def test_two_equal_names_in_several_lists_are_told_once() -> None:
    changes = (
        change("items", "caramel", name="Vanilla"),
        add("modifierGroups", "topping", group("topping", ["caramel", "vanilla"], 0, 1)),
        change("items", "muffin", modifierGroupIds=["topping"]),
    )
    assert one_rule(*changes) == [(CatalogRule.EQUAL_NAMES, f"{SYRUP}.itemIds[1]")]


def test_unknown_member_of_many_entities_is_told_once_with_their_number() -> None:
    wire = clean()
    for one in wire["items"].values():
        one["soldOut"] = False
    (finding,) = findings(wire)
    assert (finding.rule, finding.path) == (CatalogRule.FOREIGN_MEMBER, f"{LATTE}.soldOut")
    assert finding.message.endswith(f"(in {len(wire['items'])} places)")
    assert "mark-unavailable" in finding.message


def test_misspelled_member_is_told_with_the_right_name() -> None:
    wire = clean()
    wire["modifierGroups"]["milk"]["minAllowed"] = 1
    assert str(findings(wire)[0]) == f"{MILK}.minAllowed: is not defined; did you mean minimumAllowed?"


def test_dangling_reference_does_not_hide_a_wrong_price() -> None:
    wire = clean()
    wire["items"]["latte"] |= {"modifierGroupIds": ["milk", "missing"], "startingAt": 1}
    assert {finding.rule for finding in findings(wire)} >= {
        CatalogRule.DANGLING_REFERENCE,
        CatalogRule.STARTING_AT_TOO_LOW,
    }


def test_cycle_of_modifiers_does_not_hide_a_wrong_price_elsewhere() -> None:
    wire = clean()
    wire["items"]["warm"]["modifierGroupIds"] = ["froth"]
    wire["items"]["muffin"] |= {"modifierGroupIds": ["syrup"], "startingAt": 1}
    assert [finding.rule for finding in findings(wire)] == [CatalogRule.MODIFIER_CYCLE, CatalogRule.STARTING_AT_TOO_LOW]


def test_integrity_problem_is_an_error_of_the_check_too() -> None:
    for rule, violate, _ in VIOLATIONS:
        wire = clean()
        violate(wire)
        models = ExternalCatalogSet.model_validate(wire)
        problems = integrity_problems(CatalogIndex(models))
        if not problems:
            CompiledCatalog.compile(models)
            continue
        assert rule.severity is Severity.ERROR
        assert problems == [str(finding) for finding in check(models)]
        with pytest.raises(CatalogInvalid):
            CompiledCatalog.compile(models)


def test_finding_contains_path_message_and_hint() -> None:
    wire = clean()
    wire["items"]["latte"]["startingAt"] = 3.49
    (finding,) = findings(wire)
    assert finding.to_wire() == {
        "severity": "warning",
        "rule": "starting-at-too-low",
        "path": "$.items['latte'].startingAt",
        "message": "is 3.49, but the cheapest configuration that may be ordered costs 3.50",
        "hint": CatalogRule.STARTING_AT_TOO_LOW.hint,
    }


def test_every_rule_has_a_unique_name_meaning_source_and_hint() -> None:
    assert len({str(rule) for rule in CatalogRule}) == len(list(CatalogRule))
    for rule in CatalogRule:
        assert rule == rule.name.lower().replace("_", "-")
        assert all(text.strip() == text and text for text in (rule.meaning, rule.source, rule.hint))
        assert rule.meaning.endswith(".")
        assert rule.hint.endswith(".")


def test_control_characters_in_ids_are_escaped() -> None:
    wire = clean()
    wire["items"]["a\n'\x1b[31m"] = item("a\n'\x1b[31m", 1) | {"name": "A"}
    (finding,) = findings(wire)
    assert finding.path == r"$.items['a\u000a\'\u001b[31m']"


def test_message_of_a_large_cycle_is_short() -> None:
    wire = clean()
    for n in range(500):
        wire["sections"][f"s{n}"] = section(f"s{n}", [], f"s{(n + 1) % 500}")
    wire["sections"]["drinks"]["sectionIds"].append("s0")
    (finding,) = findings(wire)
    assert finding.rule is CatalogRule.SECTION_CYCLE
    assert len(finding.message) < 200


def test_order_may_have_as_many_levels_of_modifiers_as_the_rule_allows() -> None:
    def depth(value: object) -> int:
        if isinstance(value, dict):
            return 1 + max(map(depth, value.values()), default=0)
        return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0

    selected = line("x")
    for _ in range(MAX_MODIFIER_LEVELS):
        selected = line("x", entry("g", selected))
    sent = order(selected).to_wire()
    assert depth(sent) <= MAX_DEPTH < depth(order(line("x", entry("g", selected))).to_wire())


def test_deep_nesting_with_many_paths_is_checked_without_recursion() -> None:
    levels = 3_000
    wire = clean()
    wire["items"]["latte"]["modifierGroupIds"] = ["g0"]
    for n in range(levels):
        wire["modifierGroups"][f"g{n}"] = group(f"g{n}", [f"o{n}", f"p{n}"], 0, 1)
        below = [f"g{n + 1}"] if n + 1 < levels else []
        wire["items"] |= {f"o{n}": item(f"o{n}", 1, *below), f"p{n}": item(f"p{n}", 1, *below)}
    rules = [finding.rule for finding in findings(wire)]
    assert CatalogRule.MODIFIERS_TOO_DEEP in rules
    assert CatalogRule.MODIFIER_CYCLE not in rules
