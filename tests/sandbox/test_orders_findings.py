"""Tests of what Gett refuses itself, and of answers of a store that contradict the protocol."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask import Response

from tests.sandbox.sandbox_env import (
    AMOUNTS,
    ORDER,
    STORE,
    Consumer,
    FakePartner,
    check_problem,
    jsonify_response,
)
from webhook_kit.sandbox.context import SandboxContext


def test_orders_that_gett_refuses_do_not_reach_the_store(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    cart = ORDER["cart"]
    consumer.validate()
    cases = [
        ({**cart, "storeId": "s-9"}, 404, "STORE_NOT_FOUND"),
        ({**cart, "catalogSetId": None}, 400, "CATALOGSET_REQUIRED"),
        ({**cart, "catalogSetId": str(uuid4())}, 404, "CATALOGSET_NOT_FOUND"),
        ({**cart, "lineItems": []}, 400, "CART_EMPTY"),
    ]
    for wrong, status, code in cases:
        check_problem(consumer.place(cart=wrong), status, code)
    empty = consumer.validate(cart={**cart, "lineItems": []}).get_json()
    assert (empty["isValid"], [error["code"] for error in empty["errors"]]) == (False, ["CART_EMPTY"])
    assert len(empty["traceId"]) == 32
    context.state.stores[STORE].enabled = False
    check_problem(consumer.place(), 400, "STORE_CLOSED")
    closed = consumer.validate().get_json()
    assert [error["code"] for error in closed["errors"]] == ["STORE_CLOSED"]
    assert partner.received_names() == ["validateOrder"]


def test_wrong_amounts_are_logged_as_a_finding(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    wrong = {**ORDER, "amounts": {**AMOUNTS, "total": 11.0}, "isValid": True, "validatedOrderToken": "t-1"}
    partner.responses = [jsonify_response(wrong, 200)]
    consumer.validate()
    (finding,) = [entry for entry in context.log.after(0) if entry["kind"] == "finding"]
    assert finding["message"] == "total is 11.00, its parts sum to 10.90"


def contradicting(**changes: Any) -> dict[str, Any]:
    valid = {**ORDER, "amounts": AMOUNTS, "isValid": True, "errors": [], "validatedOrderToken": "t-1"}
    return {name: value for name, value in {**valid, **changes}.items() if value != "absent"}


ERROR = {"code": "OTHER", "message": "no"}


@pytest.mark.parametrize(
    ("answer", "messages"),
    [
        (contradicting(errors=[ERROR], traceId="0" * 32), ["isValid is true, but there are errors"]),
        (contradicting(isValid="absent"), ["isValid is missing"]),
        (contradicting(isValid=None), ["isValid is missing"]),
        (contradicting(traceId="0" * 32), ["there is a traceId, but there are no errors"]),
        (contradicting(isValid=False), ["isValid is false, but there are no errors"]),
        (contradicting(amounts="absent"), ["amounts are missing"]),
        (contradicting(amounts=AMOUNTS | {"total": 11.0}), ["total is 11.00, its parts sum to 10.90"]),
    ],
)
def test_answer_that_contradicts_itself_is_a_finding_and_its_token_is_not_kept(
    answer: dict[str, Any], messages: list[str], consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    partner.responses = [jsonify_response(answer, 200)]
    assert "validatedOrderToken" not in consumer.validate().get_json()
    assert [entry["message"] for entry in context.log.after(0) if entry["kind"] == "finding"] == messages
    assert context.state.tokens == {}
    problem = check_problem(consumer.place(), 422, "VALIDATION_FAILED")
    assert problem["errors"][0]["jsonPath"] == "$.validatedOrderToken"


def test_valid_answer_without_a_token_is_a_finding(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    partner.responses = [jsonify_response(contradicting(validatedOrderToken="absent"), 200)]
    consumer.validate()
    (finding,) = [entry for entry in context.log.after(0) if entry["kind"] == "finding"]
    assert finding["message"] == "isValid is true, but there is no validatedOrderToken"


def test_refusal_is_no_finding(consumer: Consumer, partner: FakePartner, context: SandboxContext) -> None:
    refusal = contradicting(isValid=False, errors=[ERROR], validatedOrderToken="absent", traceId="0" * 32)
    partner.responses = [jsonify_response(refusal, 200)]
    assert consumer.validate().get_json() == refusal
    assert [entry for entry in context.log.after(0) if entry["kind"] == "finding"] == []


@pytest.mark.parametrize(
    ("settings", "changes", "path"),
    [
        ({"pickupAllowed": False}, {}, "$.fulfillmentType"),
        ({"deliveryAllowed": False}, {"fulfillmentType": "DeliveryByMerchant"}, "$.fulfillmentType"),
        ({"listing": {"acceptsPickupTips": False}}, {}, "$.amounts.tip"),
        (
            {"listing": {"acceptsDeliveryTips": False}},
            {"fulfillmentType": "DeliveryByMerchant"},
            "$.amounts.tip",
        ),
    ],
)
def test_order_that_the_store_does_not_offer_is_refused(
    settings: dict[str, Any], changes: dict[str, Any], path: str, consumer: Consumer, partner: FakePartner
) -> None:
    consumer.validate(**changes)
    assert consumer.client.patch(f"/__sandbox/stores/{STORE}", json=settings).status_code == 200
    problem = check_problem(consumer.place(**changes), 400, "OTHER")
    assert [error["jsonPath"] for error in problem["errors"]] == [path]
    validated = consumer.validate(**changes).get_json()
    assert (validated["isValid"], [error["jsonPath"] for error in validated["errors"]]) == (False, [path])
    assert partner.received_names() == ["validateOrder"]
    if path == "$.amounts.tip":
        for none in (None, {"tip": 0}, {"tip": None}):
            assert consumer.validate(**changes, amounts=none).get_json()["isValid"] is True


@pytest.mark.parametrize("response", [Response("oops", 500), Response("[]", 200), Response("{", 200)])
def test_validation_without_a_response_is_bad_gateway(
    response: Response, consumer: Consumer, partner: FakePartner
) -> None:
    partner.responses = [response]
    assert check_problem(consumer.validate(), 502, "BAD_GATEWAY")["retryable"] is True
