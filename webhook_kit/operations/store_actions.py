"""Actions of people on stores and their catalogs. Each needs the role of an operator, and is in the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from webhook_kit.errors import NotFound
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.operations.actions import ActionOutcome, recorded
from webhook_kit.operations.actor import Actor
from webhook_kit.pos.store import Store
from webhook_kit.storage.queues import SYNC_CATALOG_JOB, enqueue_sync

if TYPE_CHECKING:
    from webhook_kit.publishing.sync import SyncReport

__all__ = [
    "mark_available",
    "mark_unavailable",
    "pause_store",
    "publish_catalog",
    "request_sync",
    "resume_store",
    "sync_catalog",
    "sync_catalogs",
]


def pause_store(
    kit: Kit, actor: Actor, store_id: str, reason: PauseReason | str, until: datetime | None = None, why: str = ""
) -> None:
    """Pause a store: it takes no orders. Only a person can end the pause of a person.

    :param store_id: the partner's id, or Gett's.
    :raises NotFound, InvalidArgument, InvalidTransition: as
        :meth:`~webhook_kit.stores.status.StoreStatusService.pause`.
    """
    with recorded(kit, actor, "pause_store", _subject(kit, store_id), why):
        kit.store_status.pause(store_id, reason, until)


def resume_store(kit: Kit, actor: Actor, store_id: str, why: str = "") -> None:
    """Resume a store, whoever paused it.

    :raises NotFound, InvalidTransition: as :meth:`~webhook_kit.stores.status.StoreStatusService.resume`.
    """
    with recorded(kit, actor, "resume_store", _subject(kit, store_id), why):
        kit.store_status.resume(store_id)


def request_sync(kit: Kit, actor: Actor, store_id: str, why: str = "") -> None:
    """Let a sync worker fetch, check and publish a store's catalog soon.

    :raises NotFound: there is no such store.
    """
    with recorded(kit, actor, "request_sync", _subject(kit, store_id), why):
        enqueue_sync(kit.redis, SYNC_CATALOG_JOB, _store(kit, store_id).id, first=True)


def sync_catalog(kit: Kit, actor: Actor, store_id: str, *, force: bool = False, why: str = "") -> SyncReport:
    """Fetch, check and publish a store's catalog now, in this process.

    :param force: override the shrink guard.
    :raises NotFound: there is no such store.
    """
    with recorded(kit, actor, "sync_catalog", _subject(kit, store_id), why) as outcome:
        report = kit.catalog_sync.sync(_store(kit, store_id), force=force)
        _note_failures(outcome, [report])
    return report


def sync_catalogs(
    kit: Kit,
    actor: Actor,
    stores: Sequence[Store],
    on_progress: Callable[[SyncReport], object],
    *,
    force: bool = False,
    why: str = "",
) -> list[SyncReport]:
    """Fetch, check and publish the catalogs of many stores, several at a time."""
    with recorded(kit, actor, "sync_catalogs", ", ".join(store.id for store in stores), why) as outcome:
        reports = kit.catalog_sync.sync_all(stores, on_progress, force=force)
        _note_failures(outcome, reports)
    return reports


def publish_catalog(kit: Kit, actor: Actor, store_id: str, why: str = "") -> SyncReport:
    """Publish the last good catalog of a store and notify Gett, changed or not. The POS is not asked.

    :raises NotFound: there is no such store.
    """
    with recorded(kit, actor, "publish_catalog", _subject(kit, store_id), why) as outcome:
        report = kit.catalog_sync.publish(_store(kit, store_id), force=True)
        _note_failures(outcome, [report])
    return report


def mark_unavailable(
    kit: Kit, actor: Actor, store_id: str, item_id: str, until: datetime | None = None, why: str = ""
) -> bool:
    """Mark an item or option unavailable. Carts with it are refused at once; the published catalog follows.

    :return: False if it was marked so already.
    :raises NotFound: there is no such store, or its last good catalog has no such item.
    :raises InvalidArgument: ``until`` is in the past or has no time zone.
    """
    with recorded(kit, actor, "mark_unavailable", f"{_subject(kit, store_id)} {item_id}", why):
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
    with recorded(kit, actor, "mark_available", f"{_subject(kit, store_id)} {item_id}", why):
        return kit.availability.mark_available(_store(kit, store_id), item_id)


def _note_failures(outcome: ActionOutcome, reports: Iterable[SyncReport]) -> None:
    failed = [f"{report.store_id}: {report.outcome}" for report in reports if report.failed]
    if failed:
        outcome.result, outcome.failed = "; ".join(failed), True


def _subject(kit: Kit, store_id: str) -> str:
    """Return the partner's id of a store; an unknown one as it is."""
    store = kit.stores.by_id(store_id) or kit.stores.by_gett_id(store_id)
    return store.id if store else store_id


def _store(kit: Kit, store_id: str) -> Store:
    store = kit.stores.by_id(store_id) or kit.stores.by_gett_id(store_id)
    if store is None:
        raise NotFound(f"unknown store: {store_id[:100]}")
    return store
