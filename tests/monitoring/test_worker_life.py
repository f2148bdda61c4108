"""Last sign of life of each kind of worker: reported, and an alert when one is missing."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import LastSign, WorkerKind
from webhook_kit.storage.clock import redis_time
from webhook_kit.storage.connection import text


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> None:
    """Keep the log lines of these tests out of the output."""


def make_older(kit: Kit, kind: WorkerKind, seconds: float) -> None:
    kit.redis.hset(kit.keys.workers, kind, str(redis_time(kit.redis) - seconds))


def test_workers_are_missing_until_they_give_a_sign(kit: Kit) -> None:
    assert [sign.kind for sign in kit.worker_life.missing()] == [WorkerKind.PUSH, WorkerKind.SYNC]
    kit.worker_life.give_sign(WorkerKind.PUSH)
    (sign,) = kit.worker_life.missing()
    assert str(sign) == (
        "no sync worker is running (last sign of life: none so far), so that nobody looks after orders in doubt, stores and "
        "catalogs; run `webhook-kit worker sync`"
    )
    kit.worker_life.give_sign(WorkerKind.SYNC)
    assert kit.worker_life.missing() == []
    make_older(kit, WorkerKind.PUSH, 40)
    (sign,) = kit.worker_life.missing()
    assert "no push worker is running (last sign of life: 40 s ago), so that no update is sent to Gett" in str(sign)


def test_a_sign_is_as_old_as_the_clock_of_redis_says(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1e9)
    kit.worker_life.give_sign(WorkerKind.PUSH)
    age = kit.worker_life.last_signs()[WorkerKind.PUSH].age
    assert age is not None
    assert 0 <= age < 30
    assert str(LastSign(WorkerKind.PUSH, 3.2)) == "push worker: last sign of life 3 s ago"


def test_a_missing_worker_raises_one_alert_until_it_is_back(kit: Kit) -> None:
    for kind in WorkerKind:
        kit.worker_life.give_sign(kind)
    assert kit.worker_life.check() == 0
    make_older(kit, WorkerKind.PUSH, 60)
    assert kit.worker_life.check() == 0, "a deployment takes that long"
    make_older(kit, WorkerKind.PUSH, 200)
    assert [kit.worker_life.check(), Kit(kit.settings).worker_life.check()] == [1, 0]
    (incident,) = kit.placement_store.incidents()
    assert (incident["kind"], incident["worker"]) == ("worker_not_running", "push")
    kit.worker_life.give_sign(WorkerKind.PUSH)
    assert kit.worker_life.check() == 0
    make_older(kit, WorkerKind.PUSH, 200)
    assert kit.worker_life.check() == 1
    assert text(kit.redis.hget(kit.keys.alert_counts, "worker_not_running")) == "2"


def test_a_worker_that_was_never_started_raises_an_alert_after_a_while(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.worker_life.give_sign(WorkerKind.SYNC)
    assert kit.worker_life.check() == 0
    monkeypatch.setattr(kit.worker_life, "_started", kit.worker_life._started - 200)
    assert kit.worker_life.check() == 1
