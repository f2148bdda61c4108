"""Table of a store: canonical fields, or a mistake with the place and what it should be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from tests.stores.conftest import G1, make_store
from webhook_kit.errors import ConfigurationError
from webhook_kit.stores.table import as_table, parse_store, table_mistakes


def test_every_field_is_brought_to_its_canonical_form() -> None:
    store = parse_store(
        " main\n",
        {
            "gett_id": f"{{{G1.upper()}}}",
            "adapter": " bogus ",
            "timezone": "europe/berlin",
            "name": " Da Marco ",
            "fulfillment_types": ["pickup", "Delivery_by_merchant", "Drone"],
            "credentials": {"token": "t\n"},
            "options": {" file ": " a.sqlite\n", "list": [" x ", {"y": "z "}]},
        },
    )
    assert (store.id, store.gett_id, store.adapter, store.timezone.key) == ("main", G1, "bogus", "Europe/Berlin")
    assert (store.name, store.credentials) == ("Da Marco", {"token": "t"})
    assert store.fulfillment_types == frozenset({"Pickup", "DeliveryByMerchant", "Drone"})
    assert store.options == {"file": "a.sqlite", "list": ["x", {"y": "z"}]}
    assert table_mistakes(store) == []
    assert parse_store(store.id, {**as_table(store), "credentials": store.credentials}) == store


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("gett_id", "main-street", "a.gett_id: should be the store's id at Gett, a UUID"),
        ("fulfillment_types", ["delivery"], "should be one of DeliveryByMerchant, Pickup"),
        ("credentials", {"token": '"topsecret"'}, "a.credentials.token: is in quotation marks"),
        ("credentials", {"token": ""}, "a.credentials.token: is empty"),
        ("adapter", " ", "a.adapter: is empty"),
        ("credentials", {" ": "topsecret"}, "a.credentials: contains a value without a name"),
        ("fulfillment_types", [], "a.fulfillment_types: is empty, so that every order would be refused"),
        ("fulfillment_types", "Pickup", "a.fulfillment_types: should be a list"),
        ("options", {"a": [1, {"b": math.nan}]}, "a.options: contains a number that is not finite"),
        ("options", {"a": math.inf}, "a.options: contains a number that is not finite"),
        ("options", [1], "a.options: should be a table"),
        ("name", 7, "a.name: should be a text"),
        ("timzone", "UTC", "a.timzone: is not a field of a store; is timezone meant?"),
        ("spelt_wrong", 1, "a.spelt_wrong: is not one of gett_id, adapter"),
    ],
)
def test_field_that_cannot_work_is_refused_with_its_place(field: str, value: Any, complaint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_store("a", {"adapter": "bogus", field: value})
    assert complaint in str(caught.value)
    assert "topsecret" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"gett_id": G1.replace("-", "")}, "store main: gett_id should be in small letters with hyphens"),
        ({"gett_id": "main-street"}, "store main.gett_id: should be the store's id at Gett"),
        ({"name": "Main "}, "store main: name has whitespace around it"),
        ({"fulfillment_types": frozenset({"pickup"})}, "store main: fulfillment_types should be written as Gett does"),
        ({"credentials": {"token": "topsecret\n"}}, "store main: credentials has whitespace around a value"),
    ],
)
def test_store_of_a_vendors_class_is_checked_too(changes: dict[str, Any], complaint: str) -> None:
    (mistake,) = table_mistakes(replace(make_store(), **changes))
    assert complaint in mistake
    assert "topsecret" not in mistake
