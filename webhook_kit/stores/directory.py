"""Directory of the stores: those that are configured, then those that are saved in Redis.

Every webhook calls ``by_gett_id``, so the directory asks Redis at most once a second. While Redis is out of reach, a process
serves the stores that it has read. After Redis was emptied, a process that still has the records writes them back.
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
from webhook_kit.errors import AdapterError, ConfigurationError, Conflict, NotFound, StoresUnavailable
from webhook_kit.logs import logger
from webhook_kit.settings import Settings
from webhook_kit.storage.faults import describe
from webhook_kit.stores.adapters import load_adapter, require_usable, store_mistakes
from webhook_kit.stores.file import FileStores
from webhook_kit.stores.repository import RedisStoreRepository, SavedStore
from webhook_kit.stores.source import FixedStores, StoreSource, VendorStores, load_source

__all__ = ["StoreDirectory"]

log = logger("stores")

_MAX_AGE = 1.0
"""Seconds for which a process uses its snapshot without asking Redis."""

_RETRY_LOADING = 10.0
"""Seconds before an adapter that could not be loaded is loaded again."""

_MAX_AGE_IF_MISSING = 0.05
"""The same for a store that the snapshot lacks: Gett's first order comes right after the activation of a store."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Stores of one version of the repository, decoded.

    :ivar raw: the records as they are stored.
    :ivar ids: the partner's id of a store by Gett's.
    :ivar mistakes: a description of each record that cannot be used, by the partner's id.
    :ivar unusable: Gett's id and the adapter of each store that is not served because of that, as far as they are known.
    """

    version: str = ""
    raw: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold credentials in plaintext
    records: Mapping[str, SavedStore] = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    mistakes: Mapping[str, str] = field(default_factory=dict)
    unusable: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)


class StoreDirectory:
    """Stores of this installation, and the adapter object of each.

    :param configured: stores that take precedence, and that this class never changes.
    :param repository: saved stores in Redis; None for a directory of configured stores alone.
    """

    def __init__(self, configured: StoreSource | None = None, repository: RedisStoreRepository | None = None) -> None:
        self._configured: StoreSource = FixedStores() if configured is None else configured
        self._load_failures: dict[str, tuple[float, AdapterError]] = {}
        self._repository = repository
        self._snapshot = _Snapshot()
        self._by_adapter: tuple[_Snapshot | None, float, dict[str, dict[str, Store]]] = (None, 0.0, {})
        self._complete = repository is None
        self._failure = ""
        self._refreshed_at = self._decoded_at = float("-inf")
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, settings: Settings, repository: RedisStoreRepository | None = None) -> Self:
        """Return a directory of the stores that the settings name, and of those in the repository.

        :raises ConfigurationError: with one line per mistake.
        """
        if settings.stores_source:
            return cls(VendorStores(load_source(settings.stores_source)), repository)
        if settings.stores_file:
            return cls(FileStores(settings.stores_file), repository)
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
            return cls(FixedStores([store]), repository)
        return cls(FixedStores(), repository)

    # -- lookup --------------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Store]:
        """Yield every store, configured ones first."""
        snapshot = self._current_snapshot()
        configured_ids = set()
        for store in self._configured:
            configured_ids.add(store.id)
            yield _with_saved_id(store, snapshot)
        for store_id, record in snapshot.records.items():
            if store_id not in configured_ids and record.store is not None:
                yield record.store

    def by_id(self, store_id: str) -> Store | None:
        """Return the store with this id of the partner, or None.

        :raises StoresUnavailable: it was not found, but this process could not read all stores yet.
        """
        configured = self._configured.by_id(store_id)
        if configured is not None:
            return _with_saved_id(configured, self._current_snapshot())

        def find(snapshot: _Snapshot) -> Store | None:
            record = snapshot.records.get(store_id)
            return record.store if record else None

        return self._find_saved(find)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """Return the store with this id of Gett, or None.

        :raises StoresUnavailable: it exists but cannot be served now, or it was not found, but this process could not read all
            stores yet.
        """
        configured = self._configured.by_gett_id(gett_store_id) if gett_store_id else None
        if configured is not None and configured.gett_id == gett_store_id:
            return configured

        def find(snapshot: _Snapshot) -> Store | None:
            store = self.by_id(snapshot.ids[gett_store_id]) if gett_store_id in snapshot.ids else None
            return store if store is not None and store.gett_id == gett_store_id else None

        store = self._find_saved(find)
        if store is None:
            for store_id, (gett_id, _) in self._snapshot.unusable.items():
                if gett_id in (gett_store_id, None):  # a record that cannot be read may be of any store
                    raise StoresUnavailable(f"store {store_id} cannot be served: {self._snapshot.mistakes[store_id]}")
            if self._file_is_rejected():
                raise StoresUnavailable(
                    "STORES_FILE is being read or contains mistakes, so that not all of its stores are known"
                )
        return store

    def by_adapter(self, adapter: str) -> Mapping[str, Store]:
        """Return the stores with this adapter, by the partner's id. Strangers may ask, so all stores are walked once a second."""
        snapshot, read_at, stores = self._by_adapter
        if snapshot is not self._current_snapshot() or time.monotonic() - read_at >= _MAX_AGE:
            snapshot, read_at, stores = self._current_snapshot(), time.monotonic(), {}
            for store in self:
                stores.setdefault(store.adapter, {})[store.id] = store
            self._by_adapter = snapshot, read_at, stores
        return stores.get(adapter, {})

    def get(self, store: Store | str) -> Store:
        """Return a store by the partner's id or by Gett's.

        :raises NotFound: there is no such store; the message lists some that exist.
        """
        if isinstance(store, Store):
            return store
        result = self.by_id(store) or self.by_gett_id(store)
        if result is None:
            if mistake := self.unusable().get(store):
                raise NotFound(mistake)
            ids = [each.id for each in islice(self, 11)]
            more = ", …" if ids[10:] else ""
            raise NotFound(f"store {store} is not known here (known: {', '.join(ids[:10]) or 'none'}{more})")
        return result

    def adapter(self, store: Store) -> PosAdapter:
        """Return the adapter that serves a store.

        :raises AdapterError: it cannot be loaded.
        """
        failed_at, failure = self._load_failures.get(store.adapter, (float("-inf"), None))
        if failure is not None and time.monotonic() - failed_at < _RETRY_LOADING:
            raise type(failure)(*failure.mistakes) from failure
        try:
            return load_adapter(store.adapter)
        except AdapterError as error:
            log.error("adapter_not_loaded", adapter=store.adapter, why=str(error))  # noqa: TRY400 - it says where
            self._load_failures[store.adapter] = time.monotonic(), error
            raise

    def require_complete(self) -> None:
        """Raise an error if this process may lack some of the stores.

        :raises StoresUnavailable: Redis could not be used since this process started.
        """
        self._current_snapshot()
        if not self._complete:
            raise StoresUnavailable(f"{self._failure}; the stores cannot be read until then")

    def configured_mistakes(self) -> tuple[str, ...]:
        """Return every mistake in the adapters, options and credentials of the configured stores, one line each."""
        mistakes = [mistake for store in self._configured for mistake in store_mistakes(store)]
        return tuple(dict.fromkeys(mistakes))  # stores may share an adapter that cannot be loaded

    def unusable(self) -> Mapping[str, str]:
        """Return a description of each saved record that cannot be used, by store id.

        Such a store is not served, or as it was before.
        """
        return self._current_snapshot().mistakes

    def is_unusable(self, *, store_id: str | None = None, adapter: str | None = None) -> bool:
        """Return True if a store with this id or adapter may exist, but is not served because its record cannot be used."""
        return self._file_is_rejected() or any(
            store_id == each or (adapter is not None and of in (adapter, None))
            for each, (_, of) in self._current_snapshot().unusable.items()
        )

    def _file_is_rejected(self) -> bool:
        return isinstance(self._configured, FileStores) and self._configured.rejected

    def is_configured(self, store_id: str) -> bool:
        """Return True if the store comes from the environment, a file or a class."""
        return self._configured.by_id(store_id) is not None

    def require_changeable(self, store_id: str) -> None:
        """Raise an error if the store is configured, so that it cannot be changed here.

        :raises Conflict: it comes from the environment, a file or a class.
        """
        if self.is_configured(store_id):
            raise Conflict(
                f"store {store_id} is configured in the environment, a file or a class, which takes precedence; "
                "change it there"
            )

    # -- changes -------------------------------------------------------------------------------------------------------

    def add(self, store: Store) -> None:
        """Save a new store for all processes.

        :raises Conflict: one of its ids is taken.
        :raises ConfigurationError: there is no key to encrypt its credentials with, or no Redis.
        :raises AdapterError: its adapter cannot be loaded.
        """
        self.require_changeable(store.id)
        self._reject_taken(store)
        require_usable(store)
        self._writable_repository().add(store)
        self._expire_snapshot()

    def change(self, before: Store, after: Store) -> None:
        """Change a saved store.

        :raises Conflict: it is configured elsewhere, its new Gett id is taken, or another process changed it.
        :raises ConfigurationError: there is no key to encrypt its credentials with, or no Redis.
        :raises AdapterError: its adapter cannot be loaded.
        """
        self.require_changeable(before.id)
        self._reject_taken(after)
        require_usable(after)
        self._writable_repository().replace(before, after)
        self._expire_snapshot()

    def remove(self, store_id: str) -> None:
        """Delete a saved store. Gett is not notified.

        :raises Conflict: it is configured elsewhere.
        :raises NotFound: there is no such store.
        """
        self.require_changeable(store_id)
        if not self._writable_repository().remove(store_id):
            raise NotFound(f"store {store_id} is not known here")
        self._expire_snapshot()

    def save_gett_id(self, store_id: str, gett_id: str) -> None:
        """Save Gett's id of a store.

        :raises NotFound: there is no such store.
        :raises Conflict: it is configured with another id, or another store has the id.
        """
        store = self.by_id(store_id)
        if store is None:
            raise NotFound(f"store {store_id} is not known here")
        if self.is_configured(store_id) and store.gett_id not in ("", gett_id):
            raise Conflict(f"store {store_id} is configured with Gett's id {store.gett_id}, not {gett_id}")
        self._reject_taken(replace(store, gett_id=gett_id))
        self._writable_repository().save_gett_id(store_id, gett_id)
        self._expire_snapshot()

    def _writable_repository(self) -> RedisStoreRepository:
        if self._repository is None:
            raise ConfigurationError("stores cannot be added or changed: Redis is not configured")
        return self._repository

    def _reject_taken(self, store: Store) -> None:
        other = self.by_gett_id(store.gett_id) if store.gett_id else None
        if other is not None and other.id != store.id:
            raise Conflict(f"Gett's store id {store.gett_id} already belongs to store {other.id}")

    def _expire_snapshot(self) -> None:
        self._refreshed_at = float("-inf")

    # -- saved stores --------------------------------------------------------------------------------------------------

    def _find_saved(self, find: Callable[[_Snapshot], Store | None]) -> Store | None:
        """Find a store in the snapshot, and in a newer one if it is missing: another process may just have added it."""
        store = find(self._current_snapshot())
        if store is None:
            store = find(self._current_snapshot(_MAX_AGE_IF_MISSING))
        if store is None:
            self.require_complete()
        return store

    def _current_snapshot(self, max_age: float = _MAX_AGE) -> _Snapshot:
        # One thread refreshes; the others use the snapshot as it is, unless they miss a store or nothing was read yet.
        wait = max_age < _MAX_AGE or not self._complete
        if self._repository is not None and self._is_older(max_age) and self._lock.acquire(blocking=wait):
            try:
                if self._is_older(max_age):
                    self._refresh(self._repository)
            finally:
                self._refreshed_at = time.monotonic()
                self._lock.release()
        return self._snapshot

    def _is_older(self, age: float) -> bool:
        return time.monotonic() - self._refreshed_at >= age

    def _refresh(self, repository: RedisStoreRepository) -> None:
        last = self._snapshot
        try:
            if self._complete and repository.version() == last.version and not self._retry_is_due():
                self._failure = ""
                return
            version, raw = repository.read()
            if last.version and not version:
                # Redis was emptied: a process that removes the last store leaves a version behind.
                if repository.restore(last.version, last.raw):
                    log.error("lost_stores_restored", stores=sorted(last.raw))
                return
        except redis.RedisError as error:
            if not self._failure:
                log.warning("stores_refresh_failed", error=type(error).__name__)
            self._failure = describe(error)
            return
        self._failure = ""
        self._decoded_at = time.monotonic()
        self._snapshot = _decode(repository, version, raw, last)
        self._complete = True

    def _retry_is_due(self) -> bool:
        """Return True if a record could not be used a while ago: an adapter may be loaded now that could not be then."""
        return bool(self._snapshot.mistakes) and time.monotonic() - self._decoded_at > _RETRY_LOADING


def _decode(repository: RedisStoreRepository, version: str, raw: dict[str, str], last: _Snapshot) -> _Snapshot:
    """Decode the records; one that cannot be used is replaced by its last usable version, if there is one."""
    records: dict[str, SavedStore] = {}
    mistakes: dict[str, str] = {}
    unusable: dict[str, tuple[str | None, str | None]] = {}
    for store_id, text in sorted(raw.items()):
        if last.raw.get(store_id) == text and store_id not in last.mistakes:
            records[store_id] = last.records[store_id]
            continue
        try:
            record = repository.decode(store_id, text)
            if record.store is not None:
                require_usable(record.store)
            records[store_id] = record
        except ConfigurationError as error:
            mistakes[store_id] = str(error)
            if store_id in last.records:
                records[store_id] = last.records[store_id]
            else:
                unusable[store_id] = repository.identify(store_id, text)
    ids: dict[str, str] = {}
    for store_id, record in records.items():
        if record.gett_id and ids.setdefault(record.gett_id, store_id) != store_id:
            mistakes[store_id] = (
                f"Gett's store id {record.gett_id} belongs to two stores: {ids[record.gett_id]} and {store_id}"
            )
    for store_id, mistake in mistakes.items():
        if last.mistakes.get(store_id) != mistake:
            log.error("store_record_rejected", store=store_id, why=mistake)
    return _Snapshot(version, raw, records, ids, mistakes, unusable)


def _with_saved_id(store: Store, snapshot: _Snapshot) -> Store:
    record = snapshot.records.get(store.id)
    return store if store.gett_id or record is None else replace(store, gett_id=record.gett_id)
