"""Gett's order events, for distribution partners: ``order_create`` and ``order_update`` (``gett-protocol.md §3``).

They have no id, no sequence number and no time, so content and rank of the status decide which event is newer [D]::

    created → manual_review → confirmed → shipped → fulfilled → canceled

=======================  ===============================================================================================
event                    outcome
=======================  ===============================================================================================
new                      passed to the vendor's handler (``ORDER_EVENT_HANDLER``), then recorded: ``handled``
equal to the last one    ``duplicate``
lower rank,              ``stale``: Gett may deliver events out of order
or fewer refunds
the handler raises,      503, and nothing is recorded: Gett sends the event again
or takes too long
=======================  ===============================================================================================

When a process dies between the handler's return and the record, the event is handled a second time, so handlers have to be
idempotent. The events of one order are handled one at a time.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from typing import Literal, NamedTuple, Self

import redis

from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.models.marketfront import OrderEvent
from webhook_kit.gett.problems import unavailable
from webhook_kit.logs import logger
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.locks import RedisLock
from webhook_kit.stores.adapters import add_cwd_to_sys_path
from webhook_kit.vendor_calls import VendorCalls

__all__ = ["OrderEventHandler", "OrderEventOutcome", "OrderEventReceiver", "load_handler"]

log = logger("order_events")

OrderEventHandler = Callable[[OrderEvent], object]
"""A vendor's function for an event; when it raises, Gett sends the event again later."""

OrderEventOutcome = Literal["handled", "duplicate", "stale"]

_RANKS = {"created": 0, "manual_review": 1, "confirmed": 2, "shipped": 3, "fulfilled": 4, "canceled": 5}


class OrderEventReceiver:
    """Passes each event to the handler once, and never an older one after a newer one.

    :param timeout: seconds to wait for another event of the same order.
    :param ttl: seconds for which an order's last event is recorded.
    """

    def __init__(
        self, connection: redis.Redis, keys: Keys, handler: OrderEventHandler, *, timeout: float, ttl: int
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._handler = handler
        self._calls = VendorCalls("order-event-handler")
        self._timeout = timeout
        self._ttl = ttl

    def receive(self, event: OrderEvent) -> OrderEventOutcome:
        """Handle an event, unless it is a duplicate or stale.

        :raises Problem: 503: the handler failed, or another event of this order is still being handled.
        :raises redis.RedisError: Redis is not reachable; the event was not handled, or it will be handled again.
        """
        order = event.data.checkout_session_id
        # The lock expires after twice the timeout, so that a process that died does not block an order forever.
        key = self._keys.order_event_lock(order)
        lock = RedisLock(self._redis, self._keys, key, seconds=2 * self._timeout, wait=self._timeout)
        if not lock.acquire():
            raise unavailable("an earlier event of this order is still being handled", retry_after=5)
        try:
            outcome = self._handle(event)
        finally:
            lock.release()
        log.info("order_event_received", order=order, status=event.data.status, outcome=outcome)
        return outcome

    def _handle(self, event: OrderEvent) -> OrderEventOutcome:
        key = self._keys.order_event(event.data.checkout_session_id)
        record, last = _EventRecord.of(event), self._redis.get(key)
        if last is not None and (outcome := _not_new(record, _EventRecord(*json.loads(text(last))))) is not None:
            return outcome
        try:
            self._calls.run(lambda: self._handler(event), seconds=self._timeout)
        except Exception as error:
            log.exception("order_event_handler_failed", order=event.data.checkout_session_id)
            raise unavailable("the event could not be handled now", retry_after=30) from error
        self._redis.set(key, json.dumps(record), ex=self._ttl)
        return "handled"


def load_handler(spec: str) -> OrderEventHandler:
    """Load the handler that a setting names as ``module:function``.

    :raises ConfigurationError: the function does not exist.
    """
    module, _, name = spec.partition(":")
    add_cwd_to_sys_path()
    try:
        handler: object = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"ORDER_EVENT_HANDLER {spec!r}: {error!r}") from error
    if not callable(handler):
        raise ConfigurationError(f"ORDER_EVENT_HANDLER {spec!r}: {name} is not a function")
    return handler


class _EventRecord(NamedTuple):
    """Properties of an event by which a later one is compared with it."""

    rank: int
    digest: str
    refunds: list[str]

    @classmethod
    def of(cls, event: OrderEvent) -> Self:
        digest = hashlib.sha256(json.dumps(event.to_wire(), sort_keys=True).encode()).hexdigest()
        refunds = sorted(f"{refund.type} {refund.amount}" for refund in event.data.refunds)
        return cls(_RANKS[event.data.status], digest, refunds)


def _not_new(event: _EventRecord, last: _EventRecord) -> OrderEventOutcome | None:
    """Return the outcome of an event that is not newer than the last one; None when it is newer."""
    if event.digest == last.digest:
        return "duplicate"
    if event.rank != last.rank:
        return "stale" if event.rank < last.rank else None
    # Of two events with one status, the event with fewer refunds is older.
    return "stale" if Counter(event.refunds) < Counter(last.refunds) else None
