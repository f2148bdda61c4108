"""Comparison of the status at Gett with the last update: one alert per difference, and only our own pause is sent again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from webhook_kit.adapter import Store
from webhook_kit.errors import GettError
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.kit import Kit
from webhook_kit.monitoring.store_status import Difference
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.schedule import store_schedule
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.connection import text
from webhook_kit.stores import turns
from webhook_kit.stores.concurrency import StoreJobs
from webhook_kit.stores.status import Owner

LANE = lane_name(Kind.STORE, "main")


class FakeGett:
    """Transport to a fake Gett that has one store.

    :ivar reported: body of the store's status.
    :ivar status: HTTP status of the responses; 0 for no response.
    :ivar before_response: called before each response to a GET.
    """

    def __init__(self) -> None:
        self.reported: dict[str, Any] = {"status": "online"}
        self.status = 200
        self.calls = 0
        self.before_response: Callable[[], object] = lambda: None

    def send(self, call: ApiCall) -> ApiResponse:
        if call.method == "GET":
            self.calls += 1
            self.before_response()
            if self.status == 0:
                raise ConnectionError
            return ApiResponse(self.status, {}, json.dumps(self.reported).encode())
        assert call.body is not None
        self.reported = json.loads(call.body)
        return ApiResponse(200, {}, call.body)


@pytest.fixture
def gett() -> FakeGett:
    return FakeGett()


@pytest.fixture
def kit(make_kit: Callable[..., Kit], gett: FakeGett, events: list[MutableMapping[str, Any]]) -> Kit:
    kit = make_kit()
    kit.client = GettClient("https://gett.test", "key", transport=gett)
    return kit


def check(kit: Kit) -> Difference:
    return kit.store_status_check.check(next(iter(kit.stores)))


def send_updates(kit: Kit) -> None:
    """Send all updates."""
    kit.dispatcher.drain(5, lambda: not kit.lanes.all_waiting())
    assert kit.lanes.all_waiting() == {}


def alerts(kit: Kit) -> int:
    return int(kit.redis.hget(kit.keys.alert_counts, Alert.STORE_STATUS) or 0)


def time_from_now(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


def test_equal_status_raises_no_alert(kit: Kit, gett: FakeGett) -> None:
    assert check(kit) is Difference.NONE, "no update was sent, and the store is online"
    kit.store_status.pause("main", "too_busy")
    assert check(kit) is Difference.PENDING, "the update is not sent yet"
    send_updates(kit)
    assert check(kit) is Difference.NONE
    kit.store_status.resume("main")
    send_updates(kit)
    assert check(kit) is Difference.NONE
    assert alerts(kit) == 0


def test_pause_in_gett_s_portal_raises_one_alert_and_is_not_lifted(
    kit: Kit, gett: FakeGett, events: list[MutableMapping[str, Any]]
) -> None:
    kit.store_status.resume("main")
    send_updates(kit)
    gett.reported = {"status": "paused", "reason": "maintenance", "pausedAt": "2026-05-01T10:00:00Z"}
    assert [check(kit) for _ in range(3)] == [Difference.PAUSED_AT_GETT] * 3
    assert alerts(kit) == 1
    (entry,) = kit.placement_store.incidents()
    assert (entry["store"], entry["kind"]) == ("main", Alert.STORE_STATUS)
    assert "maintenance" in entry["why"]
    assert kit.lanes.all_waiting() == {}
    gett.reported = {"status": "online"}
    assert check(kit) is Difference.NONE
    gett.reported = {"status": "paused", "reason": "maintenance"}
    check(kit)
    assert alerts(kit) == 2, "a new difference raises a new alert"


def test_pause_from_before_redis_was_emptied_is_reported_and_not_lifted(kit: Kit, gett: FakeGett) -> None:
    kit.store_status.pause("main", "too_busy")
    send_updates(kit)
    for key in kit.redis.keys(f"{kit.keys.prefix}*"):
        kit.redis.delete(text(key))
    assert check(kit) is Difference.PAUSED_AT_GETT
    assert alerts(kit) == 1
    assert kit.lanes.all_waiting() == {}
    kit.store_status.resume("main")
    send_updates(kit)
    assert gett.reported == {"status": "online"}
    assert check(kit) is Difference.NONE


@pytest.mark.parametrize("owner", Owner)
def test_our_pause_that_gett_no_longer_has_is_sent_again_once(owner: Owner, kit: Kit, gett: FakeGett) -> None:
    kit.store_status.pause("main", "too_busy", owner=owner)
    send_updates(kit)
    gett.reported = {"status": "online"}
    assert check(kit) is Difference.ONLINE_AT_GETT
    send_updates(kit)
    assert gett.reported == {"status": "paused", "reason": "too_busy"}
    assert check(kit) is Difference.NONE
    assert kit.store_status.pause_owner(next(iter(kit.stores))) is owner
    gett.reported = {"status": "online"}
    assert [check(kit), check(kit)] == [Difference.ONLINE_AT_GETT] * 2
    assert kit.lanes.all_waiting() == {}, "a pause that was lifted twice is not sent again"
    assert alerts(kit) == 1
    kit.store_status.resume("main")
    send_updates(kit)
    assert check(kit) is Difference.NONE
    kit.store_status.pause("main", "too_busy", owner=owner)
    send_updates(kit)
    gett.reported = {"status": "online"}
    check(kit)
    send_updates(kit)
    assert gett.reported["status"] == "paused", "a new pause may be sent again too"


def test_pause_with_an_end_is_not_sent_again_after_its_end(kit: Kit, gett: FakeGett) -> None:
    kit.store_status.pause("main", "too_busy", datetime.now(UTC) + timedelta(seconds=1))
    send_updates(kit)
    gett.reported = {"status": "online"}
    kit.redis.hset(
        kit.keys.lane(LANE), "last", json.dumps({**json.loads(last_body(kit)), "resumeAt": time_from_now(seconds=-1)})
    )
    assert check(kit) is Difference.NONE
    assert kit.lanes.all_waiting() == {}


def last_body(kit: Kit) -> str:
    return kit.lanes.state(LANE)["last"]


def test_pause_that_was_given_an_end_at_gett_is_not_sent_again(
    kit: Kit, gett: FakeGett, events: list[MutableMapping[str, Any]]
) -> None:
    kit.store_status.pause("main", "too_busy")
    send_updates(kit)
    gett.reported = {**gett.reported, "resumeAt": time_from_now(hours=1)}
    assert check(kit) is Difference.NONE
    assert check(kit) is Difference.NONE
    assert [event["event"] for event in events].count("end_of_pause_added_at_gett") == 1
    kit.redis.hset(kit.keys.health("main"), "gett_resume_at", time_from_now(seconds=-1))
    gett.reported = {"status": "online"}
    assert check(kit) is Difference.RESUMED_BY_GETT
    assert alerts(kit) == 1
    assert kit.lanes.all_waiting() == {}


def test_update_that_gett_rejected_is_a_difference(kit: Kit, gett: FakeGett) -> None:
    kit.store_status.pause("main", "too_busy")
    (lease,) = kit.lanes.lease(1, 60_000).leases
    kit.lanes.dead_letter(lease, "no", 422)
    assert check(kit) is Difference.NOT_DELIVERED
    assert kit.lanes.all_waiting() == {}


def test_update_during_the_comparison_is_not_a_difference(kit: Kit, gett: FakeGett) -> None:
    gett.before_response = lambda: kit.store_status.pause("main", "too_busy")
    gett.reported = {"status": "paused", "reason": "other"}
    assert check(kit) is Difference.PENDING
    assert alerts(kit) == 0


def test_store_that_is_unknown_at_gett_raises_an_alert(kit: Kit, gett: FakeGett) -> None:
    gett.status = 404
    assert check(kit) is Difference.UNKNOWN_AT_GETT
    assert alerts(kit) == 1


def test_unknown_status_at_gett_is_ignored(kit: Kit, gett: FakeGett) -> None:
    gett.reported = {"status": "hibernating"}
    assert check(kit) is Difference.NONE


@pytest.fixture
def round_(kit: Kit) -> Callable[[], int]:
    """``round_()``: let every store have its turn, and return the number of turns that were taken."""
    task = next(
        task for task in store_schedule(kit, StoreJobs(lambda *_: None), threading.Event()) if task.name == TASK
    )

    def run() -> int:
        kit.redis.delete(kit.keys.turns(TASK))
        return int(str(task.run()))

    return run


TASK = "status-comparison"


@pytest.mark.parametrize("status", [0, 401, 500])
def test_comparison_stops_for_a_while_when_gett_cannot_be_reached(
    status: int,
    kit: Kit,
    gett: FakeGett,
    round_: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    events: list[MutableMapping[str, Any]],
) -> None:
    for n in range(3):
        kit.stores.add(Store(f"s{n}", str(uuid4()), "bogus"))
    gett.status = status
    with pytest.raises(GettError):
        round_()
    assert gett.calls == 1
    assert alerts(kit) == 0
    gett.status, gett.reported = 200, {"status": "paused", "reason": "other"}
    assert round_() == 0, "not at once"
    monkeypatch.setattr(turns, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 60))
    assert round_() == 4
    assert gett.calls == 5
    assert len(kit.redis.keys(kit.keys.alerted(Alert.STORE_STATUS, "*"))) == 4


def test_store_that_is_not_at_gett_yet_is_not_compared(kit: Kit, gett: FakeGett, round_: Callable[[], int]) -> None:
    kit.stores.add(Store("new", "", "bogus"))
    round_()
    assert gett.calls == 1


@pytest.mark.parametrize("status", [400, 409])
def test_comparison_goes_on_after_an_error_of_one_store(
    status: int, kit: Kit, gett: FakeGett, round_: Callable[[], int]
) -> None:
    kit.stores.add(Store("s1", str(uuid4()), "bogus"))
    gett.status = status
    assert round_() == 2
    assert gett.calls == 2
