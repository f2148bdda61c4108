"""Sources of configured stores: the environment, a file, or a class of the vendor.

A vendor with stores in a database names a class in ``STORES_SOURCE`` (``module:Class``). The kit creates one object of it per
process, without arguments, and calls it from many threads::

    class OurStores:
        def __iter__(self): ...                    # every Store
        def by_id(self, store_id): ...             # the Store with this id of the partner, or None
        def by_gett_id(self, gett_store_id): ...   # the Store with this id of Gett, or None
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint
from typing import Any, Protocol, runtime_checkable

from webhook_kit.errors import ConfigurationError, StoresUnavailable
from webhook_kit.logs import logger
from webhook_kit.pos.store import Store
from webhook_kit.stores.adapters import add_cwd_to_sys_path, store_mistakes
from webhook_kit.vendor_calls import VendorCalls

__all__ = ["FixedStores", "StoreSource", "VendorStores", "load_source"]

log = logger("stores")

_MAX_AGE = 1.0
"""Seconds for which a result of the vendor's class is reused."""

_TIMEOUT = 5.0
"""Seconds that a call of the vendor's class may take."""

_MAX_UNKNOWN = 10_000
"""Ids without a store that a process remembers."""

_READING_SHARE = 20
"""The list of all stores is used for so many times as long as reading it took: a large one is not read every second."""


@runtime_checkable
class StoreSource(Protocol):
    """Interface of a vendor's own directory. A store that is not at Gett yet has an empty ``gett_id``."""

    def __iter__(self) -> Iterator[Store]:
        """Yield every store."""
        ...

    def by_id(self, store_id: str) -> Store | None:
        """Return the store with this id of the partner, or None."""
        ...

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """Return the store with this id of Gett, or None."""
        ...


class FixedStores:
    """Stores that do not change.

    :raises ConfigurationError: two stores share an id, or an adapter cannot be loaded.
    """

    def __init__(self, stores: Iterable[Store] = ()) -> None:
        stores = list(stores)
        self._by_id = {store.id: store for store in stores}
        self._by_gett_id = {store.gett_id: store for store in stores if store.gett_id}
        mistakes = [
            f"Gett's store id {store.gett_id} belongs to two stores: {store.id} and {self._by_gett_id[store.gett_id].id}"
            for store in stores
            if store.gett_id and self._by_gett_id[store.gett_id] is not store
        ]
        mistakes += [mistake for store in stores for mistake in store_mistakes(store)]
        if mistakes:
            raise ConfigurationError(*dict.fromkeys(mistakes))  # stores may share an adapter that cannot be loaded

    def __iter__(self) -> Iterator[Store]:
        return iter(self._by_id.values())

    def by_id(self, store_id: str) -> Store | None:
        """Return the store with this id of the partner, or None."""
        return self._by_id.get(store_id)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """Return the store with this id of Gett, or None."""
        return self._by_gett_id.get(gett_store_id)


class VendorStores:
    """A vendor's own directory, called at most once a second for the same store.

    While it fails or takes longer than 5 s, its last result is used.
    """

    def __init__(self, source: StoreSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._calls = VendorCalls("stores-source")
        self._results: dict[tuple[str, str], tuple[float, Any]] = {}
        self._unknown: set[tuple[str, str]] = set()

    def __iter__(self) -> Iterator[Store]:
        stores: list[Store] = self._cached(("all", ""), lambda: [_checked(store) for store in self._source])
        return iter(stores)

    def by_id(self, store_id: str) -> Store | None:
        """Return the store with this id of the partner, or None."""
        store: Store | None = self._cached(("id", store_id), lambda: _checked(self._source.by_id(store_id)))
        return store

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """Return the store with this id of Gett, or None."""
        store: Store | None = self._cached(
            ("gett", gett_store_id), lambda: _checked(self._source.by_gett_id(gett_store_id))
        )
        return store

    def _cached(self, key: tuple[str, str], read: Callable[[], Any]) -> Any:
        last = self._results.get(key)
        if last is not None and time.monotonic() < last[0]:
            return last[1]
        began = time.monotonic()
        try:
            result = self._calls.run(read, seconds=_TIMEOUT)
        except Exception as error:
            # The type of the error alone: its text may contain credentials.
            log.warning("stores_source_failed", error=type(error).__name__, last_result_used=last is not None)
            if last is None:
                raise StoresUnavailable("the stores cannot be read: the class of STORES_SOURCE fails") from error
            result = last[1]
        ended = time.monotonic()
        max_age = max(_MAX_AGE, _READING_SHARE * (ended - began) if key[0] == "all" else 0.0)
        with self._lock:
            self._results[key] = (ended + max_age, result)
            # A store is kept for as long as the class may fail; invented ids must not fill the memory.
            (self._unknown.add if result is None else self._unknown.discard)(key)
            if len(self._unknown) > _MAX_UNKNOWN:
                for each in self._unknown:
                    del self._results[each]
                self._unknown.clear()
        return result


def load_source(spec: str) -> StoreSource:
    """Return an object of the vendor's class.

    :param spec: ``module:Class``; modules are also imported from the current directory.
    :raises ConfigurationError: the class cannot be loaded or instantiated, or lacks a method.
    """
    add_cwd_to_sys_path()
    try:
        source = EntryPoint(name="stores", value=spec, group="stores").load()()
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"STORES_SOURCE {spec}: cannot be loaded: {error!r}") from error
    if not isinstance(source, StoreSource):
        raise ConfigurationError(f"STORES_SOURCE {spec}: must define __iter__, by_id and by_gett_id")
    return source


def _checked(store: Store | None) -> Store | None:
    if not isinstance(store, Store | None):
        raise TypeError(f"STORES_SOURCE returned a {type(store).__name__} instead of a Store")
    return store
