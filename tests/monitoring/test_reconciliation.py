"""Reconciliation: comparison of the POS's orders with the updates to Gett, also after Redis was emptied."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.monitoring.reconciliation_env import empty_redis, lane, outcomes, place, reconcile, sent, statuses
from webhook_kit.adapter import (
    OrderState,
    OrderStatus,
    PosOrder,
)
from webhook_kit.kit import Kit
from webhook_kit.monitoring.reconciliation import ComparisonOutcome
from webhook_kit.placement.claims import Claim
from webhook_kit.testing.bogus import BogusAdapter

# -- orders ------------------------------------------------------------------------------------------------------------


def test_orders_with_one_id_are_told_apart_by_their_ref_only(scripted_kit: Kit) -> None:
    ref, pos_id = place(scripted_kit)
    yesterday, today = PosOrder(pos_id, state=OrderState.COMPLETED), PosOrder(pos_id, status=OrderStatus.PREPARING)
    assert outcomes(scripted_kit, yesterday, today) == []
    assert (
        f"orders_since returned several orders with the id {pos_id}; give their order_ref"
        in reconcile(scripted_kit).failures
    )
    assert statuses(scripted_kit, ref) == ["confirmed"]
    assert outcomes(scripted_kit, yesterday, replace(today, order_ref=ref)) == [ComparisonOutcome.APPENDED]
    assert statuses(scripted_kit, ref) == ["confirmed", "preparing"]
    assert outcomes(scripted_kit, today, today) == [ComparisonOutcome.UP_TO_DATE] * 2


def test_missing_update_is_appended_once(kit: Kit, tmp_path: Path) -> None:
    ref, pos_id = place(kit)
    unchanged, _ = place(kit)
    BogusAdapter.advance(tmp_path / "pos.sqlite", pos_id, "ready")
    report = reconcile(kit)
    assert report.counts == {ComparisonOutcome.APPENDED: 1, ComparisonOutcome.UP_TO_DATE: 2}
    assert report.lines() == [f"main  {ref}: last sent to Gett confirmed, the POS reports ready: appended"]
    assert (statuses(kit, ref), statuses(kit, unchanged)) == (["confirmed", "ready"], ["confirmed"])
    assert reconcile(kit).counts == {ComparisonOutcome.UP_TO_DATE: 3}


def test_end_of_an_order_is_appended(kit: Kit, tmp_path: Path) -> None:
    (done, done_id), (cancelled, cancelled_id) = place(kit), place(kit)
    BogusAdapter.advance(tmp_path / "pos.sqlite", done_id, "completed")
    BogusAdapter.advance(tmp_path / "pos.sqlite", cancelled_id, "cancelled", "burnt")
    assert reconcile(kit).counts[ComparisonOutcome.APPENDED] == 2
    assert statuses(kit, done)[-1] == "completed"
    assert sent(kit, lane(cancelled))[-1] == {"state": "cancelled", "cancelReason": "burnt"}


def test_order_outside_the_window_is_not_compared(make_kit: Callable[..., Kit], tmp_path: Path) -> None:
    kit = make_kit(reconcile_window=3600)
    _, pos_id = place(kit)
    two_hours_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    with closing(sqlite3.connect(tmp_path / "pos.sqlite", isolation_level=None)) as tickets:
        tickets.execute("UPDATE tickets SET changed = ? WHERE id = ?", (two_hours_ago, pos_id))
    assert [comparison.subject for comparison in reconcile(kit).comparisons] == ["store"]


def test_pending_order_is_up_to_date(scripted_kit: Kit) -> None:
    ref, _ = place(scripted_kit)
    assert (
        outcomes(scripted_kit, PosOrder("x", ref), PosOrder("x", ref, state=OrderState.OPEN))
        == [ComparisonOutcome.UP_TO_DATE] * 2
    )


def test_older_status_of_the_pos_is_stale(scripted_kit: Kit) -> None:
    ref, _ = place(scripted_kit)
    scripted_kit.order_updates.progress(ref, "ready")
    assert outcomes(scripted_kit, PosOrder("x", ref, status=OrderStatus.PREPARING)) == [ComparisonOutcome.STALE]
    scripted_kit.order_updates.complete(ref)
    late = [
        PosOrder("x", ref, status=OrderStatus.IN_TRANSIT),
        PosOrder("x", ref, state=OrderState.CANCELLED),
        PosOrder("x", ref, status="no", state=OrderState.COMPLETED),  # type: ignore[arg-type]
    ]
    assert outcomes(scripted_kit, *late) == [
        ComparisonOutcome.STALE,
        ComparisonOutcome.STALE,
        ComparisonOutcome.UP_TO_DATE,
    ]
    assert statuses(scripted_kit, ref) == ["confirmed", "ready", "completed"]


def test_other_reason_for_the_same_end_is_up_to_date(scripted_kit: Kit) -> None:
    ref, _ = place(scripted_kit)
    scripted_kit.order_updates.cancel(ref, "burnt")
    assert outcomes(scripted_kit, PosOrder("x", ref, state=OrderState.CANCELLED, reason="BURNT!")) == [
        ComparisonOutcome.UP_TO_DATE
    ]


def test_estimate_is_appended_when_it_moved_by_a_minute(scripted_kit: Kit) -> None:
    ref, _ = place(scripted_kit)
    at = datetime(2031, 5, 1, 18, 30, tzinfo=UTC)

    def preparing(estimate: datetime | None) -> PosOrder:
        return PosOrder("x", ref, status=OrderStatus.PREPARING, estimated_ready_at=estimate)

    assert outcomes(scripted_kit, preparing(None)) == [ComparisonOutcome.APPENDED]
    assert outcomes(scripted_kit, preparing(at)) == [ComparisonOutcome.APPENDED]
    assert (
        outcomes(scripted_kit, preparing(at + timedelta(seconds=59)), preparing(None))
        == [ComparisonOutcome.UP_TO_DATE] * 2
    )
    assert outcomes(scripted_kit, preparing(at + timedelta(seconds=61))) == [ComparisonOutcome.APPENDED]
    assert sent(scripted_kit, lane(ref))[-1]["estimatedReadyAt"] == "2031-05-01T18:31:01Z"


def test_unknown_orders_and_orders_being_placed_are_not_updated(scripted_kit: Kit) -> None:
    claim = scripted_kit.placement_store.claim(key="k", gett_id="g", store_id="main", fingerprint="fp")
    assert isinstance(claim, Claim)
    assert outcomes(
        scripted_kit, PosOrder("walk-in", status=OrderStatus.READY), PosOrder("x", "g", status=OrderStatus.READY)
    ) == [
        ComparisonOutcome.UNKNOWN_ORDER,
        ComparisonOutcome.PLACING,
    ]
    assert scripted_kit.lanes.all_waiting() == {}


def test_order_of_another_store_is_not_updated(scripted_kit: Kit) -> None:
    claim = scripted_kit.placement_store.claim(key="k", gett_id="g", store_id="elsewhere", fingerprint="fp")
    assert isinstance(claim, Claim)
    assert outcomes(scripted_kit, PosOrder("x", "g", status=OrderStatus.READY)) == [ComparisonOutcome.UNKNOWN_ORDER]


@pytest.mark.parametrize("fields", [{"status": "burnt"}, {"status": "pending"}, {"state": "lost"}])
def test_update_that_cannot_be_sent_is_rejected_without_affecting_others(
    fields: dict[str, Any], scripted_kit: Kit
) -> None:
    (bad, _), (good, _) = place(scripted_kit), place(scripted_kit)
    assert outcomes(scripted_kit, PosOrder("x", bad, **fields), PosOrder("y", good, status=OrderStatus.READY)) == [
        ComparisonOutcome.REJECTED,
        ComparisonOutcome.APPENDED,
    ]


def test_dead_letter_is_not_appended_again_but_a_newer_update_is(scripted_kit: Kit) -> None:
    ref, _ = place(scripted_kit)
    (lease,) = scripted_kit.lanes.lease(1, 60_000).leases
    scripted_kit.lanes.dead_letter(lease, "422", 422)
    at = datetime(2031, 5, 1, 18, 30, tzinfo=UTC)
    repeated = [
        PosOrder("x", ref, status=OrderStatus.CONFIRMED),
        PosOrder("x", ref, status=OrderStatus.CONFIRMED, estimated_ready_at=at),
    ]
    assert outcomes(scripted_kit, *repeated) == [ComparisonOutcome.GIVEN_UP] * 2
    assert outcomes(scripted_kit, PosOrder("x", ref, status=OrderStatus.PREPARING)) == [ComparisonOutcome.APPENDED]
    assert statuses(scripted_kit, ref) == ["confirmed", "preparing"]


def test_discarded_update_is_not_appended_again(scripted_kit: Kit) -> None:
    ref, _ = place(scripted_kit)
    scripted_kit.lanes.discard(lane(ref))
    assert outcomes(scripted_kit, PosOrder("x", ref, status=OrderStatus.CONFIRMED)) == [ComparisonOutcome.GIVEN_UP]


def test_update_of_an_unlinked_order_waits(scripted_kit: Kit) -> None:
    ref, _ = place(scripted_kit, gett_id="")
    assert outcomes(scripted_kit, PosOrder("x", ref, status=OrderStatus.READY)) == [ComparisonOutcome.APPENDED]
    assert scripted_kit.lanes.all_waiting() == {lane(ref): "unlinked"}


# -- Redis emptied -----------------------------------------------------------------------------------------------------


def test_updates_are_appended_again_after_redis_was_emptied(kit: Kit, tmp_path: Path) -> None:
    (ref, pos_id), (done, done_id) = place(kit), place(kit)
    BogusAdapter.advance(tmp_path / "pos.sqlite", pos_id, "preparing")
    BogusAdapter.advance(tmp_path / "pos.sqlite", done_id, "completed")
    empty_redis(kit)
    assert reconcile(kit).counts[ComparisonOutcome.APPENDED] == 2
    assert (statuses(kit, ref), statuses(kit, done)) == (["preparing"], ["completed"])
    assert kit.lanes.state(lane(ref))["gett_id"] == ref
    assert reconcile(kit).counts[ComparisonOutcome.APPENDED] == 0
    event = {"type": "order", "store_id": "main", "order_id": pos_id, "status": "ready"}
    headers, body = {"x-bogus-secret": "bogus-secret"}, json.dumps({"events": [event]}).encode()
    assert kit.pos_events.receive("bogus", headers, body) == ["ok"], "the id of the POS is linked again"


# -- the store's status ------------------------------------------------------------------------------------------------


# -- errors ------------------------------------------------------------------------------------------------------------
