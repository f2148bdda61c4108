"""The menus that carts are checked against: one truth in Redis, the last good menu of each store; compiled once per process.

Synchronising (:mod:`webhook_kit.publishing.sync`) writes it. A process's copy, and what it knows to have run out, is at most a second behind
Redis. With Redis down it goes on with what it last knew; a process that knows nothing yet asks the POS itself, or has to say so. A
menu that contradicts itself never replaces a good one.
"""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import redis
from pydantic import ValidationError

from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.catalog.build import versioned
from webhook_kit.catalog.check import Severity, check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.catalog.lenient_parse import MAX_CATALOG_BYTES
from webhook_kit.catalog.unavailable import unavailable_items
from webhook_kit.errors import CatalogInvalid, PosUnavailable, WebhookKitError
from webhook_kit.logs import logger
from webhook_kit.pos.executor import PosExecutor
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.stores import StoreDirectory

__all__ = ["CatalogShrunk", "CatalogUnavailable", "CurrentCatalog", "LastGoodCatalogs"]

log = logger("menus")

_LOOK_AGAIN = 1.0
"""Seconds for which a process trusts its copy without asking Redis."""


class CatalogUnavailable(WebhookKitError):
    """This process knows no menu of the store yet, and cannot get one now."""


class CatalogShrunk(WebhookKitError):
    """The POS's menu lacks more than a third of the items that the last good one has: likelier a mistake than a wish."""


class CurrentCatalog(NamedTuple):
    """What a store sells now: its menu, and which of its items cannot be had."""

    menu: CompiledCatalog
    unavailable: frozenset[str]


@dataclass(slots=True)
class _Known:
    menu: CompiledCatalog
    version: str
    checked: float
    out: Mapping[str, float] = field(default_factory=dict)
    reckoned: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())

    def unavailable(self) -> frozenset[str]:
        """What cannot be had now; reckoned once for as long as the same items are out."""
        if not self.out:
            return frozenset()
        now = time.time()
        out = frozenset(item for item, until in self.out.items() if until > now)
        known, unavailable = self.reckoned
        if out != known:
            unavailable = unavailable_items(self.menu, out)
            self.reckoned = out, unavailable
        return unavailable


class LastGoodCatalogs:
    """The compiled menu of each store.

    :param refresh_after: seconds after which a menu is due to be fetched again. That is for the workers to do; when they have
        left it for twice as long, a process that needs the menu does it.
    """

    def __init__(
        self, redis: redis.Redis, keys: Keys, stores: StoreDirectory, calls: PosExecutor, *, refresh_after: float
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._stores = stores
        self._calls = calls
        self._refresh_after = refresh_after
        self._known: dict[str, _Known] = {}
        self._locks: dict[str, threading.Lock] = {}

    def get(self, store: Store) -> CompiledCatalog:
        """The store's menu, at most a second behind Redis.

        :raises CatalogUnavailable: when this process has never seen one and cannot get one now.
        """
        return self._up_to_date(store).menu

    def current(self, store: Store) -> CurrentCatalog:
        """The store's menu and what of it has run out, at most a second behind Redis.

        :raises CatalogUnavailable: when this process has never seen one and cannot get one now.
        """
        known = self._up_to_date(store)
        return CurrentCatalog(known.menu, known.unavailable())

    def refresh(self, store: Store, *, brake: bool = False) -> CatalogSet:
        """Fetch the menu from the POS and make it the last good one.

        :param brake: refuse one that lacks more than a third of the items.
        :return: the menu, named by its content.
        :raises CatalogInvalid: with every error in it; the last good one stays.
        :raises MenuShrunk: when it was refused for its size; the last good one stays.
        :raises WebhookKitError: when the POS cannot be called now; whatever the adapter raises passes through.
        """
        adapter = self._stores.adapter(store)
        catalog = self._calls.run(store.id, lambda: adapter.fetch_catalog(store))
        if not isinstance(catalog, CatalogSet):
            raise CatalogInvalid(
                f"{type(adapter).__name__}.fetch_catalog() returned {type(catalog).__name__}, not a CatalogSet"
            )
        if store.gett_id:
            catalog = catalog.model_copy(update={"store_id": store.gett_id})
        catalog = versioned(catalog, store.gett_id or store.id)
        body = _body(catalog)
        errors = [finding for finding in check(catalog) if finding.severity is Severity.ERROR]
        if errors:
            raise CatalogInvalid(*(f"{finding} ({finding.hint})" for finding in errors))
        menu = CompiledCatalog.compile(catalog)
        if brake:
            self._require_most_items(store, menu)
        self._learn(store, menu, menu.version or "")
        facts: dict[str, Any] = {
            "version": menu.version,
            "body": body,
            "items": len(menu.items),
            "fetched": int(time.time()),
        }
        try:
            self._redis.hset(self._keys.catalog(store.id), items=[part for pair in facts.items() for part in pair])
        except redis.RedisError as error:
            log.warning("menu not shared", store=store.id, error=type(error).__name__)
        return catalog

    def last_good(self, store: Store) -> CatalogSet | None:
        """The last good menu of the store, whole; None when there never was one.

        :raises redis.RedisError: when Redis is out of reach.
        """
        body = self._redis.hget(self._keys.catalog(store.id), "body")
        return _read(body) if isinstance(body, bytes) else None

    def invalidate(self, store_id: str) -> None:
        """Trust what this process knows of a store no longer; for whoever has just changed it."""
        known = self._known.get(store_id)
        if known is not None:
            known.checked = float("-inf")

    # -- knowing -------------------------------------------------------------------------------------------------------

    def _up_to_date(self, store: Store) -> _Known:
        known = self._known.get(store.id)
        if known is None:
            return self._first(store)
        if time.monotonic() - known.checked >= _LOOK_AGAIN:
            self._look_again(store, known)
        return self._known[store.id]

    def _first(self, store: Store) -> _Known:
        with self._lock(store):
            if store.id not in self._known:
                self._from_redis(store)
            if store.id not in self._known:
                try:
                    self.refresh(store)
                except PosUnavailable as error:
                    raise CatalogUnavailable(str(error)) from error
                except Exception as error:
                    log.exception("menu not fetched", store=store.id)
                    raise CatalogUnavailable(f"the menu of store {store.id} cannot be fetched now") from error
                self._read_out(store)
        return self._known[store.id]

    def _look_again(self, store: Store, known: _Known) -> None:
        # One thread looks; the others go on with what is known, so that a slow Redis slows no cart.
        lock = self._lock(store)
        if not lock.acquire(blocking=False):
            return
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hmget(self._keys.catalog(store.id), "version", "fetched")
                pipeline.zrange(self._keys.unavailable(store.id), 0, -1, withscores=True)
                (version, fetched), out = pipeline.execute()
            known.checked = time.monotonic()
            if version is not None and text(version) != known.version:
                self._from_redis(store)
            self._known[store.id].out = _moments(out)
            if fetched is None or time.time() - int(fetched) > 2 * self._refresh_after:
                self._refresh_in_background(store)
        except redis.RedisError as error:
            known.checked = time.monotonic()
            log.warning("menu not looked at again", store=store.id, error=type(error).__name__)
        finally:
            lock.release()

    def _lock(self, store: Store) -> threading.Lock:
        return self._locks.setdefault(store.id, threading.Lock())

    def _from_redis(self, store: Store) -> None:
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hmget(self._keys.catalog(store.id), "version", "body")
                pipeline.zrange(self._keys.unavailable(store.id), 0, -1, withscores=True)
                (version, body), out = pipeline.execute()
            if isinstance(body, bytes):
                self._learn(store, CompiledCatalog.compile(_read(body)), text(version))
                self._known[store.id].out = _moments(out)
        except (redis.RedisError, CatalogInvalid) as error:
            log.warning("menu not read", store=store.id, error=type(error).__name__)

    def _read_out(self, store: Store) -> None:
        try:
            self._known[store.id].out = _moments(
                self._redis.zrange(self._keys.unavailable(store.id), 0, -1, withscores=True)
            )
        except redis.RedisError as error:
            log.warning("what has run out not read", store=store.id, error=type(error).__name__)

    def _learn(self, store: Store, menu: CompiledCatalog, version: str) -> None:
        before = self._known.get(store.id)
        self._known[store.id] = _Known(menu, version, time.monotonic(), before.out if before else {})

    # -- fetching ------------------------------------------------------------------------------------------------------

    def _refresh_in_background(self, store: Store) -> None:
        # One process at a time; the lock lapses by itself, also as the pause after a failed fetch.
        if self._redis.set(
            self._keys.interval(f"catalog-fetch:{store.id}"), "1", nx=True, ex=min(30, int(self._refresh_after) + 1)
        ):
            threading.Thread(target=self._refresh_quietly, args=(store,), name="menu", daemon=True).start()

    def _refresh_quietly(self, store: Store) -> None:
        try:
            self.refresh(store, brake=True)
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; the last good menu stays
            log.warning("menu not refreshed, the last good one stays", store=store.id, error=repr(error))

    def _require_most_items(self, store: Store, menu: CompiledCatalog) -> None:
        # What has merely run out is on both menus.
        version = text(self._redis.hget(self._keys.catalog(store.id), "version"))
        known = self._known.get(store.id)
        if version and (known is None or known.version != version):
            self._from_redis(store)
            known = self._known.get(store.id)
        if known is None:
            return
        before = known.menu.items.keys()
        lost = len(before - menu.items.keys())
        if 3 * lost > len(before):
            raise CatalogShrunk(
                f"{lost} of {len(before)} items are missing from the POS's menu; the last good one stays"
            )


def _body(catalog: CatalogSet) -> bytes:
    """A menu as it is kept.

    :raises CatalogInvalid: when it is larger than any menu.
    """
    json = catalog.to_json()
    if len(json) > MAX_CATALOG_BYTES:
        raise CatalogInvalid(f"$: the menu is {len(json):,} bytes of JSON, and at most {MAX_CATALOG_BYTES:,} are taken")
    return gzip.compress(json, compresslevel=6, mtime=0)


@gc_paused
def _read(body: bytes) -> CatalogSet:
    """A menu as it was kept.

    :raises CatalogInvalid: when somebody else wrote it.
    """
    try:
        return CatalogSet.model_validate_json(gzip.decompress(body))
    except (OSError, EOFError, zlib.error, ValidationError) as error:
        raise CatalogInvalid(f"the menu in Redis cannot be read: {type(error).__name__}") from error


def _moments(out: Any) -> dict[str, float]:
    return {text(item): until for item, until in out}
