"""Records of stores in Redis: a lost reply is not a change by another process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from tests.storage.lost_replies import count_replies, killed_at, lost
from tests.stores.conftest import G2, make_store
from webhook_kit.kit import Kit


@pytest.fixture
def kit(kit_without_stores: Callable[..., Kit]) -> Kit:
    return kit_without_stores()


def test_whichever_reply_is_lost_a_store_is_added_changed_and_removed(kit: Kit) -> None:
    repository = kit.store_repository
    for reply in (1, 2):
        with lost(kit, reply):
            repository.add(make_store("main"))
        with lost(kit, reply):
            repository.replace(make_store("main"), replace(make_store("main"), name="Main Street"))
        with lost(kit, reply):
            repository.save_gett_id("main", G2)
        version, records = repository.read()
        assert repository.decode("main", records["main"]).gett_id == G2
        with lost(kit, reply):
            assert repository.remove("main")
        assert repository.read()[1] == {}
        assert repository.version() != version


@pytest.mark.parametrize("fault", [lambda kit, reply: lost(kit, reply, times=2), killed_at])
def test_a_failed_change_can_be_repeated(fault: Callable[..., object], kit: Kit) -> None:
    store = make_store("main")
    replies = count_replies(kit, lambda: kit.store_repository.add(store))
    kit.store_repository.remove("main")
    for reply in range(1, replies + 1):
        try:
            with fault(kit, reply):  # type: ignore[attr-defined]
                kit.store_repository.save_gett_id("main", G2)
        except redis.ConnectionError:
            pass
        kit.store_repository.save_gett_id("main", G2)
        assert "main" in kit.store_repository.read()[1]
