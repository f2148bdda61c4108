"""Events of a POS about orders: each is appended to the lane of its order, or held while the order is being placed or is not known (yet)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import cast
from urllib.parse import quote

import redis
from pydantic import TypeAdapter

from webhook_kit.adapter import OrderChanged, PosEvent
from webhook_kit.logs import logger
from webhook_kit.outbox.order_updates import OrderUpdates
from webhook_kit.outbox.updates import from_pos
from webhook_kit.placement.lost_orders import LostOrders
from webhook_kit.printing import described
from webhook_kit.storage import formats
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import OUT_OF_REACH
from webhook_kit.storage.formats import NewerFormat, is_newer, newer_format
from webhook_kit.storage.keys import Keys
from webhook_kit.stores import StoreDirectory

__all__ = ["LOGGED_NAME", "PosOrderEvents"]

log = logger("pos_events")

_HELD = "held"

LOGGED_NAME = 200
"""Characters of a name that a stranger wrote, as far as they are logged."""

_ORDER_CHANGED = TypeAdapter(OrderChanged)


class PosOrderEvents:
    """Appends the events of orders, and holds those that come too early.

    :param hold_timeout: seconds after which a held event raises an alert, and is given up.
    """

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        stores: StoreDirectory,
        orders: OrderUpdates,
        lost_orders: LostOrders,
        alerts: Alerts,
        hold_timeout: float,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._stores = stores
        self._orders = orders
        self._lost_orders = lost_orders
        self._alerts = alerts
        self._hold_timeout = hold_timeout

    def append_or_hold(self, event: OrderChanged) -> str:
        """Append an event's update to its order, or hold the event. Return the outcome.

        :raises OperationRejected: the update is not valid.
        """
        outcome = self._append(event)
        if outcome == _HELD:
            event_data = _ORDER_CHANGED.dump_python(event, mode="json")
            entry = {"format": formats.HELD_EVENT, "at": redis_time(self._redis), "event": event_data}
            self._redis.rpush(self._keys.held_events, json.dumps(entry))
        return outcome

    def retry_held(self) -> int:
        """Try to append the held events; raise an alert for each that was held for too long.

        :return: number of events that are no longer held.
        """
        return self._retry_held(None)

    def retry_held_of(self, events: Sequence[PosEvent]) -> None:
        """Try to append the held events of the orders that these events are about.

        Those of other orders are left to the worker: a POS that reports orders of which Gett does not know may have thousands held.
        """
        orders = {name for event in events if isinstance(event, OrderChanged) for name in _names(event)}
        if orders:
            self._retry_held(orders)

    def record(self, event: PosEvent, outcome: str) -> None:
        """Count and log what became of an event, of whatever kind."""
        self._redis.hincrby(self._keys.pos_event_counts, outcome.partition(":")[0], 1)
        facts = {"order": (event.order_ref or event.order_id)[:LOGGED_NAME]} if isinstance(event, OrderChanged) else {}
        store = event.store_id[:LOGGED_NAME]
        log.info("pos_event_received", kind=type(event).__name__, store=store, outcome=outcome, **facts)

    def _retry_held(self, orders: AbstractSet[tuple[str, str]] | None) -> int:
        held = [
            raw for raw in self._redis.lrange(self._keys.held_events, 0, -1) if orders is None or _may_name(raw, orders)
        ]
        now = redis_time(self._redis) if held else 0.0
        released = 0
        for raw in held:
            try:
                released += self._retry_one(raw, orders, now)
            except OUT_OF_REACH:
                raise
            except Exception:  # the other events are tried all the same
                log.exception("held_event_failed")
        return released

    def _retry_one(self, raw: bytes | str, orders: AbstractSet[tuple[str, str]] | None, now: float) -> bool:
        """Try to append a held event. Return True if it is no longer held.

        :param orders: names of the orders whose events are tried; None: of all.
        """
        try:
            entry = json.loads(raw)
            if is_newer(entry.get("format"), formats.HELD_EVENT):
                newer_format("a held event", entry["format"])
                return False
            event: OrderChanged = _ORDER_CHANGED.validate_python(entry["event"])
        except (ValueError, LookupError, TypeError, AttributeError):  # damaged
            log.exception("held_event_discarded")
            return bool(self._redis.lrem(self._keys.held_events, 1, cast(str, raw)))
        if orders is not None and orders.isdisjoint(_names(event)):
            return False
        expired = now - entry["at"] >= self._hold_timeout
        why = f"the POS of store {event.store_id} reports an order that was not placed by this installation"
        try:
            # Only a worker asks the POS for an unknown order; a webhook does not wait for that.
            outcome = self._append(event, look_up=orders is None)
        except OUT_OF_REACH:
            raise
        except Exception as error:
            if not expired:
                raise
            log.exception("held_event_failed", store=event.store_id)
            outcome, why = (
                _HELD,
                f"an event of the POS of store {event.store_id} cannot be appended: {described(error)}",
            )
        if outcome == _HELD:
            if not expired:
                return False
            outcome = "given up"
            self._alerts.raise_once(
                Alert.UNKNOWN_ORDER, event.order_ref or f"{quote(event.store_id, safe='')}/{event.order_id}", why
            )
        # Removed only after the append: when the process dies in between, the second append is a duplicate.
        if not self._redis.lrem(self._keys.held_events, 1, cast(str, raw)):
            return False
        self.record(event, outcome)
        return True

    def _append(self, event: OrderChanged, *, look_up: bool = False) -> str:
        """Append an event's update to its order.

        :param look_up: ask the POS for an order that is not known here.
        """
        update = from_pos(event)
        order = self._orders.find_by_pos_reference(event.store_id, event.order_id, event.order_ref)
        if order is None and look_up and self._orders.find(event.order_ref) is None:
            order = self._lost_orders.find(self._stores.get(event.store_id), event.order_ref, event.order_id)
        try:
            return _HELD if order is None or order.placing else self._orders.append(order, update).value
        except NewerFormat:
            return _HELD  # until a process of that version appends it


def _names(event: OrderChanged) -> set[tuple[str, str]]:
    """Return the names of an event's order, each with its store."""
    return {(event.store_id, name) for name in (event.order_id, event.order_ref) if name}


def _may_name(held: bytes | str, orders: AbstractSet[tuple[str, str]]) -> bool:
    """Return False if a held event, as it is stored, names none of these orders. Many may be held, and parsing them takes time."""
    raw = held if isinstance(held, bytes) else held.encode()
    return any(json.dumps(name).encode() in raw for _, name in orders)
