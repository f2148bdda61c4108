"""Pause and resume of stores at Gett."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import redis

from tests.storage.lost_replies import count_replies, killed_at, lost
from tests.stores.conftest import make_store
from webhook_kit.adapter import Store
from webhook_kit.errors import Conflict, InvalidTransition
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import AppendResult, lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.stores.status import Owner

LANE = lane_name(Kind.STORE, "main")


def test_store_that_is_not_at_gett_cannot_be_paused_or_resumed(kit_without_stores: Callable[..., Kit]) -> None:
    kit = kit_without_stores()
    kit.stores.add(make_store("new", ""))
    with pytest.raises(InvalidTransition, match="not at Gett yet"):
        kit.store_status.pause("new", "too_busy")
    with pytest.raises(InvalidTransition, match="not at Gett yet"):
        kit.store_status.resume("new")
    assert kit.lanes.all_waiting() == {}


def the_store(kit: Kit) -> Store:
    return next(iter(kit.stores))


def sent(kit: Kit) -> list[str]:
    """The statuses that Gett gets, in order."""
    return [update["body"]["status"] for update in kit.lanes.waiting(LANE)]


def send(kit: Kit) -> None:
    for lease in kit.lanes.lease(9, 60_000).leases:
        kit.lanes.acknowledge(lease, 200)


def test_a_pause_of_a_person_is_not_changed_by_the_pos(kit: Kit) -> None:
    assert kit.store_status.pause("main", "too_busy") is AppendResult.OK
    assert kit.store_status.pause("main", "other", owner=Owner.POS) is AppendResult.DUPLICATE
    with pytest.raises(Conflict, match="paused by person; only person or a person"):
        kit.store_status.resume("main", owner=Owner.POS)
    assert kit.store_status.pause_owner(the_store(kit)) is Owner.PERSON
    assert sent(kit) == ["paused"]
    assert kit.store_status.resume("main") is AppendResult.OK
    assert kit.store_status.pause_owner(the_store(kit)) is None


def test_a_person_takes_a_pause_over(kit: Kit) -> None:
    kit.store_status.pause("main", "other", owner=Owner.MONITOR)
    assert kit.store_status.pause("main", "too_busy", owner=Owner.POS) is AppendResult.OK
    assert kit.store_status.pause_owner(the_store(kit)) is Owner.MONITOR
    kit.store_status.pause("main", "too_busy")
    assert kit.store_status.pause_owner(the_store(kit)) is Owner.PERSON


def test_a_pause_with_an_end_has_no_owner_after_it(kit: Kit) -> None:
    kit.store_status.pause("main", "too_busy", datetime.now(UTC) + timedelta(hours=1))
    assert 3500 < int(kit.redis.ttl(kit.keys.pause_owner("main"))) <= 3600


# -- lost replies and killed processes ---------------------------------------------------------------------------------

ACTIONS: dict[str, Callable[[Kit], object]] = {
    "pause": lambda kit: kit.store_status.pause("main", "too_busy"),
    "resume": lambda kit: kit.store_status.resume("main"),
}


def prepare(kit: Kit, action: str) -> None:
    """Make the action possible, as long before it as it is in practice."""
    for each in ("pause", "resume", "pause")[: 2 if action == "pause" else 3]:
        ACTIONS[each](kit)
        send(kit)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("times", [1, 2])
def test_every_lost_reply_leaves_the_store_paused_or_resumed(action: str, times: int, kit: Kit) -> None:
    prepare(kit, action)
    number = count_replies(kit, lambda: ACTIONS[action](kit))
    for reply in range(1, number + 1):
        prepare(kit, action)
        with lost(kit, reply, times):
            if times == 1:
                ACTIONS[action](kit)
            else:
                with pytest.raises(redis.ConnectionError):
                    ACTIONS[action](kit)
        assert set(sent(kit)) == {"paused" if action == "pause" else "online"}
        ACTIONS[action](kit)
        assert (kit.store_status.pause_owner(the_store(kit)) is Owner.PERSON) is (action == "pause")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_process_that_dies_at_any_reply_does_not_hinder_the_next(action: str, kit: Kit) -> None:
    prepare(kit, action)
    number = count_replies(kit, lambda: ACTIONS[action](kit))
    for reply in range(1, number + 1):
        prepare(kit, action)
        with killed_at(kit, reply):
            ACTIONS[action](kit)
        other = Kit(kit.settings)
        ACTIONS[action](other)
        assert set(sent(kit)) == {"paused" if action == "pause" else "online"}


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_pause_is_sent_once_more_whichever_reply_is_lost(times: int, kit: Kit) -> None:
    kit.store_status.pause("main", "too_busy")
    send(kit)
    for reply in (1, 2):
        kit.redis.delete(kit.keys.health("main"))
        send(kit)
        with lost(kit, reply, times):
            try:
                assert kit.store_status.resend(the_store(kit))
            except redis.ConnectionError:
                assert times == 2
        kit.store_status.resend(the_store(kit))
        assert sent(kit) == ["paused"]
        assert not kit.store_status.resend(the_store(kit))
        assert json.loads(kit.lanes.state(LANE)["last"])["status"] == "paused"
