"""The menus that carts are checked against: fetched from the POS, shared through Redis, compiled once per process.

A process's copy is at most a second behind Redis. With Redis down it goes on with what it last knew; a process that knows
nothing yet has to say so. A menu that contradicts itself never replaces a good one.
"""

from __future__ import annotations

import gzip
import threading
import time
import zlib
from dataclasses import dataclass

import redis
from pydantic import ValidationError

from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.calls import PosCalls
from webhook_kit.catalog.build import versioned
from webhook_kit.catalog.menu import Menu
from webhook_kit.connection import text
from webhook_kit.errors import CatalogInvalid, PosUnavailable, WebhookKitError
from webhook_kit.keys import Keys
from webhook_kit.logs import logger
from webhook_kit.stores import StoreDirectory

__all__ = ["MenuUnavailable", "Menus"]

log = logger("menus")

_LOOK_AGAIN = 1.0
"""Seconds for which a process trusts its copy without asking Redis."""


class MenuUnavailable(WebhookKitError):
    """This process knows no menu of the store yet, and cannot get one now."""


@dataclass(slots=True)
class _Known:
    menu: Menu
    version: str
    checked: float


class Menus:
    """The compiled menu of each store."""

    def __init__(
        self, redis: redis.Redis, keys: Keys, stores: StoreDirectory, calls: PosCalls, *, refresh_after: float
    ) -> None:
        self._redis = redis
        self._keys = keys
        self._stores = stores
        self._calls = calls
        self._refresh_after = refresh_after
        self._known: dict[str, _Known] = {}
        self._locks: dict[str, threading.Lock] = {store.id: threading.Lock() for store in stores}

    def get(self, store: Store) -> Menu:
        """The store's menu, at most a second behind Redis.

        :raises MenuUnavailable: when this process has never seen one and cannot get one now.
        """
        known = self._known.get(store.id)
        if known is None:
            return self._first(store)
        if time.monotonic() - known.checked >= _LOOK_AGAIN:
            self._look_again(store, known)
        return self._known[store.id].menu

    def refresh(self, store: Store) -> None:
        """Fetch the menu from the POS and share it.

        :raises CatalogInvalid: when it contradicts itself; the last good one stays.
        :raises WebhookKitError: when the POS cannot be called now; whatever the adapter raises passes through.
        """
        adapter = self._stores.adapter(store)
        catalog = self._calls.run(store, lambda: adapter.fetch_catalog(store))
        if not isinstance(catalog, CatalogSet):
            raise CatalogInvalid(f"{type(adapter).__name__}.fetch_catalog() returned {type(catalog).__name__}")
        catalog = versioned(catalog, store.gett_id)
        self._learn(store, Menu.compile(catalog), catalog.catalog_set_id or "")
        body = gzip.compress(catalog.to_json(), compresslevel=6, mtime=0)
        try:
            self._redis.hset(
                self._keys.menu(store.id),
                items=["version", catalog.catalog_set_id or "", "body", body, "fetched", int(time.time())],
            )
        except redis.RedisError as error:
            log.warning("menu not shared", store=store.id, error=type(error).__name__)

    def _first(self, store: Store) -> Menu:
        with self._locks[store.id]:
            if store.id not in self._known:
                self._from_redis(store)
            if store.id not in self._known:
                try:
                    self.refresh(store)
                except PosUnavailable as error:
                    raise MenuUnavailable(str(error)) from error
                except Exception as error:
                    log.exception("menu not fetched", store=store.id)
                    raise MenuUnavailable(f"the menu of store {store.id} cannot be fetched now") from error
        return self._known[store.id].menu

    def _look_again(self, store: Store, known: _Known) -> None:
        # One thread looks; the others go on with what is known, so that a slow Redis slows no cart.
        lock = self._locks[store.id]
        if not lock.acquire(blocking=False):
            return
        try:
            version, fetched = self._redis.hmget(self._keys.menu(store.id), "version", "fetched")
            known.checked = time.monotonic()
            if version is not None and text(version) != known.version:
                self._from_redis(store)
            if fetched is None or time.time() - int(fetched) > self._refresh_after:
                self._refresh_in_background(store)
        except redis.RedisError as error:
            known.checked = time.monotonic()
            log.warning("menu not looked at again", store=store.id, error=type(error).__name__)
        finally:
            lock.release()

    def _refresh_in_background(self, store: Store) -> None:
        # One process at a time; the lock lapses by itself, also as the pause after a failed fetch.
        if self._redis.set(self._keys.menu_lock(store.id), "1", nx=True, ex=min(30, int(self._refresh_after) + 1)):
            threading.Thread(target=self._refresh_quietly, args=(store,), name="menu", daemon=True).start()

    def _refresh_quietly(self, store: Store) -> None:
        try:
            self.refresh(store)
        except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; the last good menu stays
            log.warning("menu not refreshed, the last good one stays", store=store.id, error=repr(error))

    def _from_redis(self, store: Store) -> None:
        try:
            version, body = self._redis.hmget(self._keys.menu(store.id), "version", "body")
            if isinstance(body, bytes):
                menu = Menu.compile(CatalogSet.model_validate_json(gzip.decompress(body)))
                self._learn(store, menu, text(version))
        except (redis.RedisError, OSError, EOFError, zlib.error, ValidationError, CatalogInvalid) as error:
            log.warning("menu not read", store=store.id, error=type(error).__name__)

    def _learn(self, store: Store, menu: Menu, version: str) -> None:
        self._known[store.id] = _Known(menu, version, time.monotonic())
