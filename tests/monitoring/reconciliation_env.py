"""Adapter and helpers of the tests of reconciliation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import uuid4

from webhook_kit.adapter import (
    Placed,
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
