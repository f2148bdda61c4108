"""Tests of faults, for API calls and webhooks."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests

from tests.sandbox.sandbox_env import KEY, STORE, Call, Consumer, FakePartner, check_problem
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.faults import Fault, Faults
from webhook_kit.sandbox.seeded_random import SeededRandom
from webhook_kit.sandbox.server import serve
from webhook_kit.testing.processes import PATIENCE, wait_until


def test_fault_applies_to_one_call_and_store(call: Call, context: SandboxContext) -> None:
    context.faults.add(Fault(kind="status", status=503, call="setStoreStatus", store=STORE, seconds=7))
    problem = check_problem(call("POST", f"stores/{STORE}/status", {"status": "online"}), 503, "SERVICE_UNAVAILABLE")
    assert problem["retryAfter"] == 7
    assert call("GET", f"stores/{STORE}/status").status_code == 200
    check_problem(call("POST", "stores/other/status", {"status": "online"}), 404, "STORE_NOT_FOUND")


def test_fault_can_name_several_calls(call: Call, context: SandboxContext) -> None:
    context.update_log.fail_with(503)
    assert call("GET", "stores").status_code == 200, "no update"
    assert call("POST", f"stores/{STORE}/status", {"status": "online"}).status_code == 503
    assert call("POST", f"stores/{STORE}/status", {"status": "online"}).status_code == 200


def test_probability_depends_on_the_seed() -> None:
    def applied(seed: str) -> list[bool]:
        faults = Faults(SeededRandom(seed))
        faults.add(Fault(kind="drop", probability=0.5))
        return [bool(faults.select("x")) for _ in range(200)]

    assert applied("a") == applied("a") != applied("b")
    assert 60 < sum(applied("a")) < 140


def test_call_with_dropped_response_is_executed(context: SandboxContext) -> None:
    context.faults.add(Fault(kind="drop", call="setStoreStatus", times=1))
    with serve(create_app(context)) as url:
        pause = {"status": "paused", "reason": "other"}
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.post(f"{url}/v1/commerce/stores/{STORE}/status", json=pause, headers=KEY, timeout=PATIENCE)
        shown = requests.get(f"{url}/v1/commerce/stores/{STORE}/status", headers=KEY, timeout=PATIENCE).json()
    assert shown["status"] == "paused"
    (entry, _) = context.log.after(0)
    assert entry["response"]["dropped"] is True


def test_delay_delays_the_response(call: Call, context: SandboxContext) -> None:
    context.faults.add(Fault(kind="delay", seconds=0.2, times=1))
    started = time.monotonic()
    assert call("GET", "stores").status_code == 200
    assert time.monotonic() - started >= 0.2


def test_webhook_with_wrong_signature_is_retried(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    partner.app.register_error_handler(Exception, lambda _: ("no", 401))
    consumer.validate()
    context.faults.add(Fault(kind="wrong_signature", call="placeOrder", times=1))
    check_problem(consumer.place(), 502, "BAD_GATEWAY")
    context.clock.advance(30)
    (order,) = context.state.orders.values()
    wait_until(lambda: order.placed is not None, message="the retry")


def test_dropped_webhook_response_causes_a_retry(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    consumer.validate()
    context.faults.add(Fault(kind="drop", call="placeOrder", times=1))
    check_problem(consumer.place(), 502, "BAD_GATEWAY")
    assert partner.received_names().count("placeOrder") == 1
    (task,) = context.scheduler.tasks()
    assert task.kind == "place_order"


def test_duplicate_delivers_a_webhook_twice(consumer: Consumer, partner: FakePartner, context: SandboxContext) -> None:
    consumer.validate()
    context.faults.add(Fault(kind="duplicate", call="placeOrder", times=1))
    assert consumer.place().status_code == 200
    first, second = [delivery for delivery in partner.received if delivery[0] == "placeOrder"]
    assert first[2] == second[2]
    assert first[1]["Idempotency-Key"] == second[1]["Idempotency-Key"]


def test_reorder_sends_the_next_webhook_first(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    consumer.validate()
    context.faults.add(Fault(kind="reorder", call="placeOrder", times=1))
    tips: list[Any] = []

    def place(tip: float) -> None:
        tips.append(consumer.place(amounts={"tip": tip}).status_code)

    context.options.placed_amounts = "tip"
    first = threading.Thread(target=place, args=(1.0,))
    first.start()
    wait_until(lambda: not context.faults.rules() and context.state.orders, message="the first to be held back")
    place(2.0)
    first.join()
    assert tips == [200, 200]
    sent = [body["amounts"]["tip"] for name, _, body in partner.received if name == "placeOrder"]
    assert sent == [2.0, 1.0]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "status"},
        {"kind": "drop", "status": 500},
        {"kind": "nonsense"},
        {"kind": "drop", "probability": 2},
        {"kind": "drop", "when": "now"},
        {"faults": [{}]},
    ],
)
def test_invalid_fault_is_rejected(body: Any, client: Any, context: SandboxContext) -> None:
    check_problem(client.post("/__sandbox/faults", json=body), 422, "VALIDATION_FAILED")
    assert context.faults.rules() == []


def test_problem_as_markdown(client: Any) -> None:
    import yaml  # type: ignore[import-untyped]

    response = client.get("/v1/commerce/stores/s-9", headers={**KEY, "Accept": "text/markdown"})
    assert (response.status_code, response.mimetype) == (404, "text/markdown")
    _, front, text = response.text.split("---\n", 2)
    members = yaml.safe_load(front)
    assert (members["errorCode"], members["status"], members["retryable"]) == ("STORE_NOT_FOUND", 404, False)
    assert text == f"\n# Not found\n\n{members['detail']}\n\n"


def test_fault_that_cannot_apply_is_not_used_up() -> None:
    faults = Faults(SeededRandom("seed"))
    faults.add(Fault(kind="wrong_signature", times=1), Fault(kind="expired_token", times=1))
    assert set(faults.select("stores")) == {"expired_token"}
    assert set(faults.select("placeOrder", outgoing=True)) == {"wrong_signature"}
    assert faults.rules() == []
