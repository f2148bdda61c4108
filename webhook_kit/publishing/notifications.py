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
    """``kit.catalog_notifications``: menus that were published."""

    def __init__(self, lanes: Lanes, stores: StoreDirectory, published: Callable[[str], str | None]) -> None:
        """:param published: where a store's menu is to be had now, by the partner's id of the store."""
        self._lanes = lanes
        self._stores = stores
        self._published = published

    def changed(self, store: Store | str, address: str | None = None) -> AppendResult:
        """Tell Gett that a store's menu has changed.

        :param address: where Gett pulls it from; where it was published last when None.
        :raises NotFound: the store is not known.
        :raises InvalidTransition: no catalog was published.
        :raises InvalidArgument: the address is not a valid web address.
        """
        store = self._stores.get(store)
        address = address or self._published(store.id)
        if address is None:
            raise InvalidTransition(
                f"store {store.id} has no published catalog; run `webhook-kit catalog sync {store.id}`"
            )
        # A notification says "again", so the same words are news.
        return self._lanes.append(
            lane_name(Kind.CATALOG, store.id),
            catalog_changed(address),
            store_id=store.id,
            gett_id=store.gett_id,
            force=True,
        )
