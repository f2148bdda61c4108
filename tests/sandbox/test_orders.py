"""Tests of validation and placement: webhooks, responses, retries and records."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest
from flask import Response

from tests.sandbox.sandbox_env import (
    AMOUNTS,
    ORDER,
    STORE,
    Call,
    Consumer,
    FakePartner,
    check_problem,
    jsonify_response,
)
from webhook_kit.gett.models.store import OrderState
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.testing.processes import free_port, wait_until


def webhooks(context: SandboxContext) -> list[dict[str, Any]]:
    return [entry for entry in context.log.after(0) if entry["kind"] == "webhook"]


def only_order(context: SandboxContext) -> str:
    (order_id,) = context.state.orders
    return order_id


def test_order_is_validated_placed_and_updated(
    consumer: Consumer, partner: FakePartner, context: SandboxContext, call: Call
) -> None:
    validated = consumer.validate().get_json()
    assert (validated["isValid"], validated["validatedOrderToken"], validated["amounts"]) == (True, "t-1", AMOUNTS)
    key = str(uuid4())
    placed = consumer.place(key)
    assert placed.status_code == 200
    order_id = only_order(context)
    assert placed.get_json() | {"partnerOrderId": "p-7", "gettOrderId": order_id} == placed.get_json()
    assert "payment" not in placed.get_json()
    (validate, _, sent_first), (place, headers, sent_then) = partner.received
    assert (validate, place) == ("validateOrder", "placeOrder")
    assert sent_first["amounts"] == {"tip": 1.0}
    assert not {"gettOrderId", "payment", "validatedOrderToken"} & set(sent_first)
    assert headers["Idempotency-Key"] == key
    assert (sent_then["gettOrderId"], sent_then["validatedOrderToken"]) == (order_id, "t-1")
    assert (sent_then["amounts"], sent_then["payment"]) == (AMOUNTS, {"type": "gettPayment"})
    assert call("POST", f"orders/{order_id}/status", {"status": "confirmed"}).status_code == 202
    live = consumer.client.get(f"/__sandbox/orders/{order_id}").get_json()
    assert (live["status"], live["state"], live["placed"]["partnerOrderId"]) == ("confirmed", "open", "p-7")


def test_every_attempt_is_logged_without_secrets(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    card = {"type": "cardOnFile", "cardToken": "tok_secret", "processorType": "stripe"}
    consumer.validate()
    consumer.place(payment=card)
    _, entry = webhooks(context)
    assert (entry["call"], entry["attempt"], entry["response"]["status"]) == ("placeOrder", 1, 200)
    assert entry["request"]["headers"]["API-Version"] == "2026-01-30"
    assert entry["request"]["body"]["cart"] == ORDER["cart"]
    assert entry["response"]["body"]["partnerOrderId"] == "p-7"
    assert entry["seconds"] > 0
    assert partner.received[1][2]["payment"] == card
    everything = repr(context.log.after(0)) + repr(context.save().to_data())
    assert "tok_secret" not in everything
    assert "key-1" not in everything


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"empty_gett_order_id": True}, {"gettOrderId": ""}),
        ({"placed_amounts": "tip"}, {"amounts": {"tip": 1.0}}),
        ({"placed_amounts": "null"}, {"amounts": None}),
        ({"null_customer": True}, {"customer": None}),
    ],
)
def test_options_change_the_webhook(
    options: dict[str, Any], expected: dict[str, Any], consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    context.options = context.options.model_copy(update=options)
    consumer.validate()
    assert consumer.place().status_code == 200
    sent = partner.received[1][2]
    assert {name: sent[name] for name in expected} == expected


def test_short_paths_of_webhooks(consumer: Consumer, partner: FakePartner, context: SandboxContext) -> None:
    context.options.short_paths = True
    consumer.validate()
    consumer.place()
    assert partner.received_names() == ["validate", "place"]


def test_key_replays_its_response_for_a_day(consumer: Consumer, partner: FakePartner, context: SandboxContext) -> None:
    key = str(uuid4())
    consumer.validate()
    first = consumer.place(key).get_json()
    context.clock.advance(86_399)
    context.options.require_token = False
    assert consumer.place(key, validatedOrderToken=None).get_json() == first
    assert partner.received_names().count("placeOrder") == 1
    check_problem(consumer.place(key, fulfillmentType="Other"), 422, "VALIDATION_FAILED")
    context.clock.advance(1)
    repeated = consumer.place(key, validatedOrderToken=None).get_json()
    assert repeated["gettOrderId"] != first["gettOrderId"]


def test_key_must_be_a_uuid(consumer: Consumer, partner: FakePartner) -> None:
    consumer.validate()
    check_problem(consumer.call("POST", "orders/place", ORDER), 400, "MISSING_IDEMPOTENCY_KEY")
    check_problem(consumer.place("mine"), 400, "INVALID_REQUEST")
    assert partner.received_names() == ["validateOrder"]


def test_token_is_valid_for_fifteen_minutes(consumer: Consumer, partner: FakePartner, context: SandboxContext) -> None:
    for token in (None, "t-9"):
        problem = check_problem(consumer.place(validatedOrderToken=token), 422, "VALIDATION_FAILED")
        assert problem["errors"][0]["jsonPath"] == "$.validatedOrderToken"
    consumer.validate()
    context.clock.advance(899)
    assert consumer.place().status_code == 200
    context.clock.advance(1)
    assert "older than 15 minutes" in check_problem(consumer.place(), 422, "VALIDATION_FAILED")["detail"]


def test_expired_token_fault(consumer: Consumer, partner: FakePartner, client: Any) -> None:
    consumer.validate()
    client.post("/__sandbox/faults", json={"kind": "expired_token", "call": "place", "times": 1})
    check_problem(consumer.place(), 422, "VALIDATION_FAILED")
    assert consumer.place().status_code == 200


@pytest.mark.parametrize(
    ("card", "status", "code"),
    [
        ({"type": "cardOnFile", "cardToken": "tok_ok", "processorType": "stripe"}, 200, ""),
        ({"type": "cardOnFile", "cardToken": "tok_declined", "processorType": "stripe"}, 400, "PAYMENT_DECLINED"),
        ({"type": "cardOnFile", "cardToken": "tok_failed", "processorType": "stripe"}, 400, "PAYMENT_FAILED"),
        ({"type": "cardOnFile", "cardToken": "tok_ok"}, 422, "VALIDATION_FAILED"),
        ({"type": "savedCard", "paymentId": "x"}, 401, "SESSION_USER_REQUIRED"),
        (None, 400, "PAYMENT_METHOD_INVALID"),
    ],
)
def test_payment_types(
    card: Any, status: int, code: str, consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    consumer.validate()
    placed = consumer.place(payment=card)
    if status == 200:
        assert placed.status_code == 200
    else:
        check_problem(placed, status, code)
        assert context.state.orders == {}
        assert partner.received_names() == ["validateOrder"]


def test_saved_card_belongs_to_the_user(consumer: Consumer, partner: FakePartner) -> None:
    consumer.session(email="a@b.co", firstName="Ada", lastName="L", phone="+15551234567")
    address = {"address1": "1 Main", "city": "NY", "state": "NY", "postalCode": "10001"}
    card = dict.fromkeys(("bin", "cardNumber", "cardType", "cvc", "expiration"), "x") | {"billingAddress": address}
    saved = consumer.call("POST", "checkout/payments", card | {"lastFour": "4242"}).get_json()
    bad = consumer.call("POST", "checkout/payments", card | {"lastFour": "0002"}).get_json()
    consumer.validate()
    for payment_id, status in ((saved["paymentId"], 200), (bad["paymentId"], 400), ("nobody's", 400)):
        placed = consumer.place(payment={"type": "savedCard", "paymentId": payment_id}, customer=None)
        assert placed.status_code == status
    # The customer is the session's user.
    assert partner.received[-1][2]["customer"]["email"] == "a@b.co"


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        (None, ["$.customer"]),
        ({"partnerUserId": None}, ["$.customer.partnerUserId"]),
        ({"email": "", "phone": "  "}, ["$.customer.email", "$.customer.phone"]),
        ({"firstName": None, "lastName": None}, ["$.customer.firstName", "$.customer.lastName"]),
    ],
)
def test_order_with_the_key_needs_a_customer(
    changes: dict[str, Any] | None, paths: list[str], consumer: Consumer, partner: FakePartner
) -> None:
    consumer.validate()
    customer = None if changes is None else ORDER["customer"] | changes
    problem = check_problem(consumer.place(customer=customer), 422, "VALIDATION_FAILED")
    assert [error["jsonPath"] for error in problem["errors"]] == paths
    assert partner.received_names() == ["validateOrder"]


def test_anonymous_session_cannot_place_an_order(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    consumer.session(phone="+15551234567")
    assert consumer.validate().get_json()["isValid"] is True
    check_problem(consumer.place(), 401, "SESSION_USER_REQUIRED")
    assert context.state.orders == {}


def test_user_without_a_complete_profile_cannot_place_an_order(consumer: Consumer, partner: FakePartner) -> None:
    consumer.session(email="a@b.co", firstName="Ada", lastName="L")
    consumer.validate()
    problem = check_problem(consumer.place(), 422, "VALIDATION_FAILED")
    assert [error["jsonPath"] for error in problem["errors"]] == ["$.customer.phone"]
    consumer.call("PATCH", "session/profile", {"phone": "+15551234567"})
    assert consumer.place().status_code == 200


def test_refusal_of_the_store_is_returned_and_final(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    consumer.validate()
    error = {"code": "ITEM_UNAVAILABLE", "message": "no basil", "jsonPath": "$.cart.lineItems[0]"}
    refusal = {"errorCode": "ITEM_UNAVAILABLE", "detail": "no basil", "status": 400, "errors": [error]}
    response = jsonify_response(refusal, 400)
    partner.responses = [response]
    key = str(uuid4())
    for _ in range(2):
        assert check_problem(consumer.place(key), 400, "ITEM_UNAVAILABLE")["errors"] == [error]
    assert partner.received_names().count("placeOrder") == 1
    assert context.state.orders[only_order(context)].state is OrderState.CANCELLED
    assert context.scheduler.tasks() == []


@pytest.mark.parametrize("response", [503, 500, 429, 404, 401, 302])
def test_failed_delivery_is_retried_on_schedule(
    response: int, consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    consumer.validate()
    partner.responses = [Response("not now", response) for _ in range(3)]
    key = str(uuid4())
    check_problem(consumer.place(key), 502, "BAD_GATEWAY")
    record = context.state.orders[only_order(context)]
    for wait in (30, 120):
        context.clock.advance(wait - 1)
        check_problem(consumer.place(key), 502, "BAD_GATEWAY")
        attempts = record.attempts
        context.clock.advance(1)
        wait_until(
            lambda attempts=attempts: record.attempts > attempts and len(context.scheduler.tasks()) == 1,  # type: ignore[misc]
            message="the attempt to end",
        )
        wait_until(
            lambda: context.scheduler.tasks()[0].due > context.clock.now(), message="the next attempt to be scheduled"
        )
    context.clock.advance(600)
    wait_until(lambda: record.placed is not None, message="the order to be placed")
    assert consumer.place(key).get_json()["partnerOrderId"] == "p-7"
    attempts_logged = [entry for entry in webhooks(context) if entry["call"] == "placeOrder"]
    assert [(entry["attempt"], entry["response"]["status"]) for entry in attempts_logged] == [
        *((n, response) for n in (1, 2, 3)),
        (4, 200),
    ]
    keys = {headers["Idempotency-Key"] for name, headers, _ in partner.received if name == "placeOrder"}
    ids = {body["gettOrderId"] for name, _, body in partner.received if name == "placeOrder"}
    assert (keys, ids) == ({key}, {record.order_id})


@pytest.mark.parametrize("end", [{"state": "completed"}, {"state": "cancelled", "cancelReason": "no oven"}], ids=str)
def test_an_order_that_its_store_has_ended_still_gets_its_lost_receipt(
    end: dict[str, str], consumer: Consumer, partner: FakePartner, context: SandboxContext, call: Call
) -> None:
    consumer.validate()
    partner.responses = [jsonify_response({"status": 503}, 503)]
    key = str(uuid4())
    check_problem(consumer.place(key), 502, "BAD_GATEWAY")
    assert call("POST", f"orders/{only_order(context)}/status", end).status_code == 202
    context.clock.advance(30)
    wait_until(lambda: consumer.place(key).status_code == 200, message="the receipt")
    assert context.state.orders[only_order(context)].state == end["state"]


def test_late_retries_wait_an_hour(consumer: Consumer, partner: FakePartner, context: SandboxContext) -> None:
    context.options.late_retries = True
    consumer.validate()
    partner.responses = [Response("not now", 503)]
    consumer.place()
    (task,) = context.scheduler.tasks()
    assert (task.due - context.clock.now()).total_seconds() == 3_600


def test_gett_gives_up_after_the_last_retry(consumer: Consumer, partner: FakePartner, context: SandboxContext) -> None:
    context.options.retry_delays = []
    consumer.validate()
    context.state.stores[STORE].webhook_url = f"http://127.0.0.1:{free_port()}"
    check_problem(consumer.place(), 502, "BAD_GATEWAY")
    record = context.state.orders[only_order(context)]
    assert (record.state, context.scheduler.tasks()) == (OrderState.CANCELLED, [])
    assert "ConnectionError" in webhooks(context)[-1]["error"]


def test_calls_during_a_placement(
    consumer: Consumer, partner: FakePartner, context: SandboxContext, call: Call
) -> None:
    context.options.early_updates_unknown = True
    consumer.validate()
    partner.may_answer.clear()
    key = str(uuid4())
    statuses: list[int] = []
    first = threading.Thread(target=lambda: statuses.append(consumer.place(key).status_code))
    first.start()
    wait_until(lambda: "placeOrder" in partner.received_names(), message="the order to reach its store")
    conflict = check_problem(consumer.place(key), 409, "CONFLICT")
    assert (conflict["retryable"], conflict["retryAfter"]) == (True, 1)
    update = {"status": "confirmed"}
    check_problem(call("POST", f"orders/{only_order(context)}/status", update), 404, "NOT_FOUND")
    partner.may_answer.set()
    first.join()
    assert statuses == [200]
    assert call("POST", f"orders/{only_order(context)}/status", update).status_code == 202


def test_order_events_are_sent_and_retried(
    consumer: Consumer, partner: FakePartner, context: SandboxContext, call: Call
) -> None:
    store = context.state.stores[STORE]
    context.options.order_events_url = store.webhook_url.replace("/hooks", "/hooks/events")
    consumer.validate()
    consumer.place()
    order_id = only_order(context)

    def statuses() -> list[str]:
        return [body["data"]["status"] for name, _, body in partner.received if name == "events"]

    wait_until(lambda: statuses() == ["created"], message="the first event")
    partner.responses = [Response("not now", 503)]
    updates = [{"status": "confirmed"}, {"status": "preparing"}, {"state": "cancelled", "cancelReason": "burnt"}]
    call("POST", f"orders/{order_id}/status", updates[0])
    wait_until(lambda: statuses() == ["created", "confirmed"], message="the second event")
    wait_until(lambda: [task.arguments["number"] for task in context.scheduler.tasks()] == [2], message="its retry")
    for update in updates[1:]:
        call("POST", f"orders/{order_id}/status", update)
    wait_until(lambda: statuses()[2:] == ["canceled"], message="the third event")
    context.clock.advance(30)
    wait_until(lambda: statuses()[3:] == ["confirmed"], message="the second event once more, late")
    events = [body for name, _, body in partner.received if name == "events"]
    assert [event["type"] for event in events] == ["order_create", *["order_update"] * 3]
    assert events[2]["data"]["refunds"] == [{"type": "original_payment", "amount": 1090}]


def test_same_seed_gives_the_same_ids() -> None:
    def drawn(seed: str) -> list[Any]:
        context = SandboxContext("k", seed=seed)
        return [
            context.random.uuid("order"),
            context.random.uuid("order"),
            context.random.fraction("x"),
            context.random.fixed("y"),
        ]

    assert drawn("a") == drawn("a")
    assert not set(map(str, drawn("a"))) & set(map(str, drawn("b")))
