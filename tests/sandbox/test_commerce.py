"""The sandbox's commerce API: key, shape, record, faults."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webhook_kit.sandbox.commerce import Ledger, create_app

KEY = {"Authorization": "Bearer key-1"}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def client(ledger: Ledger) -> FlaskClient:
    return create_app("key-1", ledger).test_client()


def send(client: FlaskClient, update: Any, order: str = "o-1") -> TestResponse:
    return client.post(f"/v1/commerce/orders/{order}/status", json=update, headers=KEY)


def check_problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    problem: dict[str, Any] = response.get_json(force=True)
    assert problem["status"] == status
    assert problem["errorCode"] == code
    assert problem["type"] == f"https://developer.gett-tech.com/errors/{code}"
    assert {"title", "detail", "errorCategory", "retryable", "requestId", "timestamp"} <= set(problem)
    return problem


def test_an_update_is_accepted_and_recorded(client: FlaskClient, ledger: Ledger) -> None:
    before = datetime.now(UTC)
    assert send(client, {"status": "confirmed"}).status_code == 202
    assert send(client, {"state": "completed"}, "o/2").status_code == 404
    assert send(client, {"state": "completed"}, "o-2").status_code == 202
    (update,) = ledger.updates("o-1")
    assert (update.order_id, update.answer, update.body) == ("o-1", 202, {"status": "confirmed"})
    assert before <= update.arrived_at <= datetime.now(UTC)
    listed = client.get("/__sandbox/orders").get_json()["updates"]
    assert [(u["orderId"], u["answer"], u["update"]) for u in listed] == [
        ("o-1", 202, {"status": "confirmed"}),
        ("o-2", 202, {"state": "completed"}),
    ]
    assert datetime.fromisoformat(listed[0]["arrivedAt"]) == update.arrived_at


@pytest.mark.parametrize("given", [None, "Bearer", "Bearer key-2", "key-1", "Basic a2V5LTE=", "Bearer ké"])
def test_the_key_is_required(given: str | None, client: FlaskClient, ledger: Ledger) -> None:
    headers = {"Authorization": given} if given else {}
    response = client.post("/v1/commerce/orders/o-1/status", json={"status": "confirmed"}, headers=headers)
    check_problem(response, 401, "UNAUTHENTICATED")
    assert ledger.updates() == []


@pytest.mark.parametrize(
    ("update", "path"),
    [
        ({}, "$"),
        ({"status": "burnt"}, "$.status"),
        ({"status": "pending"}, "$.status"),
        ({"state": "cancelled"}, "$"),
        ([], "$"),
    ],
)
def test_an_update_must_be_valid(update: Any, path: str, client: FlaskClient, ledger: Ledger) -> None:
    problem = check_problem(send(client, update), 422, "VALIDATION_FAILED")
    assert [error["jsonPath"] for error in problem["errors"]] == [path]
    assert [u.answer for u in ledger.updates()] == [422]


def test_what_is_no_json_is_refused(client: FlaskClient, ledger: Ledger) -> None:
    response = client.post("/v1/commerce/orders/o-1/status", data=b"{", headers=KEY)
    check_problem(response, 400, "INVALID_REQUEST")
    assert ledger.updates()[0].body is None


def test_faults_are_answered_in_turn_and_recorded(client: FlaskClient, ledger: Ledger) -> None:
    assert client.post("/__sandbox/faults", json={"statuses": [503, 418]}).status_code == 200
    ledger.fail_with(429)
    unavailable = send(client, {"status": "confirmed"})
    assert check_problem(unavailable, 503, "SERVICE_UNAVAILABLE")["retryAfter"] == 1
    assert unavailable.headers["Retry-After"] == "1"
    teapot = send(client, {"status": "confirmed"})
    assert "retryAfter" not in check_problem(teapot, 418, "INVALID_REQUEST")
    assert send(client, {"status": "confirmed"}).status_code == 429
    assert send(client, {"status": "confirmed"}).status_code == 202
    assert [update.answer for update in ledger.updates()] == [503, 418, 429, 202]


@pytest.mark.parametrize("wanted", [{}, [503], {"statuses": 503}, {"statuses": ["503"]}, {"statuses": [200]}])
def test_a_fault_is_an_error_status(wanted: Any, client: FlaskClient, ledger: Ledger) -> None:
    check_problem(client.post("/__sandbox/faults", json=wanted), 400, "INVALID_REQUEST")
    assert ledger.next_fault() is None


def test_every_other_answer_is_a_problem_too(client: FlaskClient) -> None:
    check_problem(client.get("/v1/nothing", headers=KEY), 404, "NOT_FOUND")
    check_problem(client.get("/v1/commerce/orders/o-1/status", headers=KEY), 405, "INVALID_REQUEST")
