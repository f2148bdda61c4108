"""Published versions of menus: canonical JSON, compressed, named by their content, never changed.

Gett is told an address and pulls from it later, perhaps after the next version is out. So each version has an address of its
own and is kept for a day and more after its successor. Addresses are derived from the version and a secret: who was not given
one cannot guess it, and none has to be stored.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import redis

from webhook_kit.catalog.build import canonical_json
from webhook_kit.errors import WebhookKitError
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.logs import logger
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = [
    "CatalogStorage",
    "CatalogUrls",
    "Published",
    "Publisher",
    "RedisCatalogStorage",
    "StorageUnavailable",
    "packed",
]

log = logger("publish")

_TOKEN = 32  # hex digits: 128 bits

_SWAP = """
-- A store's current version is another one now: the new one stays, the former goes after its time.
-- KEYS: pointer, superseded. ARGV: prefix of the bodies, version, seconds to keep the former, moment (s), items.
local former = redis.call('HGET', KEYS[1], 'version')
redis.call('PERSIST', ARGV[1] .. ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[2])
if former and former ~= ARGV[2] then
  redis.call('EXPIRE', ARGV[1] .. former, ARGV[3])
  redis.call('ZADD', KEYS[2], ARGV[4], former)
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'at', ARGV[4], 'items', ARGV[5])
"""


class StorageUnavailable(WebhookKitError):
    """What keeps published menus cannot be reached now, or does not let us in."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a store's menu is published as.

    :ivar version: its ``catalogSetId``.
    :ivar at: when, Unix seconds.
    :ivar items: how many items it has.
    """

    version: str
    at: float
    items: int


class CatalogStorage(Protocol):
    """Where the bodies of published versions are kept."""

    def put(self, version: str, body: bytes, seconds: int) -> None:
        """Keep a compressed body for at least so many seconds."""
        ...

    def get(self, version: str) -> bytes | None:
        """A compressed body, or None when there is none of that version."""
        ...

    def delete(self, version: str) -> None:
        """Forget one that has had its time; none is fine."""
        ...

    def address(self, version: str) -> str | None:
        """Where Gett pulls it from; None when this installation has no public address."""
        ...


class CatalogUrls:
    """The addresses at which the kit itself serves versions.

    :param base: this installation's public base URL, without a slash at the end; None when it has none.
    :param secrets: newest first; the older ones are still accepted.
    """

    def __init__(self, base: str | None, secrets: Sequence[str]) -> None:
        self._base = base
        self._secrets = [secret.encode() for secret in secrets]

    def path(self, version: str) -> str:
        """The path of a version, without a slash at the front."""
        return f"catalogs/{_token(self._secrets[0], version)}/{version}.json"

    def url(self, version: str) -> str | None:
        """The whole address of a version; None without a public base URL."""
        return None if self._base is None else f"{self._base}/{self.path(version)}"

    def verify(self, token: str, version: str) -> bool:
        """Whether the token in a path is the version's; in constant time."""
        given = token.encode()
        return any(hmac.compare_digest(_token(secret, version).encode(), given) for secret in self._secrets)


class RedisCatalogStorage:
    """Bodies in Redis: every process serves them, and a platform's restart loses none."""

    def __init__(self, connection: redis.Redis, keys: Keys, addresses: CatalogUrls) -> None:
        self._redis = connection
        self._keys = keys
        self._addresses = addresses

    def put(self, version: str, body: bytes, seconds: int) -> None:
        """Keep a compressed body; it lapses unless it becomes a store's current version."""
        key = self._keys.catalog_set(version)
        # One that is there for good is somebody's current version, and stays so, whatever becomes of this publication.
        if not self._redis.set(key, body, ex=seconds, nx=True) and self._redis.ttl(key) != -1:
            self._redis.set(key, body, ex=seconds)

    def get(self, version: str) -> bytes | None:
        """A compressed body, or None when there is none of that version."""
        found = self._redis.get(self._keys.catalog_set(version))
        return found if isinstance(found, bytes) else None

    def delete(self, version: str) -> None:
        """Forget a version."""
        self._redis.delete(self._keys.catalog_set(version))

    def address(self, version: str) -> str | None:
        """The kit's own address of it."""
        return self._addresses.url(version)


class Publisher:
    """Publishes menus.

    :param keep: seconds for which a version is kept after its successor.
    """

    def __init__(self, connection: redis.Redis, keys: Keys, shelf: CatalogStorage, *, keep: int) -> None:
        self._redis = connection
        self._keys = keys
        self._shelf = shelf
        self._keep = keep
        self._swap = connection.register_script(_SWAP)

    def publish(
        self, store_id: str, catalog: ExternalCatalogSet, tell: Callable[[str], object], *, again: bool = False
    ) -> bool:
        """Publish a menu and have Gett told where it is; nothing happens when its content is what is published already.

        :param catalog: one that :func:`~webhook_kit.catalog.build.versioned` has named.
        :param tell: called with the address once the body is kept, and before the version counts as published: a process that
            dies in between tells twice rather than never.
        :param again: also when nothing has changed.
        :return: whether something was published; False also without a public address.
        """
        version = catalog.catalog_set_id
        if version is None:
            raise ValueError("only a versioned menu can be published")
        before = self.current(store_id)
        if before is not None and before.version == version and not again:
            return False
        address = self._shelf.address(version)
        if address is None:
            return False
        now = int(time.time())
        self._shelf.put(version, packed(catalog), self._keep)
        tell(address)
        keys = [self._keys.published(store_id), self._keys.superseded(store_id)]
        self._swap(keys=keys, args=[self._keys.catalog_set(""), version, self._keep, now, len(catalog.items)])
        self._drop_superseded(store_id, now)
        return True

    def current(self, store_id: str) -> Published | None:
        """What a store's menu is published as, or None when it never was."""
        version, at, items = self._redis.hmget(self._keys.published(store_id), "version", "at", "items")
        if not isinstance(version, bytes):
            return None
        return Published(version.decode(), float(at or 0), int(items or 0))

    def address(self, store_id: str) -> str | None:
        """Where a store's current version is pulled from; None when nothing is published."""
        current = self.current(store_id)
        return None if current is None else self._shelf.address(current.version)

    def body(self, version: str) -> bytes | None:
        """A version as it is served, compressed; None when it is not (or no longer) kept."""
        return self._shelf.get(version)

    def forget(self, store_id: str) -> None:
        """A store is gone: its current version goes after its time, as one with a successor does."""
        if (current := self.current(store_id)) is not None:
            self._redis.expire(self._keys.catalog_set(current.version), self._keep)
        self._redis.delete(self._keys.published(store_id), self._keys.superseded(store_id))

    def _drop_superseded(self, store_id: str, now: int) -> None:
        # Redis lets them lapse by itself; other shelves have to be told.
        superseded = self._keys.superseded(store_id)
        for version in map(text, self._redis.zrangebyscore(superseded, 0, now - self._keep)):
            try:
                self._shelf.delete(version)
            except StorageUnavailable as error:  # the next time will do
                log.warning("old menu not dropped", store=store_id, version=version, error=str(error))
                return
            self._redis.zrem(superseded, version)


def packed(catalog: ExternalCatalogSet) -> bytes:
    """A versioned menu as it is published: its canonical JSON with the ``catalogSetId``, compressed; the same bytes always."""
    # The content begins with a brace and has members of its own; the id is put in front of them.
    content = canonical_json(catalog)
    head = f'{{"catalogSetId":"{catalog.catalog_set_id}",'.encode()
    return gzip.compress(head + content[1:], compresslevel=6, mtime=0)


def _token(secret: bytes, version: str) -> str:
    return hmac.new(secret, f"catalog\n{version}".encode(), hashlib.sha256).hexdigest()[:_TOKEN]
