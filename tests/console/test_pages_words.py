"""Words of the pages: an order in doubt, alerts that are over, empty results, entries of the audit log."""

from __future__ import annotations

import re
import time

import pytest

from tests.console.console_client import ConsoleClient
from webhook_kit.adapter import StoreState
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
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
