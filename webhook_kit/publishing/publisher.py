"""Publisher of catalogs: canonical JSON, compressed, named by its content, never changed.

Gett gets a URL and downloads from it later, perhaps after the next version was published. So each version has its own URL and
is kept for at least a day after its successor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import redis

from webhook_kit.catalog.build import canonical_json
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.logs import logger
from webhook_kit.publishing.catalog_versions import CatalogVersions
from webhook_kit.publishing.compression import gzipped
from webhook_kit.publishing.storage import CatalogStorage, StorageUnavailable
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script

__all__ = ["PublishedVersion", "Publisher", "compressed_json"]

log = logger("publisher")


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """The current version of a store's published catalog.

    :ivar version: its ``catalogSetId``.
    :ivar name: name of its body in the catalog storage.
    :ivar at: time of publication, Unix seconds.
    :ivar items: number of items.
    """

    version: str
    name: str
    at: float
    items: int


class Publisher:
    """Publishes catalogs.

    :param retention: seconds for which a version is kept after its successor.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, storage: CatalogStorage, *, retention: int) -> None:
        self._redis = connection
        self._keys = keys
        self._storage = storage
        self._retention = retention
        self._versions = CatalogVersions(connection, keys)
        self._switch_version = Script(connection, keys, "webhook_kit.publishing/switch_version")

    def publish(
        self, store_id: str, catalog: ExternalCatalogSet, notify: Callable[[str], object], *, force: bool = False
    ) -> bool:
        """Publish a catalog and notify Gett of its URL, unless the same content is published already.

        :param catalog: a catalog with an id from :func:`~webhook_kit.catalog.build.versioned`.
        :param notify: called with the URL after the body was stored and before the version becomes the current one. So a
            process that dies in between notifies twice, but never not at all.
        :param force: also publish when nothing has changed.
        :return: True if the catalog was published; False also without a public URL.
        """
        version = catalog.catalog_set_id
        if version is None:
            raise ValueError("only a catalog with a catalogSetId can be published")
        self._versions.record(store_id, version)
        current = self.current(store_id)
        is_current = current is not None and current.version == version and self._storage.exists(current.name)
        if is_current and not force:
            return False
        name = self._storage.name(version)
        url = self._storage.url(name)
        if url is None:
            return False
        now = int(redis_time(self._redis))
        # Recorded before it is stored, so that the body of a publication that is cut off is deleted too.
        self._redis.zadd(self._keys.stored_catalogs(store_id), {name: now}, nx=True)
        self._storage.put(version, compressed_json(catalog), self._retention)
        notify(url)
        self._switch_version(
            self._keys.published(store_id),
            self._keys.superseded(store_id),
            store=store_id,
            version=version,
            name=name,
            items=len(catalog.items),
            now=now,
            retention=self._retention,
        )
        self._delete_superseded(store_id, now)
        return True

    def current(self, store_id: str) -> PublishedVersion | None:
        """Return the current version of a store's published catalog; None when none was ever published."""
        version, name, at, items = self._redis.hmget(self._keys.published(store_id), "version", "name", "at", "items")
        if not isinstance(version, bytes) or not isinstance(name, bytes):
            return None
        return PublishedVersion(version.decode(), name.decode(), float(at or 0), int(items or 0))

    def url(self, store_id: str) -> str | None:
        """Return the URL of a store's current version; None when nothing is published."""
        current = self.current(store_id)
        return None if current is None else self._storage.url(current.name)

    def get(self, version: str) -> bytes | None:
        """Return the compressed body of a version; None when it is not stored (any more)."""
        return self._storage.get(version)

    def retire(self, store_id: str) -> list[str]:
        """Delete everything that is published of a removed store.

        :return: names of the bodies that the storage did not delete.
        """
        left = [
            name
            for name in map(text, self._redis.zrange(self._keys.stored_catalogs(store_id), 0, -1))
            if not self._delete(store_id, name)
        ]
        keys = self._keys
        self._redis.delete(*(key(store_id) for key in (keys.published, keys.superseded, keys.stored_catalogs)))
        return left

    def _delete_superseded(self, store_id: str, now: int) -> None:
        stored = self._keys.stored_catalogs(store_id)
        for name in map(text, self._redis.zrangebyscore(stored, 0, now - self._retention)):
            if not self._delete(store_id, name):  # the next publication tries again
                return
            self._redis.zrem(stored, name)

    def _delete(self, store_id: str, name: str) -> bool:
        try:
            self._storage.delete(name)
        except StorageUnavailable as error:
            log.warning("superseded_catalog_not_deleted", store=store_id, name=name, error=str(error))
            return False
        return True


def compressed_json(catalog: ExternalCatalogSet) -> bytes:
    """Return the gzipped canonical JSON of a catalog with its ``catalogSetId``; equal catalogs give equal bytes."""
    # The content begins with a brace and is not empty; the id is inserted in front of its members.
    content = canonical_json(catalog)
    head = f'{{"catalogSetId":"{catalog.catalog_set_id}",'.encode()
    return gzipped(head + content[1:])
