"""A kit whose POS keeps orders pending, and what tests of stuck orders look at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import uuid4

from webhook_kit.adapter import Placed, Store, placement_key
from webhook_kit.gett.models.order import Amounts, Cart, LineItem, PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.placement.claims import Claim, SettleResult
from webhook_kit.storage.connection import text
from webhook_kit.testing.bogus import BogusAdapter


class ScriptedAdapter(BogusAdapter):
    """Raises the errors that a test sets before it cancels."""

    failures: ClassVar[list[Exception]] = []
    cancelled: ClassVar[list[str]] = []

    def cancel_order(self, store: Store, order: Placed, reason: str) -> None:
        self.cancelled.append(order.id)
        if self.failures:
            raise self.failures.pop(0)
        super().cancel_order(store, order, reason)


def place(kit: Kit, item: str = "pending", pos_id: str | None = None) -> str:
    """Place an order in the POS; return its ref.

    :param pos_id: the id that the adapter returns; None: the POS's own.
    """
    ref, store = str(uuid4()), next(iter(kit.stores))
    order = PlaceOrderRequest(
        gett_order_id=ref,
        cart=Cart(store_id=store.gett_id, line_items=[LineItem(item_id=item)]),
        fulfillment_type="Pickup",
        amounts=Amounts(),
    )
    claim = kit.placement_store.claim(key=ref, gett_id=ref, store_id=store.id, fingerprint="fp")
    assert isinstance(claim, Claim)
    assert kit.placement_store.record_call(claim, order.to_json())
    ticket = kit.stores.adapter(store).place_order(store, order, placement_key(store, ref))
    assert isinstance(ticket, Placed)
    ticket = ticket if pos_id is None else Placed(pos_id, ticket.status)
    assert kit.placement.record(claim, order, ticket) is SettleResult.OK
    return ref


def check_later(kit: Kit) -> int:
    """Check as if the unconfirmed orders were a second older."""
    for ref in kit.redis.zrange(kit.keys.unconfirmed, 0, -1):
        kit.redis.zincrby(kit.keys.unconfirmed, -1000, text(ref))
    return kit.stuck_orders.check()


def alerts(kit: Kit) -> dict[str, int]:
    return {text(kind): int(number) for kind, number in kit.redis.hgetall(kit.keys.alert_counts).items()}


def updates(kit: Kit, ref: str) -> list[dict[str, Any]]:
    return [update["body"] for update in kit.lanes.waiting(lane_name(Kind.ORDER, ref))]


def pos_states(kit: Kit) -> list[str | None]:
    store = next(iter(kit.stores))
    return [order.state for order in BogusAdapter().orders_since(store, datetime.fromtimestamp(0, UTC))]
