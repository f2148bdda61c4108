"""The directory: what is configured, over what was learned.

``by_gett_id`` is asked for every webhook, so it never waits for Redis more than once a second. While Redis is away a process
goes on with what it knows; when Redis has been emptied, whoever still knows the records writes them back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Self
from zoneinfo import ZoneInfo

import redis

from webhook_kit.adapter import PosAdapter, Store
from webhook_kit.errors import ConfigurationError, Conflict, NotFound, StoresUnavailable
from webhook_kit.logs import logger
from webhook_kit.settings import Settings
from webhook_kit.stores.adapters import load_adapter
from webhook_kit.stores.file import FileStores
from webhook_kit.stores.repository import RedisStoreRepository, StoreRepositoryRecord
from webhook_kit.stores.source import FixedStores, StoreSource, VendorStores, load_source

__all__ = ["StoreDirectory"]

log = logger("stores")

_LOOK_AGAIN = 1.0
"""Seconds for which a process trusts its copy without asking Redis."""

_MISSING = 0.05
"""The same when a store is not in it: Gett's first order comes right after the activation."""


@dataclass(frozen=True, slots=True)
class _Learned:
    """The records of one version, read and understood."""

    version: str = ""
    raw: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold credentials in clear
    records: Mapping[str, StoreRepositoryRecord] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    mistakes: Mapping[str, str] = field(default_factory=dict)


class StoreDirectory:
    """The stores of this installation, and the adapter object of each.

    :param configured: what wins, and is never written here.
    :param book: what was learned, in Redis; None for a directory that learns nothing.
    """

    def __init__(self, configured: StoreSource | None = None, book: RedisStoreRepository | None = None) -> None:
        self._configured: StoreSource = FixedStores() if configured is None else configured
        self._book = book
        self._learned = _Learned()
        self._whole = book is None
        self._failing = False
        self._looked = float("-inf")
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, settings: Settings, book: RedisStoreRepository | None = None) -> Self:
        """The stores that the environment names, over those in the book.

        :raises ConfigurationError: with every mistake at once.
        """
        if settings.stores_source:
            return cls(VendorStores(load_source(settings.stores_source)), book)
        if settings.stores_file:
            return cls(FileStores(settings.stores_file), book)
        if settings.pos_adapter and settings.gett_store_id:
            store = Store(
                id=settings.pos_store_id,
                gett_id=settings.gett_store_id,
                adapter=settings.pos_adapter,
                timezone=ZoneInfo(settings.store_timezone),
                name=settings.store_name or settings.pos_store_id,
                credentials={name: value.get_secret_value() for name, value in settings.store_credentials.items()},
                options=settings.store_options,
            )
            return cls(FixedStores([store]), book)
        return cls(FixedStores(), book)

    # -- looking up ----------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Store]:
        """Every store that is known, configured ones first."""
        learned = self._current()
        seen = set()
        for store in self._configured:
            seen.add(store.id)
            yield _with_learned_id(store, learned)
        for store_id, record in learned.records.items():
            if store_id not in seen and record.store is not None:
                yield record.store

    def by_id(self, store_id: str) -> Store | None:
        """The store that the partner calls so.

        :raises StoresUnavailable: when it is not known, and this process could not read all stores yet.
        """
        configured = self._configured.by_id(store_id)
        if configured is not None:
            return _with_learned_id(configured, self._current())

        def find(learned: _Learned) -> Store | None:
            record = learned.records.get(store_id)
            return record.store if record else None

        return self._learned_store(find)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """The store that Gett calls so.

        :raises StoresUnavailable: when it is not known, and this process could not read all stores yet.
        """
        configured = self._configured.by_gett_id(gett_store_id) if gett_store_id else None
        if configured is not None and configured.gett_id == gett_store_id:
            return configured

        def find(learned: _Learned) -> Store | None:
            store = self.by_id(learned.ids[gett_store_id]) if gett_store_id in learned.ids else None
            return store if store is not None and store.gett_id == gett_store_id else None

        return self._learned_store(find)

    def known(self, store: Store | str) -> Store:
        """A store by the partner's id or by Gett's.

        :raises NotFound: the store is not known here.
        """
        if isinstance(store, Store):
            return store
        found = self.by_id(store) or self.by_gett_id(store)
        if found is None:
            known = [known.id for known in islice(self, 11)]
            more = ", …" if known[10:] else ""
            raise NotFound(f"store {store} is not known here (known: {', '.join(known[:10]) or 'none'}{more})")
        return found

    def adapter(self, store: Store) -> PosAdapter:
        """The adapter that serves a store.

        :raises AdapterError: when it cannot be loaded here.
        """
        return load_adapter(store.adapter)

    def require_complete(self) -> None:
        """Say so when an unknown store may be one that this process has not heard of.

        :raises StoresUnavailable: when Redis has been out of reach ever since this process began.
        """
        self._current()
        if not self._whole:
            raise StoresUnavailable("REDIS_URL: Redis cannot be reached; the stores are unknown until then")

    def mistakes(self) -> tuple[str, ...]:
        """What is wrong with stores in Redis, one line each; such a store is not served, or served as it last was."""
        return tuple(self._current().mistakes.values())

    # -- writing -------------------------------------------------------------------------------------------------------

    def nothing_configured(self) -> bool:
        """Whether all stores there are were learned."""
        return next(iter(self._configured), None) is None

    def is_configured(self, store_id: str) -> bool:
        """Whether a store is configured in the environment, a file or a class: it cannot be changed here."""
        return self._configured.by_id(store_id) is not None

    def add(self, store: Store) -> None:
        """Add a store for every process to see.

        :raises Conflict: one of its ids is taken.
        :raises ConfigurationError: there is no key to encrypt its credentials with, or no Redis.
        :raises AdapterError: when its adapter cannot be loaded.
        """
        self._refuse_configured(store.id)
        self._refuse_taken(store)
        load_adapter(store.adapter)
        self._open_book().add(store)
        self._looked = float("-inf")

    def change(self, before: Store, after: Store) -> None:
        """Change a store that was added.

        :raises Conflict: it is configured elsewhere, its new Gett id is taken, or another process changed it.
        :raises ConfigurationError: there is no key to encrypt its credentials with, or no Redis.
        :raises AdapterError: when its adapter cannot be loaded.
        """
        self._refuse_configured(before.id)
        self._refuse_taken(after)
        load_adapter(after.adapter)
        self._open_book().replace(before, after)
        self._looked = float("-inf")

    def remove(self, store_id: str) -> None:
        """Forget a store that was added; Gett is told nothing.

        :raises Conflict: it is configured elsewhere.
        :raises NotFound: there is no such store.
        """
        self._refuse_configured(store_id)
        if not self._open_book().remove(store_id):
            raise NotFound(f"store {store_id} is not known here")
        self._looked = float("-inf")

    def save_gett_id(self, store_id: str, gett_id: str) -> None:
        """Keep what Gett calls a store.

        :raises NotFound: there is no such store.
        :raises Conflict: it is configured with another id, or another store has the id.
        """
        store = self.by_id(store_id)
        if store is None:
            raise NotFound(f"store {store_id} is not known here")
        if self.is_configured(store_id) and store.gett_id not in ("", gett_id):
            raise Conflict(f"store {store_id} is configured with Gett's id {store.gett_id}, not {gett_id}")
        self._refuse_taken(replace(store, gett_id=gett_id))
        self._open_book().save_gett_id(store_id, gett_id)
        self._looked = float("-inf")

    def _open_book(self) -> RedisStoreRepository:
        if self._book is None:
            raise ConfigurationError("stores cannot be added or changed: Redis is not configured")
        return self._book

    def _refuse_configured(self, store_id: str) -> None:
        if self.is_configured(store_id):
            raise Conflict(
                f"store {store_id} is configured in the environment or in a file, which wins: change it there"
            )

    def _refuse_taken(self, store: Store) -> None:
        other = self.by_gett_id(store.gett_id) if store.gett_id else None
        if other is not None and other.id != store.id:
            raise Conflict(f"Gett's store id {store.gett_id} belongs to store {other.id} already")

    # -- what was learned ----------------------------------------------------------------------------------------------

    def _learned_store(self, find: Callable[[_Learned], Store | None]) -> Store | None:
        """A store by what was learned; one that is missing may have been learned by another process a moment ago."""
        store = find(self._current())
        if store is None:
            store = find(self._current(_MISSING))
        if store is None:
            self.require_complete()
        return store

    def _current(self, age: float = _LOOK_AGAIN) -> _Learned:
        # One thread looks; the others go on with what is known, unless nothing is.
        if self._book is not None and self._is_due(age) and self._lock.acquire(blocking=not self._whole):
            try:
                if self._is_due(age):
                    self._look(self._book)
            finally:
                self._looked = time.monotonic()
                self._lock.release()
        return self._learned

    def _is_due(self, age: float) -> bool:
        return time.monotonic() - self._looked >= age

    def _look(self, book: RedisStoreRepository) -> None:
        known = self._learned
        try:
            if self._whole and book.version() == known.version:
                self._failing = False
                return
            version, raw = book.read()
            if known.version and not version:
                # Not emptied by us, for that leaves a version behind.
                if book.restore(known.version, known.raw):
                    log.error("stores were lost from redis, written back", stores=sorted(known.raw))
                return
        except redis.RedisError as error:
            if not self._failing:
                log.warning("stores not looked at again", error=type(error).__name__)
            self._failing = True
            return
        self._failing = False
        self._learned = self._understand(book, version, raw)
        self._whole = True

    def _understand(self, book: RedisStoreRepository, version: str, raw: dict[str, str]) -> _Learned:
        known = self._learned
        records: dict[str, StoreRepositoryRecord] = {}
        mistakes: dict[str, str] = {}
        for store_id, text in sorted(raw.items()):
            if known.raw.get(store_id) == text and store_id not in known.mistakes:
                records[store_id] = known.records[store_id]
                continue
            try:
                record = book.decode(store_id, text)
                if record.store is not None:
                    load_adapter(record.store.adapter)
                records[store_id] = record
            except ConfigurationError as error:
                mistakes[store_id] = str(error)
                if store_id in known.records:  # the last good one stays
                    records[store_id] = known.records[store_id]
        ids: dict[str, str] = {}
        for store_id, record in records.items():
            if record.gett_id and ids.setdefault(record.gett_id, store_id) != store_id:
                mistakes[store_id] = (
                    f"Gett's store id {record.gett_id} is given to two stores: {ids[record.gett_id]} and {store_id}"
                )
        for store_id, mistake in mistakes.items():
            if known.mistakes.get(store_id) != mistake:
                log.error("store in redis not usable", store=store_id, why=mistake)
        return _Learned(version, raw, records, ids, mistakes)


def _with_learned_id(store: Store, learned: _Learned) -> Store:
    record = learned.records.get(store.id)
    return store if store.gett_id or record is None else replace(store, gett_id=record.gett_id)
