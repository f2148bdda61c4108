"""``kit.availability``: what has run out ("86"), shared by all processes through Redis.

What is out is refused within a second (:mod:`webhook_kit.publishing.last_good` reads it with the menu), and published a little later, when no more
has run out for the moment: Gett's quota of writes is for the whole organisation.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import redis

from webhook_kit.adapter import Store
from webhook_kit.errors import InvalidArgument
from webhook_kit.logs import logger
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.stores import StoreDirectory

__all__ = ["ItemAvailability"]

log = logger("availability")

_OUT = """
-- KEYS: out, due. ARGV: item, moment it is back (s or +inf), now (s), entry of due, when it is due (s).
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[3])
local changed = redis.call('ZADD', KEYS[1], 'CH', ARGV[2], ARGV[1])
if changed == 1 then redis.call('ZADD', KEYS[2], 'LT', ARGV[5], ARGV[4]) end
return changed
"""

_BACK = """
-- KEYS: out, due. ARGV: item, entry of due, when it is due (s).
local changed = redis.call('ZREM', KEYS[1], ARGV[1])
if changed == 1 then redis.call('ZADD', KEYS[2], 'LT', ARGV[3], ARGV[2]) end
return changed
"""


class ItemAvailability:
    """What each store has run out of.

    :param publish_debounce: seconds after which the published menu follows.
    :param on_change: called with the store's id in this process, which need not wait for its second to pass.
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
        self._republish_after = publish_debounce
        self._on_change = on_change
        self._out = connection.register_script(_OUT)
        self._back = connection.register_script(_BACK)

    def mark_unavailable(self, store: Store | str, item_id: str, until: datetime | None = None) -> bool:
        """An item or option has run out: carts with it are refused from now on.

        :param until: when it is back by itself; aware, in the future. None: until :meth:`mark_available` is said.
        :return: whether that is news.
        :raises NotFound: the store is not known.
        :raises InvalidArgument: ``until`` is in the past or has no time zone.
        """
        known, now = self._known(store), time.time()
        args: list[Any] = [item_id, _score(until, now), now, f"publish:{known.id}", now + self._republish_after]
        changed = bool(self._out(keys=[self._keys.unavailable(known.id), self._keys.catalogs_due], args=args))
        return self._noted(known, item_id, "out", changed=changed)

    def mark_available(self, store: Store | str, item_id: str) -> bool:
        """It is there again.

        :return: whether that is news.
        :raises NotFound: the store is not known.
        """
        known = self._known(store)
        args: list[Any] = [item_id, f"publish:{known.id}", time.time() + self._republish_after]
        changed = bool(self._back(keys=[self._keys.unavailable(known.id), self._keys.catalogs_due], args=args))
        return self._noted(known, item_id, "back", changed=changed)

    def unavailable_items(self, store: Store | str) -> dict[str, datetime | None]:
        """What has run out now, and until when; None: until somebody says that it is back.

        :raises NotFound: the store is not known.
        """
        found: Any = self._redis.zrangebyscore(
            self._keys.unavailable(self._known(store).id), time.time(), "+inf", withscores=True
        )
        return {text(item): None if math.isinf(until) else datetime.fromtimestamp(until, UTC) for item, until in found}

    def _noted(self, store: Store, item_id: str, what: str, *, changed: bool) -> bool:
        if changed:
            self._on_change(store.id)
            log.info("availability changed", store=store.id, item=item_id, now=what)
        return changed

    def _known(self, store: Store | str) -> Store:
        return self._stores.get(store)


def _score(until: datetime | None, now: float) -> float | str:
    if until is None:
        return "+inf"
    if until.tzinfo is None:
        raise InvalidArgument(f"{until.isoformat()} has no time zone")
    if until.timestamp() <= now:
        raise InvalidArgument(f"{until.isoformat()} is in the past")
    return until.timestamp()
