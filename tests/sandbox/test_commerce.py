"""Tests of the Commerce Partner API: authentication, bodies, updates, faults."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.sandbox.sandbox_env import KEY, NOON, STORE, Call, check_problem
from webhook_kit.gett.models.store import OrderState
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.state import OrderRecord
from webhook_kit.sandbox.update_log import UpdateLog


@pytest.fixture
def update_log(context: SandboxContext) -> UpdateLog:
    for order_id in ("o-1", "o-2"):
        context.state.orders[order_id] = OrderRecord(order_id=order_id, store_id=STORE, created_at=NOON)
    return context.update_log


def send(client: FlaskClient, update: Any, order: str = "o-1") -> TestResponse:
    return client.post(f"/v1/commerce/orders/{order}/status", json=update, headers=KEY)


def test_update_is_accepted_and_recorded(client: FlaskClient, update_log: UpdateLog) -> None:
    assert send(client, {"status": "confirmed"}).status_code == 202
    assert send(client, {"state": "completed"}, "o/2").status_code == 404
    assert send(client, {"state": "completed"}, "o-2").status_code == 202
    (update,) = update_log.updates("o-1")
    assert (update.order_id, update.status, update.body) == ("o-1", 202, {"status": "confirmed"})
    assert update.arrived_at == NOON
    listed = client.get("/__sandbox/orders").get_json()["updates"]
    assert [(u["orderId"], u["status"], u["update"]) for u in listed] == [
        ("o-1", 202, {"status": "confirmed"}),
        ("o-2", 202, {"state": "completed"}),
    ]
    assert listed[0]["arrivedAt"] == NOON.isoformat()


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer key-2", "key-1", "Basic a2V5LTE=", "Bearer ké"])
def test_key_is_required(authorization: str | None, client: FlaskClient, update_log: UpdateLog) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    response = client.post("/v1/commerce/orders/o-1/status", json={"status": "confirmed"}, headers=headers)
    check_problem(response, 401, "UNAUTHENTICATED")
    assert update_log.updates() == []


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
def test_invalid_update_is_rejected(update: Any, path: str, client: FlaskClient, update_log: UpdateLog) -> None:
    problem = check_problem(send(client, update), 422, "VALIDATION_FAILED")
    assert [error["jsonPath"] for error in problem["errors"]] == [path]
    assert [u.status for u in update_log.updates()] == [422]


def test_body_that_is_not_json_is_rejected(client: FlaskClient, update_log: UpdateLog) -> None:
    response = client.post("/v1/commerce/orders/o-1/status", data=b"{", headers=KEY)
    check_problem(response, 400, "INVALID_REQUEST")
    assert update_log.updates()[0].body is None


def test_faults_are_applied_in_order_and_recorded(client: FlaskClient, update_log: UpdateLog) -> None:
    assert client.post("/__sandbox/faults", json={"statuses": [503, 418]}).status_code == 200
    update_log.fail_with(429)
    unavailable = send(client, {"status": "confirmed"})
    assert check_problem(unavailable, 503, "SERVICE_UNAVAILABLE")["retryAfter"] == 1
    assert unavailable.headers["Retry-After"] == "1"
    teapot = send(client, {"status": "confirmed"})
    assert "retryAfter" not in check_problem(teapot, 418, "INVALID_REQUEST")
    assert send(client, {"status": "confirmed"}).status_code == 429
    assert send(client, {"status": "confirmed"}).status_code == 202
    assert [update.status for update in update_log.updates()] == [503, 418, 429, 202]


@pytest.mark.parametrize("body", [{"statuses": 503}, {"statuses": ["503"]}, {"statuses": [200]}])
def test_fault_status_must_be_an_error(body: Any, client: FlaskClient, update_log: UpdateLog) -> None:
    check_problem(client.post("/__sandbox/faults", json=body), 400, "INVALID_REQUEST")
    update_log.fail_with()
    assert client.get("/__sandbox/faults").get_json() == {"faults": []}


def test_unknown_paths_and_methods_are_problems(client: FlaskClient) -> None:
    check_problem(client.get("/v1/nothing", headers=KEY), 404, "NOT_FOUND")
    check_problem(client.get("/v1/commerce/orders/o-1/status", headers=KEY), 405, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ({"status": "ready"}, {"status": "ready"}, 202),
        ({"status": "confirmed"}, {"status": "inTransit"}, 202),
        ({"status": "ready"}, {"status": "preparing"}, 409),
        ({"state": "completed"}, {"state": "completed"}, 202),
        ({"state": "completed"}, {"status": "ready"}, 409),
        ({"state": "completed"}, {"state": "cancelled", "cancelReason": "too late"}, 409),
        ({"status": "inTransit"}, {"state": "cancelled", "cancelReason": "lost"}, 202),
        ({"state": "cancelled", "cancelReason": "burnt"}, {"state": "completed"}, 409),
        ({"state": "cancelled", "cancelReason": "burnt"}, {"state": "open"}, 409),
    ],
)
def test_order_only_moves_forward(
    first: Any, second: Any, status: int, client: FlaskClient, update_log: UpdateLog, context: SandboxContext
) -> None:
    assert send(client, first).status_code == 202
    before = context.state.orders["o-1"].to_data()
    response = send(client, second)
    assert response.status_code == status
    if status == 409:
        check_problem(response, 409, "CONFLICT")
        assert context.state.orders["o-1"].to_data() == before
    else:
        assert len(context.state.orders["o-1"].history) == 2


def test_unknown_orders_and_stores_are_404_unless_adopted(call: Call, context: SandboxContext) -> None:
    check_problem(call("POST", "orders/o-9/status", {"state": "completed"}), 404, "NOT_FOUND")
    check_problem(call("GET", "stores/s-9"), 404, "STORE_NOT_FOUND")
    context.options.adopt_unknown = True
    assert call("POST", "orders/o-9/status", {"state": "completed"}).status_code == 202
    assert context.state.orders["o-9"].state is OrderState.COMPLETED
    assert call("GET", "stores/s-9").get_json() == {"storeId": "s-9", "name": "s-9", "status": "online"}


def test_stores_are_listed_read_and_changed(call: Call, context: SandboxContext) -> None:
    store = {"storeId": STORE, "name": "Trattoria", "timezone": "UTC", "status": "online"}
    assert call("GET", "stores").get_json() == [store]
    changed = store | {"name": "Osteria", "phone": "+15550100", "logoUrl": "https://x/l.png", "description": "d"}
    update = {name: changed[name] for name in ("name", "phone", "logoUrl", "description")}
    assert (
        call("PUT", f"stores/{STORE}", update | {"deliveryAllowed": False, "pickupAllowed": True}).get_json() == changed
    )
    assert call("GET", f"stores/{STORE}").get_json() == changed
    assert (context.state.stores[STORE].delivery_allowed, context.state.stores[STORE].pickup_allowed) == (False, True)


def test_store_cannot_disable_every_fulfillment(call: Call, context: SandboxContext) -> None:
    for update in ({"pickupAllowed": False}, {"deliveryAllowed": False, "pickupAllowed": False}):
        check_problem(call("PUT", f"stores/{STORE}", update | {"name": "X"}), 422, "VALIDATION_FAILED")
    assert context.state.stores[STORE].store.name == "Trattoria"


def test_pause_ends_at_its_resume_time(call: Call, context: SandboxContext) -> None:
    pause = {"status": "paused", "reason": "too_busy", "resumeAt": "2026-03-04T12:30:00Z"}
    paused = pause | {"pausedAt": "2026-03-04T12:00:00Z"}
    assert call("POST", f"stores/{STORE}/status", pause).get_json() == paused
    assert call("GET", f"stores/{STORE}").get_json()["status"] == "paused"
    context.clock.advance(1799)
    assert call("GET", f"stores/{STORE}/status").get_json() == paused
    context.clock.advance(1)
    assert call("GET", f"stores/{STORE}/status").get_json() == {"status": "online"}
    assert call("POST", f"stores/{STORE}/status", {"status": "paused", "reason": "other"}).status_code == 200
    context.clock.advance(86_400)
    assert call("GET", f"stores/{STORE}/status").get_json()["status"] == "paused"
    assert call("POST", f"stores/{STORE}/status", {"status": "online"}).get_json() == {"status": "online"}
    check_problem(call("POST", f"stores/{STORE}/status", {"status": "paused"}), 422, "VALIDATION_FAILED")
