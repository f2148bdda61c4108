"""The amounts of a request, of a quote and of a ticket keep the same rules."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import WebhookClient, order
from webhook_kit import Amounts, Order, Placed
from webhook_kit.gett.models.problem import ErrorCode

STAFF = [{"name": "Kitchen", "value": 0.5}, {"name": "Service", "value": 1.0}]
REQUESTED = {"tip": 1.5, "tipDescription": STAFF, "loyalty": "gold"}

MakeClient = Callable[..., WebhookClient]


def test_tip_description_and_unknown_members_reach_pos_and_answers(make_client: MakeClient) -> None:
    seen: list[Any] = []

    def quote(_store: Any, quoted: Order) -> Amounts:
        seen.append(quoted.amounts and quoted.amounts.to_wire())
        assert quoted.amounts is not None
        return Amounts.of(quoted.amounts.sub_total or Decimal(0), taxes=Decimal(1), tip=quoted.tip)

    def place(_store: Any, placed: Order, _key: str) -> Placed:
        seen.append(placed.amounts and placed.amounts.to_wire())
        return Placed("T1", amounts=Amounts.of(placed.amounts.sub_total, taxes=Decimal(1), tip=placed.tip))  # type: ignore[union-attr,arg-type]

    client = make_client(**scripted_pos(quote=quote, place_order=place))
    validated = client.validate(order(amounts=REQUESTED))
    placed = client.place(client.validated(order(amounts=REQUESTED)))
    for amounts in (*seen, validated.json["amounts"], placed.json["amounts"]):
        assert {name: amounts[name] for name in REQUESTED} == REQUESTED
    assert len(seen) >= 3


def test_tip_description_that_does_not_sum_to_the_tip_is_refused(make_client: MakeClient) -> None:
    wrong = {"tip": 2.0, "tipDescription": [{"name": "a", "value": 5.0}, {"name": "b", "value": 5.0}]}
    answer = make_client().validate(order(amounts=wrong)).json
    assert not answer["isValid"]
    (error,) = answer["errors"]
    assert (error["code"], error["jsonPath"]) == (ErrorCode.INVALID_REQUEST, "$.amounts.tipDescription")
    assert error["message"] == "tip is 2.00, its description sums to 10.00"


@pytest.mark.parametrize("promotions", [Decimal("-2.00"), Decimal("-0.01")])
def test_quote_with_negative_promotions_is_not_answered(make_client: MakeClient, promotions: Decimal) -> None:
    client = make_client(**scripted_pos(quote=lambda *_: Amounts.of(Decimal(10), promotions=promotions)))
    assert client.validate(order()).status_code == 503


def test_ticket_with_negative_promotions_is_answered_at_the_accepted_amounts(make_client: MakeClient) -> None:
    charged = Amounts.of(Decimal(10), promotions=Decimal(-2))
    client = make_client(**scripted_pos(place_order=lambda *_: Placed("T1", amounts=charged)))
    body = client.validated(order())
    assert client.place(body).json["amounts"] == client.validate(order()).json["amounts"]
