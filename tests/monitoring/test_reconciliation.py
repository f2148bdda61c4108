"""Reconciliation: comparison of the POS with the updates to Gett, also after Redis was emptied."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from webhook_kit.adapter import (
    OrderState,
    OrderStatus,
    Placed,
    PosAdapter,
    PosOrder,
    Store,
    StoreState,
    placement_key,
)
from webhook_kit.gett.models.order import Amounts, Cart, LineItem, PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.monitoring.reconciliation import ComparisonOutcome, ReconciliationReport
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.claims import Claim, SettleResult
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import wait_until


class ScriptedAdapter(BogusAdapter):
    """Returns the orders and the store status that a test sets, or raises them.

    :ivar before_status: called before the store status is returned.
    """

    orders: ClassVar[Any] = []
    state: ClassVar[Any] = StoreState.UNKNOWN
    before_status: ClassVar[Callable[[], object]] = lambda: None

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        if isinstance(self.orders, Exception):
            raise self.orders
        orders: Sequence[PosOrder] = self.orders
        return orders

    def store_status(self, store: Store) -> StoreState:
        type(self).before_status()
        if isinstance(self.state, Exception):
            raise self.state
        state: StoreState = self.state
        return state


class AdapterWithoutReads(BogusAdapter):
    orders_since = PosAdapter.orders_since
    store_status = PosAdapter.store_status


@pytest.fixture
def scripted_kit(make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch) -> Kit:
    for name, default in (("orders", []), ("state", StoreState.UNKNOWN), ("before_status", lambda: None)):
        monkeypatch.setattr(ScriptedAdapter, name, default)
    return make_kit(pos_adapter=f"{__name__}:ScriptedAdapter")


def place(kit: Kit, *, gett_id: str | None = None) -> tuple[str, str]:
    """Place an order; return its ref and its id in the POS."""
    store, ref = next(iter(kit.stores)), str(uuid4())
    gett_id = ref if gett_id is None else gett_id
    order = PlaceOrderRequest(
        gett_order_id=gett_id,
        cart=Cart(store_id=store.gett_id, line_items=[LineItem(item_id="cola")]),
        fulfillment_type="Pickup",
        amounts=Amounts(),
    )
    order.order_ref = ref
    claim = kit.placement_store.claim(key=ref, gett_id=gett_id, store_id=store.id, fingerprint="fp")
    assert isinstance(claim, Claim)
    assert kit.placement_store.record_call(claim, order.to_json())
    ticket = kit.stores.adapter(store).place_order(store, order, placement_key(store, ref))
    assert isinstance(ticket, Placed)
    assert kit.placement.record(claim, order, ticket) is SettleResult.OK
    return ref, ticket.id


def reconcile(kit: Kit) -> ReconciliationReport:
    return kit.reconciler.reconcile(next(iter(kit.stores)))


def outcomes(kit: Kit, *orders: PosOrder) -> list[ComparisonOutcome]:
    ScriptedAdapter.orders = list(orders)
    return [comparison.outcome for comparison in reconcile(kit).comparisons]


def sent(kit: Kit, lane: str) -> list[dict[str, Any]]:
    return [note["body"] for note in kit.lanes.history(lane) if note["event"] == "appended"]


def statuses(kit: Kit, ref: str) -> list[str]:
    return [body.get("status") or body["state"] for body in sent(kit, lane_name(Kind.ORDER, ref))]


def lane(ref: str) -> str:
    return lane_name(Kind.ORDER, ref)


def empty_redis(kit: Kit) -> None:
    """Delete all keys of the kit, as after a loss of Redis."""
    for key in kit.redis.scan_iter(f"{kit.keys.prefix}*"):
        kit.redis.delete(key)


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


def status(kit: Kit, state: object) -> ComparisonOutcome:
    ScriptedAdapter.state = state
    (comparison,) = reconcile(kit).comparisons
    return comparison.outcome


def test_closed_store_is_paused_and_an_open_one_resumed(scripted_kit: Kit) -> None:
    assert status(scripted_kit, StoreState.OPEN) is ComparisonOutcome.UP_TO_DATE
    assert status(scripted_kit, StoreState.CLOSED) is ComparisonOutcome.APPENDED
    assert status(scripted_kit, StoreState.DOWN) is ComparisonOutcome.UP_TO_DATE
    assert status(scripted_kit, StoreState.OPEN) is ComparisonOutcome.APPENDED
    assert status(scripted_kit, StoreState.OPEN) is ComparisonOutcome.UP_TO_DATE
    assert [body["status"] for body in sent(scripted_kit, "store:main")] == ["paused", "online"]


def test_pause_by_a_person_is_not_changed(scripted_kit: Kit) -> None:
    scripted_kit.store_status.pause("main", "too_busy")
    assert status(scripted_kit, StoreState.CLOSED) is ComparisonOutcome.UP_TO_DATE
    assert status(scripted_kit, StoreState.OPEN) is ComparisonOutcome.REJECTED
    assert "person" in reconcile(scripted_kit).lines()[0]
    assert len(sent(scripted_kit, "store:main")) == 1


def test_pause_with_an_end_does_not_count_after_it(scripted_kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted_kit.store_status.pause("main", "too_busy", datetime.now(UTC) + timedelta(seconds=3))
    assert status(scripted_kit, StoreState.CLOSED) is ComparisonOutcome.UP_TO_DATE
    wait_until(
        lambda: status(scripted_kit, StoreState.CLOSED) is not ComparisonOutcome.UP_TO_DATE,
        message="the pause to end",
    )
    main = next(iter(scripted_kit.stores))
    assert scripted_kit.store_status.pause_owner(main) == "pos", (
        "Gett has lifted the pause by the person; the new one is owned by the POS"
    )
    assert status(scripted_kit, StoreState.OPEN) is ComparisonOutcome.APPENDED


def test_status_that_was_changed_during_the_comparison_stays(
    scripted_kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        ScriptedAdapter, "before_status", lambda: scripted_kit.store_status.pause("main", "maintenance")
    )
    assert status(scripted_kit, StoreState.DOWN) is ComparisonOutcome.STALE
    assert [body["reason"] for body in sent(scripted_kit, "store:main")] == ["maintenance"]


def test_pause_that_gett_rejected_is_not_appended_again(scripted_kit: Kit) -> None:
    assert status(scripted_kit, StoreState.CLOSED) is ComparisonOutcome.APPENDED
    (lease,) = scripted_kit.lanes.lease(1, 60_000).leases
    scripted_kit.lanes.dead_letter(lease, "no such store", 404)
    assert status(scripted_kit, StoreState.CLOSED) is ComparisonOutcome.GIVEN_UP


# -- errors ------------------------------------------------------------------------------------------------------------


def test_unsupported_methods_are_remarks(make_kit: Callable[..., Kit]) -> None:
    report = reconcile(make_kit(pos_adapter=f"{__name__}:AdapterWithoutReads"))
    assert (report.comparisons, report.failures) == ([], [])
    assert report.lines() == [
        "main  the adapter does not offer orders_since",
        "main  the adapter does not offer store_status",
    ]


@pytest.mark.parametrize("orders", [RuntimeError("a bug"), None, ["nonsense"], [PosOrder("x", "r", state=[])]])  # type: ignore[arg-type]
def test_failure_of_orders_since_does_not_hide_the_store_status(
    orders: Any, scripted_kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    ScriptedAdapter.orders, ScriptedAdapter.state = orders, StoreState.CLOSED
    report = reconcile(scripted_kit)
    assert len(report.failures) == 1
    assert report.counts == {ComparisonOutcome.APPENDED: 1}


@pytest.mark.parametrize("state", [RuntimeError("a bug"), "open", 5])
def test_status_of_a_wrong_type_is_a_failure(
    state: Any, scripted_kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    ScriptedAdapter.state = state
    report = reconcile(scripted_kit)
    assert (len(report.failures), report.comparisons) == (1, [])


def test_failure_of_one_store_does_not_affect_others(
    make_kit: Callable[..., Kit], tmp_path: Path, events: list[MutableMapping[str, Any]]
) -> None:
    stores = tmp_path / "stores.toml"
    adapters = {"bad": f'"{__name__}:ScriptedAdapter"'}
    stores.write_text(
        "".join(
            f'[stores.{name}]\ngett_id = "{uuid4()}"\nadapter = {adapters.get(name, chr(34) + "bogus" + chr(34))}\n'
            f'[stores.{name}.options]\nfile = "{tmp_path / "pos.sqlite"}"\nclosed = true\n'
            for name in ("one", "bad", "two")
        )
    )
    kit = make_kit(pos_adapter=None, gett_store_id=None, stores_file=stores)
    ScriptedAdapter.orders, ScriptedAdapter.state = RuntimeError("a bug"), RuntimeError("a bug")
    done: list[str] = []
    reports = kit.reconciler.reconcile_all(kit.stores, lambda report: done.append(report.store_id))
    assert sorted(done) == ["bad", "one", "two"]
    assert [(report.store_id, len(report.failures)) for report in reports] == [("one", 0), ("bad", 2), ("two", 0)]
    assert set(kit.lanes.all_waiting()) == {"store:one", "store:two"}


def test_reconcile_all_without_redis_reports_a_failure_per_store(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0")
    (report,) = kit.reconciler.reconcile_all(kit.stores)
    assert "Redis" in report.failures[0]
