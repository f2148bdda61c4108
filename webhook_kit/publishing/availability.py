"""``kit.availability``: unavailable items of each store ("86"), in Redis for all processes.

Carts with an unavailable item are refused within a second (:mod:`webhook_kit.publishing.last_good` reads these items together
with the catalog). The catalog is published again only after a short wait, so that several changes need only one publication:
Gett's quota of writes is shared by the whole organisation.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import redis

from webhook_kit.adapter import Store
from webhook_kit.errors import InvalidArgument
from webhook_kit.logs import logger
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script
from webhook_kit.stores import StoreDirectory

__all__ = ["ItemAvailability"]

log = logger("availability")


class ItemAvailability:
    """Unavailable items of each store.

    :param publish_debounce: seconds between a change and the publication of the catalog.
    :param on_change: called with the store's id after a change, so that this process notices it at once.
    """

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        stores: StoreDirectory,
        *,
        publish_debounce: float,
        on_change: Callable[[str], object],
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._stores = stores
        self._publish_debounce = publish_debounce
        self._on_change = on_change
        self._mark_unavailable = Script(connection, keys, "webhook_kit.publishing/mark_unavailable")
        self._mark_available = Script(connection, keys, "webhook_kit.publishing/mark_available")

    def mark_unavailable(self, store: Store | str, item_id: str, until: datetime | None = None) -> bool:
        """Mark an item or option unavailable: carts with it are refused from now on.

        :param until: time at which it becomes available again, aware and in the future; None: when
            :meth:`mark_available` is called.
        :return: False if it was marked with the same ``until`` already.
        :raises NotFound: the store is not known.
        :raises InvalidArgument: ``until`` is in the past or has no time zone.
        """
        store = self._stores.get(store)
        changed = bool(
            self._mark_unavailable(
                self._keys.unavailable(store.id),
                self._keys.catalogs_due,
                store=store.id,
                item=item_id,
                available_at=_score(until, redis_time(self._redis)),
                debounce=self._publish_debounce,
                entry=f"publish:{store.id}",
            )
        )
        if changed:
            self._report_change(store, item_id, available=False)
        return changed

    def mark_available(self, store: Store | str, item_id: str) -> bool:
        """Mark an item or option available again.

        :return: False if it was not marked unavailable.
        :raises NotFound: the store is not known.
        """
        store = self._stores.get(store)
        changed = bool(
            self._mark_available(
                self._keys.unavailable(store.id),
                self._keys.catalogs_due,
                store=store.id,
                item=item_id,
                debounce=self._publish_debounce,
                entry=f"publish:{store.id}",
            )
        )
        if changed:
            self._report_change(store, item_id, available=True)
        return changed

    def unavailable_items(self, store: Store | str) -> dict[str, datetime | None]:
        """Return the items that are marked unavailable now, and until when (None: no time is set).

        :raises NotFound: the store is not known.
        """
        key = self._keys.unavailable(self._stores.get(store).id)
        items: Any = self._redis.zrangebyscore(key, redis_time(self._redis), "+inf", withscores=True)
        return {text(item): None if until >= _NEVER else datetime.fromtimestamp(until, UTC) for item, until in items}

    def _report_change(self, store: Store, item_id: str, *, available: bool) -> None:
        self._on_change(store.id)
        log.info("item_availability_changed", store=store.id, item=item_id, available=available)


_NEVER = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""Unix time from which an item is unavailable without an end: a POS writes the last day there is, some of which no UTC time holds."""


def _score(until: datetime | None, now: float) -> float | str:
    if until is None:
        return "+inf"
    if until.tzinfo is None:
        raise InvalidArgument(f"{until.isoformat()} has no time zone")
    if until.timestamp() <= now:
        raise InvalidArgument(f"{until.isoformat()} is in the past")
    return until.timestamp() if until.timestamp() < _NEVER else "+inf"
