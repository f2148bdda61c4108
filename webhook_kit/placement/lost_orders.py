"""Orders that Redis has lost and the POS still has: found by their orderRef, when the POS reports a change of one."""

from __future__ import annotations

import redis

from webhook_kit.adapter import Capability, Placed, Store
from webhook_kit.logs import logger
from webhook_kit.outbox.order_updates import KnownOrder, OrderUpdates
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.printing import described
from webhook_kit.storage.keys import Keys, pair
from webhook_kit.storage.locks import Intervals
from webhook_kit.stores import StoreDirectory

__all__ = ["LostOrders"]

log = logger("lost_orders")

_LOOK_UP_AGAIN = 30.0
"""Seconds between two look-ups of the same order."""


class LostOrders:
    """Looks orders up at the POS of an adapter that cannot list them. Where it can, reconciliation finds them.

    :param ttl: seconds for which the POS's own id of a found order is kept.
    """

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        stores: StoreDirectory,
        executor: PosExecutor,
        order_updates: OrderUpdates,
        *,
        ttl: int,
    ) -> None:
        self._intervals = Intervals(connection, keys)
        self._stores = stores
        self._executor = executor
        self._order_updates = order_updates
        self._ttl = ttl

    def find(self, store: Store, order_ref: str, order_id: str) -> KnownOrder | None:
        """Return an order that is not known here, if the POS has a ticket with this orderRef and, if given, this id.

        As in reconciliation, its orderRef stands for Gett's id.
        """
        adapter = self._stores.adapter(store)
        if not order_ref or adapter.offers(Capability.ORDERS_SINCE) or not adapter.offers(Capability.FIND_ORDER):
            return None
        if self._intervals.claim(f"lost-order:{pair(store.id, order_ref)}", _LOOK_UP_AGAIN) is None:
            return None
        try:
            ticket: object = self._executor.run(store.id, "find_order", lambda: adapter.find_order(store, order_ref))
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; the event stays held
            log.warning("lost_order_not_looked_up", order=order_ref, store=store.id, error=described(error))
            return None
        if not isinstance(ticket, Placed) or (order_id and ticket.id != order_id):
            return None
        order = KnownOrder(order_ref, order_ref, store.id)
        self._order_updates.remember_pos_id(order, ticket.id, self._ttl, ended=False)
        log.warning("lost_order_found", order=order_ref, store=store.id)
        return order
