"""Locks between processes, and tasks that are done once per interval."""

from __future__ import annotations

import threading
from collections.abc import MutableMapping
from typing import Any

import pytest
import redis

from tests.storage.lost_replies import lost
from webhook_kit.errors import Conflict
from webhook_kit.kit import Kit
from webhook_kit.storage.locks import Intervals, RedisLock
from webhook_kit.testing.processes import PATIENCE, wait_until


def make_lock(kit: Kit, *, seconds: float = 60.0, wait: float = 0.0) -> RedisLock:
    return RedisLock(
        kit.redis, kit.keys, kit.keys.sync_lock("main"), seconds=seconds, wait=wait, conflict="busy; try again"
    )


def test_a_lock_has_one_holder_until_it_is_released(kit: Kit) -> None:
    with make_lock(kit):
        assert not make_lock(kit).acquire()
        with pytest.raises(Conflict, match="busy; try again"), make_lock(kit):
            pass
    assert make_lock(kit).acquire()


def test_a_lock_is_released_when_the_block_fails(kit: Kit) -> None:
    with pytest.raises(ZeroDivisionError), make_lock(kit):
        raise ZeroDivisionError
    assert make_lock(kit).acquire()


def test_acquire_waits_for_the_other_holder(kit: Kit) -> None:
    first, acquired = make_lock(kit), threading.Event()
    assert first.acquire()

    def take() -> None:
        assert make_lock(kit, wait=60).acquire()
        acquired.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    first.release()
    assert acquired.wait(PATIENCE)


def test_an_expired_lock_can_be_taken_and_its_former_holder_neither_extends_nor_releases_it(
    kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    first = make_lock(kit)
    assert first.acquire()
    kit.redis.delete(kit.keys.sync_lock("main"))
    second = make_lock(kit)
    assert second.acquire()
    assert not first.extend()
    first.release()
    assert [event["event"] for event in events] == ["lock_expired"]
    assert second.extend()


def test_extend_lets_a_lock_last_for_its_whole_time_again(kit: Kit) -> None:
    lock = make_lock(kit)
    assert lock.acquire()
    kit.redis.expire(kit.keys.sync_lock("main"), 1)
    assert lock.extend()
    assert int(kit.redis.ttl(kit.keys.sync_lock("main"))) > 50


def test_a_renewed_lock_outlives_its_lease(kit: Kit) -> None:
    key = kit.keys.sync_lock("main")
    with RedisLock(kit.redis, kit.keys, key, seconds=1.5, renew=True):
        kit.redis.pexpire(key, 1_000)
        wait_until(lambda: int(kit.redis.pttl(key)) > 1_000, message="the lock to be extended")
    assert kit.redis.exists(key) == 0


def test_a_task_is_claimed_once_per_interval(kit: Kit) -> None:
    intervals = Intervals(kit.redis, kit.keys)
    mark = intervals.claim("refresh", 60)
    assert mark is not None
    assert intervals.claim("refresh", 60) is None
    assert intervals.claim("other", 60) is not None
    assert 50 < int(kit.redis.ttl(kit.keys.interval("refresh"))) <= 60
    assert mark.last(0)
    wait_until(lambda: intervals.claim("refresh", 60), message="the interval to end")
    assert not mark.last(60), "the interval is another process's"


@pytest.mark.parametrize("number", [1, 2])
def test_a_lost_reply_does_not_make_a_lock_or_a_task_somebody_else_s(number: int, kit: Kit) -> None:
    with lost(kit, number), make_lock(kit):
        pass
    assert make_lock(kit).acquire()
    with lost(kit, 1):
        assert Intervals(kit.redis, kit.keys).claim("refresh", 60) is not None


def test_a_lock_that_may_have_been_taken_is_given_back(kit: Kit) -> None:
    with lost(kit, 1, times=2), pytest.raises(redis.ConnectionError):
        make_lock(kit).acquire()
    assert make_lock(kit).acquire()
    with lost(kit, 1, times=2), pytest.raises(redis.ConnectionError):
        Intervals(kit.redis, kit.keys).claim("refresh", 60)
    assert Intervals(kit.redis, kit.keys).claim("refresh", 60) is not None
