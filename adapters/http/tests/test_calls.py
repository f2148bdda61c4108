"""Requests of each method, and its result for each response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import requests
from pydantic import ValidationError

from tests.scripted_pos import SECRET, STORE_ID, ScriptedPos
from webhook_kit import (
    Amounts,
    ConfigurationError,
    NotPlaced,
    OrderState,
    OrderStatus,
    Placed,
    PlacedStatus,
    PlaceOrderRequest,
    PosOrder,
    Reason,
    Refusal,
    Refused,
    Store,
    StoreState,
    Unsupported,
    call_deadline,
    sign_message,
)
from webhook_kit_http import HttpAdapter
from webhook_kit_http.adapter import OPTIONAL_CALLS, HttpPosError

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
            "validatedOrderToken": "between-gett-and-the-kit",
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


def test_half_of_an_emoji_does_not_leave_an_order_in_doubt(pos: ScriptedPos) -> None:
    """JSON may carry it, UTF-8 may not: the POS gets the replacement character."""
    delivery = {"type": "door", "instructions": "extra \ud83c"}
    cut = PlaceOrderRequest.model_validate({**order().to_wire(), "deliveryInfo": delivery})
    pos.responses["POST /orders"] = 200, {"ticket": {"id": "7"}}
    pos.responses["POST /quote"] = 200, {"amounts": {"subTotal": 19.0, "total": 19.0}}
    with call_deadline(60):
        ADAPTER.quote(pos.store(), cut)
        ADAPTER.place_order(pos.store(), cut, KEY)
    assert [each.body["order"]["deliveryInfo"]["instructions"] for each in pos.received] == ["extra \ufffd"] * 2


def test_an_order_is_sent_whole_with_the_key_and_without_the_token(pos: ScriptedPos) -> None:
    pos.responses["POST /orders"] = 200, {"ticket": {"id": "7", "amounts": {"total": 20.1}}}
    assert place(pos.store()) == Placed("7", PlacedStatus.ACCEPTED, Amounts(total=Decimal("20.10")))
    (request,) = pos.received
    assert request.headers["idempotency-key"] == KEY
    assert request.body == {
        "orderRef": "gett-1",
        "order": {k: v for k, v in order().to_wire().items() if k != "validatedOrderToken"},
    }
    assert request.body["order"]["payment"]["cardToken"] == "tok_1"
    assert request.body["order"]["loyalty"] == {"points": 5}


def test_a_pending_ticket_is_placed_as_pending(pos: ScriptedPos) -> None:
    pos.responses["POST /orders"] = 201, {"ticket": {"id": "7", "status": "pending"}}
    assert place(pos.store()) == Placed("7", PlacedStatus.PENDING)


def test_a_refusal_is_a_result(pos: ScriptedPos) -> None:
    refusal = {
        "reason": "item_unavailable",
        "message": "no pizza",
        "itemId": "pizza",
        "jsonPath": "$.cart.lineItems[0]",
    }
    pos.responses["POST /orders"] = 200, {"refusals": [refusal]}
    result = place(pos.store())
    assert isinstance(result, Refused)
    assert result.refusals == (Refusal(Reason.ITEM_UNAVAILABLE, "no pizza", "pizza", "$.cart.lineItems[0]"),)


@pytest.mark.parametrize("status", [401, 403, 429])
def test_401_403_and_429_mean_not_placed(pos: ScriptedPos, status: int) -> None:
    pos.responses["POST /orders"] = status, {"ticket": {"id": "7"}}
    with pytest.raises(NotPlaced):
        place(pos.store())


@pytest.mark.parametrize("status", [302, 400, 404, 409, 500, 501, 502, 503])
def test_any_other_status_leaves_the_order_in_doubt(pos: ScriptedPos, status: int) -> None:
    pos.responses["POST /orders"] = status, {"refusals": [{"reason": "store_closed", "message": "closed"}]}
    with pytest.raises(HttpPosError) as error:
        place(pos.store())
    assert error.value.status == status
    assert len(pos.received) == 1


@pytest.mark.parametrize(
    "content",
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
def test_a_response_of_another_shape_leaves_the_order_in_doubt(pos: ScriptedPos, content: Any) -> None:
    pos.responses["POST /orders"] = 200, content
    with pytest.raises(ValidationError):
        place(pos.store())


def test_without_a_connection_nothing_is_placed(pos: ScriptedPos) -> None:
    unreachable = replace(pos.store(), options={"base_url": "http://127.0.0.1:1"})
    with pytest.raises(NotPlaced):
        place(unreachable)


# -- looking up --------------------------------------------------------------------------------------------------------


def test_a_ticket_is_looked_up_by_order_ref(pos: ScriptedPos) -> None:
    pos.responses["GET /orders/by-ref"] = 200, {"ticket": {"id": "7"}}
    assert ADAPTER.find_order(pos.store(), "a/b c&d=ü") == Placed("7")
    assert pos.received[0].call == "GET /orders/by-ref?ref=a%2Fb+c%26d%3D%C3%BC"


def test_only_null_means_that_there_is_no_ticket(pos: ScriptedPos) -> None:
    pos.responses["GET /orders/by-ref"] = 200, {"ticket": None}
    assert ADAPTER.find_order(pos.store(), "gett-1") is None
    pos.responses["GET /orders/by-ref"] = 200, {}
    with pytest.raises(ValidationError):
        ADAPTER.find_order(pos.store(), "gett-1")
    pos.responses["GET /orders/by-ref"] = 404, {"ticket": None}
    with pytest.raises(HttpPosError):
        ADAPTER.find_order(pos.store(), "gett-1")


# -- the optional calls ------------------------------------------------------------------------------------------------


def test_a_quote_is_sent_without_payment_and_token(pos: ScriptedPos) -> None:
    pos.responses["POST /quote"] = 200, {"amounts": {"subTotal": 19.0, "taxes": 1.9, "tip": 1.1, "total": 22.0}}
    amounts = ADAPTER.quote(pos.store(), order())
    assert isinstance(amounts, Amounts)
    assert (amounts.taxes, amounts.total) == (Decimal("1.90"), Decimal("22.00"))
    assert {"payment", "validatedOrderToken"} & pos.received[0].body["order"].keys() == set()
    assert pos.received[0].body["order"]["amounts"]["tip"] == 1.1


def test_orders_since_sends_the_time_in_utc(pos: ScriptedPos) -> None:
    open_order = {"id": "7", "orderRef": "gett-1", "status": "ready", "estimatedReadyAt": "2026-05-01T12:30:00Z"}
    ended = {"id": "8", "state": "cancelled", "reason": "burnt"}
    pos.responses["GET /orders"] = 200, {"orders": [open_order, ended]}
    assert ADAPTER.orders_since(pos.store(), SINCE) == [
        PosOrder("7", "gett-1", status=OrderStatus.READY, estimated_ready_at=datetime(2026, 5, 1, 12, 30, tzinfo=UTC)),
        PosOrder("8", state=OrderState.CANCELLED, reason="burnt"),
    ]
    assert pos.received[0].call == "GET /orders?since=2026-05-01T12%3A00%3A00Z"


def test_the_store_status_is_returned(pos: ScriptedPos) -> None:
    pos.responses["GET /status"] = 200, {"state": "closed"}
    assert ADAPTER.store_status(pos.store()) is StoreState.CLOSED


def test_an_order_is_cancelled_by_its_id(pos: ScriptedPos) -> None:
    pos.responses["POST /orders/a%2Fb/cancel"] = 204, b""
    ADAPTER.cancel_order(pos.store(), Placed("a/b"), "burnt")
    assert pos.received[0].body == {"reason": "burnt"}
    pos.responses["POST /orders/a%2Fb/cancel"] = 409, {}
    with pytest.raises(HttpPosError):
        ADAPTER.cancel_order(pos.store(), Placed("a/b"), "burnt")


@pytest.mark.parametrize("name", OPTIONAL_CALLS)
def test_a_call_that_is_not_in_the_options_is_not_made(pos: ScriptedPos, name: str) -> None:
    others = [each for each in OPTIONAL_CALLS if each != name]
    with pytest.raises(Unsupported):
        CALLS[name][1](pos.store(calls=others))
    assert pos.received == []


@pytest.mark.parametrize("name", OPTIONAL_CALLS)
def test_501_means_that_the_pos_does_not_have_a_call(pos: ScriptedPos, name: str) -> None:
    call, make = CALLS[name]
    pos.responses[call] = 501, {}
    with pytest.raises(Unsupported):
        make(pos.store())
    pos.responses[call] = 404, {}
    with pytest.raises(HttpPosError):
        make(pos.store())


@pytest.mark.parametrize(
    ("calls", "complaint"), [("quote", "list of quote"), (["quotes"], "'quote', 'orders_since'"), (5, "list of quote")]
)
def test_unknown_calls_are_a_configuration_error(pos: ScriptedPos, calls: Any, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"store main: options\.calls.*{complaint}"):
        ADAPTER.store_status(pos.store(calls=calls))


# -- signatures, addresses, deadlines ----------------------------------------------------------------------------------


def test_a_signature_covers_call_store_and_body(pos: ScriptedPos) -> None:
    pos.responses["POST /quote"] = 200, {"amounts": {"total": 20.1}}
    ADAPTER.quote(pos.store("Łódź/1"), order())
    (request,) = pos.received
    assert request.headers["store"] == "%C5%81%C3%B3d%C5%BA%2F1"
    message = f"{request.headers['timestamp']}\n{request.headers['store']}\nPOST /quote\n".encode() + request.raw
    assert request.headers["signature"] == sign_message(message, SECRET)
    assert abs(datetime.now(UTC).timestamp() - int(request.headers["timestamp"])) < 60


def test_the_path_of_the_base_url_is_not_signed(pos: ScriptedPos) -> None:
    pos.responses["GET /api/v1/status"] = 200, {"state": "open"}
    store = replace(pos.store(), options={"base_url": f"{pos.url}/api/v1/"})
    assert ADAPTER.store_status(store) is StoreState.OPEN
    (request,) = pos.received
    message = f"{request.headers['timestamp']}\nmain\nGET /status\n".encode()
    assert request.headers["signature"] == sign_message(message, SECRET)


def test_the_first_of_several_secrets_signs(pos: ScriptedPos) -> None:
    pos.responses["GET /status"] = 200, {"state": "open"}
    ADAPTER.store_status(replace(pos.store(), credentials={"secret": " new , old"}))
    (request,) = pos.received
    assert request.headers["signature"] == sign_message(
        f"{request.headers['timestamp']}\nmain\nGET /status\n".encode(), "new"
    )


@pytest.mark.parametrize("secret", [None, "", " , "])
def test_without_a_secret_nothing_is_sent(pos: ScriptedPos, secret: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"store main: credentials\.secret"):
        ADAPTER.store_status(replace(pos.store(), credentials={} if secret is None else {"secret": secret}))
    assert pos.received == []


@pytest.mark.parametrize("url", [None, "", "pos.example", "ftp://pos.example", "https://", "https://pos.example/?a=b"])
def test_a_wrong_base_url_is_a_configuration_error(pos: ScriptedPos, url: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"store main: options\.base_url"):
        ADAPTER.store_status(replace(pos.store(), options={} if url is None else {"base_url": url}))


def test_credentials_in_the_base_url_are_refused_and_not_shown(pos: ScriptedPos) -> None:
    with pytest.raises(ConfigurationError) as error:
        ADAPTER.store_status(replace(pos.store(), options={"base_url": "https://me:hunter2@pos.example"}))
    assert "hunter2" not in str(error.value)


def test_exceptions_do_not_contain_the_response(pos: ScriptedPos) -> None:
    pos.responses["POST /orders"] = 500, {"error": "cannot reach ada@gett.example"}
    with pytest.raises(HttpPosError) as error:
        place(pos.store())
    assert str(error.value) == "POST /orders: HTTP 500"
    pos.responses["POST /orders"] = 200, {"ticket": "ada@gett.example"}
    with pytest.raises(ValidationError) as invalid:
        place(pos.store())
    assert "ada@" not in str(invalid.value)


def test_a_call_ends_at_its_deadline(pos: ScriptedPos) -> None:
    with call_deadline(-1), pytest.raises((NotPlaced, requests.exceptions.Timeout)):
        ADAPTER.store_status(pos.store())
    assert pos.received == []
