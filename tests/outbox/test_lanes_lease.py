"""Leases: the order in which lanes are sent, and the rights of a sender."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.outbox.outbox_env import LANE, LEASE_MS, OutboxEnv, order_update
from tests.storage.lost_replies import lost
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import Lease, LeaseStatus

# -- urgency -----------------------------------------------------------------------------------------------------------


def test_cancellations_and_pauses_go_first_then_orders_by_age_then_catalogs(outbox: OutboxEnv) -> None:
    outbox.change_catalog()
    outbox.append_order("1", "confirmed")
    outbox.append_order("2", "ready")
    outbox.pause()
    outbox.append_order("3", "cancelled")
    assert [lease.lane for lease in outbox.lease(10)] == ["store:s1", "order:3", LANE, "order:2", "catalog:s1"]


def test_a_waiting_order_that_is_cancelled_moves_to_the_front(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    outbox.append_order("2", "ready")
    outbox.append_order("2", "cancelled")
    assert outbox.lease_one().lane == "order:2"


def test_a_resume_merged_with_a_waiting_pause_is_as_urgent(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    outbox.pause()
    outbox.resume()
    lease = outbox.lease_one()
    assert lease.lane == "store:s1"
    assert lease.body == {"status": "online"}


def test_an_urgent_update_is_sent_next_while_the_quota_is_used_up(outbox: OutboxEnv) -> None:
    outbox.set_quota(2)
    outbox.append_order("1", "ready")
    outbox.append_order("2", "ready")
    assert outbox.lease_one().lane == LANE
    assert outbox.lease_status() is LeaseStatus.PACED
    outbox.append_order("3", "cancelled")
    assert outbox.lease_one().lane == "order:3"


def test_an_urgent_update_ends_the_delay_of_an_older_one(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    outbox.lanes.postpone(outbox.lease_one(), 3600, "503", charge=True)
    assert outbox.lease_status() is LeaseStatus.IDLE
    outbox.append_order("1", "inTransit")
    assert outbox.lease_status() is LeaseStatus.IDLE
    outbox.append_order("1", "cancelled")
    assert outbox.lease_one().body["state"] == "cancelled"


def test_a_cancellation_appended_while_an_older_update_failed_is_sent_at_once(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    lease = outbox.lease_one()
    outbox.append_order("1", "cancelled")
    outbox.lanes.postpone(lease, 3600, "503", charge=True)
    assert outbox.lease_one().body["state"] == "cancelled"


def test_a_pause_keeps_its_delay_when_the_store_is_resumed_meanwhile(outbox: OutboxEnv) -> None:
    outbox.pause()
    lease = outbox.lease_one()
    outbox.resume()
    outbox.lanes.postpone(lease, 3600, "503", charge=True)
    assert outbox.lease_status() is LeaseStatus.IDLE


# -- leases ------------------------------------------------------------------------------------------------------------


def test_a_lease_has_all_that_a_sender_needs(outbox: OutboxEnv) -> None:
    before = outbox.now() / 1000
    outbox.append_order("1", "ready")
    lease = outbox.lease_one()
    assert (lease.lane, lease.kind, lease.store_id, lease.gett_id) == (LANE, "order", "s1", "g-1")
    assert (lease.body, lease.attempts) == ({"status": "ready"}, 0)
    assert before - 0.001 <= lease.at <= outbox.now() / 1000


def test_a_lane_has_one_sender_at_a_time(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    lease = outbox.lease_one()
    outbox.append_order("1", "cancelled")
    assert outbox.lease(10) == []
    outbox.lanes.acknowledge(lease, 202)
    assert outbox.lease_one().body["state"] == "cancelled"


def test_the_lane_of_a_dead_sender_is_leased_again_after_its_lease(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    first = outbox.lease_one()
    result = outbox.lanes.lease(1, LEASE_MS)
    assert result.status is LeaseStatus.IDLE
    assert 0 < result.wait <= LEASE_MS / 1000
    outbox.make_due(LANE)
    second = outbox.lease_one()
    assert second.number == first.number
    assert second.owner != first.owner
    assert second.attempts == 0


@pytest.mark.parametrize("outcome", ["sent", "postponed", "dead_lettered"])
@pytest.mark.parametrize("meanwhile", ["leased again", "sent by another", "expired"])
def test_a_sender_that_lost_its_lease_changes_nothing(outbox: OutboxEnv, outcome: str, meanwhile: str) -> None:
    outbox.append_order("1", "confirmed")
    late = outbox.lease_one()
    outbox.append_order("1", "ready")
    outbox.make_due(LANE)
    if meanwhile != "expired":
        lease = outbox.lease_one()
        if meanwhile == "sent by another":
            outbox.lanes.acknowledge(lease, 202)
    else:
        outbox.lanes.lease(0, LEASE_MS)
    before = all_keys(outbox)
    assert not settle(outbox, late, outcome)
    assert all_keys(outbox) == before


def settle(outbox: OutboxEnv, lease: Lease, outcome: str) -> bool:
    if outcome == "sent":
        return outbox.lanes.acknowledge(lease, 202)
    if outcome == "dead_lettered":
        return outbox.lanes.dead_letter(lease, "no", 422)
    return outbox.lanes.postpone(lease, 1, "503", charge=True)


def all_keys(outbox: OutboxEnv) -> dict[bytes, bytes | None]:
    return {key: outbox.redis.dump(key) for key in outbox.redis.scan_iter(f"{outbox.keys.prefix}*", count=1000)}


def test_a_lease_is_settled_once(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    lease = outbox.lease_one()
    assert outbox.lanes.acknowledge(lease, 202)
    assert not outbox.lanes.acknowledge(lease, 202)
    assert outbox.lanes.counts()["sent"] == 1


def test_an_update_of_an_expired_lease_is_merged_before_it_is_sent_again(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    outbox.lease_one()
    outbox.append_order("1", "ready")
    outbox.make_due(LANE)
    assert outbox.lease_one().body == {"status": "ready"}


def test_attempts_count_when_charged_and_are_reset_when_the_update_is_sent(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    for charge, attempts in ((True, 1), (False, 1), (True, 2)):
        outbox.lanes.postpone(outbox.lease_one(), 0, "503", charge=charge)
        assert outbox.lanes.state(LANE)["attempts"] == str(attempts)
    outbox.send_all()
    outbox.append_order("1", "ready")
    assert outbox.lease_one().attempts == 0


def test_a_postponed_update_waits_for_its_delay(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    outbox.lanes.postpone(outbox.lease_one(), 120, "503", charge=True)
    result = outbox.lanes.lease(1, LEASE_MS)
    assert result.status is LeaseStatus.IDLE
    assert 110 < result.wait <= 120
    outbox.make_due(LANE)
    assert outbox.lease_one().lane == LANE


def test_a_lease_without_any_lane_is_idle_with_a_negative_wait(outbox: OutboxEnv) -> None:
    result = outbox.lanes.lease(16, LEASE_MS)
    assert result.status is LeaseStatus.IDLE
    assert result.wait < 0


def test_the_last_acknowledged_update_is_recorded(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "confirmed")
    outbox.send_all()
    state = outbox.lanes.state(LANE)
    assert (state["acknowledged"], state["acknowledged_rank"], state.get("owner", "")) == (
        '{"status":"confirmed"}',
        "1",
        "",
    )
    sent = outbox.lanes.history(LANE)[-1]
    assert (sent["event"], sent["status"]) == ("sent", 200)


def test_a_lease_whose_reply_was_lost_is_not_lost(kit: Kit) -> None:
    for ref in "12":
        kit.lanes.append(f"order:{ref}", order_update("confirmed"), store_id="s1", gett_id=ref)
    with lost(kit, 1):
        leases = kit.lanes.lease(16, 60_000).leases
    assert sorted(lease.lane for lease in leases) == ["order:1", "order:2"]
    assert all(kit.lanes.acknowledge(lease, 202) for lease in leases)
    assert kit.lanes.counts() == {"appended": 2, "sent": 2}


def test_only_the_head_of_a_lane_is_settled(outbox: OutboxEnv) -> None:
    outbox.append_order("1", "ready")
    lease = outbox.lease_one()
    assert not outbox.lanes.acknowledge(replace(lease, number=lease.number + 1), 202)
    assert outbox.waiting_steps(LANE) == ["ready"]
    assert outbox.lanes.acknowledge(lease, 202)
