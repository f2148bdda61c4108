"""What Gett says of a store against what it was told: every difference told once, only our own pause said again."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from webhook_kit.adapter import Store
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.kit import Kit
from webhook_kit.monitoring.store_status import Difference
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.connection import text
from webhook_kit.stores.status import Owner

LANE = lane_name(Kind.STORE, "main")


class Gett:
    """Gett's side of one store; a call reaches it as the client sends it."""

    def __init__(self) -> None:
        self.says: dict[str, Any] = {"status": "online"}
        self.status = 200
        self.asked = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def send(self, call: ApiCall) -> ApiResponse:
        if call.method == "GET":
            self.asked += 1
            self.meanwhile()
            if self.status == 0:
                raise ConnectionError
            return ApiResponse(self.status, {}, json.dumps(self.says).encode())
        assert call.body is not None
        self.says = json.loads(call.body)
        return ApiResponse(200, {}, call.body)


@pytest.fixture
def gett() -> Gett:
    return Gett()


@pytest.fixture
def kit(make_kit: Callable[..., Kit], gett: Gett, events: list[MutableMapping[str, Any]]) -> Kit:
    kit = make_kit()
    kit.client = GettClient("https://gett.test", "key", transport=gett)
    return kit


def check(kit: Kit) -> Difference:
    return kit.store_status_check.check(next(iter(kit.stores)))


def push(kit: Kit) -> None:
    """Let Gett hear what waits."""
    kit.dispatcher.drain(5, lambda: not kit.lanes.all_waiting())
    assert kit.lanes.all_waiting() == {}


def alerts(kit: Kit) -> int:
    return int(kit.redis.hget(kit.keys.alert_counts, Alert.STATUS) or 0)


def in_(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


def test_agreement_is_no_word(kit: Kit, gett: Gett) -> None:
    assert check(kit) is Difference.NONE, "nothing was ever told, and it is online"
    kit.store_status.pause("main", "too_busy")
    assert check(kit) is Difference.PENDING, "it is on its way"
    push(kit)
    assert check(kit) is Difference.NONE
    kit.store_status.resume("main")
    push(kit)
    assert check(kit) is Difference.NONE
    assert alerts(kit) == 0


def test_a_pause_in_gett_s_portal_is_one_alert_and_is_not_lifted(
    kit: Kit, gett: Gett, events: list[MutableMapping[str, Any]]
) -> None:
    kit.store_status.resume("main")
    push(kit)
    gett.says = {"status": "paused", "reason": "maintenance", "pausedAt": "2026-05-01T10:00:00Z"}
    assert [check(kit) for _ in range(3)] == [Difference.PAUSED_THERE] * 3
    assert alerts(kit) == 1
    (entry,) = kit.placement_store.incidents()
    assert (entry["store"], entry["kind"]) == ("main", Alert.STATUS)
    assert "maintenance" in entry["why"]
    assert kit.lanes.all_waiting() == {}
    gett.says = {"status": "online"}
    assert check(kit) is Difference.NONE
    gett.says = {"status": "paused", "reason": "maintenance"}
    check(kit)
    assert alerts(kit) == 2, "when it comes back it is news"


def test_after_redis_was_emptied_a_pause_is_reported_and_not_lifted(kit: Kit, gett: Gett) -> None:
    kit.store_status.pause("main", "too_busy")
    push(kit)
    for key in kit.redis.keys(f"{kit.keys.prefix}*"):
        kit.redis.delete(text(key))
    assert check(kit) is Difference.PAUSED_THERE
    assert alerts(kit) == 1
    assert kit.lanes.all_waiting() == {}
    kit.store_status.resume("main")
    push(kit)
    assert gett.says == {"status": "online"}
    assert check(kit) is Difference.NONE


@pytest.mark.parametrize("owner", Owner)
def test_our_pause_that_gett_no_longer_has_is_said_again_once(owner: Owner, kit: Kit, gett: Gett) -> None:
    kit.store_status.pause("main", "too_busy", owner=owner)
    push(kit)
    gett.says = {"status": "online"}
    assert check(kit) is Difference.ONLINE_THERE
    push(kit)
    assert gett.says == {"status": "paused", "reason": "too_busy"}
    assert check(kit) is Difference.NONE
    assert kit.store_status.pause_owner(next(iter(kit.stores))) is owner
    gett.says = {"status": "online"}
    assert [check(kit), check(kit)] == [Difference.ONLINE_THERE] * 2
    assert kit.lanes.all_waiting() == {}, "who lifts it again means it"
    assert alerts(kit) == 1
    kit.store_status.resume("main")
    push(kit)
    assert check(kit) is Difference.NONE
    kit.store_status.pause("main", "too_busy", owner=owner)
    push(kit)
    gett.says = {"status": "online"}
    check(kit)
    push(kit)
    assert gett.says["status"] == "paused", "another pause is another word"


def test_a_pause_with_an_end_that_gett_has_lifted_is_over(kit: Kit, gett: Gett) -> None:
    kit.store_status.pause("main", "too_busy", datetime.now(UTC) + timedelta(seconds=1))
    push(kit)
    gett.says = {"status": "online"}
    kit.redis.hset(kit.keys.lane(LANE), "last", json.dumps({**json.loads(last(kit)), "resumeAt": in_(seconds=-1)}))
    assert check(kit) is Difference.NONE
    assert kit.lanes.all_waiting() == {}


def last(kit: Kit) -> str:
    return kit.lanes.state(LANE)["last"]


def test_an_end_that_somebody_gave_our_pause_at_gett_is_theirs(
    kit: Kit, gett: Gett, events: list[MutableMapping[str, Any]]
) -> None:
    kit.store_status.pause("main", "too_busy")
    push(kit)
    gett.says = {**gett.says, "resumeAt": in_(hours=1)}
    assert check(kit) is Difference.NONE
    assert check(kit) is Difference.NONE
    assert [event["event"] for event in events].count("gett will lift the pause") == 1
    kit.redis.hset(kit.keys.health("main"), "gett_resume_at", in_(seconds=-1))
    gett.says = {"status": "online"}
    assert check(kit) is Difference.LIFTED_BY_GETT
    assert alerts(kit) == 1
    assert kit.lanes.all_waiting() == {}


def test_a_word_that_gett_never_took_is_told_as_such(kit: Kit, gett: Gett) -> None:
    kit.store_status.pause("main", "too_busy")
    (lease,) = kit.lanes.lease(1, 60_000).leases
    kit.lanes.dead_letter(lease, "no", 422)
    assert check(kit) is Difference.NOT_TAKEN
    assert kit.lanes.all_waiting() == {}


def test_what_is_said_while_gett_is_asked_is_no_difference(kit: Kit, gett: Gett) -> None:
    gett.meanwhile = lambda: kit.store_status.pause("main", "too_busy")
    gett.says = {"status": "paused", "reason": "other"}
    assert check(kit) is Difference.PENDING
    assert alerts(kit) == 0


def test_a_store_that_gett_does_not_know_is_an_alert(kit: Kit, gett: Gett) -> None:
    gett.status = 404
    assert check(kit) is Difference.UNKNOWN_THERE
    assert alerts(kit) == 1


def test_a_status_that_was_added_since_says_nothing(kit: Kit, gett: Gett) -> None:
    gett.says = {"status": "hibernating"}
    assert check(kit) is Difference.NONE


@pytest.mark.parametrize("status", [0, 401, 500])
def test_when_gett_cannot_be_asked_the_round_ends(
    status: int, kit: Kit, gett: Gett, events: list[MutableMapping[str, Any]]
) -> None:
    for n in range(3):
        kit.stores.add(Store(f"s{n}", f"g{n}", "bogus"))
    gett.status = status
    assert kit.store_status_check.check_all() == 0
    assert gett.asked == 1
    assert alerts(kit) == 0
    gett.status, gett.says = 200, {"status": "paused", "reason": "other"}
    assert kit.store_status_check.check_all() == 4


def test_a_store_that_is_not_at_gett_yet_is_not_asked_for(kit: Kit, gett: Gett) -> None:
    kit.stores.add(Store("new", "", "bogus"))
    kit.store_status_check.check_all()
    assert gett.asked == 1
