from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from webhook_kit.gett.models.payment import (
    AddPaymentCardRequest,
    UserAddressResponse,
    UserAddressResponsePagedResult,
    UserPaymentResponsePagedResult,
)

CARD = {
    "billingAddress": {"address1": "s3cret", "city": "s3cret", "state": "s3cret", "postalCode": "s3cret"},
    "bin": "s3cret",
    "cardNumber": "s3cret",
    "cardType": "visa",
    "cvc": "s3cret",
    "expiration": "s3cret",
    "lastFour": "s3cret",
}


def test_card_is_not_shown() -> None:
    card = AddPaymentCardRequest.from_json(json.dumps({**CARD, "pan": "s3cret"}))
    assert "s3cret" not in repr(card)
    assert "s3cret" not in repr(card.billing_address)
    assert card.card_number == "s3cret"


@pytest.mark.parametrize("member", CARD)
def test_incomplete_card_is_rejected(member: str) -> None:
    with pytest.raises(ValidationError, match=member):
        AddPaymentCardRequest.from_json(json.dumps({name: value for name, value in CARD.items() if name != member}))


def test_page_of_cards() -> None:
    page = {"items": [], "limit": 50, "offset": 0, "totalCount": 0, "hasMore": False}
    card = {"paymentId": "p", "cardType": "visa", "lastFour": "1111"}
    assert UserPaymentResponsePagedResult.from_json(json.dumps({**page, "items": [card]})).to_wire()["items"] == [card]
    assert UserAddressResponsePagedResult.from_json(json.dumps(page)).to_wire() == page
    for wrong in ({"limit": -1}, {"totalCount": "0"}, {"hasMore": None}):
        with pytest.raises(ValidationError):
            UserAddressResponsePagedResult.from_json(json.dumps({**page, **wrong}))


def test_saved_address_is_not_shown() -> None:
    raw = b'{"userAddressId": "a", "address": {"address1": "s3cret"}, "instructions": "s3cret"}'
    assert "s3cret" not in repr(UserAddressResponse.from_json(raw))
