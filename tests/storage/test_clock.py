"""One clock measures every age, that of Redis; a host whose clock differs is named."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from webhook_kit.app import create_app
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.outbox.updates import order_progress
from webhook_kit.storage.clock import ClockWatch, gett_difference, redis_time

AHEAD = 1200.0
"""Seconds by which the clock of the test's host is ahead."""


@pytest.fixture
def host_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    true_time = time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + AHEAD)


def differences(events: list[MutableMapping[str, Any]]) -> list[tuple[str, str]]:
    return [(event["clock"], event["why"]) for event in events if event["event"] == "clock_differs"]


def test_redis_time_is_unix_seconds(kit: Kit) -> None:
    assert abs(redis_time(kit.redis) - time.time()) < 5


@pytest.mark.usefixtures("host_ahead")
@pytest.mark.parametrize("status", [404, 503])
def test_a_fresh_update_is_not_given_up_by_a_host_that_is_ahead(
    status: int, kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    kit.client = GettClient("https://gett.test", "key", transport=Answers(ApiResponse(status)))
    kit.lanes.append("order:1", order_progress("confirmed"), store_id="main", gett_id="1")
    kit.dispatcher.drain(0.2)
    assert kit.dead_letters.find() == []
    assert "update_postponed" in [event["event"] for event in events]


@pytest.mark.usefixtures("host_ahead")
def test_dead_letters_are_as_old_as_redis_says(kit: Kit, events: list[MutableMapping[str, Any]]) -> None:
    kit.lanes.append("order:1", order_progress("confirmed"), store_id="main", gett_id="1")
    (lease,) = kit.lanes.lease(1, 60_000).leases
    assert 0 <= lease.age < 60
    kit.lanes.dead_letter(lease, "no", 422)
    assert kit.dead_letters.find(older_than=600) == []


@pytest.mark.usefixtures("host_ahead")
def test_a_changed_item_is_published_after_the_debounce(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(publish_debounce=60)
    kit.availability.mark_unavailable("main", "cola")
    assert float(kit.redis.zscore(kit.keys.catalogs_due, "publish:main") or 0) - redis_time(kit.redis) <= 60
    kit.availability.mark_available("main", "cola")
    assert float(kit.redis.zscore(kit.keys.catalogs_due, "publish:main") or 0) - redis_time(kit.redis) <= 60


def test_a_fresh_catalog_is_not_fetched_again_by_a_host_that_is_ahead(
    make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = make_kit(catalog_refresh=60)
    (store,) = kit.stores
    kit.catalogs.refresh(store)
    true_time = time.time
    monkeypatch.setattr(time, "time", lambda: true_time() + AHEAD)
    fetched: list[str] = []
    monkeypatch.setattr(kit.catalogs, "_refresh_in_background", lambda store: fetched.append(store.id))
    kit.catalogs.invalidate(store.id)
    kit.catalogs.get(store)
    assert fetched == []


@pytest.mark.usefixtures("host_ahead")
def test_gett_s_figures_of_the_quota_are_compared_with_the_clock_of_redis(kit: Kit) -> None:
    reset = redis_time(kit.redis) + 30
    kit.sending.record_rate_limit_headers(200, {"X-RateLimit-Remaining": "5", "X-RateLimit-Reset": str(int(reset))})
    assert kit.redis.hget(kit.keys.sending, "remaining") == b"5"


# -- reports -----------------------------------------------------------------------------------------------------------


class Answers:
    """Transport that gives one answer to every call."""

    def __init__(self, response: ApiResponse) -> None:
        self._response = response

    def send(self, _call: ApiCall) -> ApiResponse:
        return self._response


@pytest.mark.parametrize(
    ("offset", "text"),
    [(AHEAD, "behind the clock of Redis"), (-AHEAD, "ahead of the clock of Redis"), (20.0, None)],
)
def test_a_clock_that_differs_is_reported_once(
    offset: float, text: str | None, events: list[MutableMapping[str, Any]]
) -> None:
    watch = ClockWatch()
    for _ in range(3):
        watch.observe("Redis", time.time() + offset)
    assert differences(events) == ([("Redis", f"this host's clock is 1200 s {text}")] if text else [])


@pytest.mark.usefixtures("host_ahead")
def test_web_and_worker_name_a_clock_that_differs_from_redis(kit: Kit, events: list[MutableMapping[str, Any]]) -> None:
    create_app(kit).test_client().get("/readyz")
    assert differences(events) == [("Redis", "this host's clock is 1200 s ahead of the clock of Redis")]
    worker = Kit(kit.settings)
    worker.clock_watch.observe("Redis", worker.worker_life.give_sign(WorkerKind.PUSH))
    assert len(differences(events)) == 2


def test_a_clock_that_differs_from_gett_s_is_named(kit: Kit, events: list[MutableMapping[str, Any]]) -> None:
    gett_time = datetime.fromtimestamp(time.time() + AHEAD, UTC)
    kit._on_gett_response(200, {"Date": format_datetime(gett_time, usegmt=True)})
    kit._on_gett_response(200, {"Date": "yesterday"})
    kit._on_gett_response(200, {})
    assert gett_difference(kit.redis, kit.keys) == pytest.approx(-AHEAD, abs=2)
    ((owner, why),) = differences(events)
    assert owner == "Gett"
    assert "s behind the clock of Gett" in why
