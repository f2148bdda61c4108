from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from webhook_kit.gett.models.order import (
    AmountDescription,
    Amounts,
    CartModifierGroup,
    ExternalAddress,
    ExternalOrder,
    LineItem,
    PaymentInfo,
    PlaceOrderRequest,
)


def order_document(**members: Any) -> dict[str, Any]:
    return {
        "cart": {"storeId": "s-1", "lineItems": [{"itemId": "i-1", "quantity": 2}]},
        "fulfillmentType": "Pickup",
        **members,
    }


def read(document: object) -> PlaceOrderRequest:
    return PlaceOrderRequest.from_json(json.dumps(document))


def test_three_required_members_are_enough() -> None:
    order = ExternalOrder.from_json(json.dumps(order_document()))
    assert order.order_ref == ""
    assert order.tip == 0
    assert order.to_wire() == order_document()


def test_all_other_members_may_be_null() -> None:
    optional = set(ExternalOrder.model_fields) - {"cart", "fulfillment_type"}
    nulls = {ExternalOrder.model_fields[name].alias or name: None for name in optional}
    assert "gettOrderId" in nulls
    order = ExternalOrder.from_json(json.dumps(order_document(**nulls)))
    assert order.to_wire() == order_document(**nulls)


@pytest.mark.parametrize("member", ["cart", "fulfillmentType"])
def test_missing_required_member_is_named(member: str) -> None:
    document = order_document()
    del document[member]
    with pytest.raises(ValidationError) as caught:
        read(document)
    assert [mistake["loc"] for mistake in caught.value.errors()] == [(member,)]


def test_all_errors_are_reported() -> None:
    document = order_document(amounts={"tip": "5.00"}, isValid="yes")
    document["cart"]["lineItems"] = [{"itemId": "i", "quantity": "2"}, {"quantity": True}]
    with pytest.raises(ValidationError) as caught:
        read(document)
    assert {mistake["loc"] for mistake in caught.value.errors()} == {
        ("amounts", "tip"),
        ("isValid",),
        ("cart", "lineItems", 0, "quantity"),
        ("cart", "lineItems", 1, "itemId"),
        ("cart", "lineItems", 1, "quantity"),
    }


def test_unknown_members_are_kept_at_every_level() -> None:
    new: dict[str, Any] = {"new": {"deep": [1, "two", None]}}
    option = {"itemId": "o", "quantity": 1, **new}
    group = {"modifierGroupId": "g", "selectedModifiers": [option], **new}
    document = {
        "cart": {"storeId": "s", "lineItems": [{"itemId": "i", "modifierGroups": [group], **new}], **new},
        "fulfillmentType": "DroneDrop",
        "deliveryInfo": {
            "address": {"city": "X", "location": {"latitude": 1.5, "longitude": 2.5, **new}, **new},
            **new,
        },
        "customer": {"firstName": "Jane", **new},
        "amounts": {"tip": 1.5, "tipDescription": [{"name": "Staff", "value": 1.5, **new}], **new},
        "errors": [{"code": "OTHER", "message": "m", **new}],
        **new,
    }
    assert json.loads(read(document).to_json()) == document


def test_modifiers_nest_deeply() -> None:
    def nested(depth: int) -> str:
        opened = '{"itemId":"i","modifierGroups":[{"modifierGroupId":"g","selectedModifiers":['
        return opened * depth + '{"itemId":"z"}' + "]}]}" * depth

    line = LineItem.from_json(nested(10))
    for _ in range(10):
        (group,) = line.modifier_groups
        assert isinstance(group, CartModifierGroup)
        (line,) = group.selected_modifiers
    assert line.item_id == "z"
    with pytest.raises(ValidationError, match="recursion limit"):
        LineItem.from_json(nested(10_000))


def test_order_ref_is_gett_id_if_present() -> None:
    assert read(order_document(gettOrderId="g-1")).order_ref == "g-1"
    assert read(order_document(gettOrderId="")).order_ref == ""


class TestAmounts:
    @pytest.mark.parametrize("tip", ["0.00", "3.50"])
    def test_of_cart_are_the_amounts_that_a_validation_gives(self, tip: str) -> None:
        sub_total = Decimal("12.30")
        amounts = Amounts.of_cart(sub_total, Decimal(tip))
        validated = Amounts.of(sub_total, tip=Decimal(tip))
        assert amounts == validated
        assert amounts.to_json() == validated.to_json()
        assert amounts.contradictions() == []

    def test_of_cart_with_a_total_of_too_many_digits_are_an_error(self) -> None:
        with pytest.raises(ValidationError):
            Amounts.of_cart(Decimal("9999999999.99"), Decimal("0.01"))

    def test_total_is_the_sum_of_the_parts(self) -> None:
        amounts = Amounts.of(
            Decimal("20.00"),
            fees=Decimal("1.99"),
            promotions=Decimal("5.00"),
            taxes=Decimal("1.65"),
            adjustments=Decimal("-0.10"),
            tip=Decimal("3.00"),
        )
        assert amounts.total == Decimal("21.54")
        assert amounts.contradictions() == []

    def test_wrong_total_is_found(self) -> None:
        amounts = Amounts(sub_total=Decimal("10.1"), tip=Decimal(1), total=Decimal("11.11"))
        assert amounts.contradictions() == ["total is 11.11, its parts sum to 11.10"]

    def test_wrong_breakdown_is_found(self) -> None:
        amounts = Amounts.of(Decimal(10), tip=Decimal(3))
        amounts.tip_description = [AmountDescription(name="Staff", value=Decimal(2))]
        amounts.fees_description = []
        assert amounts.contradictions() == ["tip is 3.00, its description sums to 2.00"]

    def test_negative_promotions_are_found(self) -> None:
        amounts = Amounts.of(Decimal(10), promotions=Decimal(-2))
        assert amounts.contradictions() == ["promotions is -2.00; it is subtracted and must not be negative"]

    def test_members_of_a_request_are_kept(self) -> None:
        requested = Amounts.from_json(
            b'{"tip": 2, "tipDescription": [{"name": "Staff", "value": 2}], "loyalty": "gold"}'
        )
        amounts = Amounts.of(Decimal(10), tip=Decimal(2))
        assert amounts.with_request(None) is amounts.with_request(Amounts()) is amounts
        merged = amounts.with_request(requested)
        assert merged.tip_description == requested.tip_description
        assert merged.to_wire()["loyalty"] == "gold"
        assert merged.total == 12

    def test_members_of_a_request_replace_nothing(self) -> None:
        requested = Amounts.from_json(
            b'{"tip": 2, "tipDescription": [{"name": "Staff", "value": 2}], "loyalty": "gold"}'
        )
        amounts = Amounts.from_json(b'{"tip": 3, "loyalty": "silver"}')
        assert amounts.with_request(requested).to_wire() == {"tip": 3.0, "loyalty": "silver"}

    def test_missing_total_is_found(self) -> None:
        assert Amounts(tip=Decimal(1)).contradictions() == ["total is missing"]

    def test_negative_tip_is_rejected(self) -> None:
        with pytest.raises(ValidationError):
            Amounts.from_json(b'{"tip": -1}')


class TestPayment:
    @pytest.mark.parametrize(
        "payment",
        [
            {"type": "gettPayment"},
            {"type": "cardOnFile", "cardToken": "tok", "processorType": "stripe"},
            {"type": "savedCard", "paymentId": "p"},
        ],
    )
    def test_complete_payment_is_valid(self, payment: dict[str, str]) -> None:
        assert PaymentInfo.from_json(json.dumps(payment)).to_wire() == payment

    @pytest.mark.parametrize(
        ("payment", "message"),
        [
            ({"type": "cash"}, "gettPayment"),
            ({}, "Field required"),
            ({"type": "cardOnFile", "cardToken": "tok"}, "cardToken and processorType"),
            ({"type": "cardOnFile", "processorType": "stripe"}, "cardToken and processorType"),
            ({"type": "savedCard", "paymentId": ""}, "paymentId"),
        ],
    )
    def test_incomplete_payment_is_rejected(self, payment: dict[str, str], message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            PaymentInfo.from_json(json.dumps(payment))

    def test_private_members_are_not_shown(self) -> None:
        secret = "s3cret"
        document = order_document(
            payment={"type": "cardOnFile", "cardToken": secret, "processorType": "stripe", "cvc": secret},
            validatedOrderToken=secret,
            customer={"firstName": secret, "lastName": secret, "email": secret, "phone": secret, "nick": secret},
            deliveryInfo={"address": {"address1": secret, "city": secret}, "instructions": secret},
            note=secret,
        )
        order = read(document)
        for shown in (order, order.payment, order.customer, order.delivery_info, str(order)):
            assert secret not in repr(shown)
        assert "payment" not in repr(order)


def test_address_is_not_shown() -> None:
    members = dict.fromkeys(("address1", "address2", "city", "state", "postal_code"), "s3cret")
    assert "s3cret" not in repr(ExternalAddress(**members))


def test_invalid_coordinates_are_rejected() -> None:
    for latitude in ("91", "-91", "NaN", '"1"'):
        with pytest.raises(ValidationError):
            ExternalAddress.from_json(f'{{"location": {{"latitude": {latitude}, "longitude": 0}}}}')
