"""Bytes that are not a valid CatalogSet: every mistake is reported with its path, and nothing is raised."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.cafe_catalog import Wire, daily, group, item, section
from tests.catalog.check_cases import clean
from tests.catalog.strategies import catalogs
from webhook_kit.catalog.check import CatalogRule, Finding, Severity, check, check_bytes
from webhook_kit.catalog.lenient_parse import MAX_CATALOG_BYTES
from webhook_kit.gett.models.catalog import ExternalCatalogSet


def findings(raw: bytes | Wire) -> list[Finding]:
    catalog, result = check_bytes(raw if isinstance(raw, bytes) else json.dumps(raw).encode())
    assert (catalog is None) == any(finding.rule in (NO_CATALOG) for finding in result)
    return result


def summary(raw: bytes | Wire) -> list[tuple[str, str]]:
    return [(finding.rule.value, finding.path) for finding in findings(raw)]


NO_CATALOG = {
    CatalogRule.NOT_A_CATALOG,
    CatalogRule.TOO_LARGE,
    CatalogRule.NOT_JSON,
    CatalogRule.TOO_DEEP,
    CatalogRule.WRONG_SHAPE,
}


def test_valid_catalog_is_returned_unchanged() -> None:
    catalog, result = check_bytes(json.dumps(clean()).encode())
    assert result == []
    assert catalog == ExternalCatalogSet.model_validate(clean())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"catalog",
        b"{",
        json.dumps(clean()).encode()[:-1],
        b'{"items": {"\xff": 1}}',
        b'{"a":"\\ud800"}',
        b"{}x",
    ],
)
def test_invalid_json_is_one_finding(raw: bytes) -> None:
    assert summary(raw) == [("not-json", "$")]


@pytest.mark.parametrize(
    "raw", [b'{"x": NaN}', b'{"x": -Infinity}', b'{"x": 1' + b"0" * 5000 + b"}", b"\xef\xbb\xbf{}"]
)
def test_json_that_only_some_parsers_accept_is_invalid(raw: bytes) -> None:
    assert summary(raw) == [("not-json", "$")]


def test_finding_of_a_truncated_file_names_its_end() -> None:
    (finding,) = findings(b'{"items": {"a": ')
    assert "line 1 column 16" in finding.message


SQUARE = {"objects": [{"type": "ITEM", "id": "A", "item_data": {"name": "Soup"}}]}
UBER = {"menus": [], "categories": [], "items": [{"id": "a"}], "modifier_groups": []}
TOAST = {"restaurantGuid": "x", "menus": [{"menuGroups": []}]}
SCHEMA_ORG = {"@context": "https://schema.org", "@type": "Menu", "hasMenuSection": []}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ([], "a list of 0 values"),
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        ("catalog", "the text 'catalog'"),
        ({}, "an empty object"),
        ({"dishes": []}, "an object with the members dishes"),
        ({f"m{n}": n for n in range(10)}, "an object with the members m0, m1, m2, m3, m4, m5, m6, m7 and 2 more"),
        ({"catalogSetId": "x", "items": []}, "an object with the members catalogSetId, items"),
        ({"data": clean()}, "a CatalogSet inside $.data"),
        ([clean()], "a CatalogSet inside $[0]"),
        ({"result": {"catalog": clean()}}, "a CatalogSet inside $.result.catalog"),
        (SQUARE, "a catalog of Square (with the members objects)"),
        (UBER, "a menu of Uber Eats"),
        (TOAST, "a menu of Toast"),
        (SCHEMA_ORG, "a menu of schema.org"),
        ({"type": "about:blank", "title": "Not Found", "status": 404}, "a problem document"),
    ],
)
def test_document_that_is_not_a_catalog_is_told_what_was_found_and_expected(document: object, found: str) -> None:
    (finding,) = findings(json.dumps(document).encode())
    assert (finding.rule, finding.path) == (CatalogRule.NOT_A_CATALOG, "$")
    assert f"found {found}" in finding.message
    assert "expected an object with the tables catalogs, sections, items and modifierGroups" in finding.message


def test_member_under_another_name_is_told_once() -> None:
    wire = clean()
    latte = wire["items"]["latte"]
    latte["basePrize"], latte["title"], latte["soldOut"] = latte.pop("basePrice"), latte.pop("name"), True
    milk = wire["modifierGroups"]["milk"]
    milk["min"], milk["max"] = milk.pop("minimumAllowed"), milk.pop("maximumAllowed")
    start = wire["catalogs"]["day"]["availability"][0]
    start["opens"] = start.pop("start")
    told = {finding.path: finding.message for finding in findings(wire)}
    assert told.pop("$.items['latte'].soldOut").startswith("it would still be sold")
    assert told == {
        "$.items['latte'].basePrice": "is missing; is it 'basePrize'?",
        "$.items['latte'].name": "is missing; is it 'title'?",
        "$.modifierGroups['milk'].maximumAllowed": "is missing; is it 'min' or 'max'?",
        "$.catalogs['day'].availability[0].start": "is missing; is it 'opens'?",
    }


@pytest.mark.parametrize("clock", ["24:00:00", "24:00", "24:00:00.000"])
def test_end_of_the_day_is_explained_once(clock: str) -> None:
    wire = clean()
    wire["catalogs"]["day"]["availability"] = [{"dayOfWeek": "Friday", "start": "07:00:00", "end": clock}]
    (finding,) = findings(wire)
    assert (finding.rule, finding.path) == (CatalogRule.WRONG_SHAPE, "$.catalogs['day'].availability[0].end")
    assert finding.message == f"'{clock}' is not a time; the end of the day is 00:00:00"


def test_maximum_of_null_is_explained_once() -> None:
    wire = clean()
    wire["modifierGroups"]["milk"]["maximumAllowed"] = None
    (finding,) = findings(wire)
    assert (finding.rule, finding.path) == (CatalogRule.WRONG_SHAPE, "$.modifierGroups['milk'].maximumAllowed")
    assert "the protocol has no sign for no limit" in finding.message


def test_unknown_members_of_the_catalog_set_are_checked_beside_wrong_shapes() -> None:
    wire = clean() | {"currency": "USD", "modifierGroup": {}}
    wire["items"]["latte"]["name"] = 3
    assert sorted(summary(wire)) == [
        ("foreign-member", "$.currency"),
        ("misspelled-member", "$.modifierGroup"),
        ("wrong-shape", "$.items['latte'].name"),
    ]


@pytest.mark.parametrize("inner", [(b"[", b"]"), (b'{"a":', b"}")])
def test_extreme_nesting_is_one_finding(inner: tuple[bytes, bytes]) -> None:
    opening, closing = inner
    assert summary(b'{"x":' + opening * 100_000 + b"1" + closing * 100_000 + b"}") == [("too-deep", "$")]


def test_bytes_above_the_limit_are_not_parsed() -> None:
    class Unreadable(bytes):
        def __len__(self) -> int:
            return 200_000_000

    catalog, (finding,) = check_bytes(Unreadable(b"never parsed"))
    assert catalog is None
    assert (finding.rule, finding.path) == (CatalogRule.TOO_LARGE, "$")
    assert f"{MAX_CATALOG_BYTES:,}" in finding.message
    assert [one.rule for one in check_bytes(b"{}", limit=1)[1]] == [CatalogRule.TOO_LARGE]
    assert CatalogRule.TOO_LARGE not in [one.rule for one in check_bytes(b"{}", limit=2)[1]]


def test_wrong_shapes_do_not_hide_other_findings() -> None:
    wire = clean()
    wire["items"]["latte"] |= {"name": 3, "basePrice": "3.50"}
    wire["items"]["oat"] = 7
    del wire["items"]["vanilla"]["basePrice"]
    wire["items"]["muffin"]["modifierGroupIds"] = ["missing"]
    wire["items"]["warm"] |= {"imageUrl": "http://x.example/"}
    wire["sections"]["hot"]["itemIds"] = ["latte", "missing"]
    wire["modifierGroups"]["milk"]["maximumAllowed"] = None
    wire["catalogs"]["day"]["availability"][1]["dayOfWeek"] = "monday"
    wire["catalogs"]["day"]["availability"][2]["start"] = "24:00:00"
    wire["catalogs"]["day"]["name"] = ""
    assert sorted(summary(wire)) == sorted(
        [
            ("wrong-shape", "$.items['latte'].name"),
            ("wrong-shape", "$.items['latte'].basePrice"),
            ("wrong-shape", "$.items['oat']"),
            ("wrong-shape", "$.items['vanilla'].basePrice"),
            ("wrong-shape", "$.modifierGroups['milk'].maximumAllowed"),
            ("wrong-shape", "$.catalogs['day'].availability[1].dayOfWeek"),
            ("wrong-shape", "$.catalogs['day'].availability[2].start"),
            ("dangling-reference", "$.items['muffin'].modifierGroupIds[0]"),
            ("dangling-reference", "$.sections['hot'].itemIds[1]"),
            ("image-not-https", "$.items['warm'].imageUrl"),
            ("blank-name", "$.catalogs['day'].name"),
        ]
    )


def test_price_between_two_cents_is_an_inexact_price_and_hides_nothing() -> None:
    wire = clean()
    wire["items"]["latte"]["basePrice"] = 3.505
    wire["items"]["muffin"]["imageUrl"] = "muffin.jpg"
    assert summary(wire) == [
        ("inexact-price", "$.items['latte'].basePrice"),
        ("image-not-https", "$.items['muffin'].imageUrl"),
    ]


def test_noise_of_binary_floating_point_is_rounded_and_reported() -> None:
    wire = clean()
    wire["items"]["latte"] |= {"basePrice": 3.5000000095, "startingAt": 0.1 + 0.2 + 3.2}
    wire["modifierGroups"]["syrup"]["tiers"][0]["price"] = 0.49999998807907104
    catalog, result = check_bytes(json.dumps(wire).encode())
    assert [(finding.rule.value, finding.path, finding.severity.value) for finding in result] == [
        ("rounded-price", "$.items['latte'].basePrice", "warning"),
        ("rounded-price", "$.modifierGroups['syrup'].tiers[0].price", "warning"),
    ]
    assert result[0].message == "3.5000000095 is read as 3.50"
    assert catalog is not None
    assert str(catalog.items["latte"].base_price) == "3.50"


def test_cycles_are_found_beside_wrong_shapes() -> None:
    wire = clean()
    wire["items"]["muffin"]["name"] = None
    wire["items"]["warm"]["modifierGroupIds"] = ["milk"]
    wire["sections"]["hot"]["sectionIds"] = ["drinks"]
    assert sorted(rule for rule, _ in summary(wire)) == ["modifier-cycle", "section-cycle", "wrong-shape"]


@pytest.mark.parametrize("table", ["catalogs", "sections", "items", "modifierGroups"])
@pytest.mark.parametrize("value", [None, [], 3, "x"])
def test_table_that_is_not_an_object_is_reported(table: str, value: object) -> None:
    assert ("wrong-shape", f"$.{table}") in summary(clean() | {table: value})


def test_tables_that_are_lists_are_named_as_such() -> None:
    assert summary({"catalogs": [], "sections": [], "items": [{"itemId": "a"}]}) == [
        ("wrong-shape", "$.catalogs"),
        ("wrong-shape", "$.sections"),
        ("wrong-shape", "$.items"),
    ]


def test_members_of_the_catalog_set_itself_are_checked() -> None:
    assert summary(clean() | {"catalogSetId": 3, "storeId": []}) == [
        ("wrong-shape", "$.catalogSetId"),
        ("wrong-shape", "$.storeId"),
    ]


def test_duplicate_key_is_reported() -> None:
    raw = json.dumps(clean()).replace('"oat": {', '"whole": {').replace('"imageUrl"', '"name"')
    raw = raw.replace('"name": "Latte"', '"name": "Latte", "name": "Tea"')
    result = summary(raw.encode())
    assert ("duplicate-key", "$.items") in result
    assert ("duplicate-key", "$.items['latte']") in result


def test_member_that_is_invalid_under_both_of_its_names_is_reported() -> None:
    wire = clean()
    wire["sections"]["drinks"] |= {"itemIds": 5, "item_ids": 5}
    wire["items"]["oat"] |= {"basePrice": "x", "base_price": "y"}
    assert {("wrong-shape", f"$.sections['drinks'].{name}") for name in ("itemIds", "item_ids")} <= set(summary(wire))
    assert {("wrong-shape", f"$.items['oat'].{name}") for name in ("basePrice", "base_price")} <= set(summary(wire))


def test_python_name_of_a_member_is_reported() -> None:
    wire = clean()
    wire["items"]["oat"]["base_price"] = wire["items"]["oat"].pop("basePrice")
    wire["catalogs"]["day"]["availability"][0]["day_of_week"] = wire["catalogs"]["day"]["availability"][0].pop(
        "dayOfWeek"
    )
    wire["items"]["warm"]["vendor"] = {"base_price": 3}  # an unknown member may contain anything
    result = check_bytes(json.dumps(wire).encode())[1]
    assert [(one.rule.value, one.path) for one in result] == [
        ("wrong-shape", "$.catalogs['day'].availability[0].day_of_week"),
        ("wrong-shape", "$.items['oat'].base_price"),
    ]


@pytest.mark.parametrize("clock", ["07:00", "07:00:00.5"])
def test_time_in_another_format_is_a_warning(clock: str) -> None:
    wire = clean()
    wire["catalogs"]["morning"]["availability"][6]["start"] = clock
    (finding,) = [finding for finding in check_bytes(json.dumps(wire).encode())[1] if finding.rule != "wrong-shape"]
    assert (finding.rule, finding.path) == (CatalogRule.CLOCK_FORMAT, "$.catalogs['morning'].availability[6].start")
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("clock", ["0700", "7:30 pm", "noon"])
def test_text_that_is_not_a_time_is_told_once(clock: str) -> None:
    wire = clean()
    wire["catalogs"]["morning"]["availability"][6]["start"] = clock
    (finding,) = check_bytes(json.dumps(wire).encode())[1]
    assert (finding.rule, finding.path) == (CatalogRule.WRONG_SHAPE, "$.catalogs['morning'].availability[6].start")
    assert finding.message == f"'{clock}' is not a time; the format is HH:mm:ss, from 00:00:00 to 23:59:59"


@pytest.mark.parametrize("key", ["", "x" * 256, "it's", "\n", "a.b['c']"])
def test_unusual_ids_are_reported_with_their_path(key: str) -> None:
    wire = clean()
    wire["items"][key] = {"itemId": key, "name": 5}
    wire["sections"]["hot"]["itemIds"].append(key)
    rules = {rule for rule, _ in summary(wire)}
    assert "wrong-shape" in rules
    assert "dangling-reference" not in rules


def test_check_of_many_cycles_ends() -> None:
    ids = [str(n) for n in range(300)]
    wire: Wire = {
        "sections": {n: section(n, [], *ids[:40]) for n in ids},
        "items": {n: item(n, 1, *ids[:40]) for n in ids},
        "modifierGroups": {n: group(n, ids[:40], 0, 1) for n in ids},
        "catalogs": {},
    }
    rules = {rule for rule, _ in summary(wire)}
    assert {"section-cycle", "modifier-cycle", "nothing-on-sale"} <= rules


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing(raw: bytes) -> None:
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
def test_random_value_anywhere_in_a_catalog_raises_nothing(data: st.DataObject) -> None:
    wire = deepcopy(data.draw(catalogs()))  # its parts may be shared with each other
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(places(wire)[1:]))
        node = wire
        for step in path:
            node = node[step]
        node[last] = data.draw(JSON)
    raw = json.dumps(wire).encode()
    catalog, result = check_bytes(raw)
    for finding in result:
        assert finding.path.startswith("$")
        assert finding.message.isprintable()
    if catalog is not None:
        assert set(check(catalog)) <= set(result)
    else:
        assert any(finding.severity is Severity.ERROR for finding in result)


def test_windows_of_different_days_do_not_overlap() -> None:
    wire = clean()
    wire["catalogs"]["day"]["availability"] = daily("07:00:00", "12:00:00") + daily("12:00:00", "00:00:00")
    assert summary(wire) == []
