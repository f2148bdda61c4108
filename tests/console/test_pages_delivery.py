"""The pages never claim that Gett was told something that it was not."""

from __future__ import annotations

import pytest

from tests.console.console_client import ConsoleClient
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.outbox.updates import order_progress

KEY = "Gett refuses the API key: updates wait until a valid one is installed."


@pytest.fixture
def operator(console: ConsoleClient) -> ConsoleClient:
    console.log_in()
    return console


def block(kit: Kit, obstacle: str) -> str:
    """Let something stand between the kit and Gett; return the words for it."""
    if obstacle == "halted":
        kit.sending.halt("invalid key")
        return KEY
    if obstacle == "limited":
        kit.sending.record_rate_limited(300)
        return "Gett asked to wait"
    for _ in range(5):
        kit.sending.record_failure()
    return "Gett cannot be reached"


@pytest.mark.parametrize("obstacle", ["halted", "limited", "failing"])
def test_an_update_that_cannot_be_sent_is_not_offered_to_be_sent(operator: ConsoleClient, obstacle: str) -> None:
    operator.kit.lanes.append("order:O-1", order_progress("confirmed"), store_id="main", gett_id="g-1")
    assert "Send it now" in operator.get("/order?ref=O-1").text
    words = block(operator.kit, obstacle)
    page = operator.get("/order?ref=O-1").text
    assert "Send it now" not in page
    assert words in page
    assert words in operator.get("/order/retry?ref=O-1").text
    form = {"csrf_token": operator.form_token(), "why": "a test"}
    assert operator.post("/order/retry?ref=O-1", form).status_code == 303
    assert "It is NOT sent yet." in operator.get("/order?ref=O-1").text


def test_after_sending_now_the_update_is_in_the_queue_or_gone(operator: ConsoleClient) -> None:
    operator.kit.lanes.append("order:O-1", order_progress("confirmed"), store_id="main", gett_id="g-1")
    form = {"csrf_token": operator.form_token(), "why": "a test"}
    operator.post("/sending/retry?lane=order:O-1", form)
    assert "is the next one in the queue" in operator.get("/sending").text
    for lease in operator.kit.lanes.lease(10, 1000).leases:
        operator.kit.lanes.acknowledge(lease, 200)
    operator.post("/sending/retry?lane=order:O-1", form)
    assert "Nothing waits any more" in operator.get("/sending").text


def test_a_dead_letter_that_is_sent_again_waits_for_the_key(operator: ConsoleClient) -> None:
    operator.kit.lanes.append("order:O-1", order_progress("confirmed"), store_id="main", gett_id="g-1")
    (lease,) = operator.kit.lanes.lease(10, 1000).leases
    operator.kit.lanes.dead_letter(lease, "order not found", 404)
    operator.kit.sending.halt("invalid key")
    path = f"/dead-letters/replay?number={lease.number}"
    assert f"Gett is NOT told yet. {KEY}" in operator.get(path).text
    operator.post(path, {"csrf_token": operator.form_token(), "why": "a test"})
    page = operator.get("/dead-letters").text
    assert f"Gett is NOT told yet. {KEY}" in page
    assert 'class="said waits"' in page


def test_a_store_page_says_that_a_pause_is_not_at_gett(operator: ConsoleClient) -> None:
    operator.kit.store_status.pause("main", PauseReason.TOO_BUSY)
    operator.kit.sending.halt("invalid key")
    page = operator.get("/store?id=main").text
    assert "the pause waits to be sent" in page
    assert "Orders may still come." in page
    assert "Gett was told" not in page
    operator.kit.sending.record_response()
    for lease in operator.kit.lanes.lease(10, 1000).leases:
        operator.kit.lanes.acknowledge(lease, 200)
    assert "Orders may still come." not in operator.get("/store?id=main").text


def test_pausing_while_the_key_is_refused_says_that_gett_is_not_told(operator: ConsoleClient) -> None:
    operator.kit.sending.halt("invalid key")
    form = {"csrf_token": operator.form_token(), "why": "a test", "reason": "other", "minutes": "30"}
    assert KEY in operator.get("/store/pause?id=main").text
    operator.post("/store/pause?id=main", form)
    assert f"Gett is NOT told yet. {KEY}" in operator.get("/store?id=main").text
