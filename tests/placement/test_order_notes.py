"""Notes in the timeline of an order, of what happens apart from its attempts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.placement.placement_helpers import ORDER_TTL, StoreHarness
from webhook_kit.kit import Kit
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement import order_notes
from webhook_kit.placement.order_notes import AttemptNotes, OrderNotes

LANE = "order:g1"


@pytest.fixture
def harness(kit: Kit) -> StoreHarness:
    return StoreHarness(kit)


@pytest.fixture
def notes(harness: StoreHarness) -> OrderNotes:
    return harness.store.notes


def test_note_is_added_to_the_history_and_counted_when_it_is_repeated(notes: OrderNotes, harness: StoreHarness) -> None:
    harness.claim()
    for _ in range(3):
        assert notes.add("g1", "acted", {"who": "ann"}) is True
    (entry,) = harness.kit.lanes.history(LANE)
    assert (entry["event"], entry["who"], entry["count"]) == ("acted", "ann", 3)


def test_nothing_is_added_for_an_order_of_which_nothing_is_kept(notes: OrderNotes, harness: StoreHarness) -> None:
    assert notes.add("g1", "acted", {}) is False
    assert harness.kit.lanes.history(LANE) == []


def test_lane_alone_is_enough(notes: OrderNotes, harness: StoreHarness) -> None:
    harness.kit.lanes.append(LANE, order_progress("ready"), store_id="s")
    assert notes.add("g1", "acted", {}) is True


def test_history_expires_with_its_order(notes: OrderNotes, harness: StoreHarness) -> None:
    harness.refuse(harness.claim())
    notes.add("g1", "acted", {})
    assert ORDER_TTL - 50 < harness.redis.ttl(harness.keys.history(LANE)) <= ORDER_TTL


def test_record_alone_is_enough(notes: OrderNotes, harness: StoreHarness) -> None:
    harness.claim()
    harness.redis.delete(harness.keys.lane(LANE))
    assert notes.add("g1", "acted", {}) is True


def test_note_is_added_to_an_archived_order(notes: OrderNotes, harness: StoreHarness) -> None:
    harness.refuse(harness.claim())
    assert harness.kit.order_archive.archive_resting(-1) == 1
    assert notes.add("g1", "acted", {"who": "ann"}) is True
    assert [entry["event"] for entry in harness.kit.lanes.history(LANE)] == ["acted"]
    assert (harness.store.find("g1") or {})["state"] == "refused"


def test_look_ups_of_an_attempt_are_counted_with_the_last_result() -> None:
    attempt = AttemptNotes()
    assert attempt.arguments == {"call_ms": None, "why": None, "look_ups": None, "looked_up": None}
    for found, result in ((False, "not found"), (True, "found")):
        attempt.begin_look_up()
        assert attempt.looked_up == "failed"
        attempt.end_look_up(found=found)
        assert attempt.looked_up == result
    assert attempt.arguments == {"call_ms": None, "why": None, "look_ups": 2, "looked_up": "found"}


def test_call_is_timed_and_its_failure_named(monkeypatch: pytest.MonkeyPatch) -> None:
    attempt, moments = AttemptNotes(), iter([100.0, 101.25, 200.0, 200.5])
    monkeypatch.setattr(order_notes, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    with attempt.timed_call():
        pass
    assert (attempt.arguments["call_ms"], attempt.why) == (1250, None)
    with pytest.raises(TimeoutError), attempt.timed_call():
        raise TimeoutError
    assert (attempt.call_ms, attempt.arguments["why"]) == (500, "TimeoutError")
