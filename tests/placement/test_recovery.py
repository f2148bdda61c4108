"""Recovery: orders in doubt are looked up, and settled if the POS has them."""

from __future__ import annotations

import threading
from collections.abc import MutableMapping
from typing import Any

import pytest
import redis

from tests.placement.placement_helpers import StoreHarness
from webhook_kit.kit import Kit
from webhook_kit.operations.timeline import timeline
from webhook_kit.placement.recovery import PlacementRecovery
from webhook_kit.testing.processes import PATIENCE


class FakeLookup:
    """Looks up orders: settles those in ``found``, raises for those in ``errors``."""

    def __init__(self, harness: StoreHarness) -> None:
        self.harness = harness
        self.found: set[str] = set()
        self.errors: dict[str, Exception] = {}
        self.unanswerable: set[str] = set()
        self.asked: list[str] = []

    def look_up(self, ref: str) -> bool | None:
        self.asked.append(ref)
        if ref in self.errors:
            raise self.errors[ref]
        return None if ref in self.unanswerable else ref in self.found


@pytest.fixture
def lookup(kit: Kit) -> FakeLookup:
    return FakeLookup(StoreHarness(kit))


def lose_call(lookup: FakeLookup, ref: str) -> None:
    """Record a POS call whose process died long ago."""
    lookup.harness.claim_and_call(f"key of {ref}", ref)
    lookup.harness.redis.zadd(lookup.harness.keys.unsettled, {ref: 1})


def run(lookup: FakeLookup) -> int:
    return PlacementRecovery(lookup.harness.store, lookup).run()


def test_settled_orders_are_counted_and_the_others_wait_for_the_next_lookup(lookup: FakeLookup) -> None:
    for ref in ("g1", "g2", "g3"):
        lose_call(lookup, ref)
    lookup.found = {"g1", "g3"}
    assert run(lookup) == 2
    assert sorted(lookup.asked) == ["g1", "g2", "g3"]
    assert "g2" not in lookup.harness.store.expired()


def test_error_of_the_adapter_does_not_stop_the_other_look_ups(
    lookup: FakeLookup, events: list[MutableMapping[str, Any]]
) -> None:
    for ref in ("g1", "g2"):
        lose_call(lookup, ref)
    lookup.found, lookup.errors = {"g2"}, {"g1": ValueError("bug")}
    assert run(lookup) == 1
    assert [event["order"] for event in events if event["event"] == "lookup_failed"] == ["g1"]
    assert "g1" not in lookup.harness.store.expired()


def test_look_ups_that_fail_are_known_until_one_succeeds(lookup: FakeLookup) -> None:
    lose_call(lookup, "g1")
    harness = lookup.harness
    lookup.errors = {"g1": ValueError("bug")}
    for failing in (True, False):
        run(lookup)
        assert (harness.redis.zscore(harness.keys.failing_lookups, "g1") is not None) is failing
        harness.redis.zadd(harness.keys.unsettled, {"g1": 1})
        lookup.errors = {}
    assert [(entry["looked_up"]) for entry in harness.kit.lanes.history("order:g1")[-2:]] == ["failed", "not found"]


def test_a_pos_that_cannot_be_asked_is_not_said_to_have_answered(lookup: FakeLookup, kit: Kit) -> None:
    for ref in ("g1", "g2"):
        lose_call(lookup, ref)
    lookup.unanswerable = {"g1"}
    assert run(lookup) == 0
    assert lookup.harness.store.expired() == []
    notes = {ref: [entry.event for entry in timeline(kit, ref)] for ref in ("g1", "g2")}
    assert notes == {"g1": ["received", "calling"], "g2": ["received", "calling", "looked_up"]}


def test_error_of_redis_ends_the_run(lookup: FakeLookup) -> None:
    lose_call(lookup, "g1")
    lookup.errors = {"g1": redis.ConnectionError()}
    with pytest.raises(redis.ConnectionError):
        run(lookup)


def test_order_with_a_live_claim_is_not_looked_up(lookup: FakeLookup) -> None:
    lookup.harness.claim_and_call()
    assert run(lookup) == 0
    assert lookup.asked == []


def test_error_of_one_record_in_redis_does_not_stop_the_other_look_ups(lookup: FakeLookup) -> None:
    for ref in ("g1", "g2"):
        lose_call(lookup, ref)
    lookup.found, lookup.errors = {"g2"}, {"g1": redis.ResponseError("WRONGTYPE")}
    assert run(lookup) == 1


def test_orders_of_a_pos_that_hangs_delay_no_other_order(lookup: FakeLookup) -> None:
    others_asked = threading.Event()

    def look_up(ref: str) -> bool:
        if ref.startswith("h"):
            assert others_asked.wait(PATIENCE), "an order waited for those of a POS that hangs"
        else:
            others_asked.set()
        return True

    lookup.look_up = look_up  # type: ignore[method-assign]
    for ref in (*(f"h{number}" for number in range(20)), "z"):
        lose_call(lookup, ref)
    assert run(lookup) == 21


def test_order_that_was_settled_meanwhile_is_settled_without_a_look_up(kit: Kit) -> None:
    harness = StoreHarness(kit)
    harness.place(harness.claim_and_call())
    kit.stores = None  # type: ignore[assignment] # the POS is not asked
    assert kit.placement.look_up("g1")
