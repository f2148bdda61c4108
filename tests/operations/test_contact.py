"""Contact data are left out of what is kept of an order, wherever they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhook_kit.operations import contact

PLANTED = "Jane Planted 5550100 jane@example.org"

texts = st.just(PLANTED)
planted = st.recursive(
    texts,
    lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text() | texts, inner, min_size=1),
    max_leaves=4,
)
unknown = st.dictionaries(st.text(alphabet="xyz", min_size=1), planted, max_size=3)


def line(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    groups = st.builds(
        lambda lines, extra: {**extra, "modifierGroupId": "g", "selectedModifiers": lines},
        st.lists(inner, max_size=2),
        unknown,
    )
    return st.builds(
        lambda groups, extra: {**extra, "lineItemId": "1", "itemId": "cola", "quantity": 2, "modifierGroups": groups},
        st.lists(groups, max_size=2),
        unknown,
    )


lines = st.recursive(st.just({"itemId": "water", "quantity": 1}), line, max_leaves=5)


@settings(max_examples=40)
@given(st.lists(lines, max_size=3), unknown, unknown, unknown, unknown, planted)
def test_receipt_keeps_ids_and_amounts_and_nothing_else(
    items: list[Any], top: Any, cart: Any, customer: Any, amounts: Any, note: Any
) -> None:
    answer = {
        **top,
        "gettOrderId": "g1",
        "partnerOrderId": "t1",
        "fulfillmentType": "Pickup",
        "cart": {**cart, "storeId": "s1", "lineItems": items},
        "customer": {**customer, "firstName": PLANTED, "email": note},
        "deliveryInfo": {"instructions": PLANTED, "address": {"address1": PLANTED, **customer}},
        "amounts": {**amounts, "total": 2.75, "tip": 0.5, "tipDescription": [{"name": PLANTED, "value": 0.5}]},
        "errors": [],
    }
    kept = contact.receipt(answer)
    assert PLANTED not in json.dumps(kept)
    assert {name: kept[name] for name in ("gettOrderId", "partnerOrderId")} == {
        "gettOrderId": "g1",
        "partnerOrderId": "t1",
    }
    assert kept["amounts"] == {"total": 2.75, "tip": 0.5}
    assert [one["itemId"] for one in kept["cart"]["lineItems"]] == [one["itemId"] for one in items]
    assert contact.receipt(kept) == kept


@settings(max_examples=40)
@given(unknown, st.lists(st.builds(lambda extra: {**extra, "code": "OTHER", "message": PLANTED}, unknown)), planted)
def test_refusal_keeps_codes_and_no_text(top: Any, errors: list[Any], path: Any) -> None:
    answer = {
        **top,
        "status": 422,
        "errorCode": "VALIDATION_FAILED",
        "detail": PLANTED,
        "errors": [{**error, "jsonPath": path, "itemId": "cola"} for error in errors],
    }
    kept = contact.refusal(answer)
    assert PLANTED not in json.dumps(kept)
    assert (kept["status"], kept["errorCode"], kept["detail"]) == (422, "VALIDATION_FAILED", "removed")
    assert all(error == {"code": "OTHER", "itemId": "cola", "message": "removed"} for error in kept["errors"])


@settings(max_examples=40)
@given(unknown, planted)
def test_updates_and_history_keep_no_text(extra: Any, text: Any) -> None:
    body = {**extra, "state": "cancelled", "cancelReason": text}
    assert contact.update_body(body) == {"state": "cancelled", "cancelReason": "removed"}
    entry = {**extra, "at": "1", "event": "postponed", "update": 3, "why": text, "body": body}
    kept = contact.history_entry(entry)
    assert PLANTED not in json.dumps(kept)
    assert (kept["at"], kept["event"], kept["update"]) == ("1", "postponed", 3)


@pytest.mark.parametrize(
    "written", ["jane@example.org", "JANE@Example.ORG", '"jane@example.org"', "to jane@example.org."]
)
def test_address_is_found_in_any_case(written: str) -> None:
    assert contact.mentions(contact.find_email(" Jane@example.org "), "{}", f'{{"email": {json.dumps(written)}}}')


@pytest.mark.parametrize(
    "written", ["mary.jane@example.org", "jane@example.org.uk", "jane@example.organic", "janeXexample.org"]
)
def test_another_address_is_not_found(written: str) -> None:
    assert not contact.mentions(contact.find_email("jane@example.org"), json.dumps({"email": written}))
