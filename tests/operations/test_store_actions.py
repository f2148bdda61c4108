"""Actions of people on stores and catalogs: recorded with the partner's id of the store, also when they fail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import STORE_ID
from tests.operations.operations_helpers import ADA, EVE
from webhook_kit.errors import Forbidden, InvalidArgument, NotFound
from webhook_kit.kit import Kit
from webhook_kit.operations import store_actions
from webhook_kit.operations.audit import AuditEntry, list_audit
from webhook_kit.storage.queues import SYNC_CATALOG_JOB
from webhook_kit.stores.status import Owner


def newest(kit: Kit) -> AuditEntry:
    return list_audit(kit).entries[0]


def test_a_store_is_paused_and_resumed(kit: Kit) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    store_actions.pause_store(kit, ADA, STORE_ID, "too_busy", until, "the oven is broken")
    store = kit.stores.get("main")
    assert kit.store_status.pause_owner(store) is Owner.PERSON
    entry = newest(kit)
    assert (entry.action, entry.subject, entry.why, entry.failed) == (
        "pause_store",
        "main",
        "the oven is broken",
        False,
    )
    store_actions.resume_store(kit, ADA, "main")
    assert kit.store_status.pause_owner(store) is None
    with pytest.raises(InvalidArgument):
        store_actions.pause_store(kit, ADA, "main", "no such reason")
    assert newest(kit).failed


def test_items_are_marked(kit: Kit) -> None:
    kit.catalog_sync.sync(kit.stores.get("main"))
    assert store_actions.mark_unavailable(kit, ADA, "main", "cola")
    assert not store_actions.mark_unavailable(kit, ADA, "main", "cola")
    assert store_actions.mark_available(kit, ADA, "main", "cola")
    assert newest(kit).subject == "main cola"
    with pytest.raises(NotFound):
        store_actions.mark_unavailable(kit, ADA, "main", "no-such-item")


def test_catalogs_are_synchronised_and_published(kit: Kit) -> None:
    report = store_actions.publish_catalog(kit, ADA, "main")
    assert report.failed
    assert (newest(kit).result, newest(kit).failed) == ("main: failed", True)
    assert not store_actions.sync_catalog(kit, ADA, "main").failed
    assert newest(kit).result == "ok"
    (report,) = store_actions.sync_catalogs(kit, ADA, [kit.stores.get("main")], lambda _: None)
    assert not report.failed


def test_a_sync_worker_is_asked(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[object] = []
    monkeypatch.setattr(
        store_actions, "enqueue_sync", lambda _redis, job, store, first: queued.append((job, store, first))
    )
    store_actions.request_sync(kit, ADA, STORE_ID, "the catalog has changed")
    assert queued == [(SYNC_CATALOG_JOB, "main", True)]
    assert newest(kit).why == "the catalog has changed"


@pytest.mark.parametrize(
    "act",
    [store_actions.resume_store, store_actions.request_sync, store_actions.sync_catalog, store_actions.publish_catalog],
)
def test_an_unknown_store_and_a_viewer_are_refused(kit: Kit, act: object) -> None:
    assert callable(act)
    with pytest.raises(NotFound):
        act(kit, ADA, "x")
    assert newest(kit).subject == "x"
    with pytest.raises(Forbidden):
        act(kit, EVE, "main")
    assert newest(kit).result == "forbidden"
