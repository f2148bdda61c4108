"""Lanes that wait for Gett, and why."""

from __future__ import annotations

from webhook_kit.kit import Kit
from webhook_kit.operations.waiting import waiting
from webhook_kit.outbox.updates import order_progress


def test_each_lane_says_since_when_and_why(kit: Kit) -> None:
    for name in ("a", "b", "c"):
        kit.lanes.append(f"order:{name}", order_progress("ready"), store_id="main", gett_id=name)
    kit.lanes.append("order:unknown", order_progress("ready"), store_id="main")
    (lease,) = kit.lanes.lease(1, 60_000).leases
    kit.lanes.postpone(lease, 60, "503: later", charge=True, status=503)
    (sending,) = kit.lanes.lease(1, 60_000).leases
    found = waiting(kit)
    assert (found.total, found.more, len(found.lanes)) == (4, 0, 4)
    lanes = {lane.lane: lane for lane in found.lanes}
    postponed = lanes[lease.lane]
    assert (postponed.kind, postponed.subject, postponed.state) == (
        "order",
        lease.lane.removeprefix("order:"),
        "delayed",
    )
    assert (postponed.updates, postponed.attempts, postponed.why) == (1, 1, "503: later")
    assert postponed.age >= 0
    assert postponed.since.tzinfo is not None
    assert lanes[sending.lane].state == "being sent"
    assert lanes["order:unknown"].why == "Gett's order id is not known: webhook-kit order link"
    ready = next(lane for lane in found.lanes if lane.state == "ready")
    assert ready.why is None


def test_the_list_is_bounded(kit: Kit) -> None:
    for name in ("a", "b", "c"):
        kit.lanes.append(f"order:{name}", order_progress("ready"), store_id="main", gett_id=name)
    found = waiting(kit, 2)
    assert (found.total, found.more, [lane.lane for lane in found.lanes]) == (3, 1, ["order:a", "order:b"])
    assert len(waiting(kit, 0).lanes) == 3


def test_nothing_waits(kit: Kit) -> None:
    assert waiting(kit).lanes == ()
