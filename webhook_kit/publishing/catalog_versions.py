"""Versions of the catalogs of all stores, to tell an older version of a store from the catalog of another one."""

from __future__ import annotations

import time

import redis

from webhook_kit.adapter import Store
from webhook_kit.logs import logger
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.stores import StoreDirectory

__all__ = ["CatalogVersions"]

log = logger("catalogs")

_FORGET_AFTER = 60.0
"""Seconds for which an answer is used again."""
_MAX_ANSWERS = 1_000


class CatalogVersions:
    """Finds the store of a catalog's version among the versions that this installation has."""

    def __init__(self, connection: redis.Redis, keys: Keys, stores: StoreDirectory) -> None:
        self._redis = connection
        self._keys = keys
        self._stores = stores
        self._answers: dict[tuple[str, str], tuple[float, bool]] = {}

    def is_foreign(self, store: Store, version: str) -> bool:
        """Return True if a version is of another store's catalog.

        A version that nobody has is not foreign: it may be an older one of this store. The same if Redis is out of reach.
        """
        until, answer = self._answers.get((store.id, version), (0.0, False))
        if time.monotonic() < until:
            return answer
        try:
            answer = not self._has(store.id, version) and any(
                self._has(other.id, version) for other in self._stores if other.id != store.id
            )
        except redis.RedisError as error:
            log.warning("catalog_versions_read_failed", store=store.id, error=type(error).__name__)
            answer = False
        if len(self._answers) >= _MAX_ANSWERS:
            self._answers.clear()
        self._answers[store.id, version] = time.monotonic() + _FORGET_AFTER, answer
        return answer

    def _has(self, store_id: str, version: str) -> bool:
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hget(self._keys.catalog(store_id), "version")
            pipeline.hget(self._keys.published(store_id), "version")
            pipeline.zscore(self._keys.superseded(store_id), version)
            last_good, published, superseded = pipeline.execute()
        return superseded is not None or version in (text(last_good), text(published))
