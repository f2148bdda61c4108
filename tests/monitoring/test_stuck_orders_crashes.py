"""Stuck orders: whichever reply is lost and whenever a worker is killed, the order is cancelled once or a person is told."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import redis

from tests.monitoring.stuck_orders import (
    ScriptedAdapter,
    check_later,
    place,
    updates,
)
from tests.storage.lost_replies import Killed, count_replies, killed_at, lost
from webhook_kit.kit import Kit


def expire_leases(kit: Kit, ref: str) -> None:
    """Let the lease of a worker's call to the POS end."""
    if kit.redis.hget(kit.keys.pos_cancellation(ref), "until"):
        kit.redis.hset(kit.keys.pos_cancellation(ref), "until", "0")


def assert_somebody_takes_care(kit: Kit, ref: str) -> None:
    """Assert that the order is cancelled at POS and Gett, or that a person was told; the POS was asked at most once."""
    for _ in range(2):
        check_later(kit)
        expire_leases(kit, ref)
    cancelled = updates(kit, ref) != []
    told = [
        entry
        for entry in kit.placement_store.incidents()
        if (entry["kind"], entry.get("order")) == ("order_not_cancelled", ref)
    ]
    assert cancelled or told
    assert len(ScriptedAdapter.cancelled) == 1 if cancelled else len(ScriptedAdapter.cancelled) <= 1


def replies_of_a_cancellation(kit: Kit) -> int:
    place(kit)
    return count_replies(kit, lambda: check_later(kit))


@pytest.mark.parametrize("failure", [None, RuntimeError("a bug")], ids=["cancelled", "in doubt"])
@pytest.mark.parametrize("times", [1, 2])
def test_whichever_reply_is_lost_the_order_is_cancelled_or_a_person_is_told(
    times: int, failure: Exception | None, make_monitored_kit: Callable[..., Kit], events: list[Any]
) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True, pos_breaker_failures=1000)
    for reply in range(1, replies_of_a_cancellation(kit) + 2):
        ref = place(kit)
        ScriptedAdapter.cancelled.clear()
        ScriptedAdapter.failures[:] = [failure] if failure else []
        with lost(kit, reply, times), suppress(redis.ConnectionError):
            check_later(kit)
        assert_somebody_takes_care(kit, ref)
        if times == 1 and failure is None:
            assert updates(kit, ref), "one lost reply needs nobody"


def test_whenever_the_worker_is_killed_the_order_is_cancelled_or_a_person_is_told(
    make_monitored_kit: Callable[..., Kit], events: list[Any]
) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True)
    for reply in range(1, replies_of_a_cancellation(kit) + 2):
        ref = place(kit)
        ScriptedAdapter.cancelled.clear()
        with killed_at(kit, reply):
            check_later(kit)
        assert_somebody_takes_care(Kit(kit.settings), ref)


def test_a_worker_that_was_killed_during_its_call_leaves_an_alert(
    make_monitored_kit: Callable[..., Kit], events: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = make_monitored_kit(cancel_unconfirmed=True)
    ref = place(kit)
    monkeypatch.setattr(kit.stuck_orders, "_cancel_at_pos", _die)
    with pytest.raises(Killed):
        check_later(kit)
    other = Kit(kit.settings)
    assert check_later(other) == 0, "its call may still be under way"
    expire_leases(kit, ref)
    assert check_later(other) == 1
    assert "a worker ended" in kit.placement_store.incidents()[0]["why"]
    assert check_later(other) == 0


def _die(_ref: str) -> bool:
    raise Killed
