"""Every rule, violated once and reported at its path alone; and many violations reported at once."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest

from tests.catalog.cafe_catalog import Wire, entry, group, item, line, order, section
from tests.catalog.check_cases import DAY, LATTE, MILK, SYRUP, VALID, VIOLATIONS, add, change, clean, findings
from webhook_kit.catalog.check import MAX_MODIFIER_LEVELS, CatalogRule, Severity, check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.catalog.integrity import integrity_problems
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem
from webhook_kit.webhooks.parsing import MAX_DEPTH


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
