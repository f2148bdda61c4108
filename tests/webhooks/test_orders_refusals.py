"""Bad orders: keys, tokens, and orders that catalog or POS refuse."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from typing import Any
from uuid import uuid4

import pytest

from tests.webhooks.scripted_pos import scripted_pos
from tests.webhooks.webhook_client import STORE_ID, WebhookClient, expect_problem, line, order, same_ticket
from webhook_kit.adapter import Reason, Refusal, Refused
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.placement import token

UNKNOWN_STORE = {"storeId": "00000000-0000-4000-8000-000000000000", "lineItems": [line()]}

# -- the Idempotency-Key -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": ""}, {"Idempotency-Key": "  "}])
def test_order_without_a_key_is_rejected(headers: dict[str, str], client: WebhookClient) -> None:
    body = client.validated(order())
    expect_problem(client.deliver("placeOrder", body, headers), 400, ErrorCode.MISSING_IDEMPOTENCY_KEY)
    assert client.tickets() == []


@pytest.mark.parametrize(
    "key", ["order 12", "x", "y" * 255, "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "g" * 8 + "-0000-4000-8000-" + "0" * 12]
)
def test_key_that_is_not_a_uuid4_is_accepted_with_a_warning(
    key: str, client: WebhookClient, events: list[MutableMapping[str, Any]]
) -> None:
    body = client.validated(order())
    placed = client.place(body, key)
    assert placed.status_code == 200
    assert same_ticket(client.place(body, key), placed)
    warnings = [entry for entry in events if entry["event"] == "idempotency_key_not_uuid4"]
    assert [entry["log_level"] for entry in warnings] == ["warning", "warning"]


def test_uuid4_is_accepted_without_a_warning(client: WebhookClient, events: list[MutableMapping[str, Any]]) -> None:
    client.place(client.validated(order()), str(uuid4()))
    assert not [entry for entry in events if entry["log_level"] not in ("debug", "info")]


@pytest.mark.parametrize("key", ["k" * 256, "a\tb", "\x7f", "schlüssel"])
def test_key_too_long_or_unprintable_is_rejected(key: str, client: WebhookClient) -> None:
    body = client.validated(order())
    answer = client.deliver("placeOrder", body, {"Idempotency-Key": key})
    expect_problem(answer, 400, ErrorCode.INVALID_REQUEST)
    assert client.tickets() == []


# -- the token ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forged", ["x", "é", "e30.AAAA", "." * 3000])
def test_forged_token_is_rejected(forged: str, client: WebhookClient) -> None:
    body = client.validated(order()) | {"validatedOrderToken": forged}
    document = expect_problem(client.place(body), 400, ErrorCode.INVALID_REQUEST)
    assert "not issued here, or was altered" in document["detail"]
    assert client.tickets() == []


def test_token_of_another_cart_or_store_is_rejected(make_client: Callable[..., WebhookClient]) -> None:
    other = str(uuid4())
    here, there = make_client(), make_client(gett_store_id=other)
    other_cart = here.validated(order("salad"))["validatedOrderToken"]
    elsewhere = there.validated({**order(), "cart": {"storeId": other, "lineItems": [line()]}})["validatedOrderToken"]
    for foreign, name in ((other_cart, "another cart"), (elsewhere, "another store")):
        document = expect_problem(here.place(order(validatedOrderToken=foreign)), 400, ErrorCode.INVALID_REQUEST)
        assert document["detail"] == f"the validatedOrderToken belongs to {name}"
    assert here.tickets() == []


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """``later(seconds)``: advance the clock that tokens use."""
    real = time.time

    class Clock:
        def __init__(self, seconds: float) -> None:
            self.time = lambda: real() + seconds

    return lambda seconds: monkeypatch.setattr(token, "time", Clock(seconds))


def test_expired_token_places_the_order_at_an_unchanged_price(
    client: WebhookClient, later: Callable[[float], None]
) -> None:
    body = client.validated(order(amounts={"tip": 1.0}))
    later(86_400)
    assert client.place(body).json["amounts"]["total"] == 3.75


def test_expired_token_has_no_tolerance(
    make_client: Callable[..., WebhookClient], later: Callable[[float], None]
) -> None:
    state = {"taxed": False}

    def quote(store: Any, body: Any) -> Any:
        amounts = body.amounts
        return type(amounts).of(amounts.sub_total, taxes=amounts.sub_total * 0 + (1 if state["taxed"] else 0))

    client = make_client(**scripted_pos(quote=quote), price_policy="pos", price_tolerance="1.00")
    body, again = client.validated(order()), client.validated(order())
    state["taxed"] = True
    assert client.place(body).json["amounts"]["total"] == 3.75  # still fresh: within the tolerance
    later(86_400)
    document = expect_problem(client.place(again), 400, ErrorCode.ORDER_TOTAL_DIFFERENT)
    assert document["errors"][0]["message"].startswith("The total is 3.75 now, 2.75 was accepted")


def test_token_can_be_required(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(require_validated_token=True)
    document = expect_problem(client.place(order(amounts={"total": 2.75})), 400, ErrorCode.INVALID_REQUEST)
    assert "validatedOrderToken is missing" in document["detail"]
    assert client.place(client.validated(order())).status_code == 200


# -- refused by catalog or POS -----------------------------------------------------------------------------------------

SIZE = {"modifierGroupId": "size", "selectedModifiers": [{"itemId": "large"}]}

REFUSED: dict[str, tuple[dict[str, Any], ErrorCode, list[str | None]]] = {
    "an unknown item": (order("unicorn"), ErrorCode.ITEM_UNAVAILABLE, ["$.cart.lineItems[0]"]),
    "an item sold out": (order("out-of-stock"), ErrorCode.ITEM_UNAVAILABLE, [None]),
    "a required modifier missing": (order("margherita"), ErrorCode.MODIFIER_REQUIRED, ["$.cart.lineItems[0]"]),
    "a foreign modifier": (
        order(line("margherita", modifierGroups=[SIZE | {"selectedModifiers": [{"itemId": "bacon"}]}])),
        ErrorCode.MODIFIER_REQUIRED,
        ["$.cart.lineItems[0].modifierGroups[0].selectedModifiers[0]"],
    ),
    "an empty cart": (
        {**order(), "cart": {"storeId": STORE_ID, "lineItems": []}},
        ErrorCode.CART_EMPTY,
        ["$.cart.lineItems"],
    ),
    "a delivery to nowhere": (
        order(fulfillmentType="DeliveryByMerchant"),
        ErrorCode.ADDRESS_INVALID,
        ["$.deliveryInfo"],
    ),
    "several things": (
        order("unicorn", "cola", "margherita"),
        ErrorCode.ITEM_UNAVAILABLE,
        ["$.cart.lineItems[0]", "$.cart.lineItems[2]"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_violations_are_members_of_a_validated_order_and_a_problem_when_placed(
    case: str, client: WebhookClient
) -> None:
    body, code, json_paths = REFUSED[case]
    validated = client.validate(body)
    assert validated.status_code == 200
    assert validated.json["isValid"] is False
    assert validated.json["errors"][0]["code"] == code
    assert [error.get("jsonPath") for error in validated.json["errors"]] == json_paths
    assert "validatedOrderToken" not in validated.json
    document = expect_problem(client.place(body | {"amounts": {"total": 5.0}}), code.kind.status, code)
    assert [error.get("jsonPath") for error in document["errors"]] == json_paths
    assert client.tickets() == []


@pytest.mark.parametrize("path", ["validateOrder", "placeOrder"])
def test_unknown_store_is_not_found(path: str, client: WebhookClient) -> None:
    answer = client.deliver(path, {**order(), "cart": UNKNOWN_STORE}, key=str(uuid4()))
    assert "$.cart.storeId" in expect_problem(answer, 404, ErrorCode.STORE_NOT_FOUND)["detail"]


def test_closed_store_comes_before_other_violations(make_client: Callable[..., WebhookClient]) -> None:
    closed = make_client(options={"closed": True})
    assert [error["code"] for error in closed.validate(order()).json["errors"]] == [ErrorCode.STORE_CLOSED]
    expect_problem(closed.place(order(amounts={"total": 2.75})), 400, ErrorCode.STORE_CLOSED)
    both = Refused.all([Refusal(Reason.ITEM_UNAVAILABLE, "sold out"), Refusal(Reason.STORE_PAUSED, "too busy")])
    paused = make_client(**scripted_pos(quote=lambda *_: both))
    document = expect_problem(paused.place(order(amounts={"total": 2.75})), 400, ErrorCode.STORE_CLOSED)
    assert len(document["errors"]) == 2


def test_changed_total_is_refused_with_an_explanation(client: WebhookClient) -> None:
    document = expect_problem(
        client.place(order("salad", amounts={"total": 7.0})), 400, ErrorCode.ORDER_TOTAL_DIFFERENT
    )
    for text in ("7.33", "7.00", "line 1", "Salad", "rounded"):
        assert text in document["detail"]
    assert client.tickets() == []
