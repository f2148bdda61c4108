"""Every page answers, for operators and viewers, with nothing and with hostile data, and shows no contact data."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable

import pytest

from tests.console.console_client import ConsoleClient
from tests.operations.operations_helpers import place
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Role
from webhook_kit.operations.archive import open_archive, queue
from webhook_kit.operations.archive.writer import ArchiveWriter
from webhook_kit.placement.claims import AttemptOutcome, Claim
from webhook_kit.storage.alerts import Alert

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
    "/alerts",
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
    "/alerts/acknowledge?id=0",
    "/alerts/quiet?store=main",
    "/alerts/unquiet?store=main",
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


def plant_orders(kit: Kit, number: int) -> None:
    now = int(1000 * time.time())
    for each in range(number):
        fields = {"ref": f"o-{each:03}", "state": "placed", "store": "main", "created": str(now), "updated": str(now)}
        kit.redis.hset(kit.keys.order(fields["ref"]), mapping=fields)  # type: ignore[arg-type]
        kit.redis.xadd(kit.keys.order_list, {"ref": fields["ref"]})


def test_older_orders_are_on_further_pages(operator: ConsoleClient) -> None:
    plant_orders(operator.kit, 120)
    path, seen = "/orders", []
    while path:
        page = operator.get(path).text
        seen += re.findall(r"<b>(o-\d+)</b>", page)
        older = re.search(r'href="([^"]+)">Older</a>', page)
        path = "/orders" + older[1].replace("&amp;", "&") if older else ""
    assert seen == [f"o-{each:03}" for each in reversed(range(120))]


def test_an_order_is_found_by_its_number_at_once(operator: ConsoleClient) -> None:
    plant_orders(operator.kit, 1)
    response = operator.get("/orders?q=%20o-000%20")
    assert response.headers["Location"] == "/console/order?ref=o-000"


def test_an_unchanged_page_is_not_sent_again(operator: ConsoleClient) -> None:
    poll = {"X-Console-Poll": "1"}
    first = operator.get("/stores", headers=poll)
    assert operator.get("/stores", headers=poll | {"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_what_happened_is_said_once_and_only_by_its_cookie(operator: ConsoleClient) -> None:
    form = {"csrf_token": operator.form_token(), "why": "a test", "reason": "other", "minutes": "30"}
    response = operator.post("/store/pause?id=main", form)
    assert response.status_code == 303
    assert "main is paused for 30 minutes" in operator.get("/store?id=main").text
    assert "main is paused for 30 minutes" not in operator.get("/store?id=main").text
    for wrong in ("no base64 of JSON!", base64.urlsafe_b64encode(b"[" * 3_000).decode()):
        operator.http.set_cookie("console_said", wrong)
        assert operator.get("/store?id=main").status_code == 200


def test_an_action_without_a_reason_does_nothing(operator: ConsoleClient) -> None:
    form = {"csrf_token": operator.form_token(), "why": "  ", "reason": "other", "minutes": "until"}
    response = operator.post("/store/pause?id=main", form)
    assert response.status_code == 422
    assert operator.kit.store_status.pause_owner(operator.kit.stores.get("main")) is None


def test_an_action_that_fails_says_why(operator: ConsoleClient) -> None:
    form = {"csrf_token": operator.form_token(), "why": "a test", "reason": "no reason of Gett", "minutes": "30"}
    response = operator.post("/store/pause?id=main", form)
    assert response.status_code == 409
    assert "Nothing was done" in response.text
    assert "a test" in response.text  # what was typed is kept


def test_an_alert_is_acknowledged_and_its_store_kept_quiet(operator: ConsoleClient) -> None:
    operator.kit.alerts.raise_once(Alert.STORE_STATUS, "main", "paused at Gett", about="store")
    page = operator.get("/alerts").text
    found = re.search(r"/console/alerts/acknowledge\?id=([^\"]+)", page)
    assert found
    form = {"csrf_token": operator.form_token(), "why": "I call them", "hours": "4"}
    assert operator.post(f"/alerts/acknowledge?id={found[1]}", form).status_code == 303
    assert "jo takes care of it" in operator.get("/alerts").text
    assert operator.post("/alerts/quiet?store=main", form).status_code == 303
    assert "No alerts about main are sent for 4 hours." in operator.get("/alerts").text
    assert operator.post("/alerts/unquiet?store=main", form).status_code == 303
    assert "Alerts about main are sent again." in operator.get("/alerts").text


@pytest.mark.parametrize(
    "text", ["%ED%A0%BD", "%00", "x" * 5000, "%E2%80%AE", "..%2F..", "%D9%A3", "-1", "1e9", "nan", "{{7*7}}"]
)
@pytest.mark.parametrize(
    "path",
    [
        "/orders?q={}&state={}&within={}&store={}&code={}",
        "/orders?since={}",
        "/orders?cursor={}",
        "/order?ref={}",
        "/order/settle-placed?ref={}",
        "/stores?q={}&only={}&start={}",
        "/store?id={}&ask={}",
        "/catalogs?q={}&only={}&start={}",
        "/catalog?id={}",
        "/catalog/mark-available?id=main&item={}",
        "/dead-letters?why={}&status={}&older={}&newer={}&lane={}&store={}",
        "/dead-letters?cursor={}",
        "/dead-letters/replay?number={}",
        "/dead-letters/job?id={}",
        "/incidents/note?id={}",
        "/alerts/quiet?store={}",
        "/alerts?start={}",
        "/onboarding?start={}",
        "/sending/retry?lane={}",
        "/audit?who={}&action={}&subject={}&cursor={}",
    ],
)
def test_hostile_addresses_have_an_answer(operator: ConsoleClient, path: str, text: str) -> None:
    response = operator.get(path.replace("{}", text))
    assert response.status_code in (200, 303, 400, 404), response.text


def test_an_order_that_only_the_archive_has_is_found_and_shown(
    make_console: Callable[..., ConsoleClient], archive_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "_SETTLE_MS", 0)
    console = make_console(archive_url=archive_url)
    console.log_in()
    kit = console.kit
    assert console.get("/order?ref=old").status_code == 503  # no tables yet
    with open_archive(kit.settings) as archive:
        archive.migrate()
        writer = ArchiveWriter(kit, archive)
        writer.run()
        place(kit, "old")
        kit.redis.zrem(kit.keys.unconfirmed, "old")
        kit.order_archive.archive_now("old")
        writer.run()
    assert "From the long-term archive" not in console.get("/order?ref=old").text
    kit.redis.delete(kit.keys.archive("old"), kit.keys.pos_order("main", "T-old"), kit.keys.by_key("k-old"))
    found = console.get("/orders?q=T-old")
    assert (found.status_code, found.headers["Location"]) == (303, "/console/order?ref=old")
    shown = console.get("/order?ref=old").text
    assert "From the long-term archive" in shown
    assert "T-old" in shown
    assert "Tell Gett that it is cancelled" not in shown
    assert console.get("/order?ref=T-old").status_code == 404
