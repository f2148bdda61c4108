"""Last good catalog of each store, against which carts are checked: in Redis for all processes, compiled once per process.

:mod:`webhook_kit.publishing.sync` writes it. The copy of a process, including the unavailable items, is at most a second behind
Redis. While Redis is away the process continues with its copy; a process that has no copy yet asks the POS itself, and fails if
the POS does not respond. A catalog with errors never replaces a good one.
"""

from __future__ import annotations

import gzip
import math
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import redis
from pydantic import ValidationError

from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.catalog.build import versioned
from webhook_kit.catalog.check import Severity, check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.catalog.lenient_parse import MAX_CATALOG_BYTES
from webhook_kit.errors import CatalogInvalid, PosUnavailable, WebhookKitError
from webhook_kit.logs import logger
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.printing import described
from webhook_kit.publishing.catalog_cache import CachedCatalog, CatalogCache
from webhook_kit.publishing.catalog_versions import CatalogVersions
from webhook_kit.publishing.compression import gzipped
from webhook_kit.publishing.shrink_guard import require_most_items
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.locks import Intervals
from webhook_kit.stores import StoreDirectory

__all__ = ["CatalogUnavailable", "CurrentCatalog", "LastGoodCatalogs"]

log = logger("catalogs")

_CACHE_SECONDS = 1.0
"""Seconds for which a process uses its copy without asking Redis."""


class CatalogUnavailable(WebhookKitError):
    """This process has no catalog of the store yet, and cannot get one now."""


class CurrentCatalog(NamedTuple):
    """A store's catalog and the ids of its unavailable items."""

    catalog: CompiledCatalog
    unavailable: frozenset[str]


class LastGoodCatalogs:
    """The compiled catalog of each store.

    :param refresh_after: seconds after which the workers fetch a catalog again. When they have not done so for twice as long,
        a process that needs the catalog fetches it itself.
    :param cache_items: items and options of all catalogs together that this process keeps.
    """

    def __init__(
        self,
        redis: redis.Redis,
        keys: Keys,
        stores: StoreDirectory,
        calls: PosExecutor,
        *,
        refresh_after: float,
        cache_items: int,
        on_damage: Callable[[str, str], object] = lambda _store_id, _why: None,
    ) -> None:
        """:param on_damage: called with the store's id and the reason when the catalog in Redis cannot be read."""
        self._redis = redis
        self._keys = keys
        self._intervals = Intervals(redis, keys)
        self._stores = stores
        self._calls = calls
        self._refresh_after = refresh_after
        self._cache = CatalogCache(cache_items)
        self._locks: dict[str, threading.Lock] = {}
        self._failures: dict[str, tuple[float, str]] = {}
        self._on_damage = on_damage
        self._versions = CatalogVersions(redis, keys)

    def get(self, store: Store) -> CompiledCatalog:
        """Return the store's catalog, at most a second behind Redis.

        :raises CatalogUnavailable: this process has no copy and cannot get one now.
        """
        return self._up_to_date(store).catalog

    def current(self, store: Store) -> CurrentCatalog:
        """Return the store's catalog and its unavailable items, at most a second behind Redis.

        :raises CatalogUnavailable: this process has no copy and cannot get one now.
        """
        cached = self._up_to_date(store)
        return CurrentCatalog(cached.catalog, cached.unavailable())

    def refresh(self, store: Store, *, shrink_guard: bool = False) -> CatalogSet:
        """Fetch the catalog from the POS and make it the last good one.

        :param shrink_guard: reject a catalog that lacks more than a third of the last good one's items.
        :return: the catalog, with the ``catalogSetId`` of its content.
        :raises CatalogInvalid: with every error in the catalog; the last good one stays.
        :raises CatalogShrunk: the shrink guard rejected it; the last good one stays.
        :raises WebhookKitError: the POS cannot be called now; other exceptions of the adapter are passed on.
        """
        return self._refresh(store, shrink_guard=shrink_guard)[0]

    def _refresh(
        self, store: Store, *, shrink_guard: bool = False, awaited: bool = False
    ) -> tuple[CatalogSet, CachedCatalog]:
        """:param awaited: a cart waits for it: the time is limited by ``POS_DEADLINE`` instead of ``CATALOG_DEADLINE``."""
        adapter = self._stores.adapter(store)
        catalog: object = (
            self._calls.run(store.id, "fetch_catalog", lambda: adapter.fetch_catalog(store))
            if awaited
            else self._calls.fetch_catalog(store.id, lambda: adapter.fetch_catalog(store))
        )
        if not isinstance(catalog, CatalogSet):
            raise CatalogInvalid(
                f"{type(adapter).__name__}.fetch_catalog() returned {type(catalog).__name__}, not a CatalogSet"
            )
        if store.gett_id:
            catalog = catalog.model_copy(update={"store_id": store.gett_id})
        catalog = versioned(catalog, store.gett_id or store.id)
        body = _compress(catalog)
        errors = [finding for finding in check(catalog) if finding.severity is Severity.ERROR]
        if errors:
            raise CatalogInvalid(*(f"{finding} ({finding.hint})" for finding in errors))
        compiled = CompiledCatalog.compile(catalog)
        if shrink_guard:
            self._guard_against_shrinking(store, compiled)
        cached = self._cached(store, compiled, compiled.version or "")
        if awaited or store.id in self._cache:  # a worker checks no carts, and does not keep the catalogs of all stores
            self._cache.put(store.id, cached)
        facts: dict[str, Any] = {
            "version": compiled.version,
            "body": body,
            "items": len(compiled.items),
        }
        try:
            facts["fetched"] = int(redis_time(self._redis))
            self._redis.hset(self._keys.catalog(store.id), items=[part for pair in facts.items() for part in pair])
            self._versions.record(store.id, compiled.version or "")
        except redis.RedisError as error:
            log.warning("catalog_write_failed", store=store.id, error=type(error).__name__)
        return catalog, cached

    def last_good(self, store: Store) -> CatalogSet | None:
        """Return the last good CatalogSet of the store; None when there is none yet.

        :raises redis.RedisError: Redis is not reachable.
        """
        body = self._redis.hget(self._keys.catalog(store.id), "body")
        return _decompress(body) if isinstance(body, bytes) else None

    def is_foreign(self, store: Store, version: str) -> bool:
        """Return True if a ``catalogSetId`` is of another store's catalog; False if it is unknown."""
        cached = self._cache.look(store.id)
        return (cached is None or cached.version != version) and self._versions.is_foreign(store, version)

    def invalidate(self, store_id: str) -> None:
        """Make this process compare its copy with Redis before the next use; called after a change."""
        cached = self._cache.look(store_id)
        if cached is not None:
            cached.checked_at = float("-inf")

    # -- the copy of this process --------------------------------------------------------------------------------------

    def _up_to_date(self, store: Store) -> CachedCatalog:
        cached = self._cache.use(store.id)
        if cached is None:
            return self._first_copy(store)
        if time.monotonic() - cached.checked_at >= _CACHE_SECONDS:
            return self._revalidate(store, cached)
        return cached

    def _first_copy(self, store: Store) -> CachedCatalog:
        asked = time.monotonic()
        with self._lock(store):
            cached = self._cache.use(store.id) or self._read_from_redis(store)
            if cached is None:
                failed_at, why = self._failures.get(store.id, (-math.inf, ""))
                if failed_at > asked:  # while this thread waited; it does not wait for another call of the same POS
                    raise CatalogUnavailable(why)
                try:
                    cached = self._fetched(store)
                except CatalogUnavailable as error:
                    self._failures[store.id] = time.monotonic(), str(error)
                    raise
        return cached

    def _fetched(self, store: Store) -> CachedCatalog:
        try:
            _, cached = self._refresh(store, awaited=True)
        except PosUnavailable as error:
            raise CatalogUnavailable(str(error)) from error
        except Exception as error:
            log.exception("catalog_fetch_failed", store=store.id)
            raise CatalogUnavailable(f"the catalog of store {store.id} cannot be fetched now") from error
        self._read_marked(store, cached)
        return cached

    def _revalidate(self, store: Store, cached: CachedCatalog) -> CachedCatalog:
        # One thread asks Redis; the others use the copy meanwhile, so that a slow Redis does not delay every cart.
        lock = self._lock(store)
        if not lock.acquire(blocking=False):
            return cached
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hmget(self._keys.catalog(store.id), "version", "fetched")
                pipeline.zrange(self._keys.unavailable(store.id), 0, -1, withscores=True)
                pipeline.time()
                (version, fetched), marked, (now, _) = pipeline.execute()
            cached.checked_at = time.monotonic()
            if version is not None and text(version) != cached.version:
                cached = self._read_from_redis(store) or cached
            cached.marked = _by_item(marked)
            if fetched is None or now - int(fetched) > 2 * self._refresh_after:
                self._refresh_in_background(store)
        except redis.RedisError as error:
            cached.checked_at = time.monotonic()
            log.warning("catalog_revalidation_failed", store=store.id, error=type(error).__name__)
        finally:
            lock.release()
        return cached

    def _lock(self, store: Store) -> threading.Lock:
        return self._locks.setdefault(store.id, threading.Lock())

    def _read_from_redis(self, store: Store) -> CachedCatalog | None:
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hmget(self._keys.catalog(store.id), "version", "body")
                pipeline.zrange(self._keys.unavailable(store.id), 0, -1, withscores=True)
                (version, body), marked = pipeline.execute()
            if isinstance(body, bytes):
                cached = self._cached(store, CompiledCatalog.compile(_decompress(body)), text(version))
                cached.marked = _by_item(marked)
                self._cache.put(store.id, cached)
                return cached
        except CatalogInvalid as error:
            self._report_damage(store, error)
        except redis.RedisError as error:
            log.warning("catalog_read_failed", store=store.id, error=type(error).__name__)
        return None

    def _read_marked(self, store: Store, cached: CachedCatalog) -> None:
        try:
            marked = self._redis.zrange(self._keys.unavailable(store.id), 0, -1, withscores=True)
            cached.marked = _by_item(marked)
        except redis.RedisError as error:
            log.warning("unavailable_items_read_failed", store=store.id, error=type(error).__name__)

    def _cached(self, store: Store, catalog: CompiledCatalog, version: str) -> CachedCatalog:
        before = self._cache.look(store.id)
        return CachedCatalog(catalog, version, time.monotonic(), before.marked if before else {})

    # -- fetching ------------------------------------------------------------------------------------------------------

    def _refresh_in_background(self, store: Store) -> None:
        # One process at a time; the interval is also the pause after a failed fetch.
        if self._intervals.claim(f"catalog-fetch:{store.id}", min(30, int(self._refresh_after) + 1)):
            with suppress(RuntimeError):  # no thread can be started now; the next interval tries again
                threading.Thread(target=self._refresh_and_log, args=(store,), name="catalog", daemon=True).start()

    def _refresh_and_log(self, store: Store) -> None:
        try:
            self.refresh(store, shrink_guard=True)
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; the last good catalog stays
            log.warning("catalog_refresh_failed", store=store.id, error=described(error))

    def _guard_against_shrinking(self, store: Store, catalog: CompiledCatalog) -> None:
        version = text(self._redis.hget(self._keys.catalog(store.id), "version"))
        if version == catalog.version:
            return
        cached = self._cache.look(store.id)
        before = cached.catalog.items.keys() if cached else None
        if version and (cached is None or cached.version != version):
            try:
                last_good = self.last_good(store)
            except CatalogInvalid as error:
                self._report_damage(store, error)
            else:
                before = last_good.items.keys() if last_good else before
        if before is not None:
            require_most_items(before, catalog.items.keys())

    def _report_damage(self, store: Store, error: CatalogInvalid) -> None:
        log.error("catalog_damaged", store=store.id, why=str(error))
        self._on_damage(store.id, str(error))


def _compress(catalog: CatalogSet) -> bytes:
    """Convert a catalog to the form in which it is stored.

    :raises CatalogInvalid: it is larger than the limit.
    """
    json = catalog.to_json()
    if len(json) > MAX_CATALOG_BYTES:
        raise CatalogInvalid(f"$: the catalog is {len(json):,} bytes of JSON; the limit is {MAX_CATALOG_BYTES:,}")
    return gzipped(json)


@gc_paused
def _decompress(body: bytes) -> CatalogSet:
    """Convert a stored catalog back.

    :raises CatalogInvalid: another program wrote it.
    """
    try:
        return CatalogSet.model_validate_json(gzip.decompress(body))
    except (OSError, EOFError, zlib.error, ValidationError) as error:
        raise CatalogInvalid(f"the catalog in Redis cannot be read: {type(error).__name__}") from error


def _by_item(marked: Any) -> dict[str, float]:
    return {text(item): until for item, until in marked}
