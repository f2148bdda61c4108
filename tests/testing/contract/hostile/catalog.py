"""Hostile adapters with a wrong catalog."""

from __future__ import annotations

from itertools import count

from tests.testing.contract.hostile.base import PlaceResult, SmallCatalog, all_lines, breaks
from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.gett.models.order import PlaceOrderRequest

__all__: list[str] = []

_counter = count()


@breaks("test_catalog_ids_are_stable")
class _ChangesIds(SmallCatalog):
    """Gives a section a new id at every fetch."""

    def fetch_catalog(self, store: Store) -> CatalogSet:
        catalog = super().fetch_catalog(store)
        new_id = f"specials-{next(_counter)}"
        section = next(iter(catalog.sections.values()))
        catalog.sections[new_id] = section.model_copy(update={"section_id": new_id})
        next(iter(catalog.catalogs.values())).section_ids.append(new_id)
        return catalog


@breaks("test_catalog_is_deterministic")
class _ShufflesItems(SmallCatalog):
    """Lists the items of a section in a different order at every fetch."""

    def fetch_catalog(self, store: Store) -> CatalogSet:
        catalog = super().fetch_catalog(store)
        if next(_counter) % 2:
            next(iter(catalog.sections.values())).item_ids.reverse()
        return catalog


@breaks("test_every_catalog_item_can_be_ordered")
class _LacksAnOption(SmallCatalog):
    """Lists an option that the POS does not have."""

    def place_order(self, store: Store, order: PlaceOrderRequest, key: str) -> PlaceResult:
        if "mayo" in (line.item_id for line in all_lines(order)):
            raise KeyError("mayo")
        return super().place_order(store, order, key)
