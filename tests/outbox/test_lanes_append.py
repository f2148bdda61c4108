"""What becomes of an update when it is appended: taken, known, too late; and what it does to those that wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import redis

from tests.outbox.outbox_env import LANE, TTL, Workbench
from webhook_kit.gett.models.store import OrderStatus
from webhook_kit.outbox.lanes import AppendResult
from webhook_kit.outbox.updates import order_ended, order_progress
from webhook_kit.storage.queues import push_queue

WAY = ["confirmed", "preparing", "ready", "inTransit", "completed"]
SOON, LATER = (datetime(2099, 1, 1, hour, tzinfo=UTC) for hour in (12, 13))


def history(bench: Workbench, what: str) -> list[dict[str, object]]:
    return [entry for entry in bench.lanes.history(LANE) if entry["what"] == what]


# -- taken, or not -----------------------------------------------------------------------------------------------------


def test_an_order_is_told_step_by_step_in_order(bench: Workbench) -> None:
    for name in WAY:
        assert bench.order("1", name) is AppendResult.OK
        bench.push()
    assert bench.told() == WAY
    assert {sent.path for sent in bench.gett.sent} == {"orders/g-1/status"}
    assert bench.lanes.counts() == {"appended": 5, "sent": 5}


def test_what_was_said_already_is_not_said_again(bench: Workbench) -> None:
    assert bench.order("1", "ready") is AppendResult.OK
    assert bench.order("1", "ready") is AppendResult.DUPLICATE
    bench.push()
    assert bench.order("1", "ready") is AppendResult.DUPLICATE
    assert bench.online() is AppendResult.OK
    assert bench.online() is AppendResult.DUPLICATE


def test_an_older_status_is_stale_even_while_the_newer_one_waits(bench: Workbench) -> None:
    bench.order("1", "ready")
    assert bench.order("1", "preparing") is AppendResult.STALE
    assert bench.waiting(LANE) == ["ready"]


def test_another_estimate_for_the_same_status_is_news(bench: Workbench) -> None:
    bench.say(LANE, order_progress("preparing", SOON))
    assert bench.say(LANE, order_progress("preparing", LATER)) is AppendResult.OK


def test_a_closed_order_takes_nothing_more(bench: Workbench) -> None:
    bench.order("1", "completed")
    assert bench.order("1", "cancelled") is AppendResult.CLOSED
    assert bench.order("1", "ready") is AppendResult.CLOSED
    assert bench.order("1", "completed") is AppendResult.DUPLICATE


def test_force_says_again_what_was_said_and_goes_beyond_the_end(bench: Workbench) -> None:
    bench.order("1", "completed")
    bench.push()
    assert bench.order("1", "completed", force=True) is AppendResult.OK
    assert bench.order("1", "cancelled", force=True) is AppendResult.OK
    bench.push()
    assert bench.told() == ["completed", "cancelled"]


def test_force_never_goes_back_behind_what_gett_took_or_is_about_to_be_told(bench: Workbench) -> None:
    bench.order("1", "ready")
    bench.push()
    assert bench.order("1", "preparing", force=True) is AppendResult.STALE
    bench.order("1", "completed")
    assert bench.order("1", "inTransit", force=True) is AppendResult.STALE
    assert bench.waiting(LANE) == ["completed"]


def test_force_goes_back_behind_what_a_person_has_dropped(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    bench.push()
    bench.order("1", "completed")
    assert bench.lanes.discard(LANE) == 1
    assert bench.order("1", "preparing", force=True) is AppendResult.OK
    assert bench.order("1", "ready") is AppendResult.OK
    bench.push()
    assert bench.told() == ["confirmed", "ready"]


def test_a_menu_that_changes_again_is_announced_again(bench: Workbench) -> None:
    assert bench.menu() is AppendResult.OK
    bench.push()
    assert bench.menu() is AppendResult.OK
    bench.push()
    assert bench.told() == ["menu", "menu"]
    assert bench.gett.sent[0].path == "catalogset-notification?storeId=s1"


# -- merging -----------------------------------------------------------------------------------------------------------


def test_waiting_updates_are_merged_into_a_newer_one_and_each_merge_is_recorded(bench: Workbench) -> None:
    bench.order("1", "confirmed", "preparing", "ready")
    assert bench.waiting(LANE) == ["ready"]
    into = bench.lanes.waiting(LANE)[0]["id"]
    appended = [entry["update"] for entry in history(bench, "appended")]
    assert [entry["update"] for entry in history(bench, "merged")] == appended[:2]
    assert appended[2] == into
    assert history(bench, "merged")[1]["into"] == into
    assert bench.lanes.counts() == {"appended": 3, "merged": 2}


def test_what_is_being_sent_is_never_merged(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    lease = bench.one()
    bench.order("1", "preparing", "ready")
    assert bench.waiting(LANE) == ["confirmed", "ready"]
    assert bench.lanes.acknowledge(lease, 202)
    bench.push()
    assert bench.told() == ["ready"]
    assert bench.lanes.counts() == {"appended": 3, "merged": 1, "sent": 2}


def test_a_failed_head_is_merged_into_what_came_while_it_was_sent(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    lease = bench.one()
    bench.order("1", "preparing")
    assert bench.lanes.postpone(lease, 60, "503", charge=True)
    assert bench.waiting(LANE) == ["preparing"]


def test_an_estimate_outlives_the_update_it_came_with_until_the_food_is_ready(bench: Workbench) -> None:
    bench.say(LANE, order_progress("confirmed", SOON))
    bench.order("1", "preparing")
    assert bench.lanes.waiting(LANE)[0]["body"] == {"status": "preparing", "estimatedReadyAt": "2099-01-01T12:00:00Z"}
    bench.order("1", "ready")
    assert bench.lanes.waiting(LANE)[0]["body"] == {"status": "ready"}


def test_the_newest_estimate_wins(bench: Workbench) -> None:
    bench.say(LANE, order_progress("confirmed", SOON))
    bench.say(LANE, order_progress("confirmed", LATER))
    bench.order("1", "preparing")
    assert bench.lanes.waiting(LANE)[0]["body"]["estimatedReadyAt"] == "2099-01-01T13:00:00Z"


def test_a_merged_update_keeps_the_place_of_the_oldest(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    bench.order("2", "confirmed")
    bench.order("1", "preparing")
    assert bench.one().lane == LANE


def test_without_merging_every_step_is_sent(bench: Workbench) -> None:
    bench.lanes = bench.make_lanes(bench.quota, merging=False)
    bench.order("1", *WAY)
    bench.push()
    assert bench.told() == WAY


# -- orders whose Gett id is unknown -----------------------------------------------------------------------------------


def test_progress_of_an_order_without_a_gett_id_waits_visibly_until_it_is_linked(bench: Workbench) -> None:
    bench.order("1", "confirmed", "preparing", gett_id="")
    assert bench.push() == 0
    assert bench.lanes.all_waiting() == {LANE: "unlinked"}
    bench.link(LANE, "g-7")
    bench.push()
    assert [(sent.path, sent.body) for sent in bench.gett.sent] == [("orders/g-7/status", {"status": "preparing"})]


def test_even_a_cancellation_waits_for_the_gett_id(bench: Workbench) -> None:
    bench.order("1", "confirmed", "cancelled", gett_id="")
    bench.lanes.retry_now(LANE)
    assert bench.push() == 0
    assert bench.lanes.all_waiting() == {LANE: "unlinked"}


def test_an_update_that_brings_the_gett_id_links_its_lane(bench: Workbench) -> None:
    bench.order("1", "confirmed", gett_id="")
    bench.order("1", "preparing", gett_id="g-7")
    assert bench.lanes.all_waiting() == {LANE: "ready"}
    bench.push()
    assert bench.gett.sent[0].path == "orders/g-7/status"
    assert bench.lanes.all_waiting() == {}


def test_linking_again_does_not_hand_out_what_is_being_sent(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    lease = bench.one()
    bench.link(LANE, "g-1")
    assert bench.lease() == []
    assert bench.lanes.acknowledge(lease, 202)


# -- waking, keeping ---------------------------------------------------------------------------------------------------


def test_many_appends_queue_one_wake_up(bench: Workbench) -> None:
    before = len(push_queue(bench.redis))
    for ref in range(20):
        bench.order(str(ref), "confirmed")
    assert len(push_queue(bench.redis)) == before + 1
    bench.lanes.lease(0, 1000, woken=True)
    bench.order("20", "confirmed")
    assert len(push_queue(bench.redis)) == before + 2


def test_an_update_whose_wake_up_died_is_found_by_the_sweep(bench: Workbench) -> None:
    assert not bench.lanes.notify_if_ready()
    bench.order("1", "confirmed")
    before = len(push_queue(bench.redis))
    bench.lanes.lease(0, 1000, woken=True)  # the worker that took the wake-up dies here
    assert bench.lanes.notify_if_ready()
    assert len(push_queue(bench.redis)) == before + 1
    lease = bench.one()
    assert not bench.lanes.notify_if_ready()
    bench.due(lease.lane)
    assert bench.lanes.notify_if_ready()


def ttl(connection: redis.Redis, key: str) -> int:
    return int(connection.ttl(key))


def test_a_lane_is_kept_while_it_has_something_to_send_and_for_a_while_after(bench: Workbench) -> None:
    state, told = bench.keys.lane(LANE), bench.keys.history(LANE)
    bench.order("1", OrderStatus.CONFIRMED)
    assert ttl(bench.redis, state) == ttl(bench.redis, told) == -1
    bench.push()
    assert 0 < ttl(bench.redis, state) <= TTL
    assert 0 < ttl(bench.redis, told) <= TTL
    bench.order("1", "ready")
    assert ttl(bench.redis, state) == ttl(bench.redis, told) == -1


def test_a_reason_in_any_script_arrives_unchanged(bench: Workbench) -> None:
    reason = 'Kein Teig mehr / 生地がない 🍕 "quoted" \\ back'
    bench.say(LANE, order_ended("cancelled", reason))
    bench.push()
    assert bench.gett.sent[0].body == {"state": "cancelled", "cancelReason": reason}


def test_long_histories_are_trimmed(bench: Workbench) -> None:
    for minute in range(60):
        bench.say(LANE, order_progress("confirmed", SOON + timedelta(minutes=minute)))
    assert len(bench.lanes.history(LANE)) == 100
    assert bench.lanes.counts() == {"appended": 60, "merged": 59}
