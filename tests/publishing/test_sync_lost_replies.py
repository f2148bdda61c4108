"""Work on catalogs that is due is not lost with a reply of Redis or with a worker."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest
import redis

from tests.storage.lost_replies import killed_at, lost
from webhook_kit.kit import Kit
from webhook_kit.storage.connection import text


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> None:
    """Keep the log lines of these tests out of the output."""


FAULTS: dict[str, Callable[[Kit, int], AbstractContextManager[None]]] = {
    "lost once": lost,
    "lost twice": lambda kit, reply: lost(kit, reply, times=2),
    "killed": killed_at,
}


@pytest.mark.parametrize("reply", [1, 2])
@pytest.mark.parametrize("fault", FAULTS)
def test_due_work_is_queued_whatever_happens(fault: str, reply: int, make_kit: Callable[..., Kit], kit: Kit) -> None:
    (store,) = kit.stores
    other = make_kit(key_prefix=kit.keys.prefix)
    kit.catalog_sync.request(store)
    queued = []
    with FAULTS[fault](kit, reply), suppress(redis.ConnectionError):
        for due in kit.catalog_sync.claim_due():
            queued.append(due)  # noqa: PERF402 - an error follows
    for entry in map(text, kit.redis.zrange(kit.keys.catalogs_due, 0, -1)):
        kit.redis.zadd(kit.keys.catalogs_due, {entry: 1})  # its lease ends
    queued += list(other.catalog_sync.claim_due())
    assert set(queued) == {("sync", "main")}
    assert list(other.catalog_sync.claim_due()) == []


def test_work_that_is_requested_again_while_it_is_queued_stays_due(kit: Kit) -> None:
    (store,) = kit.stores
    kit.catalog_sync.request(store)
    for _ in kit.catalog_sync.claim_due():
        kit.catalog_sync.request(store)
    assert list(kit.catalog_sync.claim_due()) == [("sync", "main")]


def test_a_sync_that_was_killed_hinders_the_next_one_only_shortly(kit: Kit) -> None:
    (store,) = kit.stores
    with killed_at(kit, 3):
        kit.catalog_sync.sync(store)
    assert 0 < int(kit.redis.ttl(kit.keys.sync_lock("main"))) <= 20
