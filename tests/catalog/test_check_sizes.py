"""Work for a catalog of twice the size: twice as much, for every rule; and the bounds of a catalog.

Work is counted in executed lines, which are the same on a busy machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.catalog.cafe_catalog import Wire, catalog, daily, group, item, section
from tests.executed_lines import executed_lines
from webhook_kit.catalog import bounds, check_members, lenient_parse
from webhook_kit.catalog.bounds import MOST
from webhook_kit.catalog.check import CatalogRule, check, check_bytes
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.diff import diff
from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.catalog.integrity import integrity_problems
from webhook_kit.catalog.unavailable import remove_items
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import ExternalCatalogSet

SMALL, LARGE = 200, 800
MOST_GROWTH = 1.2  # of the work per entry


def catalog_set(items: list[Wire], groups: list[Wire] = [], sections: list[Wire] = [], **more: Any) -> Wire:  # noqa: B006
    sections = sections or [section("food", [one["itemId"] for one in items])]
    return {
        "catalogs": {"day": catalog("day", [sections[0]["sectionId"]], daily("07:00:00", "19:00:00"))},
        "sections": {one["sectionId"]: one for one in sections},
        "items": {one["itemId"]: one for one in items},
        "modifierGroups": {one["modifierGroupId"]: one for one in groups},
        **more,
    }


def ids(n: int, prefix: str = "i") -> list[str]:
    return [f"{prefix}{number}" for number in range(n)]


def items(n: int) -> list[Wire]:
    return [item(key, 1) for key in ids(n)]


def tiers(n: int) -> Wire:
    """Tiers of falling prices, one for each selection; the last ones are negative."""
    options = [item(key, -1) for key in ids(n)]
    prices = [{"offset": offset, "price": n // 2 - offset} for offset in range(n)]
    return catalog_set([item("a", 1, "g"), *options], [group("g", ids(n), 0, n, tiers=prices)])


def tiers_with_repetition(n: int) -> Wire:
    wire = tiers(n)
    wire["modifierGroups"]["g"]["enableDuplicateItems"] = True
    return wire


def nested_sections(n: int) -> Wire:
    keys = ids(n, "s")
    chain = [section(key, ["i0"] if key == keys[-1] else [], *keys[k + 1 : k + 2]) for k, key in enumerate(keys)]
    return catalog_set(items(1), sections=chain)


def cycles_of_sections(n: int) -> Wire:
    """A chain of sections, each of which also contains the first one."""
    wire = nested_sections(n)
    for one in wire["sections"].values():
        one["sectionIds"].append("s0")
    return wire


def cycles_of_modifiers(n: int) -> Wire:
    chain = [item(f"i{k}", 1, f"g{k}") for k in range(n)]
    groups = [group(f"g{k}", ["i0", f"i{(k + 1) % n}"], 0, 1) for k in range(n)]
    return catalog_set(chain, groups)


def required_chain(n: int) -> Wire:
    """Each item needs the next one."""
    chain = [item(f"i{k}", 1, f"g{k}") for k in range(n)] + [item(f"i{n}", 1)]
    return catalog_set(chain, [group(f"g{k}", [f"i{k + 1}"], 1, 1) for k in range(n)])


def windows(n: int) -> Wire:
    wire = catalog_set(items(1))
    wire["catalogs"]["day"]["availability"] = daily("07:00:00", "19:00:00") * n
    return wire


def defaults(n: int) -> Wire:
    return catalog_set(
        [item("a", 1, "g"), *items(n)], [group("g", ids(n), 0, 1, defaultItems=[{"itemId": key} for key in ids(n)])]
    )


def unknown_members(n: int) -> Wire:
    return catalog_set([one | {f"vendor{one['itemId']}": [1], "soldOut": True} for one in items(n)])


def dangling(n: int) -> Wire:
    return catalog_set(items(n), sections=[section("food", ids(n, "x"))])


def one_name(n: int) -> Wire:
    return catalog_set([one | {"name": "Soup"} for one in items(n)])


def many_catalogs(n: int) -> Wire:
    wire = catalog_set(items(n))
    wire["catalogs"] = {key: catalog(key, ["food"], daily("07:00:00", "19:00:00")) for key in ids(n, "c")}
    return wire


def shared_sections(n: int) -> Wire:
    return catalog_set(items(n), sections=[section(key, ids(n)[:20], "s1", "s2") for key in ids(n, "s")])


def wrong_shapes(n: int) -> Wire:
    return catalog_set([one | {"name": 3, "basePrice": "x", "title": "t"} for one in items(n)])


def misspelled_members(n: int) -> Wire:
    wrong = {"itemId": "x", **{f"basePrize{k}": 1 for k in range(30)}}
    return {**catalog_set(items(n)), "items": {key: wrong | {f"nam{key}": ""} for key in ids(n)}}


SHAPES = [
    *(tiers, tiers_with_repetition, nested_sections, cycles_of_sections, cycles_of_modifiers, required_chain, windows),
    *(defaults, unknown_members, dangling, one_name, many_catalogs, shared_sections, wrong_shapes),
    misspelled_members,
]


def many_windows_of_a_day(n: int) -> Wire:
    wire = catalog_set(items(1))
    wire["catalogs"]["day"]["availability"] = daily("07:00:00", "19:00:00")[:1] * n
    return wire


def work(wire: Wire) -> None:
    """Do all that is ever done with a catalog."""
    parsed, _ = check_bytes(json.dumps(wire).encode())
    if parsed is None:
        return
    diff(parsed, ExternalCatalogSet.model_validate(wire))
    if not integrity_problems(CatalogIndex(parsed)):
        CompiledCatalog.compile(parsed)
        remove_items(parsed, [next(reversed(parsed.items))])


@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_with_the_size_and_not_with_its_square(
    shape: Callable[[int], Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "MOST", dict.fromkeys(MOST, 10**9))
    work(shape(SMALL))  # what is made only once
    # A comparison of names is slow, and the number of comparisons is limited.
    monkeypatch.setattr(lenient_parse, "_MOST_COMPARED", 10)
    monkeypatch.setattr(check_members, "_MOST_NAMES", 10)
    catalogs = shape(SMALL), shape(LARGE)
    small, large = (executed_lines(partial(work, wire)) for wire in catalogs)
    assert large / LARGE <= MOST_GROWTH * small / SMALL


def test_path_of_a_finding_is_short_though_ids_are_long() -> None:
    key = "x" * 100_000
    wire = catalog_set(items(1)) | {"vendor": {key: [{}] * 10}, "sections": {key: section(key, ["?"] * 10)}}
    raw = json.dumps(wire).replace('"vendor"', '"vendor": 1, "vendor"').encode()
    assert max(len(f"{finding}") for finding in check_bytes(raw)[1]) < 1_000


@pytest.mark.parametrize(
    ("rule", "path", "wire"),
    [
        (CatalogRule.TOO_MANY, "$.modifierGroups['g'].tiers", lambda: tiers(8_000)),
        (CatalogRule.TOO_MANY, "$.catalogs", lambda: many_catalogs(101)),
        (CatalogRule.TOO_MANY, "$.catalogs['day'].availability", lambda: windows(143)),
        (CatalogRule.TOO_MANY, "$.modifierGroups['g'].defaultItems", lambda: defaults(1_001)),
        (CatalogRule.TOO_MANY, "$.items['i0'].modifierGroupIds", lambda: catalog_set([item("i0", 1, *ids(1_001))])),
        (CatalogRule.TOO_MANY, "$.sections", lambda: nested_sections(10_001)),
        (CatalogRule.TOO_LONG, "$.items['i0'].name", lambda: catalog_set([item("i0", 1) | {"name": "x" * 1_001}])),
        (
            CatalogRule.TOO_LONG,
            "$.items['i0'].description",
            lambda: catalog_set([item("i0", 1) | {"description": "x" * 20_001}]),
        ),
    ],
)
def test_catalog_beyond_a_bound_is_refused_by_the_name_of_the_bound(
    rule: CatalogRule, path: str, wire: Callable[[], Wire]
) -> None:
    models = ExternalCatalogSet.model_validate(wire())
    (finding,) = check(models)
    assert (finding.rule, finding.path) == (rule, path)
    assert f"the limit of {path.rpartition('.')[2]} is " in finding.message
    assert check_bytes(models.to_json())[1] == [finding]
    with pytest.raises(CatalogInvalid, match="the limit of"):
        CompiledCatalog.compile(models)


def test_catalog_at_its_bounds_is_checked() -> None:
    assert CatalogRule.TOO_MANY not in {
        finding.rule for finding in check(ExternalCatalogSet.model_validate(tiers(1_000)))
    }
