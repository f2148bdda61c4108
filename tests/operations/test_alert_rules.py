"""Rules of the alerts on the state that they are about. The state is what the parts of the kit write."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.alerting.alert_env import AlertEnv, Recorder, in_doubt, refused
from webhook_kit.alerting.evaluation import AlertFinding
from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.operations.alert_rules import alert_rules, oldest_waiting
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.recovery import PlacementRecovery
from webhook_kit.storage.alerts import Alert
from webhook_kit.storage.clock import redis_time
from webhook_kit.stores.status import Owner


def found(kit: Kit, later: float = 0.0) -> dict[tuple[str, str], AlertFinding]:
    """Return what the rules find, by code and subject, as if it were so many seconds later."""
    now = redis_time(kit.redis) + later
    findings = []
    for rule in alert_rules(kit):
        found = [finding for finding in rule.find(now) if finding is not None]
        assert {finding.alert.code for finding in found} <= rule.codes, rule.name
        findings += found
    return {(finding.alert.code, finding.alert.subject): finding for finding in findings}


def doubtful(kit: Kit, ref: str, *, ago: float) -> None:
    moment = int((redis_time(kit.redis) - ago) * 1000)
    record: dict[Any, Any] = {"state": "in_doubt", "updated": moment, "store": "main", "ref": ref}
    kit.redis.hset(kit.keys.order(ref), mapping=record)
    kit.redis.zadd(kit.keys.unsettled, {ref: moment})


def test_nothing_is_found_where_nothing_is_wrong(kit: Kit) -> None:
    for kind in WorkerKind:
        kit.worker_life.give_sign(kind)
    assert {code for code, _ in found(kit)} <= {Alert.REDIS_PERSISTENCE}  # the Redis of the tests saves nothing


def test_orders_in_doubt_and_those_that_nobody_settles(kit: Kit) -> None:
    doubtful(kit, "new", ago=10)
    doubtful(kit, "minutes", ago=120)
    doubtful(kit, "hours", ago=7200)
    codes = {key for key in found(kit) if key[0].startswith("order_in_doubt")}
    assert codes == {
        (Alert.IN_DOUBT, "minutes"),
        (Alert.IN_DOUBT, "hours"),
        (Alert.IN_DOUBT_FOR_LONG, "hours"),
    }
    assert found(kit)[Alert.IN_DOUBT, "minutes"].alert.store == "main"


def test_a_look_up_that_fails_for_ever_has_an_alert_of_its_own(kit: Kit) -> None:
    class Lookup:
        error: Exception | None = ValueError("the POS refuses our key")

        def look_up(self, _ref: str) -> bool:
            if self.error:
                raise self.error
            return False

    lookup = Lookup()
    recovery = PlacementRecovery(kit.placement_store, lookup)
    doubtful(kit, "order-1", ago=120)
    recovery.run()
    assert (Alert.LOOKUP_FAILS, "order-1") not in found(kit)
    assert (Alert.LOOKUP_FAILS, "order-1") in found(kit, later=601)
    lookup.error = None
    kit.redis.zadd(kit.keys.unsettled, {"order-1": 1})
    recovery.run()
    assert (Alert.LOOKUP_FAILS, "order-1") not in found(kit, later=601)


def test_a_settled_order_has_no_failing_look_up(kit: Kit) -> None:
    kit.placement_store.record_lookup("order-1", failed=True)
    assert (Alert.LOOKUP_FAILS, "order-1") not in found(kit, later=601)
    assert not kit.redis.exists(kit.keys.failing_lookups)


def test_unconfirmed_orders(kit: Kit) -> None:
    now = redis_time(kit.redis) * 1000
    kit.redis.zadd(kit.keys.unconfirmed, {"new": now, "old": now - 301_000})
    assert [subject for code, subject in found(kit) if code == Alert.UNCONFIRMED] == ["old"]


def test_dead_letters_are_grouped_by_their_cause(kit: Kit) -> None:
    for number, (lane, status) in enumerate([("order:1", 404), ("order:2", 404), ("store:main", 422), ("order:3", 0)]):
        letter = {"id": number, "lane": lane, "status": status, "body": {"secret": 1}, "why": "customer Jane"}
        kit.redis.hset(kit.keys.dead_letters, str(number), json.dumps(letter))
        kit.redis.zadd(kit.keys.dead_letter_times, {str(number): number})
    letters = {
        subject: finding.alert.why for (code, subject), finding in found(kit).items() if code == Alert.DEAD_LETTERS
    }
    assert set(letters) == {
        "order updates refused with status 404",
        "store updates refused with status 422",
        "order updates not taken for too long",
    }
    assert letters["order updates refused with status 404"] == "2 of the newest 4 dead letters; 4 in all"


def test_a_pos_that_fails_its_health_checks_and_its_paused_store(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    store = kit.stores.get("main")
    adapter = kit.stores.adapter(store)

    def down(_store: object) -> Any:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(type(adapter), "store_status", lambda _self, store: down(store))
        for _ in range(2):
            kit.pos_health.check(store)
            assert (Alert.POS_DOWN, "main") not in found(kit)
        kit.pos_health.check(store)
        assert {(Alert.POS_DOWN, "main"), (Alert.STORE_PAUSED, "main")} <= found(kit).keys()
    for _ in range(2):
        kit.pos_health.check(store)
    assert not {(Alert.POS_DOWN, "main"), (Alert.STORE_PAUSED, "main")} & found(kit).keys()


def test_a_pause_of_a_person_is_not_an_alert(kit: Kit) -> None:
    kit.store_status.pause("main", "other", owner=Owner.PERSON)
    assert (Alert.STORE_PAUSED, "main") not in found(kit)


def test_an_open_circuit_breaker(kit: Kit) -> None:
    kit.open_circuits.record("main", 15.0)
    assert (Alert.POS_DOWN, "main") in found(kit)
    kit.open_circuits.record("main", 0)
    assert (Alert.POS_DOWN, "main") not in found(kit)


def test_a_catalog_that_is_not_taken(kit: Kit) -> None:
    kit.redis.zadd(kit.keys.rejected_catalogs, {"main": 1})
    kit.redis.hset(kit.keys.sync("main"), "reasons", json.dumps(["a", "b", "c", "d"]))
    assert found(kit)[Alert.CATALOG, "main"].alert.why == "a; b; c"


def test_sending_is_halted_or_gett_fails(kit: Kit) -> None:
    kit.sending.halt("401")
    assert found(kit)[Alert.HALTED, "GETT_API_KEY"].alert.why == "Gett refuses the key: 401"
    kit.sending.record_response()
    assert (Alert.HALTED, "GETT_API_KEY") not in found(kit)
    for _ in range(5):
        kit.sending.record_failure()
    assert (Alert.CIRCUIT, "GETT_API_URL") not in found(kit)
    assert (Alert.CIRCUIT, "GETT_API_URL") in found(kit, later=301)
    kit.sending.record_response()
    assert (Alert.CIRCUIT, "GETT_API_URL") not in found(kit, later=301)


def test_the_quota_has_to_be_used_up_for_ten_minutes_while_updates_wait(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(gett_writes_per_minute=2)
    now = redis_time(kit.redis) * 1000
    kit.redis.rpush(kit.keys.sends, *(f"{now:.3f}" for _ in range(2)))
    assert (Alert.QUOTA, "GETT_WRITES_PER_MINUTE") not in found(kit)
    append(kit, "order:1")
    assert found(kit)[Alert.QUOTA, "GETT_WRITES_PER_MINUTE"].after == 600


def append(kit: Kit, lane: str, gett_id: str = "g") -> None:
    kit.lanes.append(lane, order_progress("confirmed"), store_id="main", gett_id=gett_id)


def test_an_update_that_waits_for_too_long(kit: Kit) -> None:
    assert oldest_waiting(kit) is None
    append(kit, "order:1")
    moment = oldest_waiting(kit)
    assert moment is not None
    assert abs(moment - redis_time(kit.redis)) < 60
    assert (Alert.OLD_UPDATE, "outbox") not in found(kit)
    assert (Alert.OLD_UPDATE, "outbox") in found(kit, later=901)
    leased = kit.lanes.lease(10, 60_000)
    assert leased
    assert oldest_waiting(kit) == pytest.approx(moment, abs=1)
    kit.sending.halt("401")
    assert (Alert.OLD_UPDATE, "outbox") not in found(kit, later=901)


def test_a_task_that_hangs(kit: Kit) -> None:
    kit.worker_life.give_sign(WorkerKind.SYNC, ["archive"])
    assert found(kit)[Alert.TASK_HANGS, "sync tasks"].alert.why == "tasks that do not end: archive"
    kit.worker_life.give_sign(WorkerKind.SYNC)
    assert (Alert.TASK_HANGS, "sync tasks") not in found(kit)


def info(kit: Kit, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    real = dict(kit.redis.info())
    monkeypatch.setattr(kit.redis, "info", lambda *_: real | changes)


@pytest.mark.parametrize(("replicas", "alert"), [(0, True), (1, True), (2, False)])
def test_replicas_that_orders_wait_for(
    replicas: int, alert: bool, make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit = make_kit(redis_wait_replicas=2)
    info(kit, monkeypatch, connected_slaves=replicas)
    assert ((Alert.REDIS_REPLICAS, "REDIS_WAIT_REPLICAS") in found(kit)) is alert


@pytest.mark.parametrize(("used", "alert"), [(84, False), (86, True)])
def test_redis_nearly_full(used: int, alert: bool, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    info(kit, monkeypatch, used_memory=used, maxmemory=100)
    assert ((Alert.REDIS_MEMORY, "REDIS_URL") in found(kit)) is alert


@pytest.mark.parametrize(
    ("changes", "save", "alert"),
    [
        ({"aof_enabled": 1}, "", False),
        ({"aof_enabled": 1, "aof_last_write_status": "err"}, "", True),
        ({"aof_enabled": 0}, "", True),
        ({"aof_enabled": 0}, "3600 1", False),
        ({"aof_enabled": 0, "rdb_last_bgsave_status": "err"}, "3600 1", True),
        ({"aof_enabled": 0}, None, False),
    ],
)
def test_redis_without_persistence(
    changes: dict[str, Any], save: str | None, alert: bool, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    info(kit, monkeypatch, **changes)

    def config_get(*_: object) -> dict[str, str]:
        if save is None:
            raise redis.ResponseError("unknown command 'CONFIG'")
        return {"save": save}

    monkeypatch.setattr(kit.redis, "config_get", config_get)
    assert ((Alert.REDIS_PERSISTENCE, "REDIS_URL") in found(kit)) is alert


def test_a_clock_that_differs(kit: Kit) -> None:
    kit.redis.set(kit.keys.gett_clock, "45")
    assert "45 s ahead" in found(kit)[Alert.CLOCK, "clock of Gett"].alert.why
    assert (Alert.CLOCK, "clock of Redis") in found(kit, later=100)
    assert (Alert.CLOCK, "clock of Redis") not in found(kit)


def test_a_channel_that_fails_for_minutes(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    fails = Recorder("fails")
    monkeypatch.setitem(kit.__dict__, "alert_channels", [fails.channel])
    fails.fails = [refused()]
    env = AlertEnv(kit, fails)
    env.clock.seconds = redis_time(kit.redis)
    env.open.open(in_doubt())
    env.run()
    assert (Alert.CHANNEL, "fails") not in found(kit)
    assert found(kit, later=601)[Alert.CHANNEL, "fails"].alert.why == "host answered 500"
    env.run(seconds=6)
    assert (Alert.CHANNEL, "fails") not in found(kit, later=601)


def test_the_rules_read_no_more_with_many_orders_and_stores(kit: Kit) -> None:
    """Commands of one evaluation: the same with 100 times as many settled orders, waiting lanes and stores."""

    def commands() -> int:
        before = kit.redis.info("stats")["total_commands_processed"]
        found(kit)
        return int(kit.redis.info("stats")["total_commands_processed"]) - int(before)

    few = commands()
    with kit.redis.pipeline(transaction=False) as pipeline:
        for number in range(5_000):
            pipeline.hset(kit.keys.order(f"o{number}"), "state", "placed")
            pipeline.xadd(kit.keys.order_list, {"ref": f"o{number}"})
            pipeline.hset(kit.keys.health(f"s{number}"), "failures", 0)
        pipeline.execute()
    assert commands() == few


def test_a_rule_says_if_there_may_be_more_than_it_read(kit: Kit) -> None:
    members = {f"s{number}": number for number in range(1_000)}
    for key in (kit.keys.paused_stores, kit.keys.failing_stores, kit.keys.rejected_catalogs, kit.keys.unsettled):
        kit.redis.zadd(key, members)
    kit.redis.zadd(kit.keys.unconfirmed, members)
    kit.redis.zadd(kit.keys.failing_lookups, members)
    now = redis_time(kit.redis)
    assert {rule.name for rule in alert_rules(kit) if None in list(rule.find(now))} == {
        "POS systems",
        "paused stores",
        "catalogs",
        "orders in doubt",
        "look-ups",
        "unconfirmed orders",
    }


def test_each_code_belongs_to_one_rule(kit: Kit) -> None:
    codes = [code for rule in alert_rules(kit) for code in rule.codes]
    assert len(codes) == len(set(codes))
