"""``kit.catalog_sync``: a store's menu on its way from the POS to Gett.

::

    POS → checked → not suddenly a third smaller → the last good menu → without what has run out → published → Gett is told

Whatever goes wrong, the last good menu stays, and why it went wrong is kept for the operator. Unchanged content pushes nothing. The
menu that carts are checked against is the whole one, so that what has run out is refused as such and not as unknown.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, cast

import redis
from redis.exceptions import LockError

from webhook_kit.adapter import CatalogSet, Store
from webhook_kit.catalog.build import versioned
from webhook_kit.catalog.diff import ChangeKind, diff
from webhook_kit.catalog.unavailable import remove_items
from webhook_kit.errors import CatalogInvalid, Conflict, InvalidTransition, WebhookKitError
from webhook_kit.logs import logger
from webhook_kit.publishing.availability import ItemAvailability
from webhook_kit.publishing.last_good import CatalogShrunk, LastGoodCatalogs
from webhook_kit.publishing.notifications import CatalogNotifications
from webhook_kit.publishing.publisher import Publisher
from webhook_kit.storage.alerts import Alert, Alerts
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys

__all__ = ["CatalogStatus", "CatalogSync", "Due", "SyncOutcome", "SyncReport"]

log = logger("sync")

_STORES_AT_ONCE = 8
_LOCK_SECONDS = 300.0
_WAIT_SECONDS = 30.0
_LINES_KEPT = 100


class SyncOutcome(StrEnum):
    """How a synchronisation ended."""

    PUBLISHED = "published"
    """Gett is being told."""
    UNCHANGED = "unchanged"
    """The same content is published already."""
    KEPT = "kept"
    """Good, but not published: neither ``PUBLIC_URL`` nor a bucket says where Gett could pull it."""
    REJECTED_SHRINK = "rejected_shrink"
    """More than a third of the items are missing: nothing was changed; ``--force`` takes it all the same."""
    FAILED = "failed"
    """Nothing was changed."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What became of one store's menu.

    :ivar items: how many items the last good menu has; 0 when there is none.
    :ivar why: one line each, when nothing was changed.
    :ivar changes: how much of the last good menu changed in which way (:class:`~webhook_kit.catalog.diff.ChangeKind`).
    """

    store_id: str
    outcome: SyncOutcome
    items: int = 0
    why: tuple[str, ...] = ()
    changes: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether an operator has to look at it."""
        return self.outcome in (SyncOutcome.FAILED, SyncOutcome.REJECTED_SHRINK)


@dataclass(frozen=True, slots=True)
class CatalogStatus:
    """What an operator wants to know of a store's menu. Moments are Unix seconds, None for never.

    :ivar version: the last good menu; ``published`` is what Gett was told of, which lacks what has run out.
    :ivar fetched: when the last good menu was last fetched from the POS.
    :ivar outcome: how the last synchronisation ended, and ``at`` when.
    :ivar failed: when one last failed, and ``why``.
    """

    store_id: str
    version: str | None
    items: int
    fetched: float | None
    published: str | None
    published_at: float | None
    address: str | None
    outcome: str | None
    at: float | None
    failed: float | None
    why: tuple[str, ...]


Due = tuple[Literal["sync", "publish"], str]
"""What is due, and the id of its store: a menu to fetch, or one to publish anew because something has run out or is back."""


class CatalogSync:
    """Synchronises menus."""

    def __init__(
        self,
        connection: redis.Redis,
        keys: Keys,
        menus: LastGoodCatalogs,
        availability: ItemAvailability,
        publisher: Publisher,
        catalogs: CatalogNotifications,
        alerts: Alerts,
    ) -> None:
        self._redis = connection
        self._keys = keys
        self._menus = menus
        self._availability = availability
        self._publisher = publisher
        self._catalogs = catalogs
        self._alerts = alerts

    # -- one store -----------------------------------------------------------------------------------------------------

    def sync(self, store: Store, *, force: bool = False) -> SyncReport:
        """Fetch a store's menu and publish it; what goes wrong is in the report.

        :param force: also when it lacks more than a third of the items.
        :raises redis.RedisError: when Redis is out of reach; nothing was changed, or not all of it, and the next one goes on.
        """

        def sync() -> SyncReport:
            before = self._before(store)
            catalog = self._menus.refresh(store, brake=not force)
            return replace(self._publish(store, catalog), changes=_changes(store, before, catalog))

        return self._recorded(store, sync)

    def publish(self, store: Store, *, again: bool = False) -> SyncReport:
        """Publish the last good menu, without what has run out by now; the POS is not asked.

        :param again: tell Gett also when nothing has changed.
        :raises redis.RedisError: when Redis is out of reach.
        """

        def publish() -> SyncReport:
            catalog = self._menus.last_good(store)
            if catalog is None:
                raise InvalidTransition("there is no good menu yet: synchronise first")
            return self._publish(store, catalog, again=again)

        return self._recorded(store, publish)

    def status(self, store: Store) -> CatalogStatus:
        """What is known of a store's menu.

        :raises redis.RedisError: when Redis is out of reach.
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
            address=self._publisher.address(store.id),
            outcome=last.get("outcome"),
            at=float(last["at"]) if "at" in last else None,
            failed=float(last["failed"]) if "failed" in last else None,
            why=tuple(json.loads(last.get("why", "[]"))),
        )

    # -- many stores ---------------------------------------------------------------------------------------------------

    def sync_all(
        self,
        stores: Iterable[Store],
        on_progress: Callable[[SyncReport], object] = lambda _: None,
        *,
        force: bool = False,
    ) -> list[SyncReport]:
        """Synchronise many stores, some at a time; one that fails stops no other.

        :param on_progress: called in this thread with each store's report as it is done.
        :return: in the order of the stores.
        """
        stores = list(stores)
        reports: dict[str, SyncReport] = {}
        with ThreadPoolExecutor(_STORES_AT_ONCE, thread_name_prefix="sync") as pool:
            for done in as_completed([pool.submit(self._guarded, store, force=force) for store in stores]):
                report = done.result()
                reports[report.store_id] = report
                on_progress(report)
        return [reports[store.id] for store in stores]

    def request(self, store: Store) -> None:
        """Have a worker synchronise the store within seconds."""
        self._redis.zadd(self._keys.catalogs_due, {f"sync:{store.id}": time.time()}, lt=True)

    def claim_due(self) -> Iterator[Due]:
        """What is due now, each for one caller alone."""
        for entry in map(text, self._redis.zrangebyscore(self._keys.catalogs_due, 0, time.time())):
            if self._redis.zrem(self._keys.catalogs_due, entry):
                what, _, store_id = entry.partition(":")
                yield cast(Due, (what, store_id))

    # -- the steps -----------------------------------------------------------------------------------------------------

    def _guarded(self, store: Store, *, force: bool) -> SyncReport:
        try:
            return self.sync(store, force=force)
        except redis.RedisError as error:
            return SyncReport(store.id, SyncOutcome.FAILED, why=(f"Redis is out of reach: {error}",))

    def _recorded(self, store: Store, step: Callable[[], SyncReport]) -> SyncReport:
        """Take a step, one process at a time, and keep how it ended."""
        try:
            with self._alone(store):
                report = step()
        except redis.RedisError:
            raise
        except CatalogShrunk as error:
            report = self._failed(store, SyncOutcome.REJECTED_SHRINK, [f"{error}; --force takes it all the same"])
        except CatalogInvalid as error:
            report = self._failed(store, SyncOutcome.FAILED, list(error.problems))
        except WebhookKitError as error:
            report = self._failed(store, SyncOutcome.FAILED, [str(error)])
        except Exception as error:
            # A vendor's code may raise anything.
            log.exception("menu not synchronised", store=store.id)
            report = self._failed(store, SyncOutcome.FAILED, [f"the adapter raised {error!r}"])
        self._keep(report)
        return report

    def _publish(self, store: Store, catalog: CatalogSet, *, again: bool = False) -> SyncReport:
        out = self._availability.unavailable_items(store)
        on_sale = versioned(remove_items(catalog, out), store.gett_id or store.id) if out else catalog
        self._follow(store, out.values())
        if out and not on_sale.sections:
            raise CatalogInvalid("everything on the menu has run out, and Gett takes no empty one: pause the store")

        def tell(address: str) -> None:
            if store.gett_id:  # else Gett knows nothing of the store yet
                self._catalogs.changed(store, address)

        if self._publisher.publish(store.id, on_sale, tell, again=again):
            log.info("menu published", store=store.id, version=on_sale.catalog_set_id, items=len(on_sale.items))
            return SyncReport(store.id, SyncOutcome.PUBLISHED, len(catalog.items))
        current = self._publisher.current(store.id)
        unchanged = current is not None and current.version == on_sale.catalog_set_id
        return SyncReport(store.id, SyncOutcome.UNCHANGED if unchanged else SyncOutcome.KEPT, len(catalog.items))

    def _before(self, store: Store) -> CatalogSet | None:
        with suppress(CatalogInvalid):  # somebody else's writing is nothing to compare with
            return self._menus.last_good(store)
        return None

    def _follow(self, store: Store, until: Iterable[datetime | None]) -> None:
        """What is back by itself at some moment is published again then."""
        moments = [moment.timestamp() for moment in until if moment is not None]
        if moments:
            self._redis.zadd(self._keys.catalogs_due, {f"publish:{store.id}": min(moments)}, lt=True)

    @contextmanager
    def _alone(self, store: Store) -> Iterator[None]:
        """Hold the store's menu: what was fetched earlier must not replace what was fetched later."""
        lock = self._redis.lock(self._keys.sync_lock(store.id), timeout=_LOCK_SECONDS, blocking_timeout=_WAIT_SECONDS)
        if not lock.acquire():
            raise Conflict("the menu is being synchronised elsewhere; try again later")
        try:
            yield
        finally:
            with suppress(LockError):  # it took so long that the lock has lapsed
                lock.release()

    def _failed(self, store: Store, outcome: SyncOutcome, why: Sequence[str]) -> SyncReport:
        more = len(why) - _LINES_KEPT
        lines = (*why[:_LINES_KEPT], *([f"and {more} more"] if more > 0 else []))
        return SyncReport(store.id, outcome, int(self._redis.hget(self._keys.catalog(store.id), "items") or 0), lines)

    def _keep(self, report: SyncReport) -> None:
        key, now = self._keys.sync(report.store_id), int(time.time())
        facts: dict[Any, Any] = {"outcome": report.outcome.value, "at": str(now)}
        if report.failed:
            facts |= {"failed": str(now), "why": json.dumps(report.why)}
            before = [text(value) for value in self._redis.hmget(key, "outcome", "why")]
            news = before != [report.outcome, facts["why"]]
            log.warning("menu not taken", store=report.store_id, outcome=report.outcome, why=report.why[0])
            if news:
                self._alerts.raise_once(Alert.MENU, f"menu of {report.store_id} {now}", "; ".join(report.why[:3]))
        self._redis.hset(key, mapping=facts)


def _changes(store: Store, before: CatalogSet | None, after: CatalogSet) -> Mapping[str, int]:
    if before is None or before.catalog_set_id == after.catalog_set_id:
        return {}
    changes = Counter(change.kind.value for change in diff(before, after))
    if churned := changes[ChangeKind.NEW_ID]:
        # Gett wants ids that stay (§2): carts and favourites know a dish by its id.
        log.warning("ids of the same things changed", store=store.id, count=churned)
    return changes
