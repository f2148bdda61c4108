"""``kit.catalog_notifications``: notifications to Gett that a store's catalog has changed."""

from __future__ import annotations

from collections.abc import Callable

from webhook_kit.adapter import Store
from webhook_kit.errors import InvalidTransition
from webhook_kit.outbox.lanes import AppendResult, Lanes, lane_name
from webhook_kit.outbox.updates import Kind, catalog_changed
from webhook_kit.stores import StoreDirectory

__all__ = ["CatalogNotifications"]


class CatalogNotifications:
    """Notifications of changed catalogs, appended to the outbox."""

    def __init__(self, lanes: Lanes, stores: StoreDirectory, published_url: Callable[[str], str | None]) -> None:
        """:param published_url: returns the URL of a store's current catalog, by the partner's id of the store."""
        self._lanes = lanes
        self._stores = stores
        self._published_url = published_url

    def changed(self, store: Store | str, url: str | None = None) -> AppendResult:
        """Notify Gett that a store's catalog has changed.

        :param url: the URL from which Gett downloads it; that of the last publication when None.
        :raises NotFound: the store is not known.
        :raises InvalidTransition: no catalog was published.
        :raises InvalidArgument: the URL is not a valid web address.
        """
        store = self._stores.get(store)
        url = url or self._published_url(store.id)
        if url is None:
            raise InvalidTransition(
                f"store {store.id} has no published catalog; run `webhook-kit catalog sync {store.id}`"
            )
        # A repeated notification is not a duplicate: it makes Gett download the catalog again.
        return self._lanes.append(
            lane_name(Kind.CATALOG, store.id),
            catalog_changed(url),
            store_id=store.id,
            gett_id=store.gett_id,
            force=True,
        )
