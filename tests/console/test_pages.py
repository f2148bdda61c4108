"""Every page answers, for operators and viewers, with nothing and with hostile data, and shows no contact data."""

from __future__ import annotations

import json

import pytest

from tests.console.console_client import ConsoleClient
from webhook_kit.operations.actor import Role
from webhook_kit.placement.idempotency_store import AttemptOutcome, Claim

READ = (
    "/",
    "/orders",
    "/orders?q=nothing",
    "/orders?state=in_doubt&within=24h&store=main&code=STORE_CLOSED&since=2026-01-01T00:00",
    "/stores",
    "/stores?only=paused&q=x&start=50",
    "/store?id=main",
    "/store?id=main&ask=pos",
    "/store?id=main&ask=gett",
    "/incidents",
    "/dead-letters",
    "/dead-letters?why=x&store=main&status=404&older=3600&newer=86400&lane=order:1",
    "/catalogs",
    "/catalog?id=main",
    "/catalog?id=main&difference=1",
    "/onboarding",
    "/sending",
    "/graphs",
    "/audit",
    "/audit?who=jo&action=pause_store&subject=main",
)
ACT = (
    "/store/pause?id=main",
    "/store/resume?id=main",
    "/dead-letters/replay?why=x",
    "/dead-letters/discard?number=1",
    "/catalog/sync?id=main",
    "/catalog/publish?id=main",
    "/catalog/mark-unavailable?id=main",
    "/catalog/mark-available?id=main&item=x",
    "/sending/try-again",
    "/sending/retry?lane=order:1",
    "/incidents/acknowledge?id=0",
    "/incidents/note?id=0",
)


@pytest.fixture
def operator(console: ConsoleClient) -> ConsoleClient:
    console.log_in()
    return console


@pytest.mark.parametrize("path", READ + ACT)
def test_every_page_answers(operator: ConsoleClient, path: str) -> None:
    response = operator.get(path)
    assert (response.status_code, response.text.count("<h1>")) == (200, 1), response.text


@pytest.mark.parametrize("path", READ)
def test_a_viewer_reads_everything(console: ConsoleClient, path: str) -> None:
    console.log_in("vi", Role.VIEWER)
    assert console.get(path).status_code == 200


@pytest.mark.parametrize("path", ACT)
def test_a_viewer_sees_no_page_of_an_action(console: ConsoleClient, path: str) -> None:
    console.log_in("vi", Role.VIEWER)
    assert console.get(path).status_code == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/order?ref=unknown", 404),
        ("/order", 404),
        ("/order/settle-placed?ref=unknown", 404),
        ("/store?id=unknown", 404),
        ("/catalog?id=", 404),
        ("/dead-letters/job?id=unknown", 404),
        ("/orders?since=yesterday", 400),
        ("/dead-letters?cursor=unknown", 400),
    ],
)
def test_what_does_not_exist_is_a_page_that_says_so(operator: ConsoleClient, path: str, status: int) -> None:
    response = operator.get(path)
    assert response.status_code == status
    assert "<h1>" in response.text


def test_operator_removes_the_customers_data(operator: ConsoleClient) -> None:
    store = operator.kit.placement_store
    claim = store.claim(key="k1", gett_id="g1", store_id="main", fingerprint="f")
    assert isinstance(claim, Claim)
    answer = json.dumps({"partnerOrderId": "t1", "customer": {"email": "jane@example.org"}}).encode()
    store.settle(claim, AttemptOutcome.PLACED, status=200, answer=answer, partner_order_id="t1")
    assert "/order/forget?ref=g1" in operator.get("/order?ref=g1").text
    page = operator.get("/order/forget?ref=g1")
    assert "cannot be undone" in page.text
    data = {"csrf_token": operator.form_token(), "why": "request 7"}
    done = operator.post("/order/forget?ref=g1", data)
    assert done.status_code == 303, done.text
    assert "Removed from order g1: answer" in operator.get("/order?ref=g1").text
    assert "jane" not in str(store.find("g1"))
