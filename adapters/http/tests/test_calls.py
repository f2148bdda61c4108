"""What each method asks, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from tests.pos import SECRET, STORE_ID, ScriptedPos
from webhook_kit.adapter import (
    NotPlaced,
    OrderState,
    OrderStatus,
    Placed,
    PlacedStatus,
    PosOrder,
    Reason,
    Refusal,
    Refused,
    Store,
    StoreState,
    Unsupported,
)
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.models.order import Amounts, PlaceOrderRequest
from webhook_kit.gett.signing import sign
from webhook_kit.pos.session import call_deadline
from webhook_kit_http import HttpAdapter
from webhook_kit_http.adapter import OPTIONAL, HttpPosError

KEY = "1b4e28ba-2fa1-51d2-883f-0016d3cca427"
ADAPTER = HttpAdapter()
SINCE = datetime(2026, 5, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))


def order(ref: str = "gett-1") -> PlaceOrderRequest:
    return PlaceOrderRequest.model_validate(
        {
            "gettOrderId": ref,
            "cart": {"storeId": STORE_ID, "lineItems": [{"itemId": "pizza", "quantity": 2}]},
            "fulfillmentType": "Pickup",
            "amounts": {"subTotal": 19.0, "tip": 1.1, "total": 20.1},
            "validatedOrderToken": "between-gett-and-us",
            "payment": {"type": "cardOnFile", "cardToken": "tok_1", "processorType": "adyen"},
            "loyalty": {"points": 5},
        }
    )


def place(store: Store) -> Placed | Refused:
    with call_deadline(60):
        return ADAPTER.place_order(store, order(), KEY)


CALLS: dict[str, tuple[str, Callable[[Store], Any]]] = {
    "quote": ("POST /quote", lambda store: ADAPTER.quote(store, order())),
    "orders_since": ("GET /orders", lambda store: ADAPTER.orders_since(store, SINCE)),
    "store_status": ("GET /status", ADAPTER.store_status),
    "cancel_order": ("POST /orders/7/cancel", lambda store: ADAPTER.cancel_order(store, Placed("7"), "burnt")),
}


# -- placing -----------------------------------------------------------------------------------------------------------


def test_an_order_travels_whole_without_the_token_and_with_our_key(pos: ScriptedPos) -> None:
    pos.answers["POST /orders"] = 200, {"ticket": {"id": "7", "amounts": {"total": 20.1}}}
    assert place(pos.store()) == Placed("7", PlacedStatus.ACCEPTED, Amounts(total=Decimal("20.10")))
    (asked,) = pos.asked
    assert asked.headers["idempotency-key"] == KEY
    assert asked.body == {
        "orderRef": "gett-1",
        "order": {k: v for k, v in order().to_wire().items() if k != "validatedOrderToken"},
    }
    assert asked.body["order"]["payment"]["cardToken"] == "tok_1"
    assert asked.body["order"]["loyalty"] == {"points": 5}


def test_a_pending_ticket_is_pending(pos: ScriptedPos) -> None:
    pos.answers["POST /orders"] = 201, {"ticket": {"id": "7", "status": "pending"}}
    assert place(pos.store()) == Placed("7", PlacedStatus.PENDING)


def test_a_refusal_is_a_result(pos: ScriptedPos) -> None:
    why = {"reason": "item_unavailable", "message": "no pizza", "itemId": "pizza", "jsonPath": "$.cart.lineItems[0]"}
    pos.answers["POST /orders"] = 200, {"refusals": [why]}
    said = place(pos.store())
    assert isinstance(said, Refused)
    assert said.refusals == (Refusal(Reason.ITEM_UNAVAILABLE, "no pizza", "pizza", "$.cart.lineItems[0]"),)


@pytest.mark.parametrize("status", [401, 403, 429])
def test_turned_away_is_not_placed(pos: ScriptedPos, status: int) -> None:
    pos.answers["POST /orders"] = status, {"ticket": {"id": "7"}}
    with pytest.raises(NotPlaced):
        place(pos.store())


@pytest.mark.parametrize("status", [302, 400, 404, 409, 500, 501, 502, 503])
def test_any_other_status_leaves_the_order_in_doubt(pos: ScriptedPos, status: int) -> None:
    pos.answers["POST /orders"] = status, {"refusals": [{"reason": "store_closed", "message": "closed"}]}
    with pytest.raises(HttpPosError) as failed:
        place(pos.store())
    assert failed.value.status == status
    assert len(pos.asked) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"<html>",
        [],
        {},
        {"ticket": {}},
        {"ticket": {"id": ""}},
        {"ticket": {"id": 7}},
        {"refusals": []},
        {"refusals": [{"reason": "because", "message": ""}]},
        {"ticket": {"id": "7"}, "refusals": [{"reason": "other", "message": "?"}]},
        {"ticket": {"id": "7", "amounts": {"total": "20.10"}}},
    ],
)
def test_an_answer_of_another_shape_leaves_the_order_in_doubt(pos: ScriptedPos, said: Any) -> None:
    pos.answers["POST /orders"] = 200, said
    with pytest.raises(ValidationError):
        place(pos.store())


def test_no_connection_is_not_placed(pos: ScriptedPos) -> None:
    nowhere = replace(pos.store(), options={"base_url": "http://127.0.0.1:1"})
    with pytest.raises(NotPlaced):
        place(nowhere)


# -- looking up --------------------------------------------------------------------------------------------------------


def test_a_ticket_is_looked_up_by_the_orders_name(pos: ScriptedPos) -> None:
    pos.answers["GET /orders/by-ref"] = 200, {"ticket": {"id": "7"}}
    assert ADAPTER.find_order(pos.store(), "a/b c&d=ü") == Placed("7")
    assert pos.asked[0].call == "GET /orders/by-ref?ref=a%2Fb+c%26d%3D%C3%BC"


def test_only_null_says_that_there_is_no_ticket(pos: ScriptedPos) -> None:
    pos.answers["GET /orders/by-ref"] = 200, {"ticket": None}
    assert ADAPTER.find_order(pos.store(), "gett-1") is None
    pos.answers["GET /orders/by-ref"] = 200, {}
    with pytest.raises(ValidationError):
        ADAPTER.find_order(pos.store(), "gett-1")
    pos.answers["GET /orders/by-ref"] = 404, {"ticket": None}
    with pytest.raises(HttpPosError):
        ADAPTER.find_order(pos.store(), "gett-1")


# -- the optional calls ------------------------------------------------------------------------------------------------


def test_a_quote_brings_neither_payment_nor_token(pos: ScriptedPos) -> None:
    pos.answers["POST /quote"] = 200, {"amounts": {"subTotal": 19.0, "taxes": 1.9, "tip": 1.1, "total": 22.0}}
    said = ADAPTER.quote(pos.store(), order())
    assert isinstance(said, Amounts)
    assert (said.taxes, said.total) == (Decimal("1.90"), Decimal("22.00"))
    assert {"payment", "validatedOrderToken"} & pos.asked[0].body["order"].keys() == set()
    assert pos.asked[0].body["order"]["amounts"]["tip"] == 1.1


def test_orders_since_asks_in_utc(pos: ScriptedPos) -> None:
    now = {"id": "7", "orderRef": "gett-1", "status": "ready", "estimatedReadyAt": "2026-05-01T12:30:00Z"}
    ended = {"id": "8", "state": "cancelled", "reason": "burnt"}
    pos.answers["GET /orders"] = 200, {"orders": [now, ended]}
    assert ADAPTER.orders_since(pos.store(), SINCE) == [
        PosOrder("7", "gett-1", status=OrderStatus.READY, estimated_ready_at=datetime(2026, 5, 1, 12, 30, tzinfo=UTC)),
        PosOrder("8", state=OrderState.CANCELLED, reason="burnt"),
    ]
    assert pos.asked[0].call == "GET /orders?since=2026-05-01T12%3A00%3A00Z"


def test_the_status_is_what_the_pos_says(pos: ScriptedPos) -> None:
    pos.answers["GET /status"] = 200, {"state": "closed"}
    assert ADAPTER.store_status(pos.store()) is StoreState.CLOSED


def test_an_order_is_cancelled_by_its_number(pos: ScriptedPos) -> None:
    pos.answers["POST /orders/a%2Fb/cancel"] = 204, b""
    ADAPTER.cancel_order(pos.store(), Placed("a/b"), "burnt")
    assert pos.asked[0].body == {"reason": "burnt"}
    pos.answers["POST /orders/a%2Fb/cancel"] = 409, {}
    with pytest.raises(HttpPosError):
        ADAPTER.cancel_order(pos.store(), Placed("a/b"), "burnt")


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_call_that_the_options_leave_out_is_not_made(pos: ScriptedPos, name: str) -> None:
    others = [each for each in OPTIONAL if each != name]
    with pytest.raises(Unsupported):
        CALLS[name][1](pos.store(calls=others))
    assert pos.asked == []


@pytest.mark.parametrize("name", OPTIONAL)
def test_501_says_that_the_pos_does_not_have_a_call(pos: ScriptedPos, name: str) -> None:
    call, ask = CALLS[name]
    pos.answers[call] = 501, {}
    with pytest.raises(Unsupported):
        ask(pos.store())
    pos.answers[call] = 404, {}
    with pytest.raises(HttpPosError):
        ask(pos.store())


@pytest.mark.parametrize("calls", ["quote", ["quotes"], 5])
def test_calls_that_nobody_knows_are_a_mistake(pos: ScriptedPos, calls: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"options\.calls.*quote, orders_since"):
        ADAPTER.store_status(pos.store(calls=calls))


# -- how every call is made --------------------------------------------------------------------------------------------


def test_every_call_is_signed_over_its_line_its_store_and_its_body(pos: ScriptedPos) -> None:
    pos.answers["POST /quote"] = 200, {"amounts": {"total": 20.1}}
    ADAPTER.quote(pos.store("Łódź/1"), order())
    (asked,) = pos.asked
    assert asked.headers["store"] == "%C5%81%C3%B3d%C5%BA%2F1"
    said = f"{asked.headers['timestamp']}\n{asked.headers['store']}\nPOST /quote\n".encode() + asked.raw
    assert asked.headers["signature"] == sign(said, SECRET)
    assert abs(datetime.now(UTC).timestamp() - int(asked.headers["timestamp"])) < 60


def test_a_base_url_with_a_path_is_not_part_of_what_is_signed(pos: ScriptedPos) -> None:
    pos.answers["GET /api/v1/status"] = 200, {"state": "open"}
    store = replace(pos.store(), options={"base_url": f"{pos.url}/api/v1/"})
    assert ADAPTER.store_status(store) is StoreState.OPEN
    (asked,) = pos.asked
    said = f"{asked.headers['timestamp']}\nmain\nGET /status\n".encode()
    assert asked.headers["signature"] == sign(said, SECRET)


def test_the_first_of_several_secrets_signs(pos: ScriptedPos) -> None:
    pos.answers["GET /status"] = 200, {"state": "open"}
    ADAPTER.store_status(replace(pos.store(), credentials={"secret": " new , old"}))
    (asked,) = pos.asked
    assert asked.headers["signature"] == sign(f"{asked.headers['timestamp']}\nmain\nGET /status\n".encode(), "new")


@pytest.mark.parametrize("secret", [None, "", " , "])
def test_without_a_secret_nothing_is_sent(pos: ScriptedPos, secret: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"store main: credentials\.secret"):
        ADAPTER.store_status(replace(pos.store(), credentials={} if secret is None else {"secret": secret}))
    assert pos.asked == []


@pytest.mark.parametrize("url", [None, "", "pos.example", "ftp://pos.example", "https://", "https://pos.example/?a=b"])
def test_an_address_that_is_none_is_a_mistake(pos: ScriptedPos, url: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"store main: options\.base_url"):
        ADAPTER.store_status(replace(pos.store(), options={} if url is None else {"base_url": url}))


def test_credentials_in_the_address_are_a_mistake_that_does_not_show_them(pos: ScriptedPos) -> None:
    with pytest.raises(ConfigurationError) as said:
        ADAPTER.store_status(replace(pos.store(), options={"base_url": "https://me:hunter2@pos.example"}))
    assert "hunter2" not in str(said.value)


def test_what_a_failing_pos_says_is_in_no_exception(pos: ScriptedPos) -> None:
    pos.answers["POST /orders"] = 500, {"error": "cannot reach ada@gett.example"}
    with pytest.raises(HttpPosError) as failed:
        place(pos.store())
    assert str(failed.value) == "POST /orders: HTTP 500"
    pos.answers["POST /orders"] = 200, {"ticket": "ada@gett.example"}
    with pytest.raises(ValidationError) as misread:
        place(pos.store())
    assert "ada@" not in str(misread.value)


def test_times_out_by_the_deadline_of_the_call(pos: ScriptedPos) -> None:
    with call_deadline(-1), pytest.raises((NotPlaced, requests.exceptions.Timeout)):
        ADAPTER.store_status(pos.store())
    assert pos.asked == []
