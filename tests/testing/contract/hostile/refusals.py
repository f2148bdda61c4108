"""Hostile adapters that take orders which they have to refuse."""

from __future__ import annotations

from typing import ClassVar

from tests.testing.contract.hostile.base import SmallCatalog, breaks, unless_reason
from webhook_kit.adapter import CatalogSet, Reason, Refused, Store
from webhook_kit.gett.models.order import Amounts, ExternalOrder

__all__: list[str] = []


@breaks("test_stale_price_is_refused")
class _CachesTheCatalog(SmallCatalog):
    """Returns the first catalog of a store without end."""

    cached: ClassVar[dict[str, CatalogSet]] = {}

    def fetch_catalog(self, store: Store) -> CatalogSet:
        if store.id not in self.cached:
            self.cached[store.id] = super().fetch_catalog(store)
        return self.cached[store.id].model_copy(deep=True)


@breaks(
    "test_unavailable_item_is_refused",
    "test_unavailable_option_is_refused",
    "test_validation_refuses_unavailable_items",
)
class _SellsUnavailableItems(SmallCatalog):
    """Sells unavailable items and options."""

    def _unavailable(self, order: ExternalOrder, store: Store) -> Refused | None:
        return unless_reason(Reason.ITEM_UNAVAILABLE, super()._unavailable(order, store))


@breaks("test_unavailable_option_is_refused")
class _SellsUnavailableOptions(SmallCatalog):
    """Sells unavailable options."""

    def _unavailable(self, order: ExternalOrder, store: Store) -> Refused | None:
        items = order.model_copy(deep=True)
        for line in items.cart.line_items:
            line.modifier_groups = []
        return super()._unavailable(items, store)


@breaks("test_validation_refuses_unavailable_items")
class _QuotesUnavailableItems(SmallCatalog):
    """Quotes unavailable items and refuses them at placement, after the customer has paid."""

    def quote(self, store: Store, order: ExternalOrder) -> Amounts | Refused:
        empty = order.cart.model_copy(update={"line_items": []})
        return super().quote(store, order.model_copy(update={"cart": empty}))


@breaks("test_closed_store_refuses_orders")
class _NeverCloses(SmallCatalog):
    """Takes orders while the store is closed."""

    def _unavailable(self, order: ExternalOrder, store: Store) -> Refused | None:
        return unless_reason(Reason.STORE_CLOSED, super()._unavailable(order, store))
