"""Words of the pages: an order in doubt, alerts that are over, empty results, entries of the audit log."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.console.console_client import ConsoleClient
from webhook_kit.adapter import StoreState
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.outbox.updates import order_progress, store_paused
from webhook_kit.storage.alerts import Alert
from webhook_kit.testing.bogus import BogusAdapter


@pytest.fixture
def operator(console: ConsoleClient) -> ConsoleClient:
    console.log_in()
    return console


def plain(page: str) -> str:
    """Return the text of a page without tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def put_in_doubt(kit: Kit, ref: str) -> None:
    now = int(1000 * time.time())
    fields = {
        "ref": ref,
        "state": "in_doubt",
        "store": "main",
        "updated": now,
        "lease": 0,
        "doubt": "1",
        "created": now,
    }
    kit.redis.hset(kit.keys.order(ref), mapping=fields)  # type: ignore[arg-type]
    kit.redis.zadd(kit.keys.unsettled, {ref: now})


def test_a_look_up_without_a_result_says_what_that_means(operator: ConsoleClient) -> None:
    put_in_doubt(operator.kit, "O-1")
    for _ in range(3):
        operator.kit.placement_store.postpone_lookup("O-1", 0, "not found")
    page = plain(operator.get("/order?ref=O-1").text)
    assert "The POS did not list it. It may list it later, so look yourself." in page
    assert re.search(r"\(3 times, last at \d\d:\d\d:\d\d UTC \)", page)
    assert "the kitchen may cook it twice" in page


def test_the_failure_of_a_call_is_said_in_words(operator: ConsoleClient) -> None:
    put_in_doubt(operator.kit, "O-1")
    operator.kit.placement_store.notes.add("O-1", "in_doubt", {"why": "ConnectionError"})
    page = operator.get("/order?ref=O-1").text
    assert "the connection ended without an answer" in page
    assert "ConnectionError" not in page


def test_an_alert_that_is_over_says_so(operator: ConsoleClient) -> None:
    operator.kit.alerts.raise_once(Alert.STORE_STATUS, "main", "differs", about="store")
    assert "It is over" not in operator.get("/alerts").text
    (alert,) = operator.kit.open_alerts.ids()
    operator.kit.redis.zadd(operator.kit.keys.alerts_absent, {alert: 1000 * time.time()})
    page = operator.get("/alerts").text
    assert "It is over" in page
    assert "First:" not in page


def test_the_alerts_page_says_when_alerts_open(operator: ConsoleClient) -> None:
    page = plain(operator.get("/alerts").text)
    assert "every 15 seconds" in page
    assert "an order in doubt is an alert after 40 seconds" in page
    assert "docs/monitoring.md" not in page


def test_an_alert_names_its_section_of_the_runbook(operator: ConsoleClient) -> None:
    operator.kit.alerts.raise_once(Alert.STORE_STATUS, "main", "differs", about="store")
    assert "runbook: store_status_differs" in plain(operator.get("/alerts").text)


@pytest.mark.parametrize(
    "path", ["/orders?q=nothing", "/stores?q=nothing", "/audit?who=nobody", "/alerts", "/incidents"]
)
def test_an_empty_result_has_no_tick(operator: ConsoleClient, path: str) -> None:
    main = operator.get(path).text.partition("<main")[2]
    assert 'class="nothing"' in main
    assert "M5 12.5l4.5 4.5L19 7.5" not in main


def test_an_empty_search_says_that_the_whole_number_is_needed(operator: ConsoleClient) -> None:
    assert "A part of a number is not found" in operator.get("/orders?q=6a2e5a50").text


def test_incidents_lead_to_alerts(operator: ConsoleClient) -> None:
    page = operator.get("/incidents").text
    assert "There is none" not in page
    assert 'href="/console/alerts">alert</a>' in page


def test_a_store_whose_pos_is_down_is_not_resumed_first(operator: ConsoleClient) -> None:
    kit = operator.kit
    kit.store_status.pause("main", PauseReason.OTHER)
    resume = re.compile(r'class="(\w+)" href="/console/store/resume')
    found = resume.search(operator.get("/store?id=main").text)
    assert found
    assert found[1] == "primary"
    BogusAdapter.set_state(kit.settings.store_options["file"], "main", StoreState.DOWN)
    kit.pos_health.check(kit.stores.get("main"))
    page = operator.get("/store?id=main").text
    found = resume.search(page)
    assert found
    assert found[1] == "button"
    assert "its POS does not take" in page


LONG = "6a2e5a50-1adf-4ca7-9b08-5a37eb4a2d2c"


def test_a_long_id_is_short_in_the_title_and_whole_below(operator: ConsoleClient) -> None:
    put_in_doubt(operator.kit, LONG)
    operator.kit.redis.hset(operator.kit.keys.order(LONG), "gett_id", LONG)
    page = operator.get(f"/order?ref={LONG}").text
    assert "<h1>Order 6a2e5a50…</h1>" in page
    assert f'<p class="id whole">{LONG}</p>' in page
    assert f'<dt>Gett\'s id and orderRef</dt><dd class="id">{LONG}</dd>' in page
    assert page.index("What happened") < page.index("Facts")


def test_the_exact_words_of_gett_are_behind_a_summary(operator: ConsoleClient) -> None:
    words = "POST stores/70f0/status: 401 UNAUTHENTICATED: the API key is missing"
    operator.kit.lanes.append("store:main", store_paused(PauseReason.OTHER), store_id="main", gett_id="g")
    for lease in operator.kit.lanes.lease(10, 1000).leases:
        operator.kit.lanes.postpone(lease, 60, words, charge=False)
    operator.kit.sending.halt(words)
    for path in ("/", "/sending"):
        page = operator.get(path).text
        assert words in page
        assert words not in re.sub(r"<details class=.quoted.>.*?</details>", "", page, flags=re.DOTALL)


def test_what_waits_is_said_in_words(operator: ConsoleClient) -> None:
    operator.kit.store_status.pause("main", PauseReason.OTHER)
    name = operator.kit.stores.get("main").name or "main"
    assert '<span class="badge">sent next</span>' in operator.get("/sending").text
    operator.kit.sending.halt("invalid key")
    page = operator.get("/sending").text
    assert f"status of the store {name}" in page
    assert '<span class="badge">waits</span>' in page
    assert "a change of one order, store or catalog" in operator.get("/").text


def test_the_list_of_orders_has_totals_and_what_gett_knows(operator: ConsoleClient) -> None:
    now = int(1000 * time.time())
    fields = {"ref": "O-1", "state": "placed", "store": "main", "created": now, "updated": now, "accepted": "5.06"}
    operator.kit.redis.hset(operator.kit.keys.order("O-1"), mapping=fields)  # type: ignore[arg-type]
    operator.kit.redis.xadd(operator.kit.keys.order_list, {"ref": "O-1"})
    assert "total 5.06 · Gett knows: nothing yet" in operator.get("/orders").text
    operator.kit.lanes.append("order:O-1", order_progress("confirmed"), store_id="main", gett_id="g-1")
    for lease in operator.kit.lanes.lease(10, 1000).leases:
        operator.kit.lanes.acknowledge(lease, 200)
    assert "total 5.06 · Gett knows: confirmed" in operator.get("/orders").text


def test_an_order_in_doubt_has_its_total_in_the_list(operator: ConsoleClient) -> None:
    put_in_doubt(operator.kit, "O-1")
    put_in_doubt(operator.kit, "O-2")
    operator.kit.redis.hset(operator.kit.keys.order("O-1"), "order", '{"amounts": {"total": 5.06}}')
    operator.kit.redis.hset(operator.kit.keys.order("O-2"), "order", "no JSON")
    page = operator.get("/orders?state=in_doubt").text
    assert page.count("total ") == 1
    assert "total 5.06" in page


def test_the_audit_log_has_sentences(operator: ConsoleClient) -> None:
    form = {"csrf_token": operator.form_token(), "why": "a test"}
    operator.post("/sending/try-again", form)
    assert "jo let Gett check the API key again" in plain(operator.get("/audit").text)


def test_the_health_page_explains_gett_and_names_whom_to_call(
    operator: ConsoleClient, make_console: Callable[..., ConsoleClient]
) -> None:
    page = operator.get("/").text
    assert "the food-ordering network that sends the orders" in page
    assert "For the API key and the deployment" not in page
    other = make_console(console_contact="Ops on call, <b>0100</b>")
    other.log_in()
    other.kit.sending.halt("invalid key")
    assert other.get("/").text.count("Ops on call, &lt;b&gt;0100&lt;/b&gt;") >= 2


def test_both_answers_of_a_store_are_kept(operator: ConsoleClient) -> None:
    page = operator.get("/store?id=main&ask=gett&ask=pos").text
    assert 'id="at-gett"' in page
    assert re.search(r'id="at-pos"[^>]* data-asked', page)
    assert page.count(" data-asked") == 1
    assert "ask=pos&amp;ask=gett" in page  # what asks Gett again keeps the answer of the POS


def test_the_class_of_an_adapter_is_only_in_the_details(operator: ConsoleClient) -> None:
    adapter = operator.kit.stores.get("main").adapter
    assert adapter not in operator.get("/stores").text
    page = operator.get("/store?id=main").text
    assert adapter not in re.sub(r'<details class="card" id="ids">.*?</details>', "", page, flags=re.DOTALL)
    assert "go through" in page
