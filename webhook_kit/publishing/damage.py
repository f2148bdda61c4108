"""Alerts about stored catalogs that cannot be read, because another program or a fault has changed them."""

from __future__ import annotations

from contextlib import suppress

import redis

from webhook_kit.errors import StoresUnavailable
from webhook_kit.logs import logger
from webhook_kit.publishing.publisher import Publisher
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.stores import StoreDirectory

__all__ = ["CatalogDamage"]

log = logger("catalogs")


class CatalogDamage:
    """Reports damaged catalogs."""

    def __init__(self, alerts: Alerts, stores: StoreDirectory, publisher: Publisher) -> None:
        self._alerts = alerts
        self._stores = stores
        self._publisher = publisher

    def report_last_good(self, store_id: str, why: str) -> None:
        """Report that a store's last good catalog cannot be read."""
        self._raise(store_id, f"{why}; run `webhook-kit catalog sync {store_id}`")

    def report_published(self, version: str, why: str) -> None:
        """Report that a published version cannot be read; the alert is about the store whose current version it is."""
        log.error("published_catalog_damaged", version=version, why=why)
        with suppress(redis.RedisError, StoresUnavailable):
            for store in self._stores:
                current = self._publisher.current(store.id)
                if current is not None and current.version == version:
                    self._raise(store.id, f"{why}; run `webhook-kit catalog publish {store.id}`")

    def _raise(self, store_id: str, why: str) -> None:
        with suppress(redis.RedisError):
            self._alerts.raise_once(Alert.CATALOG_DAMAGED, store_id, why, about="store")
