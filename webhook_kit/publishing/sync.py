"""``kit.catalog_sync``: synchronisation of a store's catalog from the POS to Gett.

::

    POS → check → shrink guard → last good catalog → remove unavailable items → publish → notify Gett

When a step fails, the last good catalog stays, and the reason is kept for the operator. Unchanged content is not sent again. Carts
are checked against the catalog with all items, so that an unavailable item is refused as unavailable and not as unknown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, cast

import redis
from pydantic import ValidationError

from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.catalog.build import versioned
from webhook_kit.catalog.diff import ChangeKind, diff
from webhook_kit.catalog.unavailable import remove_items
from webhook_kit.errors import CatalogInvalid, InvalidTransition, WebhookKitError
from webhook_kit.gett.models.base import error_lines
from webhook_kit.logs import logger
from webhook_kit.metrics.definitions import CATALOG_SYNCS
from webhook_kit.printing import described
from webhook_kit.publishing.availability import ItemAvailability
from webhook_kit.publishing.last_good import LastGoodCatalogs
from webhook_kit.publishing.notifications import CatalogNotifications
from webhook_kit.publishing.publisher import Publisher
from webhook_kit.publishing.shrink_guard import CatalogShrunk
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.locks import RedisLock
from webhook_kit.storage.scripts import Script
from webhook_kit.stores.concurrency import for_each_store

__all__ = ["CatalogStatus", "CatalogSync", "Due", "SyncOutcome", "SyncReport"]

log = logger("catalog_sync")

_LOCK_SECONDS = 20.0
"""Seconds after which the lock of a process that died expires."""

_LOCK_WAIT_SECONDS = 30.0
"""Seconds to wait for another process; longer than the lock of a process that died lasts."""

_CLAIM_SECONDS = 60
"""Seconds after which work that was taken on and not queued is due again, because its worker died."""

_MAX_REASONS = 100


class SyncOutcome(StrEnum):
    """Outcome of a synchronisation."""

    PUBLISHED = "published"
    """The catalog was published, and a notification of Gett is in the outbox."""
    UNCHANGED = "unchanged"
    """The same content is published already."""
    STORED = "stored"
    """The catalog is valid and stored, but not published: neither ``PUBLIC_URL`` nor a bucket is configured."""
    REJECTED_SHRINK = "rejected_shrink"
    """More than a third of the items are missing; nothing was changed. ``--force`` overrides the shrink guard."""
    FAILED = "failed"
    """Nothing was changed."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """Result of the synchronisation of one store.

    :ivar items: number of items of the last good catalog; 0 when there is none.
    :ivar reasons: one line each, when nothing was changed.
    :ivar changes: number of changes of the last good catalog by kind (:class:`~webhook_kit.catalog.diff.ChangeKind`).
    """

    store_id: str
    outcome: SyncOutcome
    items: int = 0
    reasons: tuple[str, ...] = ()
    changes: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """True if an operator has to act."""
        return self.outcome in (SyncOutcome.FAILED, SyncOutcome.REJECTED_SHRINK)


@dataclass(frozen=True, slots=True)
class CatalogStatus:
    """Status of a store's catalog, for operators. Times are Unix seconds; None means never.

    :ivar version: version of the last good catalog.
    :ivar items: its number of items.
    :ivar fetched: time at which it was last fetched from the POS.
    :ivar published: version that was published, without the unavailable items.
    :ivar url: URL from which Gett downloads it.
    :ivar outcome: outcome of the last synchronisation.
    :ivar at: time of the last synchronisation.
    :ivar failed: time of the last failed one.
    :ivar reasons: reasons of that failure, one line each.
    """

    store_id: str
    version: str | None
    items: int
    fetched: float | None
    published: str | None
    published_at: float | None
    url: str | None
    outcome: str | None
    at: float | None
    failed: float | None
    reasons: tuple[str, ...]


Due = tuple[Literal["sync", "publish"], str]
"""Work that is due and the id of its store: fetch and publish its catalog, or publish the last good one again."""


class CatalogSync:
    """Synchronises catalogs."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        catalogs: LastGoodCatalogs,
        availability: ItemAvailability,
        publisher: Publisher,
        notifications: CatalogNotifications,
        alerts: Alerts,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._catalogs = catalogs
        self._availability = availability
        self._publisher = publisher
        self._notifications = notifications
        self._alerts = alerts
        self._claim_due = Script(connection, keys, "webhook_kit.publishing/claim_due")
        self._finish_due = Script(connection, keys, "webhook_kit.publishing/finish_due")

    # -- one store -----------------------------------------------------------------------------------------------------

    def sync(self, store: Store, *, force: bool = False) -> SyncReport:
        """Fetch a store's catalog and publish it; a failure is in the report.

        :param force: override the shrink guard.
        :raises redis.RedisError: Redis is not reachable; nothing was changed or not everything, and the next sync continues.
        """

        def sync() -> SyncReport:
            before = self._last_good_or_none(store)
            catalog = self._catalogs.refresh(store, shrink_guard=not force)
            return replace(self._publish(store, catalog), changes=_changes(store, before, catalog))

        return self._recorded(store, sync)

    def publish(self, store: Store, *, force: bool = False) -> SyncReport:
        """Publish the last good catalog without the items that are unavailable now; the POS is not asked.

        :param force: notify Gett also when nothing has changed.
        :raises redis.RedisError: Redis is not reachable.
        """

        def publish() -> SyncReport:
            catalog = self._catalogs.last_good(store)
            if catalog is None:
                raise InvalidTransition(
                    f"there is no good catalog yet; run `webhook-kit catalog sync {store.id}` first"
                )
            return self._publish(store, catalog, force=force)

        return self._recorded(store, publish)

    def status(self, store: Store) -> CatalogStatus:
        """Return the status of a store's catalog.

        :raises redis.RedisError: Redis is not reachable.
        """
        version, items, fetched = self._redis.hmget(self._keys.catalog(store.id), "version", "items", "fetched")
        last = {text(key): text(value) for key, value in self._redis.hgetall(self._keys.sync(store.id)).items()}
        current = self._publisher.current(store.id)
        return CatalogStatus(
            store_id=store.id,
            version=text(version) or None,
            items=int(items or 0),
            fetched=float(fetched) if fetched else None,
            published=current.version if current else None,
            published_at=current.at if current else None,
            url=self._publisher.url(store.id),
            outcome=last.get("outcome"),
            at=float(last["at"]) if "at" in last else None,
            failed=float(last["failed"]) if "failed" in last else None,
            reasons=tuple(json.loads(last.get("reasons", "[]"))),
        )

    # -- many stores ---------------------------------------------------------------------------------------------------

    def sync_all(
        self,
        stores: Iterable[Store],
        on_progress: Callable[[SyncReport], object] = lambda _: None,
        *,
        force: bool = False,
    ) -> list[SyncReport]:
        """Synchronise many stores, several at a time; the failure of one does not stop the others.

        :param on_progress: called in this thread with each store's report when it is done.
        :return: the reports in the order of the stores.
        """
        return for_each_store(
            stores, lambda store: self._sync_without_redis_error(store, force=force), on_progress, name="sync"
        )

    def request(self, store: Store) -> None:
        """Make a worker synchronise the store within seconds."""
        self._redis.zadd(self._keys.catalogs_due, {f"sync:{store.id}": redis_time(self._redis)}, lt=True)

    def claim_due(self) -> Iterator[Due]:
        """Yield the work that is due now; each entry goes to one caller only.

        An entry is removed when the caller asks for the next one. If it never does, the entry is due again after a minute.
        """
        due = self._claim_due(self._keys.catalogs_due, lease=_CLAIM_SECONDS)
        for entry, ends in zip(map(text, due[::2]), map(text, due[1::2]), strict=True):
            action, _, store_id = entry.partition(":")
            yield cast(Due, (action, store_id))
            self._finish_due(self._keys.catalogs_due, entry=entry, ends=ends)

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _sync_without_redis_error(self, store: Store, *, force: bool) -> SyncReport:
        try:
            return self.sync(store, force=force)
        except redis.RedisError as error:
            return SyncReport(store.id, SyncOutcome.FAILED, reasons=(f"Redis is not reachable: {error}",))

    def _recorded(self, store: Store, step: Callable[[], SyncReport]) -> SyncReport:
        """Execute a step while no other process works on the store, and record its outcome."""
        try:
            with self._lock(store):
                report = step()
        except redis.RedisError:
            raise
        except CatalogShrunk as error:
            reason = f"{error}; --force overrides the shrink guard"
            report = self._failure(store, SyncOutcome.REJECTED_SHRINK, [reason])
        except CatalogInvalid as error:
            report = self._failure(store, SyncOutcome.FAILED, list(error.problems))
        except WebhookKitError as error:
            report = self._failure(store, SyncOutcome.FAILED, [str(error)])
        except ValidationError as error:
            lines = [f"the adapter built an invalid catalog: {line}" for line in error_lines(error)]
            report = self._failure(store, SyncOutcome.FAILED, lines)
        except Exception as error:
            # A vendor's code may raise anything.
            log.exception("catalog_sync_failed", store=store.id)
            report = self._failure(store, SyncOutcome.FAILED, [f"the adapter raised {described(error)}"])
        CATALOG_SYNCS.count(report.outcome)
        self._record(report)
        return report

    def _publish(self, store: Store, catalog: CatalogSet, *, force: bool = False) -> SyncReport:
        marked = self._availability.unavailable_items(store)
        on_sale = versioned(remove_items(catalog, marked), store.gett_id or store.id) if marked else catalog
        self._schedule_republication(store, marked.values())
        if marked and not on_sale.sections:
            raise CatalogInvalid("every item is unavailable and Gett rejects an empty catalog; pause the store instead")

        def notify(url: str) -> None:
            if store.gett_id:  # else the store is not registered at Gett yet
                self._notifications.changed(store, url)

        if self._publisher.publish(store.id, on_sale, notify, force=force):
            self._alerts.clear(Alert.CATALOG_DAMAGED, store.id)
            log.info("catalog_published", store=store.id, version=on_sale.catalog_set_id, items=len(on_sale.items))
            return SyncReport(store.id, SyncOutcome.PUBLISHED, len(catalog.items))
        current = self._publisher.current(store.id)
        unchanged = current is not None and current.version == on_sale.catalog_set_id
        return SyncReport(store.id, SyncOutcome.UNCHANGED if unchanged else SyncOutcome.STORED, len(catalog.items))

    def _last_good_or_none(self, store: Store) -> CatalogSet | None:
        with suppress(CatalogInvalid):  # data that another program wrote cannot be compared
            return self._catalogs.last_good(store)
        return None

    def _schedule_republication(self, store: Store, until: Iterable[datetime | None]) -> None:
        """Schedule a publication for the earliest time at which an item becomes available again."""
        times = [one.timestamp() for one in until if one is not None]
        if times:
            self._redis.zadd(self._keys.catalogs_due, {f"publish:{store.id}": min(times)}, lt=True)

    def _lock(self, store: Store) -> RedisLock:
        # A catalog that was fetched earlier must not replace one that was fetched later.
        return RedisLock(
            self._redis,
            self._keys,
            self._keys.sync_lock(store.id),
            seconds=_LOCK_SECONDS,
            wait=_LOCK_WAIT_SECONDS,
            renew=True,
            conflict=f"another process synchronises the catalog of store {store.id}; try again later",
        )

    def _failure(self, store: Store, outcome: SyncOutcome, reasons: Sequence[str]) -> SyncReport:
        omitted = len(reasons) - _MAX_REASONS
        lines = (*reasons[:_MAX_REASONS], *([f"and {omitted} more"] if omitted > 0 else []))
        return SyncReport(store.id, outcome, int(self._redis.hget(self._keys.catalog(store.id), "items") or 0), lines)

    def _record(self, report: SyncReport) -> None:
        key, now = self._keys.sync(report.store_id), int(redis_time(self._redis))
        facts: dict[Any, Any] = {"outcome": report.outcome.value, "at": str(now)}
        if report.failed:
            facts |= {"failed": str(now), "reasons": json.dumps(report.reasons)}
            before = [text(value) for value in self._redis.hmget(key, "outcome", "reasons")]
            repeated = before == [report.outcome, facts["reasons"]]
            log.warning("catalog_rejected", store=report.store_id, outcome=report.outcome, reason=report.reasons[0])
            if not repeated:
                self._redis.delete(
                    self._keys.alerted(Alert.CATALOG, report.store_id)
                )  # it may be raised for other reasons
                self._alerts.raise_once(Alert.CATALOG, report.store_id, "; ".join(report.reasons[:3]), about="store")
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hset(key, mapping=facts)
            if report.failed:
                pipeline.zadd(self._keys.rejected_catalogs, {report.store_id: now}, nx=True)
            else:
                pipeline.zrem(self._keys.rejected_catalogs, report.store_id)
            pipeline.execute()


def _changes(store: Store, before: CatalogSet | None, after: CatalogSet) -> Mapping[str, int]:
    if before is None or before.catalog_set_id == after.catalog_set_id:
        return {}
    changes = Counter(change.kind.value for change in diff(before, after))
    if new_ids := changes[ChangeKind.NEW_ID]:
        # Gett asks for stable ids (§2): carts and favourites refer to an item by its id.
        log.warning("catalog_ids_changed", store=store.id, count=new_ids)
    return changes
