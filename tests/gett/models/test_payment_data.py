"""Payment data at places where the protocol has none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.gett.models.payment_data import remove_payment_data

CARD = "4111111111111111"
PAYMENT = {"type": "cardOnFile", "cardToken": "tok", "processorType": "stripe"}


def cleaned(**members: Any) -> dict[str, Any]:
    order = {"cart": {"storeId": "s", "lineItems": [{"itemId": "i"}]}, "fulfillmentType": "Pickup", **members}
    model = PlaceOrderRequest.from_json(json.dumps(order))
    remove_payment_data(model)
    result: dict[str, Any] = json.loads(model.to_json())
    del result["cart"], result["fulfillmentType"]
    return result


@pytest.mark.parametrize(
    "name",
    [
        *("Payment", "PAYMENT", "payments", "payment_info", "paymentinfo", "PaymentMethod", "card", "Card", "cards"),
        *("creditCard", "creditcard", "cardNumber", "card_number", "cardnumber", "savedCardId", "cvc", "CVV2", "iban"),
        *(
            "lastFour",
            "last4",
            "card-holder",
            "cc",
            "ccNumber",
            "wallet",
            "billing",
            "billingAddress",
            "ApplePay",
            "google_pay",
        ),
        *("payMethod", "stripeToken", "securityCode", "expMonth", "exp_year", "expirationDate", CARD, f"key_{CARD}"),
    ],
)
def test_member_named_like_payment_is_removed(name: str) -> None:
    assert cleaned(**{name: "x"}) == {}
    assert cleaned(more={name: {"a": 1}, "b": 2}) == {"more": {"b": 2}}


@pytest.mark.parametrize("name", ["discard", "postcard", "cardinal", "carton", "cart2", "prepay", "span", "company"])
def test_member_named_otherwise_stays(name: str) -> None:
    assert cleaned(**{name: "x"}) == {name: "x"}


@pytest.mark.parametrize(
    "value",
    [
        CARD,
        int(CARD),
        float(CARD),
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111.1111.1111.1111",
        "4111\u00a01111\u20131111\u00a01111",
        "４１１１１１１１１１１１１１１１",
        f"paid with {CARD}.",
        "378282246310005",
    ],
)
def test_member_that_holds_a_card_number_is_removed(value: Any) -> None:
    assert cleaned(x=value, more={"y": [value, {"z": value}], "b": 2}) == {"more": {"y": [{}], "b": 2}}


@pytest.mark.parametrize(
    "value", ["4111111111111112", "+49 30 901820", 1700000000000, "a1b2", True, None, "411111111111"]
)
def test_other_members_stay(value: Any) -> None:
    assert cleaned(x=value) == {"x": value}


def test_declared_members_stay_and_numbers_leave_texts() -> None:
    order = {
        "gettOrderId": CARD,
        "payment": PAYMENT,
        "customer": {"phone": CARD, "wallet": CARD, "firstName": "Ann"},
        "deliveryInfo": {"instructions": f"Ring twice. My card: {CARD}", "address": {"city": "Ulm", "Payment": 1}},
    }
    assert cleaned(**order) == {
        "gettOrderId": CARD,
        "payment": PAYMENT,
        "customer": {"phone": CARD, "firstName": "Ann"},
        "deliveryInfo": {"instructions": "Ring twice. My card: (number removed)", "address": {"city": "Ulm"}},
    }


def test_members_of_lines_are_cleaned() -> None:
    line = {"itemId": "i", "Payment": 1, "modifiers": [{"modifierGroupId": "g", "cards": [], "x": CARD, "y": 1}]}
    order = {"cart": {"storeId": "s", "card": 1, "lineItems": [line]}, "fulfillmentType": "Pickup"}
    model = PlaceOrderRequest.from_json(json.dumps(order))
    remove_payment_data(model)
    assert "ard" not in model.to_json().decode()
    assert CARD not in model.to_json().decode()
