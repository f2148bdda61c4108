"""Compiled catalogs of this process: those used last, up to a number of items in all."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.catalog.unavailable import unavailable_items

__all__ = ["CachedCatalog", "CatalogCache"]


@dataclass(slots=True)
class CachedCatalog:
    """This process's copy of a store's catalog.

    :ivar checked_at: the moment of the last comparison with Redis, on the monotonic clock.
    :ivar marked: the items that are marked unavailable, and until when (Unix seconds).
    """

    catalog: CompiledCatalog
    version: str
    checked_at: float
    marked: Mapping[str, float] = field(default_factory=dict)
    _last_result: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())

    def unavailable(self) -> frozenset[str]:
        """Return the items that cannot be ordered now; computed again only when other items are marked."""
        if not self.marked:
            return frozenset()
        now = time.time()
        marked = frozenset(item for item, until in self.marked.items() if until > now)
        last_marked, unavailable = self._last_result
        if marked != last_marked:
            unavailable = unavailable_items(self.catalog, marked)
            self._last_result = marked, unavailable
        return unavailable


class CatalogCache:
    """Catalogs by the store's id. When they have more items than the limit, those unused for longest are dropped.

    :param max_items: items and options of all catalogs together. One catalog is kept whatever its size.
    """

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self._catalogs: OrderedDict[str, CachedCatalog] = OrderedDict()
        self._items = 0
        self._lock = threading.Lock()

    def __contains__(self, store_id: str) -> bool:
        return store_id in self._catalogs

    def use(self, store_id: str) -> CachedCatalog | None:
        """Return a store's catalog, which then counts as the one used last."""
        with self._lock:
            cached = self._catalogs.get(store_id)
            if cached is not None:
                self._catalogs.move_to_end(store_id)
            return cached

    def look(self, store_id: str) -> CachedCatalog | None:
        """Return a store's catalog without using it."""
        return self._catalogs.get(store_id)

    def put(self, store_id: str, catalog: CachedCatalog) -> None:
        """Keep a catalog in place of the store's former one."""
        with self._lock:
            if (former := self._catalogs.pop(store_id, None)) is not None:
                self._items -= len(former.catalog.items)
            self._catalogs[store_id] = catalog
            self._items += len(catalog.catalog.items)
            while self._items > self._max_items and len(self._catalogs) > 1:
                _, dropped = self._catalogs.popitem(last=False)
                self._items -= len(dropped.catalog.items)
