"""Bytes that are no CatalogSet, or a spoilt one: everything is told, with paths, and nothing is raised."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.menus import Wire, daily, group, item, section
from tests.catalog.strategies import catalogs
from tests.catalog.test_check import clean
from webhook_kit.catalog.check import CatalogRule, Finding, Severity, check, check_bytes
from webhook_kit.catalog.lenient_parse import LARGEST
from webhook_kit.gett.models.catalog import ExternalCatalogSet


def findings(raw: bytes | Wire) -> list[Finding]:
    catalog, found = check_bytes(raw if isinstance(raw, bytes) else json.dumps(raw).encode())
    assert (catalog is None) == any(finding.rule in (NO_CATALOG) for finding in found)
    return found


def told(raw: bytes | Wire) -> list[tuple[str, str]]:
    return [(finding.rule.value, finding.path) for finding in findings(raw)]


NO_CATALOG = {CatalogRule.TOO_LARGE, CatalogRule.NOT_JSON, CatalogRule.TOO_DEEP, CatalogRule.WRONG_SHAPE}


def test_a_good_menu_comes_back_as_it_was() -> None:
    catalog, found = check_bytes(json.dumps(clean()).encode())
    assert found == []
    assert catalog == ExternalCatalogSet.model_validate(clean())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"menu",
        b"{",
        json.dumps(clean()).encode()[:-1],
        b'{"items": {"\xff": 1}}',
        b'{"a":"\\ud800"}',
        b"{}x",
    ],
)
def test_what_is_no_json_is_one_finding(raw: bytes) -> None:
    assert told(raw) == [("not-json", "$")]


@pytest.mark.parametrize(
    "raw", [b'{"x": NaN}', b'{"x": -Infinity}', b'{"x": 1' + b"0" * 5000 + b"}", b"\xef\xbb\xbf{}"]
)
def test_what_only_some_readers_take_is_no_json(raw: bytes) -> None:
    assert told(raw) == [("not-json", "$")]


def test_a_truncated_file_says_where_it_ends() -> None:
    (finding,) = findings(b'{"items": {"a": ')
    assert "line 1 column 16" in finding.message


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"menu"'])
def test_json_that_is_no_object_is_no_menu(raw: bytes) -> None:
    assert told(raw) == [("wrong-shape", "$")]


@pytest.mark.parametrize("inner", [(b"[", b"]"), (b'{"a":', b"}")])
def test_absurd_nesting_is_one_finding(inner: tuple[bytes, bytes]) -> None:
    opening, closing = inner
    assert told(b'{"x":' + opening * 100_000 + b"1" + closing * 100_000 + b"}") == [("too-deep", "$")]


def test_more_than_the_limit_is_not_even_read() -> None:
    class Unreadable(bytes):
        def __len__(self) -> int:
            return 200_000_000

    catalog, (finding,) = check_bytes(Unreadable(b"never parsed"))
    assert catalog is None
    assert (finding.rule, finding.path) == (CatalogRule.TOO_LARGE, "$")
    assert f"{LARGEST:,}" in finding.message
    assert [one.rule for one in check_bytes(b"{}", limit=1)[1]] == [CatalogRule.TOO_LARGE]
    assert CatalogRule.TOO_LARGE not in [one.rule for one in check_bytes(b"{}", limit=2)[1]]


def test_wrong_shapes_hide_neither_each_other_nor_anything_else() -> None:
    wire = clean()
    wire["items"]["latte"] |= {"name": 3, "basePrice": "3.50"}
    wire["items"]["oat"] = 7
    del wire["items"]["vanilla"]["basePrice"]
    wire["items"]["muffin"]["modifierGroupIds"] = ["gone"]
    wire["items"]["warm"] |= {"basePrice": 0.001, "imageUrl": "http://x.example/"}
    wire["sections"]["hot"]["itemIds"] = ["latte", "gone"]
    wire["modifierGroups"]["milk"]["maximumAllowed"] = None
    wire["catalogs"]["day"]["availability"][1]["dayOfWeek"] = "monday"
    wire["catalogs"]["day"]["availability"][2]["start"] = "24:00:00"
    wire["catalogs"]["day"]["name"] = ""
    assert sorted(told(wire)) == sorted(
        [
            ("wrong-shape", "$.items['latte'].name"),
            ("wrong-shape", "$.items['latte'].basePrice"),
            ("wrong-shape", "$.items['oat']"),
            ("wrong-shape", "$.items['vanilla'].basePrice"),
            ("wrong-shape", "$.items['warm'].basePrice"),
            ("wrong-shape", "$.modifierGroups['milk'].maximumAllowed"),
            ("wrong-shape", "$.catalogs['day'].availability[1].dayOfWeek"),
            ("wrong-shape", "$.catalogs['day'].availability[2].start"),
            ("dangling-reference", "$.items['muffin'].modifierGroupIds[0]"),
            ("dangling-reference", "$.sections['hot'].itemIds[1]"),
            ("image-not-https", "$.items['warm'].imageUrl"),
            ("blank-name", "$.catalogs['day'].name"),
        ]
    )


def test_circles_are_found_beside_wrong_shapes() -> None:
    wire = clean()
    wire["items"]["muffin"]["name"] = None
    wire["items"]["warm"]["modifierGroupIds"] = ["milk"]
    wire["sections"]["hot"]["sectionIds"] = ["drinks"]
    assert sorted(rule for rule, _ in told(wire)) == ["modifier-cycle", "section-cycle", "wrong-shape"]


@pytest.mark.parametrize("table", ["catalogs", "sections", "items", "modifierGroups"])
@pytest.mark.parametrize("value", [None, [], 3, "x"])
def test_a_table_that_is_no_object_is_told(table: str, value: object) -> None:
    assert ("wrong-shape", f"$.{table}") in told(clean() | {table: value})


def test_members_of_the_menu_itself_are_looked_at() -> None:
    assert told(clean() | {"catalogSetId": 3, "storeId": []}) == [
        ("wrong-shape", "$.catalogSetId"),
        ("wrong-shape", "$.storeId"),
    ]


def test_a_key_that_stands_twice_is_told_though_most_readers_drop_one() -> None:
    raw = json.dumps(clean()).replace('"oat": {', '"whole": {').replace('"imageUrl"', '"name"')
    raw = raw.replace('"name": "Latte"', '"name": "Latte", "name": "Tea"')
    found = told(raw.encode())
    assert ("duplicate-key", "$.items") in found
    assert ("duplicate-key", "$.items['latte']") in found


def test_python_s_own_spelling_of_a_member_is_told() -> None:
    wire = clean()
    wire["items"]["oat"]["base_price"] = wire["items"]["oat"].pop("basePrice")
    wire["catalogs"]["day"]["availability"][0]["day_of_week"] = wire["catalogs"]["day"]["availability"][0].pop(
        "dayOfWeek"
    )
    wire["items"]["warm"]["vendor"] = {"base_price": 3}  # a member that we do not know may hold what it likes
    found = check_bytes(json.dumps(wire).encode())[1]
    assert [(one.rule.value, one.path) for one in found] == [
        ("wrong-shape", "$.catalogs['day'].availability[0].day_of_week"),
        ("wrong-shape", "$.items['oat'].base_price"),
    ]


@pytest.mark.parametrize("clock", ["07:00", "07:00:00.5", "0700"])
def test_a_time_that_is_understood_but_written_otherwise_is_a_warning(clock: str) -> None:
    wire = clean()
    wire["catalogs"]["morning"]["availability"][6]["start"] = clock
    (finding,) = [finding for finding in check_bytes(json.dumps(wire).encode())[1] if finding.rule != "wrong-shape"]
    assert (finding.rule, finding.path) == (CatalogRule.CLOCK_FORMAT, "$.catalogs['morning'].availability[6].start")
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("key", ["", "x" * 256, "it's", "\n", "a.b['c']"])
def test_ids_of_every_kind_are_told_and_broken_ones_bring_nothing_down(key: str) -> None:
    wire = clean()
    wire["items"][key] = {"itemId": key, "name": 5}
    wire["sections"]["hot"]["itemIds"].append(key)
    rules = {rule for rule, _ in told(wire)}
    assert "wrong-shape" in rules
    assert "dangling-reference" not in rules


def test_a_menu_full_of_circles_ends() -> None:
    ids = [str(n) for n in range(300)]
    wire: Wire = {
        "sections": {n: section(n, [], *ids[:40]) for n in ids},
        "items": {n: item(n, 1, *ids[:40]) for n in ids},
        "modifierGroups": {n: group(n, ids[:40], 0, 1) for n in ids},
        "catalogs": {},
    }
    rules = {rule for rule, _ in told(wire)}
    assert {"section-cycle", "modifier-cycle", "nothing-on-sale"} <= rules


@given(st.binary(max_size=200))
def test_no_bytes_raise(raw: bytes) -> None:
    check_bytes(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for step, value in inner for place in places(value, (*path, step)))]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_stands_wherever_in_a_menu_is_told_or_fine_but_never_raised(data: st.DataObject) -> None:
    wire = deepcopy(data.draw(catalogs()))  # parts of it are shared
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(places(wire)[1:]))
        node = wire
        for step in way:
            node = node[step]
        node[last] = data.draw(JSON)
    raw = json.dumps(wire).encode()
    catalog, found = check_bytes(raw)
    for finding in found:
        assert finding.path.startswith("$")
        assert finding.message.isprintable()
    if catalog is not None:
        assert set(check(catalog)) <= set(found)
    else:
        assert any(finding.severity is Severity.ERROR for finding in found)


def test_days_are_told_apart() -> None:
    wire = clean()
    wire["catalogs"]["day"]["availability"] = daily("07:00:00", "12:00:00") + daily("12:00:00", "00:00:00")
    assert told(wire) == []
