"""Which lane is sent next, and who may send it."""

from __future__ import annotations

import pytest

from tests.outbox.outbox_env import LANE, LEASE_MS, Workbench
from webhook_kit.outbox.lanes import Lease, LeaseStatus

# -- urgency -----------------------------------------------------------------------------------------------------------


def test_cancellations_and_pauses_go_first_then_orders_by_age_then_menus(bench: Workbench) -> None:
    bench.menu()
    bench.order("1", "confirmed")
    bench.order("2", "ready")
    bench.pause()
    bench.order("3", "cancelled")
    assert [lease.lane for lease in bench.lease(10)] == ["store:s1", "order:3", LANE, "order:2", "catalog:s1"]


def test_an_order_that_is_cancelled_while_it_waits_moves_to_the_front(bench: Workbench) -> None:
    bench.order("1", "ready")
    bench.order("2", "ready")
    bench.order("2", "cancelled")
    assert bench.one().lane == "order:2"


def test_a_store_that_comes_back_while_its_pause_waits_is_as_urgent(bench: Workbench) -> None:
    bench.order("1", "ready")
    bench.pause()
    bench.online()
    lease = bench.one()
    assert lease.lane == "store:s1"
    assert lease.body == {"status": "online"}


def test_an_urgent_update_that_arrives_while_the_quota_is_used_up_is_the_next_to_go(bench: Workbench) -> None:
    bench.limit(2)
    bench.order("1", "ready")
    bench.order("2", "ready")
    assert bench.one().lane == LANE
    assert bench.verdict() is LeaseStatus.WAIT
    bench.order("3", "cancelled")
    assert bench.one().lane == "order:3"


def test_an_urgent_update_does_not_wait_for_the_delay_of_an_older_one(bench: Workbench) -> None:
    bench.order("1", "ready")
    bench.lanes.postpone(bench.one(), 3600, "503", charge=True)
    assert bench.verdict() is LeaseStatus.IDLE
    bench.order("1", "inTransit")
    assert bench.verdict() is LeaseStatus.IDLE
    bench.order("1", "cancelled")
    assert bench.one().body["state"] == "cancelled"


def test_a_cancellation_that_came_while_an_older_update_failed_goes_at_once(bench: Workbench) -> None:
    bench.order("1", "ready")
    lease = bench.one()
    bench.order("1", "cancelled")
    bench.lanes.postpone(lease, 3600, "503", charge=True)
    assert bench.one().body["state"] == "cancelled"


def test_a_pause_keeps_its_delay_when_the_store_comes_back_meanwhile(bench: Workbench) -> None:
    bench.pause()
    lease = bench.one()
    bench.online()
    bench.lanes.postpone(lease, 3600, "503", charge=True)
    assert bench.verdict() is LeaseStatus.IDLE


# -- leases ------------------------------------------------------------------------------------------------------------


def test_a_lease_says_all_that_a_sender_needs(bench: Workbench) -> None:
    before = bench.now() / 1000
    bench.order("1", "ready")
    lease = bench.one()
    assert (lease.lane, lease.kind, lease.store_id, lease.gett_id) == (LANE, "order", "s1", "g-1")
    assert (lease.body, lease.attempts) == ({"status": "ready"}, 0)
    assert before - 0.001 <= lease.at <= bench.now() / 1000


def test_a_lane_has_one_sender_at_a_time(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    lease = bench.one()
    bench.order("1", "cancelled")
    assert bench.lease(10) == []
    bench.lanes.acknowledge(lease, 202)
    assert bench.one().body["state"] == "cancelled"


def test_the_lane_of_a_dead_sender_comes_back_when_its_lease_lapses(bench: Workbench) -> None:
    bench.order("1", "ready")
    first = bench.one()
    found = bench.lanes.lease(1, LEASE_MS)
    assert found.verdict is LeaseStatus.IDLE
    assert 0 < found.wait <= LEASE_MS / 1000
    bench.due(LANE)
    second = bench.one()
    assert second.number == first.number
    assert second.owner != first.owner
    assert second.attempts == 0


@pytest.mark.parametrize("word", ["sent", "postpone", "bury"])
@pytest.mark.parametrize("meanwhile", ["leased again", "told by another", "lapsed"])
def test_what_a_late_sender_says_changes_nothing(bench: Workbench, word: str, meanwhile: str) -> None:
    bench.order("1", "confirmed")
    late = bench.one()
    bench.order("1", "ready")
    bench.due(LANE)
    if meanwhile != "lapsed":
        lease = bench.one()
        if meanwhile == "told by another":
            bench.lanes.acknowledge(lease, 202)
    else:
        bench.lanes.lease(0, LEASE_MS)
    before = everything(bench)
    assert not settle(bench, late, word)
    assert everything(bench) == before


def settle(bench: Workbench, lease: Lease, word: str) -> bool:
    if word == "sent":
        return bench.lanes.acknowledge(lease, 202)
    if word == "bury":
        return bench.lanes.dead_letter(lease, "no", 422)
    return bench.lanes.postpone(lease, 1, "503", charge=True)


def everything(bench: Workbench) -> dict[bytes, bytes | None]:
    return {key: bench.redis.dump(key) for key in bench.redis.scan_iter(f"{bench.keys.prefix}*", count=1000)}


def test_a_lease_is_settled_once(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    lease = bench.one()
    assert bench.lanes.acknowledge(lease, 202)
    assert not bench.lanes.acknowledge(lease, 202)
    assert bench.lanes.counts()["sent"] == 1


def test_what_lapsed_is_merged_before_it_is_sent_again(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    bench.one()
    bench.order("1", "ready")
    bench.due(LANE)
    assert bench.one().body == {"status": "ready"}


def test_attempts_are_counted_when_charged_and_forgotten_when_the_update_is_told(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    for charge, attempts in ((True, 1), (False, 1), (True, 2)):
        bench.lanes.postpone(bench.one(), 0, "503", charge=charge)
        assert bench.lanes.state(LANE)["attempts"] == str(attempts)
    bench.push()
    bench.order("1", "ready")
    assert bench.one().attempts == 0


def test_a_postponed_update_waits_as_long_as_it_was_told_to(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    bench.lanes.postpone(bench.one(), 120, "503", charge=True)
    found = bench.lanes.lease(1, LEASE_MS)
    assert found.verdict is LeaseStatus.IDLE
    assert 110 < found.wait <= 120
    bench.due(LANE)
    assert bench.one().lane == LANE


def test_with_nothing_to_do_there_is_nothing_to_wait_for(bench: Workbench) -> None:
    found = bench.lanes.lease(16, LEASE_MS)
    assert found.verdict is LeaseStatus.IDLE
    assert found.wait < 0


def test_what_gett_took_last_is_remembered(bench: Workbench) -> None:
    bench.order("1", "confirmed")
    bench.push()
    state = bench.lanes.state(LANE)
    assert (state["acked"], state["acked_rank"], state["owner"]) == ('{"status":"confirmed"}', "1", "")
    sent = bench.lanes.history(LANE)[-1]
    assert (sent["what"], sent["status"]) == ("sent", 200)
