from __future__ import annotations

import json
from unittest.mock import patch
from uuid import uuid4

import pytest
import redis

from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.operations.gauges import GAUGES, read_gauges, sample_gauges
from webhook_kit.operations.series import series
from webhook_kit.outbox.updates import catalog_changed
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.clock import redis_time


def gauges(kit: Kit) -> dict[tuple[str, str], float]:
    return {(name.removeprefix("webhook_kit_"), label): float(value) for name, label, value in read_gauges(kit)}


def test_an_installation_at_rest(kit: Kit) -> None:
    read = gauges(kit)
    busy = {name for (name, _), value in read.items() if value}
    assert busy - {"redis_memory_bytes", "redis_clients", "redis_aof_enabled"} == {
        "quota_limit",
        "worker_last_sign_age_seconds",
    }
    assert read["worker_last_sign_age_seconds", "push"] == float("inf")


def test_what_waits_is_counted_by_place_and_urgency(kit: Kit) -> None:
    store = kit.stores.get("main")
    kit.store_status.pause(store, PauseReason.OTHER)
    kit.lanes.append("catalog:main", catalog_changed("https://c.example.org"), store_id="main", gett_id=store.gett_id)
    kit.redis.zadd(kit.keys.unlinked, {"order:1": (redis_time(kit.redis) - 60) * 1000})
    [lease] = kit.lanes.lease(1, 60_000).leases
    kit.lanes.postpone(lease, 30.0, "away", charge=True)
    read = gauges(kit)
    assert [read["lanes_waiting", place] for place in ("ready", "delayed", "unlinked")] == [1, 1, 1]
    assert [read["lanes_ready", urgency] for urgency in ("now", "progress", "catalog")] == [0, 0, 1]
    assert 60 <= read["oldest_waiting_seconds", "unlinked"] < 600
    assert 0 < read["oldest_waiting_seconds", "delayed"] < 600
    assert 0 < read["oldest_waiting_seconds", "ready"] < 600
    assert read["updates_total", "appended"] == 2
    assert read["stores_paused", "person"] == 1
    assert read["quota_used", ""] == 1


def test_orders_that_need_a_person(kit: Kit) -> None:
    ref = str(uuid4())
    kit.redis.hset(kit.keys.order(ref), mapping={"state": "in_doubt", "updated": 1, "store": "main"})
    kit.redis.zadd(kit.keys.unsettled, {ref: 1})
    kit.redis.zadd(
        kit.keys.unconfirmed, {"a": (redis_time(kit.redis) - 100) * 1000, "b": (redis_time(kit.redis) - 10) * 1000}
    )
    kit.redis.zadd(kit.keys.dead_letter_times, {"1": 1, "2": 2})
    kit.redis.rpush(kit.keys.held_events, json.dumps({}))
    kit.alerts.raise_once(Alert.DUPLICATE, "a", "twice")
    read = gauges(kit)
    assert read["orders_in_doubt", ""] == 1
    assert (read["orders_unconfirmed", ""], read["dead_letters", ""], read["pos_events_held", ""]) == (2, 2, 1)
    assert 100 <= read["oldest_unconfirmed_seconds", ""] < 600
    assert read["alerts_total", "duplicate_ticket"] == 1
    assert sum(value for (name, _), value in read.items() if name == "alerts_open") == 1


def test_the_state_of_sending_and_of_workers(kit: Kit) -> None:
    kit.sending.halt("wrong key")
    kit.sending.record_rate_limited(50)
    kit.worker_life.give_sign(WorkerKind.SYNC, ["a", "b"])
    read = gauges(kit)
    assert read["sending_halted", ""] == 1
    assert 40 < read["rate_limited_seconds", ""] <= 50
    assert read["worker_last_sign_age_seconds", "sync"] < 60
    assert read["worker_tasks_hanging", "sync"] == 2


def test_stores_in_trouble(kit: Kit) -> None:
    kit.redis.zadd(kit.keys.failing_stores, {"main": 1})
    kit.redis.zadd(kit.keys.rejected_catalogs, {"main": 1, "b": 1})
    kit.redis.zadd(kit.keys.open_circuits, {"main": (redis_time(kit.redis) + 60) * 1000, "b": 1})
    read = gauges(kit)
    assert (read["stores_failing", ""], read["catalogs_rejected", ""], read["pos_circuits_open", ""]) == (1, 2, 1)


def test_a_server_without_info_has_the_other_gauges(kit: Kit) -> None:
    with patch.object(kit.redis, "info", side_effect=redis.ResponseError("NOPERM")):
        names = {name for name, _ in gauges(kit)}
    assert "dead_letters" in names
    assert "redis_memory_bytes" not in names
    with patch.object(kit.redis, "info", side_effect=redis.ConnectionError), pytest.raises(redis.ConnectionError):
        gauges(kit)


def test_every_reading_is_defined(kit: Kit) -> None:
    defined = {(gauge.name, value) for gauge in GAUGES for value in gauge.values or ("",)}
    assert {(name, label) for name, label, _ in read_gauges(kit)} <= defined


def test_samples_are_in_the_graphs(kit: Kit) -> None:
    kit.store_status.pause("main", PauseReason.OTHER)
    sample_gauges(kit)
    assert max(value or 0 for value in series(kit, "waiting").lines[0].values) == 1
    assert max(value or 0 for value in series(kit, "quota").lines[0].values) == 0
