"""Notes in the timeline of an order, of what happens apart from its attempts."""

from __future__ import annotations

import pytest

from tests.placement.placement_helpers import ORDER_TTL, StoreHarness
from webhook_kit.kit import Kit
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.order_notes import OrderNotes

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
