"""Reconciliation: what the POS says against what Gett was told; and Redis emptied."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from webhook_kit.adapter import OrderState, OrderStatus, Placed, PosAdapter, PosOrder, Store, StoreState, placement_key
from webhook_kit.gett.models.order import Amounts, Cart, LineItem, PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.monitoring.reconciliation import ComparisonOutcome, ReconciliationReport
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.idempotency_store import Claim, SettleResult
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import wait_until


class Scripted(BogusAdapter):
    """Says of orders what the test says; of its store likewise, after doing what the test does meanwhile."""

    says: ClassVar[Any] = []
    state: ClassVar[Any] = StoreState.UNKNOWN
    meanwhile: ClassVar[Callable[[], object]] = lambda: None

    def orders_since(self, store: Store, since: datetime) -> Sequence[PosOrder]:
        if isinstance(self.says, Exception):
            raise self.says
        said: Sequence[PosOrder] = self.says
        return said

    def store_status(self, store: Store) -> StoreState:
        type(self).meanwhile()
        if isinstance(self.state, Exception):
            raise self.state
        state: StoreState = self.state
        return state


class Mute(BogusAdapter):
    orders_since = PosAdapter.orders_since
    store_status = PosAdapter.store_status


@pytest.fixture
def scripted(make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch) -> Kit:
    for name, nothing in (("says", []), ("state", StoreState.UNKNOWN), ("meanwhile", lambda: None)):
        monkeypatch.setattr(Scripted, name, nothing)
    return make_kit(pos_adapter=f"{__name__}:Scripted")


def place(kit: Kit, *, gett_id: str | None = None) -> tuple[str, str]:
    """A confirmed order: its ref and the POS's id."""
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


def outcomes(kit: Kit, *said: PosOrder) -> list[ComparisonOutcome]:
    Scripted.says = list(said)
    return [finding.outcome for finding in reconcile(kit).findings]


def told(kit: Kit, lane: str) -> list[dict[str, Any]]:
    return [note["body"] for note in kit.lanes.history(lane) if note["what"] == "appended"]


def statuses(kit: Kit, ref: str) -> list[str]:
    return [body.get("status") or body["state"] for body in told(kit, lane_name(Kind.ORDER, ref))]


def lane(ref: str) -> str:
    return lane_name(Kind.ORDER, ref)


def empty_redis(kit: Kit) -> None:
    """As after a loss of Redis, as far as this kit's keys go."""
    for key in kit.redis.scan_iter(f"{kit.keys.prefix}*"):
        kit.redis.delete(key)


# -- orders ------------------------------------------------------------------------------------------------------------


def test_what_gett_was_not_told_is_appended_once(kit: Kit, tmp_path: Path) -> None:
    ref, pos_id = place(kit)
    quiet, _ = place(kit)
    BogusAdapter.advance(tmp_path / "pos.sqlite", pos_id, "ready")
    report = reconcile(kit)
    assert report.counts == {ComparisonOutcome.APPENDED: 1, ComparisonOutcome.ALREADY: 2}
    assert report.lines() == [f"main  {ref}: Gett was told confirmed, the POS says ready: appended"]
    assert (statuses(kit, ref), statuses(kit, quiet)) == (["confirmed", "ready"], ["confirmed"])
    assert reconcile(kit).counts == {ComparisonOutcome.ALREADY: 3}


def test_an_order_that_was_closed_meanwhile_is_closed(kit: Kit, tmp_path: Path) -> None:
    (done, done_id), (gone, gone_id) = place(kit), place(kit)
    BogusAdapter.advance(tmp_path / "pos.sqlite", done_id, "completed")
    BogusAdapter.advance(tmp_path / "pos.sqlite", gone_id, "cancelled", "burnt")
    assert reconcile(kit).counts[ComparisonOutcome.APPENDED] == 2
    assert statuses(kit, done)[-1] == "completed"
    assert told(kit, lane(gone))[-1] == {"state": "cancelled", "cancelReason": "burnt"}


def test_an_old_order_is_not_asked_for(make_kit: Callable[..., Kit], tmp_path: Path) -> None:
    kit = make_kit(reconcile_window=3600)
    _, pos_id = place(kit)
    two_hours_ago = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    with closing(sqlite3.connect(tmp_path / "pos.sqlite", isolation_level=None)) as tickets:
        tickets.execute("UPDATE tickets SET changed = ? WHERE id = ?", (two_hours_ago, pos_id))
    assert [finding.subject for finding in reconcile(kit).findings] == ["store"]


def test_a_pending_order_is_no_difference(scripted: Kit) -> None:
    ref, _ = place(scripted)
    assert (
        outcomes(scripted, PosOrder("x", ref), PosOrder("x", ref, state=OrderState.OPEN))
        == [ComparisonOutcome.ALREADY] * 2
    )


def test_what_gett_knows_better_stays(scripted: Kit) -> None:
    ref, _ = place(scripted)
    scripted.order_updates.progress(ref, "ready")
    assert outcomes(scripted, PosOrder("x", ref, status=OrderStatus.PREPARING)) == [ComparisonOutcome.STALE]
    scripted.order_updates.complete(ref)
    late = [
        PosOrder("x", ref, status=OrderStatus.IN_TRANSIT),
        PosOrder("x", ref, state=OrderState.CANCELLED),
        PosOrder("x", ref, status="no", state=OrderState.COMPLETED),  # type: ignore[arg-type]
    ]
    assert outcomes(scripted, *late) == [ComparisonOutcome.STALE, ComparisonOutcome.STALE, ComparisonOutcome.ALREADY]
    assert statuses(scripted, ref) == ["confirmed", "ready", "completed"]


def test_another_word_for_the_same_end_is_no_difference(scripted: Kit) -> None:
    ref, _ = place(scripted)
    scripted.order_updates.cancel(ref, "burnt")
    assert outcomes(scripted, PosOrder("x", ref, state=OrderState.CANCELLED, reason="BURNT!")) == [
        ComparisonOutcome.ALREADY
    ]


def test_an_estimate_counts_when_it_moved_by_a_minute(scripted: Kit) -> None:
    ref, _ = place(scripted)
    at = datetime(2031, 5, 1, 18, 30, tzinfo=UTC)

    def preparing(estimate: datetime | None) -> PosOrder:
        return PosOrder("x", ref, status=OrderStatus.PREPARING, estimated_ready_at=estimate)

    assert outcomes(scripted, preparing(None)) == [ComparisonOutcome.APPENDED]
    assert outcomes(scripted, preparing(at)) == [ComparisonOutcome.APPENDED]
    assert outcomes(scripted, preparing(at + timedelta(seconds=59)), preparing(None)) == [ComparisonOutcome.ALREADY] * 2
    assert outcomes(scripted, preparing(at + timedelta(seconds=61))) == [ComparisonOutcome.APPENDED]
    assert told(scripted, lane(ref))[-1]["estimatedReadyAt"] == "2031-05-01T18:31:01Z"


def test_other_peoples_orders_and_those_being_placed_are_left_alone(scripted: Kit) -> None:
    claim = scripted.placement_store.claim(key="k", gett_id="g", store_id="main", fingerprint="fp")
    assert isinstance(claim, Claim)
    assert outcomes(
        scripted, PosOrder("walk-in", status=OrderStatus.READY), PosOrder("x", "g", status=OrderStatus.READY)
    ) == [
        ComparisonOutcome.NOT_OURS,
        ComparisonOutcome.PLACING,
    ]
    assert scripted.lanes.all_waiting() == {}


def test_an_order_of_another_store_is_not_told(scripted: Kit) -> None:
    claim = scripted.placement_store.claim(key="k", gett_id="g", store_id="elsewhere", fingerprint="fp")
    assert isinstance(claim, Claim)
    assert outcomes(scripted, PosOrder("x", "g", status=OrderStatus.READY)) == [ComparisonOutcome.NOT_OURS]


@pytest.mark.parametrize("words", [{"status": "burnt"}, {"status": "pending"}, {"state": "lost"}])
def test_what_cannot_be_told_is_said_and_stops_nothing(words: dict[str, Any], scripted: Kit) -> None:
    (bad, _), (good, _) = place(scripted), place(scripted)
    assert outcomes(scripted, PosOrder("x", bad, **words), PosOrder("y", good, status=OrderStatus.READY)) == [
        ComparisonOutcome.REFUSED,
        ComparisonOutcome.APPENDED,
    ]


def test_a_buried_update_is_not_dug_out_again_but_a_newer_one_is_told(scripted: Kit) -> None:
    ref, _ = place(scripted)
    (lease,) = scripted.lanes.lease(1, 60_000).leases
    scripted.lanes.dead_letter(lease, "422", 422)
    at = datetime(2031, 5, 1, 18, 30, tzinfo=UTC)
    again = [
        PosOrder("x", ref, status=OrderStatus.CONFIRMED),
        PosOrder("x", ref, status=OrderStatus.CONFIRMED, estimated_ready_at=at),
    ]
    assert outcomes(scripted, *again) == [ComparisonOutcome.GIVEN_UP] * 2
    assert outcomes(scripted, PosOrder("x", ref, status=OrderStatus.PREPARING)) == [ComparisonOutcome.APPENDED]
    assert statuses(scripted, ref) == ["confirmed", "preparing"]


def test_what_a_person_dropped_stays_dropped(scripted: Kit) -> None:
    ref, _ = place(scripted)
    scripted.lanes.discard(lane(ref))
    assert outcomes(scripted, PosOrder("x", ref, status=OrderStatus.CONFIRMED)) == [ComparisonOutcome.GIVEN_UP]


def test_progress_of_an_unlinked_order_waits(scripted: Kit) -> None:
    ref, _ = place(scripted, gett_id="")
    assert outcomes(scripted, PosOrder("x", ref, status=OrderStatus.READY)) == [ComparisonOutcome.APPENDED]
    assert scripted.lanes.all_waiting() == {lane(ref): "unlinked"}


# -- Redis emptied -----------------------------------------------------------------------------------------------------


def test_an_emptied_redis_heals(kit: Kit, tmp_path: Path) -> None:
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
    assert kit.pos_events.receive("bogus", headers, body) == ["ok"], "the POS's own id is known again"


# -- the store's status ------------------------------------------------------------------------------------------------


def status(kit: Kit, state: object) -> ComparisonOutcome:
    Scripted.state = state
    (finding,) = reconcile(kit).findings
    return finding.outcome


def test_a_store_that_closed_is_paused_and_resumed_when_it_opens(scripted: Kit) -> None:
    assert status(scripted, StoreState.OPEN) is ComparisonOutcome.ALREADY
    assert status(scripted, StoreState.CLOSED) is ComparisonOutcome.APPENDED
    assert status(scripted, StoreState.DOWN) is ComparisonOutcome.ALREADY
    assert status(scripted, StoreState.OPEN) is ComparisonOutcome.APPENDED
    assert status(scripted, StoreState.OPEN) is ComparisonOutcome.ALREADY
    assert [body["status"] for body in told(scripted, "store:main")] == ["paused", "online"]


def test_a_person_who_paused_is_left_in_peace(scripted: Kit) -> None:
    scripted.store_status.pause("main", "too_busy")
    assert status(scripted, StoreState.CLOSED) is ComparisonOutcome.ALREADY
    assert status(scripted, StoreState.OPEN) is ComparisonOutcome.REFUSED
    assert "person" in reconcile(scripted).lines()[0]
    assert len(told(scripted, "store:main")) == 1


def test_a_pause_with_an_end_is_over_after_it(scripted: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted.store_status.pause("main", "too_busy", datetime.now(UTC) + timedelta(seconds=3))
    assert status(scripted, StoreState.CLOSED) is ComparisonOutcome.ALREADY
    wait_until(lambda: status(scripted, StoreState.CLOSED) is not ComparisonOutcome.ALREADY, message="the pause to end")
    main = next(iter(scripted.stores))
    assert scripted.store_status.pause_owner(main) == "pos", "Gett lifted the person's pause: it is the POS's now"
    assert status(scripted, StoreState.OPEN) is ComparisonOutcome.APPENDED


def test_what_somebody_said_meanwhile_stands(scripted: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scripted, "meanwhile", lambda: scripted.store_status.pause("main", "maintenance"))
    assert status(scripted, StoreState.DOWN) is ComparisonOutcome.STALE
    assert [body["reason"] for body in told(scripted, "store:main")] == ["maintenance"]


def test_a_pause_that_gett_refused_is_not_sent_for_ever(scripted: Kit) -> None:
    assert status(scripted, StoreState.CLOSED) is ComparisonOutcome.APPENDED
    (lease,) = scripted.lanes.lease(1, 60_000).leases
    scripted.lanes.dead_letter(lease, "no such store", 404)
    assert status(scripted, StoreState.CLOSED) is ComparisonOutcome.GIVEN_UP


# -- what goes wrong ---------------------------------------------------------------------------------------------------


def test_an_adapter_that_cannot_say_is_no_failure(make_kit: Callable[..., Kit]) -> None:
    report = reconcile(make_kit(pos_adapter=f"{__name__}:Mute"))
    assert (report.findings, report.failures) == ([], [])
    assert report.lines() == [
        "main  the adapter does not offer orders_since",
        "main  the adapter does not offer store_status",
    ]


@pytest.mark.parametrize("says", [RuntimeError("a bug"), None, ["nonsense"], [PosOrder("x", "r", state=[])]])  # type: ignore[arg-type]
def test_what_goes_wrong_with_the_orders_does_not_hide_the_stores_status(
    says: Any, scripted: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    Scripted.says, Scripted.state = says, StoreState.CLOSED
    report = reconcile(scripted)
    assert len(report.failures) == 1
    assert report.counts == {ComparisonOutcome.APPENDED: 1}


@pytest.mark.parametrize("state", [RuntimeError("a bug"), "open", 5])
def test_a_status_that_is_none_is_a_failure(state: Any, scripted: Kit, events: list[MutableMapping[str, Any]]) -> None:
    Scripted.state = state
    report = reconcile(scripted)
    assert (len(report.failures), report.findings) == (1, [])


def test_one_stores_failure_stops_no_other(
    make_kit: Callable[..., Kit], tmp_path: Path, events: list[MutableMapping[str, Any]]
) -> None:
    stores = tmp_path / "stores.toml"
    broken = {"bad": f'"{__name__}:Scripted"'}
    stores.write_text(
        "".join(
            f'[stores.{name}]\ngett_id = "{uuid4()}"\nadapter = {broken.get(name, chr(34) + "bogus" + chr(34))}\n'
            f'[stores.{name}.options]\nfile = "{tmp_path / "pos.sqlite"}"\nclosed = true\n'
            for name in ("one", "bad", "two")
        )
    )
    kit = make_kit(pos_adapter=None, gett_store_id=None, stores_file=stores)
    Scripted.says, Scripted.state = RuntimeError("a bug"), RuntimeError("a bug")
    done: list[str] = []
    reports = kit.reconciler.reconcile_all(kit.stores, lambda report: done.append(report.store_id))
    assert sorted(done) == ["bad", "one", "two"]
    assert [(report.store_id, len(report.failures)) for report in reports] == [("one", 0), ("bad", 2), ("two", 0)]
    assert set(kit.lanes.all_waiting()) == {"store:one", "store:two"}


def test_without_redis_every_store_says_so(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0")
    (report,) = kit.reconciler.reconcile_all(kit.stores)
    assert "Redis" in report.failures[0]
