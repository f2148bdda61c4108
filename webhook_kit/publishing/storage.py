"""Catalog storage: the bodies of published catalogs, in Redis or elsewhere."""

from __future__ import annotations

from typing import Protocol

import redis

from webhook_kit.errors import WebhookKitError
from webhook_kit.publishing.urls import CatalogUrls
from webhook_kit.storage.keys import Keys

__all__ = ["CatalogStorage", "RedisCatalogStorage", "StorageUnavailable"]


class StorageUnavailable(WebhookKitError):
    """The catalog storage cannot be reached now, or denies access."""


class CatalogStorage(Protocol):
    """Storage of the compressed bodies of catalogs.

    A body has a name. It may depend on a secret that is rotated, so the name of a stored body has to be kept.
    """

    def name(self, version: str) -> str:
        """Return the name under which a body of this version is stored from now on."""
        ...

    def put(self, version: str, body: bytes, seconds: int) -> None:
        """Store a compressed body under its name for at least so many seconds."""
        ...

    def exists(self, name: str) -> bool:
        """Return True if a body with this name is stored."""
        ...

    def get(self, version: str) -> bytes | None:
        """Return the compressed body of a version, whatever secret its name was made with; None when it is not stored."""
        ...

    def delete(self, name: str) -> None:
        """Delete a body; do nothing when it is not stored."""
        ...

    def url(self, name: str) -> str | None:
        """Return the URL from which Gett downloads a body; None when this installation has no public URL."""
        ...


class RedisCatalogStorage:
    """Bodies in Redis: every web process can serve them, and they survive a restart of the processes.

    The name of a body is its version.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, urls: CatalogUrls) -> None:
        self._redis = connection
        self._keys = keys
        self._urls = urls

    def name(self, version: str) -> str:
        """Return the version itself."""
        return version

    def put(self, version: str, body: bytes, seconds: int) -> None:
        """Store a compressed body; it expires unless it becomes a store's current version."""
        key = self._keys.catalog_set(version)
        # A key without a TTL is a store's current version; it must not expire even if this publication fails.
        if not self._redis.set(key, body, ex=seconds, nx=True):
            lasting = self._redis.ttl(key) == -1
            # Written again also when it is there: equal catalogs give equal bytes, and a damaged body is repaired.
            self._redis.set(key, body, ex=None if lasting else seconds, keepttl=lasting)

    def exists(self, name: str) -> bool:
        """Return True if a body with this name is stored."""
        return bool(self._redis.exists(self._keys.catalog_set(name)))

    def get(self, version: str) -> bytes | None:
        """Return the compressed body of a version; None when it is not stored."""
        body = self._redis.get(self._keys.catalog_set(version))
        return body if isinstance(body, bytes) else None

    def delete(self, name: str) -> None:
        """Delete a body."""
        self._redis.delete(self._keys.catalog_set(name))

    def url(self, name: str) -> str | None:
        """Return the URL at which the kit itself serves a body; None without a public URL."""
        return self._urls.url(name)
