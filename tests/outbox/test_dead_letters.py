"""Commands of a person on lanes and dead letters: executed once, whichever reply of Redis is lost."""

from __future__ import annotations

import pytest

from tests.storage.lost_replies import lost
from webhook_kit.kit import Kit
from webhook_kit.outbox.dead_letters import ReplayResult
from webhook_kit.outbox.updates import order_progress


def append(kit: Kit) -> None:
    kit.lanes.append("order:1", order_progress("confirmed"), store_id="main", gett_id="1")


def bury(kit: Kit) -> int:
    """Make a dead letter; return its number."""
    append(kit)
    (lease,) = kit.lanes.lease(1, 60_000).leases
    kit.lanes.dead_letter(lease, "no", 422)
    return lease.number


@pytest.mark.parametrize("reply", [0, 1])
def test_a_dead_letter_is_replayed_and_discarded_once(reply: int, kit: Kit) -> None:
    number = bury(kit)
    with lost(kit, reply):
        assert kit.dead_letters.replay(number) is ReplayResult.OK
    assert [update["id"] for update in kit.lanes.waiting("order:1")] == [number]
    assert kit.dead_letters.replay(number) is ReplayResult.UNKNOWN
    (lease,) = kit.lanes.lease(1, 60_000).leases
    kit.lanes.dead_letter(lease, "no", 422)
    with lost(kit, reply):
        assert kit.dead_letters.discard(number) is ReplayResult.OK
    assert kit.dead_letters.discard(number) is ReplayResult.UNKNOWN
    assert kit.lanes.counts() == {"appended": 1, "dead_letters": 0, "discarded": 1}


@pytest.mark.parametrize("reply", [0, 1])
def test_what_waits_is_discarded_and_counted_once(reply: int, kit: Kit) -> None:
    append(kit)
    with lost(kit, reply):
        assert kit.lanes.discard("order:1") == 1
    assert kit.lanes.discard("order:1") == 0
    assert kit.lanes.counts() == {"appended": 1, "discarded": 1}
    assert not kit.lanes.retry_now("order:2")
