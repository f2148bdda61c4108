"""The amounts of a request, of a quote and of a ticket keep the same rules."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from tests.catalog.cafe_catalog import cafe, latte
from tests.catalog.strategies import ALWAYS
from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import WebhookClient, expect_problem, order
from webhook_kit import AmountDescription, Amounts, Order, Placed
from webhook_kit.adapter import CatalogSet
from webhook_kit.errors import Unsupported
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


@pytest.mark.parametrize(
    ("price", "option_price", "quantity", "tip", "costs"),
    [
        (2_000_000.5, 0, 9_999, 0, "19998004999.50, 19998004999.50 with the tip"),
        (1_000_000, 0, 9_999, 999_999.99, None),
        (1_000_000, 0, 9_999, 1_000_000, "9999000000.00, 10000000000.00 with the tip"),
        (5, -5, 1, 4, None),
        (1, -5, 1, 4, "-4.00, 0.00 with the tip"),  # a tip pays no food
        (1, -2_000_000, 9_999, 0, "-19997990001.00, -19997990001.00 with the tip"),
    ],
)
@pytest.mark.parametrize("quotes", [False, True])
def test_order_that_nobody_can_pay_is_refused(
    price: float,
    option_price: float,
    quantity: int,
    tip: float,
    costs: str | None,
    quotes: bool,
    make_client: MakeClient,
) -> None:
    catalog = cafe()
    catalog["items"]["latte"]["basePrice"] = price
    catalog["items"]["whole"]["basePrice"] = option_price
    catalog["catalogs"]["day"]["availability"] = ALWAYS

    def quote(_store: Any, quoted: Order) -> Amounts:
        if not quotes:
            raise Unsupported("quote")
        assert quoted.amounts is not None
        return quoted.amounts

    client = make_client(**scripted_pos(fetch_catalog=lambda _: CatalogSet.model_validate(catalog), quote=quote))
    wanted = order(latte(quantity=quantity), amounts={"tip": tip})
    answer = client.validate(wanted)
    assert answer.status_code == 200
    if costs is None:
        assert answer.json["isValid"]
        return
    (error,) = answer.json["errors"]
    assert (error["code"], error["jsonPath"]) == (ErrorCode.OTHER, "$.cart")
    assert error["message"] == f"The items cost {costs}; nobody can pay that."
    document = expect_problem(client.place({**wanted, "amounts": {"tip": tip, "total": 1}}), 400, ErrorCode.OTHER)
    assert [each["jsonPath"] for each in document["errors"]] == ["$.cart"]
    assert client.tickets() == []


def assigned(**values: Any) -> Amounts:
    """Return amounts with values that were assigned, which no model checks."""
    amounts = Amounts.of(Decimal(10))
    for name, value in values.items():
        setattr(amounts, name, value)
    return amounts


WRONG_AMOUNTS = {
    "a part of a cent": assigned(taxes=Decimal("0.005"), total=Decimal("10.005")),
    "a float": assigned(taxes=0.5, total=10.5),
    "text": assigned(total="10.00"),
    "no number": assigned(total=Decimal("NaN")),
    "infinite": assigned(total=Decimal("Infinity")),
    "a negative total": Amounts.of(Decimal(10), promotions=Decimal(11)),
    "a negative sub-total": Amounts.of(Decimal(-1), fees=Decimal(2)),
    "a description with a part of a cent": assigned(
        fees_description=[AmountDescription(name="a", value=Decimal(1)).model_copy(update={"value": Decimal("0.001")})]
    ),
}


@pytest.mark.parametrize("amounts", WRONG_AMOUNTS.values(), ids=WRONG_AMOUNTS)
def test_amounts_that_are_none_are_not_answered(amounts: Amounts, make_client: MakeClient) -> None:
    client = make_client(**scripted_pos(quote=lambda *_: amounts))
    assert client.validate(order()).status_code == 503
    client = make_client(**scripted_pos(place_order=lambda *_: Placed("T1", amounts=amounts)))
    placed = client.place(client.validated(order()))
    assert placed.json["amounts"] == client.validate(order()).json["amounts"]


def test_quote_without_the_tip_is_not_answered(make_client: MakeClient) -> None:
    client = make_client(**scripted_pos(quote=lambda *_: Amounts(sub_total=Decimal(10), total=Decimal(10))))
    assert client.validate(order(amounts={"tip": 1.5})).status_code == 503
    assert client.validate(order()).json["amounts"]["total"] == 10


def test_amounts_accepted_with_a_token_keep_the_members_of_the_request(make_client: MakeClient) -> None:
    prices = iter(map(Decimal, ("10.00", "10.01")))
    client = make_client(
        **scripted_pos(quote=lambda _, quoted: Amounts.of(next(prices), tip=quoted.tip)),
        price_policy="accepted",
        price_tolerance=Decimal("0.05"),
    )
    placed = client.place(client.validated(order(amounts=REQUESTED))).json["amounts"]
    assert placed["total"] == 11.5
    assert {name: placed[name] for name in REQUESTED} == REQUESTED


def test_a_ticket_found_after_redis_was_emptied_is_not_answered_with_amounts_that_contradict(
    make_client: MakeClient,
) -> None:
    client = make_client(**scripted_pos())
    body = {**order(amounts={"total": 2.75, "promotions": -2, "subTotal": 9}), "gettOrderId": str(uuid4())}
    assert client.place(body).status_code == 200
    for key in client.kit.redis.scan_iter(f"{client.kit.keys.prefix}*"):
        client.kit.redis.delete(key)
    assert client.place({**body, "payment": None}).json["amounts"]["total"] == 2.75
    ticketless = make_client(**scripted_pos(find_order=lambda *_: Placed("T1")))
    assert ticketless.place(body).json["amounts"] == {"total": 2.75}


def test_ticket_with_negative_promotions_is_answered_at_the_accepted_amounts(make_client: MakeClient) -> None:
    charged = Amounts.of(Decimal(10), promotions=Decimal(-2))
    client = make_client(**scripted_pos(place_order=lambda *_: Placed("T1", amounts=charged)))
    body = client.validated(order())
    assert client.place(body).json["amounts"] == client.validate(order()).json["amounts"]
