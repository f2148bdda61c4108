"""``kit.order_updates``: report the progress of an order to Gett, in order and in time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import redis

from webhook_kit.errors import InvalidTransition
from webhook_kit.gett.models.store import OrderStatus
from webhook_kit.outbox.archive import OrderArchive
from webhook_kit.outbox.lanes import AppendResult, Lanes, lane_name
from webhook_kit.outbox.updates import Kind, Update, order_ended, order_progress
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script

__all__ = ["KnownOrder", "OrderUpdates"]


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """Ids of an order.

    :ivar ref: its orderRef (``gett-protocol.md §3``).
    :ivar gett_id: Gett's id, empty while unknown.
    :ivar placing: True if an attempt to place it may still settle its record.
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
    """Updates of orders. Every method returns when the update is stored, before it is sent."""

    def __init__(self, connection: redis.Redis, keys: Keys, lanes: Lanes, alerts: Alerts) -> None:
        self._redis = connection
        self._keys = keys
        self._lanes = lanes
        self._alerts = alerts
        self._archive = OrderArchive(connection, keys)
        self._remember = Script(connection, keys, "webhook_kit.outbox/remember_pos_id")

    def progress(
        self, order: str, status: OrderStatus | str, *, estimated_ready_at: datetime | None = None
    ) -> AppendResult:
        """Report that an order has reached a status.

        :param order: Gett's order id, or the orderRef.
        :param estimated_ready_at: aware.
        :raises InvalidTransition: the order is already further, or closed.
        :raises InvalidArgument: the status is not one that is sent.
        """
        return self._append_or_raise(order, order_progress(status, estimated_ready_at))

    def complete(self, order: str) -> AppendResult:
        """Report that the customer has the order.

        :raises InvalidTransition: the order is closed.
        """
        return self._append_or_raise(order, order_ended("completed"))

    def cancel(self, order: str, reason: str) -> AppendResult:
        """Report that the restaurant has cancelled the order.

        :raises InvalidTransition: the order is closed.
        :raises InvalidArgument: the reason is empty.
        """
        return self._append_or_raise(order, order_ended("cancelled", reason))

    def append(self, order: KnownOrder, update: Update, *, force: bool = False) -> AppendResult:
        """Append an update of an order.

        :param force: also append a duplicate, or an update of a closed order.
        """
        return self._lanes.append(order.lane, update, store_id=order.store_id, gett_id=order.gett_id, force=force)

    def find(self, order: str) -> KnownOrder | None:
        """Return an order by Gett's id or the orderRef; None when neither a record nor a lane of it is kept."""
        ref = text(self._redis.get(self._keys.by_gett_id(order))) or order

        def queue(live: redis.client.Pipeline) -> None:
            live.hmget(self._keys.order(ref), "store", "gett_id", "state", "lease")
            live.hmget(self._keys.lane(lane_name(Kind.ORDER, ref)), "store", "gett_id")

        ((store, gett_id, state, lease), lane), archived = self._archive.read(ref, queue)
        if archived is not None:
            store, gett_id, state = (archived.record.get(name, "") for name in ("store", "gett_id", "state"))
        if store is not None:
            return KnownOrder(ref, text(gett_id), text(store), placing=self._is_placing(text(state), text(lease)))
        store, gett_id = lane
        return None if store is None else KnownOrder(ref, text(gett_id), text(store))

    def _is_placing(self, state: str, lease: str) -> bool:
        """Return False for a placed order, and for one whose claim is all that is left: Redis has lost that it was placed."""
        if state == "claimed":
            return float(lease or 0) > redis_time(self._redis) * 1000
        return state not in ("placed", "released")

    def unconfirmed(self, store_id: str, since: float) -> list[KnownOrder]:
        """Return the orders of a store that its POS took as pending and has not confirmed.

        :param since: Unix seconds, by the clock of Redis; orders that were placed earlier are left out.
        """
        refs = [text(ref) for ref in self._redis.zrangebyscore(self._keys.unconfirmed, since * 1000, "+inf")]
        with self._redis.pipeline(transaction=False) as pipeline:
            for ref in refs:
                pipeline.hmget(self._keys.order(ref), "store", "gett_id", "state")
            records = zip(refs, pipeline.execute(), strict=True)
        return [
            KnownOrder(ref, text(gett_id), store_id)
            for ref, (store, gett_id, state) in records
            if text(store) == store_id and text(state) == "placed"
        ]

    def find_by_pos_id(self, store_id: str, partner_order_id: str) -> KnownOrder | None:
        """Return an order by the POS's own id."""
        ref = text(self._redis.get(self._keys.pos_order(store_id, partner_order_id)))
        return self.find(ref) if ref else None

    def find_by_pos_reference(self, store_id: str, partner_order_id: str, order_ref: str) -> KnownOrder | None:
        """Return an order of this store by its orderRef, or by the POS's own id if the POS names no orderRef.

        The orderRef decides, because a POS may use its numbers again each day. If the number belongs to another order, an alert
        is raised.
        """
        by_id = self.find_by_pos_id(store_id, partner_order_id) if partner_order_id else None
        order = self.find(order_ref) if order_ref else by_id
        if order_ref and by_id is not None and by_id.ref != (order.ref if order else order_ref):
            self._report_clash(order_ref, partner_order_id, by_id.ref)
        return order if order is not None and order.store_id in ("", store_id) else None

    def remember_pos_id(self, order: KnownOrder, partner_order_id: str, seconds: int, *, ended: bool) -> None:
        """Store the POS's own id of an order, for the case that Redis was emptied since its placement.

        If the id leads to another order, the newer one keeps it, and an alert is raised.

        :param ended: True if the order is completed or cancelled: its number may belong to a newer order already, which keeps it.
        """
        key = self._keys.pos_order(order.store_id, partner_order_id)
        other = text(self._remember(key, ref=order.ref, ttl=seconds, ended=ended))
        if other:
            self._report_clash(order.ref, partner_order_id, other)

    def _report_clash(self, ref: str, partner_order_id: str, other: str) -> None:
        why = f"the POS's order id {partner_order_id} belongs to order {other} too; the orderRef decides"
        self._alerts.raise_once(Alert.POS_ID_REUSED, ref, why)

    def _append_or_raise(self, order: str, update: Update) -> AppendResult:
        # An order that is unknown here (its record has expired, Redis was emptied) may still be known to Gett.
        known = self.find(order) or KnownOrder(order, order, "")
        result = self.append(known, update)
        if result in (AppendResult.STALE, AppendResult.CLOSED):
            last = json.loads(self._lanes.state(known.lane).get("last") or "{}")
            raise InvalidTransition(f"order {order} is already {_step(last)}; {_step(update.body)} is rejected")
        return result


def _step(body: dict[str, str]) -> str:
    return f"`{body.get('state') or body.get('status') or 'further'}`"
