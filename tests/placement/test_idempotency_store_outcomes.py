"""History, incidents and first update: traces of an outcome besides the record."""

from __future__ import annotations

from typing import Any

import pytest

from tests.placement.placement_helpers import KEY_TTL, ORDER, ORDER_TTL, StoreHarness
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import AppendResult
from webhook_kit.outbox.updates import catalog_changed, order_progress
from webhook_kit.placement.claims import AttemptOutcome, SettleResult
from webhook_kit.placement.order_notes import AttemptNotes
from webhook_kit.storage.clock import redis_time

CONFIRMED = order_progress("confirmed")
LANE = "order:g1"
NOTES = {"call_ms": 1250, "why": "TimeoutError", "look_ups": 2, "looked_up": "failed"}


@pytest.fixture
def harness(kit: Kit) -> StoreHarness:
    return StoreHarness(kit)


def history(harness: StoreHarness, event: str) -> dict[str, Any]:
    (entry,) = [entry for entry in harness.kit.lanes.history(LANE) if entry["event"] == event]
    return entry


def lose_record(harness: StoreHarness) -> None:
    for name in harness.redis.scan_iter(f"{harness.keys.prefix}*"):
        harness.redis.delete(name)


@pytest.mark.parametrize("order", [ORDER, b""])
def test_doubt_about_a_lost_record_keeps_what_a_person_needs(order: bytes, harness: StoreHarness) -> None:
    claim = harness.claim_and_call()
    lose_record(harness)
    harness.store.settle(claim, AttemptOutcome.IN_DOUBT, order=order)
    record = harness.store.find("g1") or {}
    kept = {"ref": "g1", "keys": "k1\n", "gett_id": "g1", "store": "s", "fp": "f1", "state": "in_doubt", "doubt": "1"}
    assert kept.items() <= record.items()
    assert record.get("order", "") == order.decode()
    assert redis_time(harness.redis) * 1000 - 60_000 < int(record["created"])
    entries: Any = harness.redis.xrange(harness.keys.order_list)
    assert [fields for _, fields in entries] == [{b"ref": b"g1", b"store": b"s"}]
    assert history(harness, "restored")["event"] == "restored"
    assert harness.ttls() == [-1, -1, -1]
    assert harness.redis.get(harness.keys.by_key("k1")) == b"f1 g1"


def test_lost_record_without_a_gett_id_gets_no_pointer_of_one(harness: StoreHarness) -> None:
    claim = harness.claim_and_call("k1", "")
    lose_record(harness)
    assert harness.place(claim) is SettleResult.OK
    assert harness.ttls("k1", gett_id="")[2] == -2


@pytest.mark.parametrize("outcome", [AttemptOutcome.IN_DOUBT, AttemptOutcome.RELEASED])
def test_attempt_without_a_final_outcome_is_in_the_history(outcome: AttemptOutcome, harness: StoreHarness) -> None:
    harness.store.settle(harness.claim_and_call(), outcome, notes=AttemptNotes(**NOTES))  # type: ignore[arg-type]
    entry = history(harness, outcome.value)
    expected = {"attempt": 1, "ms": 1250, "why": "TimeoutError", "look_ups": 2, "looked_up": "failed"}
    assert expected.items() <= entry.items()


@pytest.mark.parametrize("outcome", [AttemptOutcome.PLACED, AttemptOutcome.REFUSED])
def test_final_outcome_keeps_the_duration_and_the_look_ups(outcome: AttemptOutcome, harness: StoreHarness) -> None:
    notes = AttemptNotes(look_ups=2, looked_up="found", call_ms=1250)
    harness.store.settle(harness.claim_and_call(), outcome, status=200, partner_order_id="T1", notes=notes)
    assert harness.field("ms") == "1250"
    entry = history(harness, "looked_up")
    assert (entry["look_ups"], entry["looked_up"]) == (2, "found")


def test_outcome_without_a_call_has_neither_duration_nor_look_ups(harness: StoreHarness) -> None:
    harness.refuse(harness.claim())
    assert (harness.store.find("g1") or {})["ms"] == ""
    assert harness.kit.lanes.history(LANE) == []


def test_pos_order_id_of_another_order_is_an_incident(harness: StoreHarness) -> None:
    assert harness.place(harness.claim_and_call("k1", "g1"), "T1") is SettleResult.OK
    assert harness.store.incidents() == []
    assert harness.place(harness.claim_and_call("k2", "g2"), "T1") is SettleResult.OK
    (incident,) = harness.store.incidents()
    expected = {"kind": "pos_order_id_reused", "order": "g2", "known": "g1", "reported": "T1"}
    assert expected.items() <= incident.items()
    assert abs(redis_time(harness.redis) * 1000 - incident["at"]) < 60_000


def test_first_update_goes_before_a_catalog_and_an_estimate_may_follow(harness: StoreHarness) -> None:
    lanes = harness.kit.lanes
    lanes.append("catalog:s", catalog_changed("https://example.org/catalog"), store_id="s", gett_id="g")
    harness.place(harness.claim_and_call(), update=CONFIRMED.text)
    (leased,) = lanes.lease(1, 60_000).leases
    assert leased.lane == LANE
    assert lanes.acknowledge(leased, 200)
    assert int(lanes.state(LANE)["ttl"]) == ORDER_TTL
    assert lanes.append(LANE, CONFIRMED, store_id="s") is AppendResult.DUPLICATE
    assert lanes.append(LANE, order_progress("preparing"), store_id="s") is AppendResult.OK
    assert harness.redis.zscore(harness.keys.unconfirmed, "g1") is None


def test_first_update_does_not_replace_a_later_one(harness: StoreHarness) -> None:
    lanes = harness.kit.lanes
    claim = harness.claim_and_call()
    lanes.append(LANE, order_progress("ready"), store_id="s", gett_id="g1")
    assert harness.place(claim, update=CONFIRMED.text) is SettleResult.OK
    assert [entry["body"]["status"] for entry in lanes.waiting(LANE)] == ["ready"]


def test_released_order_is_not_in_doubt_and_expires_with_its_keys(harness: StoreHarness) -> None:
    harness.store.settle(harness.claim_and_call(), AttemptOutcome.RELEASED)
    assert (harness.field("state"), harness.field("doubt")) == ("released", "0")
    assert all(KEY_TTL - 50 < ttl <= KEY_TTL for ttl in harness.ttls())


def test_link_is_in_the_history_and_lives_as_long_as_an_order(harness: StoreHarness) -> None:
    harness.place(harness.claim_and_call("k1", ""))
    harness.store.link("k1", "g1")
    entries = [entry for entry in harness.kit.lanes.history("order:k1") if entry["event"] == "linked"]
    assert [entry["gett_id"] for entry in entries] == ["g1"]
    assert ORDER_TTL - 50 < harness.ttls("k1", gett_id="g1")[2] <= ORDER_TTL
    assert ORDER_TTL - 50 < harness.redis.ttl(harness.keys.history("order:k1")) <= ORDER_TTL
