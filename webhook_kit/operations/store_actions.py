"""Actions of people on stores and their catalogs. Each needs the role of an operator, and is in the audit log."""

from __future__ import annotations

from datetime import datetime

from webhook_kit.errors import NotFound
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.operations.actions import recorded
from webhook_kit.operations.actor import Actor
from webhook_kit.pos.store import Store
from webhook_kit.publishing.sync import SyncReport
from webhook_kit.storage.queues import SYNC_CATALOG_JOB, enqueue_sync

__all__ = [
    "mark_available",
    "mark_unavailable",
    "pause_store",
    "publish_catalog",
    "request_sync",
    "resume_store",
    "sync_catalog",
]


def pause_store(
    kit: Kit, actor: Actor, store_id: str, reason: PauseReason | str, until: datetime | None = None, why: str = ""
) -> None:
    """Pause a store: it takes no orders. Only a person can end the pause of a person.

    :param store_id: the partner's id, or Gett's.
    :raises NotFound, InvalidArgument, InvalidTransition: as
        :meth:`~webhook_kit.stores.status.StoreStatusService.pause`.
    """
    with recorded(kit, actor, "pause_store", store_id, why):
        kit.store_status.pause(store_id, reason, until)


def resume_store(kit: Kit, actor: Actor, store_id: str, why: str = "") -> None:
    """Resume a store, whoever paused it.

    :raises NotFound, InvalidTransition: as :meth:`~webhook_kit.stores.status.StoreStatusService.resume`.
    """
    with recorded(kit, actor, "resume_store", store_id, why):
        kit.store_status.resume(store_id)


def request_sync(kit: Kit, actor: Actor, store_id: str, why: str = "") -> None:
    """Let a sync worker fetch, check and publish a store's catalog soon.

    :raises NotFound: there is no such store.
    """
    with recorded(kit, actor, "request_sync", store_id, why):
        enqueue_sync(kit.redis, SYNC_CATALOG_JOB, _store(kit, store_id).id, first=True)


def sync_catalog(kit: Kit, actor: Actor, store_id: str, *, force: bool = False, why: str = "") -> SyncReport:
    """Fetch, check and publish a store's catalog now, in this process.

    :param force: override the shrink guard.
    :raises NotFound: there is no such store.
    """
    with recorded(kit, actor, "sync_catalog", store_id, why) as outcome:
        report = kit.catalog_sync.sync(_store(kit, store_id), force=force)
        outcome.result = _result(report)
    return report


def publish_catalog(kit: Kit, actor: Actor, store_id: str, why: str = "") -> SyncReport:
    """Publish the last good catalog of a store and notify Gett, changed or not. The POS is not asked.

    :raises NotFound: there is no such store.
    """
    with recorded(kit, actor, "publish_catalog", store_id, why) as outcome:
        report = kit.catalog_sync.publish(_store(kit, store_id), force=True)
        outcome.result = _result(report)
    return report


def mark_unavailable(
    kit: Kit, actor: Actor, store_id: str, item_id: str, until: datetime | None = None, why: str = ""
) -> bool:
    """Mark an item or option unavailable. Carts with it are refused at once; the published catalog follows.

    :return: False if it was marked so already.
    :raises NotFound: there is no such store, or its last good catalog has no such item.
    :raises InvalidArgument: ``until`` is in the past or has no time zone.
    """
    with recorded(kit, actor, "mark_unavailable", f"{store_id} {item_id}", why):
        store = _store(kit, store_id)
        catalog = kit.catalogs.last_good(store)
        if catalog is not None and item_id not in catalog.items:
            raise NotFound(f"the catalog of store {store.id} has no item {item_id[:100]}")
        return kit.availability.mark_unavailable(store, item_id, until)


def mark_available(kit: Kit, actor: Actor, store_id: str, item_id: str, why: str = "") -> bool:
    """Mark an item or option available again.

    :return: False if it was not marked unavailable.
    :raises NotFound: there is no such store.
    """
    with recorded(kit, actor, "mark_available", f"{store_id} {item_id}", why):
        return kit.availability.mark_available(_store(kit, store_id), item_id)


def _result(report: SyncReport) -> str:
    return f"{report.outcome}: {'; '.join(report.reasons)}" if report.failed else "ok"


def _store(kit: Kit, store_id: str) -> Store:
    store = kit.stores.by_id(store_id) or kit.stores.by_gett_id(store_id)
    if store is None:
        raise NotFound(f"unknown store: {store_id[:100]}")
    return store
