"""Versions of the catalogs of all stores, to tell an older version of a store from the catalog of another one."""

from __future__ import annotations

import time

import redis

from webhook_kit.adapter import Store
from webhook_kit.logs import logger
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["CatalogVersions"]

log = logger("catalogs")

_FORGET_AFTER = 60.0
"""Seconds for which an answer is used again."""
_MAX_ANSWERS = 1_000

_KEEP = 7 * 86_400
"""Seconds for which a version is known after the last sync that made it. Gett fills carts from the newest one."""


class CatalogVersions:
    """Finds the store of a catalog's version, which is derived from one store alone. The number of stores does not matter."""

    def __init__(self, connection: redis.Redis, keys: Keys) -> None:
        self._redis = connection
        self._keys = keys
        self._answers: dict[tuple[str, str], tuple[float, bool]] = {}

    def record(self, store_id: str, version: str) -> None:
        """Record that a version is of a store's catalog; each sync does it again."""
        self._redis.set(self._keys.catalog_store(version), store_id, ex=_KEEP)

    def is_foreign(self, store: Store, version: str) -> bool:
        """Return True if a version is of another store's catalog.

        A version that nobody has is not foreign: it may be an older one of this store. The same if Redis is out of reach.
        """
        until, answer = self._answers.get((store.id, version), (0.0, False))
        if time.monotonic() < until:
            return answer
        try:
            answer = text(self._redis.get(self._keys.catalog_store(version))) not in ("", store.id)
        except redis.RedisError as error:
            log.warning("catalog_versions_read_failed", store=store.id, error=type(error).__name__)
            answer = False
        if len(self._answers) >= _MAX_ANSWERS:
            self._answers.clear()
        self._answers[store.id, version] = time.monotonic() + _FORGET_AFTER, answer
        return answer
