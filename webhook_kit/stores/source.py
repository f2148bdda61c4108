"""Where stores come from that are configured, not learned: the environment, a file, or a class of the vendor's own.

A vendor who keeps stores in a database names a class in ``STORES_SOURCE`` (``module:Class``). It is made once per process,
without arguments, and asked from many threads::

    class OurStores:
        def __iter__(self): ...                    # every Store
        def by_id(self, store_id): ...             # the Store that the partner calls so, or None
        def by_gett_id(self, gett_store_id): ...   # the Store that Gett calls so, or None
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from webhook_kit.adapter import Store
from webhook_kit.errors import ConfigurationError, StoresUnavailable
from webhook_kit.logs import logger
from webhook_kit.stores.adapters import load_adapter

__all__ = ["FixedStores", "StoreSource", "VendorStores", "load_source"]

log = logger("stores")

_GOOD_FOR = 1.0
"""Seconds for which an answer of the vendor's class is taken as it is."""

_REMEMBERED = 10_000
"""Answers of the vendor's class that a process remembers."""


@runtime_checkable
class StoreSource(Protocol):
    """What a vendor's own directory offers. A store that Gett does not know yet has an empty ``gett_id``."""

    def __iter__(self) -> Iterator[Store]:
        """Every store."""
        ...

    def by_id(self, store_id: str) -> Store | None:
        """The store that the partner calls so."""
        ...

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """The store that Gett calls so."""
        ...


class FixedStores:
    """Stores that do not change.

    :raises ConfigurationError: when two stores share an id, or an adapter cannot be loaded.
    """

    def __init__(self, stores: Iterable[Store] = ()) -> None:
        stores = list(stores)
        self._by_id = {store.id: store for store in stores}
        self._by_gett_id = {store.gett_id: store for store in stores if store.gett_id}
        mistakes = [
            f"Gett's store id {store.gett_id} is given to two stores: {store.id} and {self._by_gett_id[store.gett_id].id}"
            for store in stores
            if store.gett_id and self._by_gett_id[store.gett_id] is not store
        ]
        for spec in {store.adapter for store in stores}:
            try:
                load_adapter(spec)
            except ConfigurationError as error:
                mistakes += error.mistakes
        if mistakes:
            raise ConfigurationError(*mistakes)

    def __iter__(self) -> Iterator[Store]:
        return iter(self._by_id.values())

    def by_id(self, store_id: str) -> Store | None:
        """The store that the partner calls so."""
        return self._by_id.get(store_id)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """The store that Gett calls so."""
        return self._by_gett_id.get(gett_store_id)


class VendorStores:
    """A vendor's own directory, asked at most once a second for the same thing; while it fails, its last answer stands."""

    def __init__(self, source: StoreSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], tuple[float, Any]] = {}

    def __iter__(self) -> Iterator[Store]:
        stores: list[Store] = self._ask(("all", ""), lambda: [_a_store(store) for store in self._source])
        return iter(stores)

    def by_id(self, store_id: str) -> Store | None:
        """The store that the partner calls so."""
        found: Store | None = self._ask(("id", store_id), lambda: _a_store(self._source.by_id(store_id)))
        return found

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """The store that Gett calls so."""
        found: Store | None = self._ask(
            ("gett", gett_store_id), lambda: _a_store(self._source.by_gett_id(gett_store_id))
        )
        return found

    def _ask(self, question: tuple[str, str], ask: Callable[[], Any]) -> Any:
        known = self._answers.get(question)
        if known is not None and time.monotonic() - known[0] < _GOOD_FOR:
            return known[1]
        try:
            answer = ask()
        except Exception as error:
            # The kind of failure only: its text may quote credentials.
            log.warning("stores_source failed", error=type(error).__name__, remembered=known is not None)
            if known is None:
                raise StoresUnavailable("the directory of stores cannot be asked now (STORES_SOURCE fails)") from error
            answer = known[1]
        with self._lock:
            if len(self._answers) >= _REMEMBERED:  # made-up ids must not fill the memory
                self._answers.clear()
            self._answers[question] = (time.monotonic(), answer)
        return answer


def load_source(spec: str) -> StoreSource:
    """The vendor's class, made.

    :param spec: ``module:Class``; modules are also looked for in the current directory.
    :raises ConfigurationError: when it cannot be loaded or made, or lacks a method.
    """
    # A console script does not look into the current directory, where a vendor's own class lies.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = EntryPoint(name="stores", value=spec, group="stores").load()()
    except Exception as error:
        raise ConfigurationError(f"STORES_SOURCE {spec}: cannot be loaded: {error!r}") from error
    if not isinstance(found, StoreSource):
        raise ConfigurationError(f"STORES_SOURCE {spec}: needs the methods __iter__, by_id and by_gett_id")
    return found


def _a_store(found: Store | None) -> Store | None:
    if not isinstance(found, Store | None):
        raise TypeError(f"STORES_SOURCE returned a {type(found).__name__} instead of a Store")
    return found
