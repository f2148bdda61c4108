"""Findings about orders: in doubt, unconfirmed, and updates that were given up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from typing import Any
from urllib.parse import urlencode

from webhook_kit.kit import Kit
from webhook_kit.operations.findings import HealthFinding, HealthSeverity
from webhook_kit.placement.order_search import PlacementState, is_lapsed, milliseconds
from webhook_kit.storage.connection import text

__all__ = ["OrderInDoubt", "order_findings", "orders_in_doubt", "store_name"]

_MOST_READ = 500
"""Unsettled orders that are read at most; some of them are being placed right now."""

_READ_FOR_HEALTH = 100
"""Unsettled orders that are read to tell what is wrong: a page asks for it every few seconds."""

_NAMED = 3
"""Orders that have a finding of their own."""


@dataclass(frozen=True, slots=True)
class OrderInDoubt:
    """Order that the POS may or may not have.

    :ivar since: moment since when, Unix seconds.
    """

    ref: str
    store_id: str
    since: float


def orders_in_doubt(kit: Kit, limit: int = _MOST_READ) -> list[OrderInDoubt]:
    """Return orders that the POS may or may not have and that are not being placed right now, the newest first.

    :param limit: unsettled orders to read at most.
    :raises redis.RedisError: Redis is not reachable.
    """
    refs = [text(ref) for ref in kit.redis.zrange(kit.keys.unsettled, 0, limit - 1)]
    with kit.redis.pipeline(transaction=False) as pipeline:
        for ref in refs:
            pipeline.hmget(kit.keys.order(ref), "state", "lease", "updated", "store")
        pipeline.time()
        *records, (seconds, _) = pipeline.execute()
    found = []
    for ref, (state, lease, updated, store_id) in zip(refs, records, strict=True):
        if text(state) == PlacementState.IN_DOUBT or is_lapsed(text(state), text(lease), seconds):
            found.append(OrderInDoubt(ref, text(store_id), (milliseconds(text(updated)) or 0) / 1000))
    return sorted(found, key=lambda order: -order.since)


def order_findings(kit: Kit, now: float) -> Iterator[HealthFinding]:
    """Yield what is wrong with orders."""
    yield from _in_doubt(kit)
    yield from _unconfirmed(kit, now)
    yield from _dead_letters(kit)


def _in_doubt(kit: Kit) -> Iterator[HealthFinding]:
    orders = orders_in_doubt(kit, _READ_FOR_HEALTH)
    for order in orders[:_NAMED]:
        resolve = f"webhook-kit order resolve {quote(order.ref)}"
        yield HealthFinding(
            "order_in_doubt",
            HealthSeverity.URGENT,
            f"The POS of {store_name(kit, order.store_id)} may or may not have an order: its call ended without an answer.",
            "Look for the order in the POS. Then say if it is there, and its ticket number.",
            f"{resolve} --placed NUMBER, or {resolve} --not-placed",
            f"order?{urlencode({'ref': order.ref})}",
            f"Order {order.ref}",
            since=order.since,
        )
    if more := orders[_NAMED:]:
        yield HealthFinding(
            "orders_in_doubt",
            HealthSeverity.URGENT,
            f"{len(more)} more orders may or may not be in the POS{' (at least)' if len(orders) >= _READ_FOR_HEALTH else ''}.",
            "Look for each of them in the POS, the newest first: a customer waits for it.",
            "webhook-kit order list --state in_doubt",
            "orders?state=in_doubt",
            since=more[-1].since,
            count=len(more),
        )


def _unconfirmed(kit: Kit, now: float) -> Iterator[HealthFinding]:
    key, latest = kit.keys.unconfirmed, (now - kit.settings.unconfirmed_after) * 1000
    count = int(kit.redis.zcount(key, "-inf", latest))
    oldest: Any = kit.redis.zrange(key, 0, 0, withscores=True)
    if not count or not oldest:
        return
    ref, since = oldest[0]
    one = count == 1
    yield HealthFinding(
        "orders_unconfirmed",
        HealthSeverity.URGENT,
        f"The POS took {'order ' + text(ref) if one else f'{count} orders'} and nobody in the restaurant has confirmed "
        f"{'it' if one else 'them'} for more than {kit.settings.unconfirmed_after / 60:.0f} min.",
        "Call the restaurant: somebody has to accept the order in the POS.",
        f"webhook-kit order show {text(ref)}" if one else "webhook-kit order list --unconfirmed",
        f"order?{urlencode({'ref': text(ref)})}" if one else "orders?state=unconfirmed",
        since=float(since) / 1000,
        count=count,
    )


def _dead_letters(kit: Kit) -> Iterator[HealthFinding]:
    key = kit.keys.dead_letter_times
    count = int(kit.redis.zcard(key))
    newest: Any = kit.redis.zrange(key, 0, 0, desc=True, withscores=True)
    if not count or not newest:
        return
    yield HealthFinding(
        "dead_letters",
        HealthSeverity.WARNING,
        "An update was given up: Gett refused it, or did not take it for hours."
        if count == 1
        else f"{count} updates were given up: Gett refused them, or did not take them for hours.",
        "Read the reason. Once its cause is gone, send them again; discard what is out of date.",
        "webhook-kit outbox dead-letters",
        "dead-letters",
        since=float(newest[0][1]) / 1000,
        count=count,
    )


def store_name(kit: Kit, store_id: str) -> str:
    """Return the name of a store for people; its id if it has none, or does not exist any more."""
    store = kit.stores.by_id(store_id)
    return store.name if store and store.name else store_id
