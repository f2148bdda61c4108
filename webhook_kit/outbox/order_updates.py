"""``kit.order_updates``: how far an order is, said once, to be told to Gett in order and in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import redis

from webhook_kit.errors import Impossible
from webhook_kit.gett.models.store import OrderStatus
from webhook_kit.outbox.lanes import AppendResult, Lanes, lane_name
from webhook_kit.outbox.updates import Kind, Update, order_ended, order_progress
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["KnownOrder", "OrderUpdates"]


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order as the outbox names it.

    :ivar ref: its orderRef (``gett-protocol.md §3``).
    :ivar gett_id: Gett's id, empty while unknown.
    :ivar placing: whether it is placed is not recorded (yet).
    """

    ref: str
    gett_id: str
    store_id: str
    placing: bool = False

    @property
    def lane(self) -> str:
        """The lane of its updates."""
        return lane_name(Kind.ORDER, self.ref)


class OrderUpdates:
    """Order progress on its way to Gett. Every method returns when the update is durable, before it is sent."""

    def __init__(self, connection: redis.Redis, keys: Keys, lanes: Lanes) -> None:
        self._redis = connection
        self._keys = keys
        self._lanes = lanes

    def progress(
        self, order: str, status: OrderStatus | str, *, estimated_ready_at: datetime | None = None
    ) -> AppendResult:
        """An order has come this far.

        :param order: Gett's order id, or the orderRef.
        :param estimated_ready_at: aware.
        :raises Impossible: when the order is further already, is closed, or the status is not one that is sent.
        """
        return self._append_or_raise(order, order_progress(status, estimated_ready_at))

    def complete(self, order: str) -> AppendResult:
        """The customer has it.

        :raises Impossible: when the order is closed already.
        """
        return self._append_or_raise(order, order_ended("completed"))

    def cancel(self, order: str, reason: str) -> AppendResult:
        """The order will not be made.

        :raises Impossible: without a reason, or when the order is closed already.
        """
        return self._append_or_raise(order, order_ended("cancelled", reason))

    def append(self, order: KnownOrder, update: Update, *, force: bool = False) -> AppendResult:
        """Append an update, whatever becomes of it."""
        return self._lanes.append(order.lane, update, store_id=order.store_id, gett_id=order.gett_id, force=force)

    def find(self, order: str) -> KnownOrder | None:
        """An order by Gett's id or the orderRef, while its placement or its lane is remembered."""
        ref = text(self._redis.get(self._keys.by_gett_id(order))) or order
        store, gett_id, state = self._redis.hmget(self._keys.order(ref), "store", "gett_id", "state")
        if store is not None:
            return KnownOrder(ref, text(gett_id), text(store), placing=text(state) != "placed")
        store, gett_id = self._redis.hmget(self._keys.lane(lane_name(Kind.ORDER, ref)), "store", "gett_id")
        return None if store is None else KnownOrder(ref, text(gett_id), text(store))

    def find_by_pos_id(self, store_id: str, partner_order_id: str) -> KnownOrder | None:
        """An order by the POS's own id."""
        ref = text(self._redis.get(self._keys.pos_order(store_id, partner_order_id)))
        return self.find(ref) if ref else None

    def find_by_pos_reference(self, store_id: str, partner_order_id: str, order_ref: str) -> KnownOrder | None:
        """An order of this store by the POS's own id, else by its orderRef; either may be empty."""
        found = self.find_by_pos_id(store_id, partner_order_id) if partner_order_id else None
        if found is None and order_ref:
            found = self.find(order_ref)
        return found if found is not None and found.store_id in ("", store_id) else None

    def remember_pos_id(self, order: KnownOrder, partner_order_id: str, seconds: int) -> None:
        """Know an order by the POS's own id again, after Redis was emptied."""
        self._redis.set(self._keys.pos_order(order.store_id, partner_order_id), order.ref, nx=True, ex=seconds)

    def _append_or_raise(self, order: str, update: Update) -> AppendResult:
        # An order that is not remembered here (its record has expired, Redis was emptied) is Gett's to know.
        known = self.find(order) or KnownOrder(order, order, "")
        said = self.append(known, update)
        if said in (AppendResult.STALE, AppendResult.CLOSED):
            told = self._lanes.state(known.lane).get("last", "")
            why = "is closed" if said is AppendResult.CLOSED else "is further already"
            raise Impossible(f"order {order} {why}: {told}; {update.text} comes too late")
        return said
