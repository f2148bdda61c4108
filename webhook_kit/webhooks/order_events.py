"""Gett's order events, for distribution partners: ``order_create`` and ``order_update`` (``gett-protocol.md §3``).

They carry neither id nor sequence nor time, so what is new is judged by content and by the rank of the status [D]::

    created → manual_review → confirmed → shipped → fulfilled → canceled

=====================  =================================================================================================
what comes             what becomes of it
=====================  =================================================================================================
something new          handed to the vendor's handler (``ORDER_EVENT_HANDLER``), then remembered: ``handled``
what was handled       ``duplicate``
a lower rank,          ``stale``: Gett's deliveries overtake each other
or fewer refunds
the handler raises     503: Gett sends it again; nothing is remembered
=====================  =================================================================================================

A process that dies between the handler's return and the record has the event handled once more, so a handler has to bear that.
The events of one order are handled one at a time.
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

__all__ = ["Handler", "OrderEvents", "Outcome", "load_handler"]

log = logger("order-events")

Handler = Callable[[OrderEvent], object]
"""What a vendor does with an event; raising means "later, please"."""

Outcome = Literal["handled", "duplicate", "stale"]

_RANKS = {"created": 0, "manual_review": 1, "confirmed": 2, "shipped": 3, "fulfilled": 4, "canceled": 5}


class OrderEvents:
    """Hands each event to the handler once, never an older one after a newer one.

    :param patience: seconds to wait for an earlier event of the same order.
    :param ttl: seconds for which an order's last event is remembered.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, handler: Handler, *, patience: float, ttl: int) -> None:
        self._redis = connection
        self._keys = keys
        self._handler = handler
        self._patience = patience
        self._ttl = ttl

    def receive(self, event: OrderEvent) -> Outcome:
        """Handle an event, unless it is a duplicate or stale.

        :raises Problem: 503, when the handler failed or an earlier event of this order is still being handled.
        :raises redis.RedisError: when Redis is out of reach; nothing was handled, or it will be handled again.
        """
        order = event.data.checkout_session_id
        # The lock lapses after twice the patience: a process that died does not block an order for good.
        key = self._keys.order_event_lock(order)
        lock = RedisLock(self._redis, key, seconds=2 * self._patience, wait=self._patience)
        if not lock.acquire():
            raise unavailable("an earlier event of this order is still being handled", retry_after=5)
        try:
            outcome = self._handle(event)
        finally:
            lock.release()
        log.info("order event", order=order, status=event.data.status, outcome=outcome)
        return outcome

    def _handle(self, event: OrderEvent) -> Outcome:
        key = self._keys.order_event(event.data.checkout_session_id)
        mine, last = _Kept.of(event), self._redis.get(key)
        if last is not None and (outcome := _not_news(mine, _Kept(*json.loads(text(last))))) is not None:
            return outcome
        try:
            self._handler(event)
        except Exception as error:
            log.exception("the handler of order events failed", order=event.data.checkout_session_id)
            raise unavailable("the event could not be handled now", retry_after=30) from error
        self._redis.set(key, json.dumps(mine), ex=self._ttl)
        return "handled"


def load_handler(spec: str) -> Handler:
    """The handler that a setting names as ``module:function``.

    :raises ConfigurationError: when there is no such function.
    """
    module, _, name = spec.partition(":")
    add_cwd_to_sys_path()
    try:
        found: object = getattr(import_module(module), name)
    except Exception as error:
        raise ConfigurationError(f"ORDER_EVENT_HANDLER {spec!r}: {error!r}") from error
    if not callable(found):
        raise ConfigurationError(f"ORDER_EVENT_HANDLER {spec!r}: {name} cannot be called")
    return found


class _Kept(NamedTuple):
    """What is remembered of an event."""

    rank: int
    digest: str
    refunds: list[str]

    @classmethod
    def of(cls, event: OrderEvent) -> Self:
        digest = hashlib.sha256(json.dumps(event.to_wire(), sort_keys=True).encode()).hexdigest()
        refunds = sorted(f"{refund.type} {refund.amount}" for refund in event.data.refunds)
        return cls(_RANKS[event.data.status], digest, refunds)


def _not_news(event: _Kept, last: _Kept) -> Outcome | None:
    """Why an event is not news after the one that was handled last, or None."""
    if event.digest == last.digest:
        return "duplicate"
    if event.rank != last.rank:
        return "stale" if event.rank < last.rank else None
    # Of one status, the event that knows fewer refunds is the older one.
    return "stale" if Counter(event.refunds) < Counter(last.refunds) else None
