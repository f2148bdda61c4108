"""Health: each thing that is wrong is found, with its moment and what to do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from webhook_kit.adapter import StoreState
from webhook_kit.errors import CircuitOpen
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.operations.actor import Actor, Role
from webhook_kit.operations.findings import HealthFinding, HealthSeverity
from webhook_kit.operations.health import Health, read_health
from webhook_kit.operations.store_actions import pause_store
from webhook_kit.outbox.updates import order_progress
from webhook_kit.stores.status import Owner
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import free_port
from webhook_kit.testing.redis_server import RedisServer

MakeKit = Callable[..., Kit]


@pytest.fixture
def healthy(kit: Kit) -> Kit:
    """Return a kit of which both workers live."""
    for kind in WorkerKind:
        kit.worker_life.give_sign(kind)
    return kit


def codes(health: Health) -> list[str]:
    """Codes of the findings, but for those of the test's own Redis, which saves nothing."""
    return [finding.code for finding in health.findings if not finding.code.startswith("redis_")]


def found(kit: Kit, code: str) -> HealthFinding:
    return next(finding for finding in read_health(kit).findings if finding.code == code)


def put_in_doubt(kit: Kit, ref: str, state: str = "in_doubt", lease: int = 0) -> None:
    now = int(1000 * time.time())
    fields: dict[Any, Any] = {
        "ref": ref,
        "state": state,
        "store": "main",
        "updated": now,
        "lease": lease,
        "doubt": "1",
        "created": now,
    }
    kit.redis.hset(kit.keys.order(ref), mapping=fields)
    kit.redis.zadd(kit.keys.unsettled, {ref: now})


def test_nothing_is_wrong(healthy: Kit) -> None:
    health = read_health(healthy)
    assert codes(health) == []
    assert {"Redis", "Sent to Gett", "Worker push", "Worker sync"} <= {fact.label for fact in health.facts}


def test_redis_away_is_the_first_finding_and_no_traceback(make_kit: MakeKit) -> None:
    health = read_health(make_kit(redis_url=f"redis://127.0.0.1:{free_port()}/0", redis_timeout=1.0))
    assert [finding.code for finding in health.findings] == ["redis_unavailable"]
    assert health.worst is HealthSeverity.URGENT
    assert "cannot be reached" in health.findings[0].advice


def test_a_source_that_fails_hides_no_other(healthy: Kit) -> None:
    healthy.redis.set(healthy.keys.unsettled, "of another type")
    healthy.sending.halt("invalid key")
    assert codes(read_health(healthy)) == ["sending_halted", "orders_unknown"]


def test_halted_sending_since_the_first_refusal(healthy: Kit) -> None:
    healthy.sending.halt("invalid key")
    since = found(healthy, "sending_halted").since
    healthy.sending.halt("invalid key again")
    halted = found(healthy, "sending_halted")
    assert halted.severity is HealthSeverity.URGENT
    assert halted.since == since is not None
    assert "invalid key again" in halted.detail
    healthy.sending.record_response()
    assert codes(read_health(healthy)) == []


def test_a_halt_begins_anew_after_an_answer(healthy: Kit) -> None:
    healthy.sending.halt("invalid key")
    first = found(healthy, "sending_halted").since
    healthy.sending.record_response()
    healthy.sending.halt("invalid key")
    assert (found(healthy, "sending_halted").since or 0) > (first or 0)


def test_gett_fails(healthy: Kit) -> None:
    for _ in range(5):
        healthy.sending.record_failure()
    failing = found(healthy, "gett_failing")
    assert failing.since == pytest.approx(time.time(), abs=60)
    healthy.sending.record_response()
    assert codes(read_health(healthy)) == []


def test_gett_asks_to_wait(healthy: Kit) -> None:
    healthy.sending.record_rate_limited(30)
    assert codes(read_health(healthy)) == ["rate_limited"]


def test_workers_that_never_ran_and_that_hang(kit: Kit) -> None:
    kit.worker_life.give_sign(WorkerKind.SYNC, ["reconciliation"])
    silent, hanging = found(kit, "worker_silent"), found(kit, "worker_hanging")
    assert silent.severity is HealthSeverity.URGENT
    assert "push" in silent.what
    assert silent.advice == "Start it: webhook-kit worker push."
    assert "reconciliation" in hanging.advice


def test_order_in_doubt(healthy: Kit) -> None:
    put_in_doubt(healthy, "O-1")
    doubt = found(healthy, "order_in_doubt")
    assert doubt.severity is HealthSeverity.URGENT
    assert "O-1" in doubt.detail
    resolve = "webhook-kit order resolve O-1"
    assert doubt.command == f"{resolve} --placed NUMBER, or {resolve} --not-placed"
    assert doubt.page == "order?ref=O-1"
    assert doubt.since == pytest.approx(time.time(), abs=60)


def test_an_order_whose_call_runs_is_not_in_doubt_and_one_whose_process_died_is(healthy: Kit) -> None:
    put_in_doubt(healthy, "running", "calling", int(1000 * time.time()) + 600_000)
    assert codes(read_health(healthy)) == []
    put_in_doubt(healthy, "died", "calling", int(1000 * time.time()) - 600_000)
    assert found(healthy, "order_in_doubt").page == "order?ref=died"


def test_many_orders_in_doubt_are_named_up_to_three(healthy: Kit) -> None:
    for number in range(10):
        put_in_doubt(healthy, f"O-{number}")
    assert codes(read_health(healthy)) == ["order_in_doubt"] * 3 + ["orders_in_doubt"]
    assert found(healthy, "orders_in_doubt").count == 7


def test_unconfirmed_orders(healthy: Kit) -> None:
    late = 1000 * (time.time() - healthy.settings.unconfirmed_after - 60)
    healthy.redis.zadd(healthy.keys.unconfirmed, {"late": late, "new": 1000 * time.time()})
    unconfirmed = found(healthy, "orders_unconfirmed")
    assert unconfirmed.count == 1
    assert unconfirmed.page == "order?ref=late"
    assert "Call the restaurant" in unconfirmed.advice


def test_an_update_that_waits_for_long(healthy: Kit) -> None:
    healthy.lanes.append("order:O-1", order_progress("confirmed"), store_id="main")  # Gett's id is not known
    assert codes(read_health(healthy)) == []
    update = json.loads(healthy.redis.lindex(healthy.keys.queue("order:O-1"), 0) or "")
    update["at"] = f"{1000 * (time.time() - 3600):.3f}"
    healthy.redis.lset(healthy.keys.queue("order:O-1"), 0, json.dumps(update))
    waits = found(healthy, "update_waits")
    assert waits.page == "order?ref=O-1"
    assert "Gett's order id is not known" in waits.detail


def test_dead_letters(healthy: Kit) -> None:
    for ref in ("O-1", "O-2"):
        healthy.lanes.append(f"order:{ref}", order_progress("confirmed"), store_id="main", gett_id=f"g-{ref}")
    for lease in healthy.lanes.lease(10, 1000).leases:
        healthy.lanes.dead_letter(lease, "order not found", 404)
    letters = found(healthy, "dead_letters")
    assert letters.count == 2
    assert letters.since == pytest.approx(time.time(), abs=60)


def test_a_pause_has_its_owner_and_moment(healthy: Kit) -> None:
    healthy.store_status.pause("main", PauseReason.TOO_BUSY)
    paused = found(healthy, "store_paused")
    assert paused.severity is HealthSeverity.NOTE
    assert "by a person (too busy)" in paused.what
    assert paused.since == pytest.approx(time.time(), abs=60)
    healthy.store_status.resume("main")
    assert codes(read_health(healthy)) == []


def test_a_pause_by_a_person_has_the_name_and_the_reason(healthy: Kit) -> None:
    jo = Actor("jo", Role.OPERATOR, "console")
    pause_store(healthy, jo, "main", PauseReason.TOO_BUSY, why="a wedding")
    assert found(healthy, "store_paused").detail == "jo: “a wedding” The pause waits to be sent."


def test_a_pause_that_ended_by_itself_is_taken_from_the_index(healthy: Kit) -> None:
    healthy.store_status.pause("main", PauseReason.TOO_BUSY)
    healthy.redis.delete(healthy.keys.pause_owner("main"))
    assert codes(read_health(healthy)) == []
    assert healthy.redis.zcard(healthy.keys.paused_stores) == 0


def test_the_pos_of_a_store_is_down(healthy: Kit) -> None:
    file = healthy.settings.store_options["file"]
    store = healthy.stores.get("main")
    BogusAdapter.set_state(file, "main", StoreState.DOWN)
    healthy.pos_health.check(store)
    down = found(healthy, "pos_down")
    assert down.severity is HealthSeverity.URGENT
    assert "Gett still sends it orders" in down.what
    for _ in range(healthy.settings.health_failure_threshold):
        healthy.pos_health.check(store)
    again = found(healthy, "pos_down")
    assert "NOT yet at Gett: orders may still come" in again.what
    assert again.since == down.since  # of the first failure in a row
    assert codes(read_health(healthy)) == ["pos_down"]  # the pause is said with it
    BogusAdapter.set_state(file, "main", StoreState.OPEN)
    for _ in range(healthy.settings.health_success_threshold):
        healthy.pos_health.check(store)
    assert codes(read_health(healthy)) == []


def test_a_pause_that_gett_has_not_taken_is_not_claimed(healthy: Kit) -> None:
    healthy.store_status.pause("main", PauseReason.TOO_BUSY)
    healthy.sending.halt("invalid key")
    paused = found(healthy, "store_paused")
    assert "NOT yet at Gett" in paused.what
    assert "until a valid one is installed" in paused.detail
    healthy.sending.record_response()
    for lease in healthy.lanes.lease(10, 1000).leases:
        healthy.lanes.acknowledge(lease, 200)
    assert "Gett knows that it is paused" in found(healthy, "store_paused").what


def test_a_pause_that_was_given_up_is_not_claimed(healthy: Kit) -> None:
    healthy.store_status.pause("main", PauseReason.TOO_BUSY)
    for lease in healthy.lanes.lease(10, 1000).leases:
        healthy.lanes.dead_letter(lease, "refused", 422)
    assert "was given up" in found(healthy, "store_paused").detail


def test_a_store_that_its_pos_closed_is_only_a_note(healthy: Kit) -> None:
    healthy.store_status.pause("main", PauseReason.OTHER, owner=Owner.POS)
    assert found(healthy, "store_paused").severity is HealthSeverity.NOTE


def test_a_catalog_that_is_not_taken(healthy: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    store = healthy.stores.get("main")

    def fail(_adapter: BogusAdapter, _store: object) -> Any:
        raise CircuitOpen("the POS is closed for us", retry_after=1)

    with monkeypatch.context() as patch:
        patch.setattr(BogusAdapter, "fetch_catalog", fail)
        healthy.catalog_sync.sync(store)
    rejected = found(healthy, "catalog_not_taken")
    assert "the POS is closed for us" in rejected.what
    assert rejected.page == "catalog?id=main"
    assert not healthy.catalog_sync.sync(store).failed
    assert codes(read_health(healthy)) == []


def test_the_clock_of_a_worker_differs_from_getts(healthy: Kit) -> None:
    healthy.redis.set(healthy.keys.gett_clock, "90")
    assert "90 s ahead" in found(healthy, "gett_clock_differs").what


def test_without_an_api_key_nothing_is_sent(make_kit: MakeKit) -> None:
    assert found(make_kit(gett_api_key=""), "api_key_missing").severity is HealthSeverity.URGENT


def test_hostile_texts_do_no_harm(healthy: Kit) -> None:
    ref = "\ud83d <script>alert(1)</script>" * 50
    put_in_doubt(healthy, ref.encode("utf-8", "replace").decode())
    assert found(healthy, "order_in_doubt")


def test_the_most_urgent_finding_comes_first(healthy: Kit) -> None:
    healthy.store_status.pause("main", PauseReason.TOO_BUSY)
    healthy.sending.record_rate_limited(30)
    put_in_doubt(healthy, "O-1")
    assert codes(read_health(healthy)) == ["order_in_doubt", "rate_limited", "store_paused"]


def test_a_lost_connection_on_the_way_is_reported(healthy: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(healthy.worker_life, "last_signs", fail)
    assert [finding.code for finding in read_health(healthy).findings] == ["redis_unavailable"]


def test_a_read_only_replica_comes_first_because_it_is_the_cause_of_the_rest(make_kit: MakeKit) -> None:
    with RedisServer() as server:
        kit = make_kit(redis_url=server.url)
        kit.redis.replicaof("127.0.0.1", str(free_port()))
        finding = read_health(kit).findings[0]
        kit.redis.connection_pool.disconnect()
    assert (finding.code, finding.severity) == ("redis_read_only", HealthSeverity.URGENT)
    assert "REDIS_URL" in finding.advice


def test_a_server_without_info_is_no_failure(
    healthy: Kit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise redis.ResponseError("NOPERM")

    monkeypatch.setattr(healthy.redis, "info", refuse)
    health = read_health(healthy)
    assert not [finding for finding in health.findings if finding.code.startswith("redis")]
    assert "INFO is not allowed" in next(fact.value for fact in health.facts if fact.label == "Redis")
    assert capsys.readouterr() == ("", "")
