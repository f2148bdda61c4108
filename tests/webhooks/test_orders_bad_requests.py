"""Bad requests: everything that is rejected before an order is validated."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, MutableMapping
from typing import Any
from uuid import uuid4

import pytest

from tests.webhooks.webhook_client import SECRET, STORE_ID, WebhookClient, expect_problem, json_paths, line, order
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.signing import sign
from webhook_kit.testing.signer import signed

MEBIBYTE = 1024 * 1024
MARKER = "mark-7f3a@example.test"


def now(shift: int = 0) -> str:
    return str(int(time.time()) + shift)


# -- missing, wrong, or old signature ----------------------------------------------------------------------------------

SIGNATURES: dict[str, Callable[[dict[str, str], bytes], dict[str, str]]] = {
    "no headers at all": lambda _, __: {},
    "no signature": lambda good, _: {k: v for k, v in good.items() if k != "Signature"},
    "an empty signature": lambda good, _: good | {"Signature": ""},
    "a wrong signature": lambda good, _: good | {"Signature": "0" * 64},
    "half a signature": lambda good, _: good | {"Signature": good["Signature"][:32]},
    "a signature of other bytes": lambda good, body: good | {"Signature": sign(body + b" ", SECRET)},
    "another secret": lambda good, body: good | {"Signature": sign(body, "whsec_other")},
    "a signature that is not ASCII": lambda good, _: good | {"Signature": "é" * 32},
    "no timestamp": lambda good, _: {k: v for k, v in good.items() if k != "Timestamp"},
    "an empty timestamp": lambda good, _: good | {"Timestamp": ""},
    "a timestamp that is text": lambda good, _: good | {"Timestamp": "yesterday"},
    "a timestamp with a fraction": lambda good, _: good | {"Timestamp": f"{now()}.5"},
    "a negative timestamp": lambda good, _: good | {"Timestamp": f"-{now()}"},
    "digits that are not ASCII": lambda good, _: good | {"Timestamp": "²" * 10},
    "a timestamp of 5000 digits": lambda good, _: good | {"Timestamp": "9" * 5000},
    "an old timestamp": lambda good, _: good | {"Timestamp": now(-302)},
    "a timestamp from the future": lambda good, _: good | {"Timestamp": now(302)},
}


@pytest.mark.parametrize("path", ["validateOrder", "placeOrder"])
@pytest.mark.parametrize("signature", SIGNATURES)
def test_unauthenticated_body_is_neither_parsed_nor_logged(
    signature: str, path: str, client: WebhookClient, events: list[MutableMapping[str, Any]]
) -> None:
    body = b"{{ not JSON: " + MARKER.encode()
    response = client.post(path, body, SIGNATURES[signature](signed(body, SECRET, key=str(uuid4())), body))
    document = expect_problem(response, 401, ErrorCode.UNAUTHENTICATED)
    assert MARKER not in response.text
    assert MARKER not in repr(events)
    assert document["retryable"] is False
    (reason,) = (event["why"] for event in events if event["event"] == "webhook_not_authentic")
    assert reason == document["detail"], "the log says why"


@pytest.mark.parametrize("age", [-290.0, 0.0, 290.0])
def test_clocks_may_differ_by_five_minutes(age: float, client: WebhookClient) -> None:
    assert client.deliver("validateOrder", order(), age=age).status_code == 200


def test_unauthenticated_body_over_the_limit_is_not_read(client: WebhookClient) -> None:
    expect_problem(client.post("validateOrder", b"x" * (MEBIBYTE + 1), {}), 413, ErrorCode.INVALID_REQUEST)


# -- size and encoding (on a real server: test_orders_over_http) -------------------------------------------------------


def test_body_may_have_one_mebibyte(client: WebhookClient) -> None:
    fits = json.dumps(order()).encode().ljust(MEBIBYTE)
    assert client.validate(fits).status_code == 200
    expect_problem(client.validate(fits + b" "), 413, ErrorCode.INVALID_REQUEST)


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP", "deflate, gzip", "x"])
def test_encoded_body_is_rejected(encoding: str, client: WebhookClient) -> None:
    response = client.validate(order(), {"Content-Encoding": encoding})
    expect_problem(response, 415, ErrorCode.INVALID_REQUEST)


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_identity_encoding_is_accepted(encoding: str, client: WebhookClient) -> None:
    assert client.validate(order(), {"Content-Encoding": encoding}).status_code == 200


# -- not acceptable JSON -----------------------------------------------------------------------------------------------

PREFIX = json.dumps(order()).removesuffix("}").encode()

UNACCEPTABLE = {
    "nothing": b"",
    "not JSON": b"<order/>",
    "an unterminated string": b'"' + b'\\"' * 300_000,
    "half an object": PREFIX,
    "two objects": b"{}{}",
    "a byte order mark": b"\xef\xbb\xbf" + PREFIX + b"}",
    "UTF-16": json.dumps(order()).encode("utf-16"),
    "a list": b"[]",
    "text": b'"order"',
    "a number": b"12",
    "null": b"null",
    "NaN": PREFIX + b',"x":NaN}',
    "Infinity": PREFIX + b',"x":-Infinity}',
    "nesting over 32": PREFIX + b',"x":' + b"[" * 32 + b"]" * 32 + b"}",
    "mixed nesting over 32": PREFIX + b',"x":' + b'{"y":[' * 16 + b"]}" * 16 + b"}",
    "unterminated nesting": b"[" * MEBIBYTE,
    "a 10,000-digit number": PREFIX + b',"x":' + b"9" * 10_000 + b"}",
    "a 10,000-digit quantity": json.dumps(order(line(quantity=7))).replace(": 7", f": {'9' * 10_000}").encode(),
    "invalid UTF-8": json.dumps(order("x")).encode().replace(b'"x"', b'"\xff"'),
    "half a surrogate pair": json.dumps(order("\ud800")).encode(),
    "an escaped NUL in an id": json.dumps(order("co\0la")).encode(),
    "a bare NUL in an id": json.dumps(order("x")).encode().replace(b'"x"', b'"\0"'),
    "a NUL in a name": PREFIX + b',"x\\u0000":1}',
}


@pytest.mark.parametrize("path", ["validateOrder", "placeOrder"])
@pytest.mark.parametrize("body", UNACCEPTABLE)
def test_unacceptable_json_is_an_invalid_request(body: str, path: str, client: WebhookClient) -> None:
    started = time.process_time()
    expect_problem(client.deliver(path, UNACCEPTABLE[body], key=str(uuid4())), 400, ErrorCode.INVALID_REQUEST)
    assert time.process_time() - started < 5  # it must not block other requests


ACCEPTABLE = {
    "nesting of 32": PREFIX + b',"x":' + b"[" * 31 + b"]" * 31 + b"}",
    "brackets in text": PREFIX + b',"x":"' + b"[{" * 500 + b'"}',
    "an escaped backslash before u0000": PREFIX + b',"x":"\\\\u0000"}',
    "NaN and Infinity in text": PREFIX + b',"x":"NaN Infinity -Infinity"}',
    "a long number in text": PREFIX + b',"x":"' + b"9" * 500 + b'"}',
    "a number beyond the range of floats": PREFIX + b',"x":1e999}',
    "a name twice": PREFIX + b',"x":1,"x":2}',
}


@pytest.mark.parametrize("body", ACCEPTABLE)
def test_json_that_only_looks_bad_is_accepted(body: str, client: WebhookClient) -> None:
    response = client.validate(ACCEPTABLE[body])
    assert response.status_code == 200
    assert json.loads(response.data, parse_constant=pytest.fail)["isValid"] is True


# -- wrong shape -------------------------------------------------------------------------------------------------------


def cart(**members: Any) -> dict[str, Any]:
    return {**order(), "cart": {"storeId": STORE_ID, "lineItems": [line()], **members}}


def without(name: str) -> dict[str, Any]:
    return {k: v for k, v in order().items() if k != name}


LINE = "$.cart.lineItems[0]"

WRONG_SHAPES: dict[str, tuple[Any, list[str]]] = {
    "no cart": (without("cart"), ["$.cart"]),
    "no fulfillment type": (without("fulfillmentType"), ["$.fulfillmentType"]),
    "nothing at all": ({}, ["$.cart", "$.fulfillmentType"]),
    "a cart that is text": (order() | {"cart": "cola"}, ["$.cart"]),
    "no store": ({**order(), "cart": {"lineItems": [line()]}}, ["$.cart.storeId"]),
    "a store that is null": (cart(storeId=None), ["$.cart.storeId"]),
    "a store that is a number": (cart(storeId=7), ["$.cart.storeId"]),
    "an empty store": (cart(storeId=""), ["$.cart.storeId"]),
    "no lines": ({**order(), "cart": {"storeId": STORE_ID}}, ["$.cart.lineItems"]),
    "lines that are null": (cart(lineItems=None), ["$.cart.lineItems"]),
    "lines that are an object": (cart(lineItems={}), ["$.cart.lineItems"]),
    "a line that is text": (cart(lineItems=["cola"]), [LINE]),
    "a line without an item": (order({"quantity": 1}), [f"{LINE}.itemId"]),
    "an item that is a number": (order(line(itemId=7)), [f"{LINE}.itemId"]),
    "quantity 0": (order(line(quantity=0)), [f"{LINE}.quantity"]),
    "quantity −1": (order(line(quantity=-1)), [f"{LINE}.quantity"]),
    "quantity 1.5": (order(line(quantity=1.5)), [f"{LINE}.quantity"]),
    "a quantity in quotes": (order(line(quantity="1")), [f"{LINE}.quantity"]),
    "a quantity that is true": (order(line(quantity=True)), [f"{LINE}.quantity"]),
    "a tip in quotes": (order(amounts={"tip": "1.00"}), ["$.amounts.tip"]),
    "a negative tip": (order(amounts={"tip": -1}), ["$.amounts.tip"]),
    "a tip finer than a cent": (order(amounts={"tip": 1.005}), ["$.amounts.tip"]),
    "amounts that are a list": (order(amounts=[]), ["$.amounts"]),
    "a customer that is a number": (order(customer=3), ["$.customer"]),
    "a phone that is a number": (order(customer={"phone": 3}), ["$.customer.phone"]),
    "a latitude off the map": (
        order(deliveryInfo={"address": {"location": {"latitude": 91, "longitude": 0}}}),
        ["$.deliveryInfo.address.location.latitude"],
    ),
    "a modifier without an item": (
        order(line(modifierGroups=[{"modifierGroupId": "size", "selectedModifiers": [{}]}])),
        [f"{LINE}.modifierGroups[0].selectedModifiers[0].itemId"],
    ),
    "everything at once": (
        {"cart": {"lineItems": [line(quantity=0), {"quantity": "x"}]}, "amounts": {"tip": -1}},
        [
            "$.cart.storeId",
            f"{LINE}.quantity",
            "$.cart.lineItems[1].itemId",
            "$.cart.lineItems[1].quantity",
            "$.fulfillmentType",
            "$.amounts.tip",
        ],
    ),
}


@pytest.mark.parametrize("path", ["validateOrder", "placeOrder"])
@pytest.mark.parametrize("case", WRONG_SHAPES)
def test_wrong_shape_is_rejected_with_every_mistake_at_its_path(case: str, path: str, client: WebhookClient) -> None:
    body, expected = WRONG_SHAPES[case]
    document = expect_problem(client.deliver(path, body, key=str(uuid4())), 422, ErrorCode.VALIDATION_FAILED)
    assert sorted(json_paths(document)) == sorted(expected)
    assert all(error["code"] and error["message"] for error in document["errors"])


PAYMENTS: dict[str, tuple[Any, str]] = {
    "of no kind": ({}, "$.payment.type"),
    "of an unknown kind": ({"type": "cash"}, "$.payment.type"),
    "a card without its token": ({"type": "cardOnFile", "processorType": "p"}, "$.payment"),
    "a saved card without its id": ({"type": "savedCard"}, "$.payment"),
}


@pytest.mark.parametrize("payment", PAYMENTS)
def test_incomplete_payment_is_rejected_at_its_path(payment: str, client: WebhookClient) -> None:
    given, expected = PAYMENTS[payment]
    document = expect_problem(client.place(order(payment=given)), 422, ErrorCode.VALIDATION_FAILED)
    assert json_paths(document) == [expected]


def test_message_names_the_place_and_never_the_value(
    client: WebhookClient, events: list[MutableMapping[str, Any]]
) -> None:
    response = client.validate(order(customer={"email": [MARKER], "phone": {"x": MARKER}}, amounts={"tip": MARKER}))
    assert len(expect_problem(response, 422, ErrorCode.VALIDATION_FAILED)["errors"]) == 3
    assert MARKER not in response.text
    assert MARKER not in repr(events)


# -- absent, null or unknown members -----------------------------------------------------------------------------------

OPTIONAL: dict[str, dict[str, Any]] = {
    "nothing but the cart": {},
    "everything null": dict.fromkeys(
        ["customer", "amounts", "gettOrderId", "deliveryInfo", "errors", "isValid", "placedAt", "traceId"]
    ),
    "an empty gettOrderId": {"gettOrderId": ""},
    "a tip alone": {"amounts": {"tip": 1.5}},
    "a tip that is null": {"amounts": {"tip": None}},
    "no amounts in amounts": {"amounts": {}},
    "an empty customer": {"customer": {}},
    "another fulfillment type": {"fulfillmentType": "DineIn"},
}


@pytest.mark.parametrize("case", OPTIONAL)
def test_optional_members_may_be_absent_or_null(case: str, client: WebhookClient) -> None:
    body = order(**OPTIONAL[case])
    validated = client.validate(body)
    assert validated.status_code == 200
    assert validated.json["isValid"] is True
    placed = client.place(body | {"validatedOrderToken": validated.json["validatedOrderToken"]})
    assert placed.status_code == 200, placed.text
    assert placed.json["amounts"] == validated.json["amounts"]


def test_nested_nulls_are_like_absent_members(client: WebhookClient) -> None:
    body = order({"lineItemId": None, "itemId": "cola", "quantity": None, "modifierGroups": None})
    assert client.validate(body).json["amounts"]["total"] == 2.75


def test_unknown_fields_are_kept_and_echoed_by_both_webhooks(client: WebhookClient) -> None:
    unknown = {"loyalty": {"points": 3, "tiers": [None, 1.5, "é"]}}
    body = order(line(note="no ice"), **unknown)
    for response in (client.validate(body), client.place(client.validated(body))):
        assert response.status_code == 200
        assert response.json["loyalty"] == unknown["loyalty"]
        assert response.json["cart"]["lineItems"][0]["note"] == "no ice"


def test_order_can_be_placed_with_its_total_alone(client: WebhookClient) -> None:
    placed = client.place(order(amounts={"total": 2.75}))
    assert placed.status_code == 200
    assert placed.json["amounts"]["subTotal"] == 2.75


@pytest.mark.parametrize("amounts", [None, {}, {"tip": 1.0}, {"subTotal": 2.75}])
def test_order_without_an_accepted_price_is_refused(amounts: Any, client: WebhookClient) -> None:
    document = expect_problem(client.place(order(amounts=amounts)), 400, ErrorCode.ORDER_TOTAL_DIFFERENT)
    assert json_paths(document) == ["$.amounts.total"]
    assert client.tickets() == []
