"""Appending: duplicates, stale updates and closed orders; merging, linking, notifying."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import redis

from tests.outbox.outbox_env import LANE, TTL, OutboxEnv
from webhook_kit.gett.models.store import OrderStatus
from webhook_kit.outbox.lanes import AppendResult
from webhook_kit.outbox.updates import order_ended, order_progress
from webhook_kit.storage.queues import push_queue

STEPS = ["confirmed", "preparing", "ready", "inTransit", "completed"]
SOON, LATER = (datetime(2099, 1, 1, hour, tzinfo=UTC) for hour in (12, 13))


def history(outbox: OutboxEnv, event: str) -> list[dict[str, object]]:
    return [entry for entry in outbox.lanes.history(LANE) if entry["event"] == event]


# -- results -----------------------------------------------------------------------------------------------------------


def test_the_steps_of_an_order_are_sent_in_order(outbox: OutboxEnv) -> None:
    for name in STEPS:
        assert outbox.append_order("1", name) is AppendResult.OK
        outbox.send_all()
    assert outbox.sent_steps() == STEPS
    assert {sent.path for sent in outbox.gett.requests} == {"orders/g-1/status"}
    assert outbox.lanes.counts() == {"appended": 5, "sent": 5}


def test_the_same_update_again_is_a_duplicate(outbox: OutboxEnv) -> None:
    assert outbox.append_order("1", "ready") is AppendResult.OK
    assert outbox.append_order("1", "ready") is AppendResult.DUPLICATE
    outbox.send_all()
    assert outbox.append_order("1", "ready") is AppendResult.DUPLICATE
    assert outbox.resume() is AppendResult.OK
    assert outbox.resume() is AppendResult.DUPLICATE


def test_an_older_status_is_stale_while_a_newer_one_waits(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    assert outbox.append_order("1", "preparing") is AppendResult.STALE
    assert outbox.waiting_steps(LANE) == ["ready"]


def test_a_new_estimate_for_the_same_status_is_appended(outbox: OutboxEnv) -> None:
    outbox.append(LANE, order_progress("preparing", SOON))
    assert outbox.append(LANE, order_progress("preparing", LATER)) is AppendResult.OK


def test_a_closed_order_takes_no_update(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "completed")
    assert outbox.append_order("1", "cancelled") is AppendResult.CLOSED
    assert outbox.append_order("1", "ready") is AppendResult.CLOSED
    assert outbox.append_order("1", "completed") is AppendResult.DUPLICATE


def test_force_appends_duplicates_and_updates_of_closed_orders(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "completed")
    outbox.send_all()
    assert outbox.append_order("1", "completed", force=True) is AppendResult.OK
    assert outbox.append_order("1", "cancelled", force=True) is AppendResult.OK
    outbox.send_all()
    assert outbox.sent_steps() == ["completed", "cancelled"]


def test_force_never_goes_behind_an_acknowledged_or_waiting_update(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    outbox.send_all()
    assert outbox.append_order("1", "preparing", force=True) is AppendResult.STALE
    outbox.append_order("1", "completed")
    assert outbox.append_order("1", "inTransit", force=True) is AppendResult.STALE
    assert outbox.waiting_steps(LANE) == ["completed"]


def test_force_goes_behind_a_discarded_update(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    outbox.send_all()
    outbox.append_order("1", "completed")
    assert outbox.lanes.discard(LANE) == 1
    assert outbox.append_order("1", "preparing", force=True) is AppendResult.OK
    assert outbox.append_order("1", "ready") is AppendResult.OK
    outbox.send_all()
    assert outbox.sent_steps() == ["confirmed", "ready"]


def test_each_change_of_a_catalog_is_announced(outbox: OutboxEnv) -> None:
    assert outbox.change_catalog() is AppendResult.OK
    outbox.send_all()
    assert outbox.change_catalog() is AppendResult.OK
    outbox.send_all()
    assert outbox.sent_steps() == ["catalog", "catalog"]
    assert outbox.gett.requests[0].path == "catalogset-notification?storeId=s1"


# -- merging -----------------------------------------------------------------------------------------------------------


def test_waiting_updates_are_merged_into_a_newer_one_and_each_merge_is_recorded(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed", "preparing", "ready")
    assert outbox.waiting_steps(LANE) == ["ready"]
    into = outbox.lanes.waiting(LANE)[0]["id"]
    appended = [entry["update"] for entry in history(outbox, "appended")]
    assert [entry["update"] for entry in history(outbox, "merged")] == appended[:2]
    assert appended[2] == into
    assert history(outbox, "merged")[1]["into"] == into
    assert outbox.lanes.counts() == {"appended": 3, "merged": 2}


def test_an_update_that_is_being_sent_is_never_merged(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    lease = outbox.lease_one()
    outbox.append_order("1", "preparing", "ready")
    assert outbox.waiting_steps(LANE) == ["confirmed", "ready"]
    assert outbox.lanes.acknowledge(lease, 202)
    outbox.send_all()
    assert outbox.sent_steps() == ["ready"]
    assert outbox.lanes.counts() == {"appended": 3, "merged": 1, "sent": 2}


def test_a_failed_head_is_merged_into_updates_appended_meanwhile(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    lease = outbox.lease_one()
    outbox.append_order("1", "preparing")
    assert outbox.lanes.postpone(lease, 60, "503", charge=True)
    assert outbox.waiting_steps(LANE) == ["preparing"]


def test_merging_keeps_an_estimate_until_the_food_is_ready(outbox: OutboxEnv) -> None:
    outbox.append(LANE, order_progress("confirmed", SOON))
    outbox.append_order("1", "preparing")
    assert outbox.lanes.waiting(LANE)[0]["body"] == {"status": "preparing", "estimatedReadyAt": "2099-01-01T12:00:00Z"}
    outbox.append_order("1", "ready")
    assert outbox.lanes.waiting(LANE)[0]["body"] == {"status": "ready"}


def test_merging_keeps_the_newest_estimate(outbox: OutboxEnv) -> None:
    outbox.append(LANE, order_progress("confirmed", SOON))
    outbox.append(LANE, order_progress("confirmed", LATER))
    outbox.append_order("1", "preparing")
    assert outbox.lanes.waiting(LANE)[0]["body"]["estimatedReadyAt"] == "2099-01-01T13:00:00Z"


def test_a_merged_update_keeps_the_age_of_the_oldest(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    outbox.append_order("2", "confirmed")
    outbox.append_order("1", "preparing")
    assert outbox.lease_one().lane == LANE


def test_without_merging_every_step_is_sent(outbox: OutboxEnv) -> None:
    outbox.lanes = outbox.make_lanes(outbox.quota, merging=False)
    outbox.append_order("1", *STEPS)
    outbox.send_all()
    assert outbox.sent_steps() == STEPS


# -- orders whose Gett id is unknown -----------------------------------------------------------------------------------


def test_an_order_without_a_gett_id_is_unlinked_until_it_is_linked(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed", "preparing", gett_id="")
    assert outbox.send_all() == 0
    assert outbox.lanes.all_waiting() == {LANE: "unlinked"}
    outbox.link(LANE, "g-7")
    outbox.send_all()
    assert [(sent.path, sent.body) for sent in outbox.gett.requests] == [("orders/g-7/status", {"status": "preparing"})]


def test_a_cancellation_waits_for_the_gett_id(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed", "cancelled", gett_id="")
    outbox.lanes.retry_now(LANE)
    assert outbox.send_all() == 0
    assert outbox.lanes.all_waiting() == {LANE: "unlinked"}


def test_an_update_with_a_gett_id_links_its_lane(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed", gett_id="")
    outbox.append_order("1", "preparing", gett_id="g-7")
    assert outbox.lanes.all_waiting() == {LANE: "ready"}
    outbox.send_all()
    assert outbox.gett.requests[0].path == "orders/g-7/status"
    assert outbox.lanes.all_waiting() == {}


def test_linking_again_does_not_lease_an_update_that_is_being_sent(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    lease = outbox.lease_one()
    outbox.link(LANE, "g-1")
    assert outbox.lease() == []
    assert outbox.lanes.acknowledge(lease, 202)


# -- notification, expiry ----------------------------------------------------------------------------------------------


def test_many_appends_queue_one_notification(outbox: OutboxEnv) -> None:
    before = len(push_queue(outbox.redis))
    for ref in range(20):
        outbox.append_order(str(ref), "confirmed")
    assert len(push_queue(outbox.redis)) == before + 1
    outbox.lanes.lease(0, 1000, notified=True)
    outbox.append_order("20", "confirmed")
    assert len(push_queue(outbox.redis)) == before + 2


def test_notify_if_ready_finds_an_update_whose_notification_was_lost(outbox: OutboxEnv) -> None:
    assert not outbox.lanes.notify_if_ready()
    outbox.append_order("1", "confirmed")
    before = len(push_queue(outbox.redis))
    outbox.lanes.lease(0, 1000, notified=True)  # the worker that runs the job dies here
    assert outbox.lanes.notify_if_ready()
    assert len(push_queue(outbox.redis)) == before + 1
    lease = outbox.lease_one()
    assert not outbox.lanes.notify_if_ready()
    outbox.make_due(lease.lane)
    assert outbox.lanes.notify_if_ready()


def ttl(connection: redis.Redis, key: str) -> int:
    return int(connection.ttl(key))


def test_a_lane_expires_only_after_its_last_update_was_sent(outbox: OutboxEnv) -> None:
    state, events = outbox.keys.lane(LANE), outbox.keys.history(LANE)
    outbox.append_order("1", OrderStatus.CONFIRMED)
    assert ttl(outbox.redis, state) == ttl(outbox.redis, events) == -1
    outbox.send_all()
    assert 0 < ttl(outbox.redis, state) <= TTL
    assert 0 < ttl(outbox.redis, events) <= TTL
    outbox.append_order("1", "ready")
    assert ttl(outbox.redis, state) == ttl(outbox.redis, events) == -1


def test_a_reason_arrives_unchanged_in_any_alphabet(outbox: OutboxEnv) -> None:
    reason = 'Kein Teig mehr / 生地がない 🍕 "quoted" \\ back'
    outbox.append(LANE, order_ended("cancelled", reason))
    outbox.send_all()
    assert outbox.gett.requests[0].body == {"state": "cancelled", "cancelReason": reason}


def test_a_history_is_trimmed_to_100_entries(outbox: OutboxEnv) -> None:
    for minute in range(60):
        outbox.append(LANE, order_progress("confirmed", SOON + timedelta(minutes=minute)))
    assert len(outbox.lanes.history(LANE)) == 100
    assert outbox.lanes.counts() == {"appended": 60, "merged": 59}
