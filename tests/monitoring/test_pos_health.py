"""Health checks: a POS that is down pauses its store, one that works again resumes it, and the state does not flap."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.adapter import PosAdapter, Store, StoreState
from webhook_kit.errors import Conflict, Unsupported
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.monitoring.pos_health import HealthAction, HealthCheckResult, HealthCounts, HealthMonitor, evaluate
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.schedule import store_schedule
from webhook_kit.stores.concurrency import StoreJobs
from webhook_kit.stores.status import Owner
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import PATIENCE, wait_until


class ScriptedAdapter(BogusAdapter):
    """Reports the state that a test sets, or raises it."""

    state: ClassVar[Any] = StoreState.OPEN
    checked: ClassVar[list[str]] = []

    def store_status(self, store: Store) -> StoreState:
        self.checked.append(store.id)
        if isinstance(self.state, BaseException):
            raise self.state
        state: StoreState = self.state
        return state


class HangingAdapter(BogusAdapter):
    """Answers when it is released."""

    release: ClassVar[threading.Event] = threading.Event()

    def store_status(self, store: Store) -> StoreState:
        assert self.release.wait(PATIENCE)
        return StoreState.OPEN


class VendorDirectory(list[Store]):
    """A vendor's own directory, whose adapters nobody has loaded before."""

    def by_id(self, store_id: str) -> Store | None:
        return next((store for store in self if store.id == store_id), None)


class AdapterWithoutStatus(BogusAdapter):
    store_status = PosAdapter.store_status


@pytest.fixture
def kit(make_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]) -> Kit:
    ScriptedAdapter.checked = []
    return make_kit(pos_adapter=f"{__name__}:ScriptedAdapter")


def check(kit: Kit, *states: Any) -> list[HealthAction]:
    """Check once for each state."""
    actions = []
    for state in states:
        ScriptedAdapter.state = state
        actions.append(kit.pos_health.check(kit.stores.get("main")))
    return actions


def check_all(kit: Kit) -> None:
    """Check every store, as its turns come one after another."""
    for store in kit.stores:
        assert kit.pos_health.start_check(store)
    assert kit.pos_health._jobs.wait(PATIENCE) == []


def owner(kit: Kit) -> Owner | None:
    return kit.store_status.pause_owner(next(iter(kit.stores)))


def last_sent(kit: Kit) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(kit.lanes.state(lane_name(Kind.STORE, "main")).get("last") or "{}")
    return body


DOWN, OPEN, CLOSED, UNKNOWN = StoreState.DOWN, StoreState.OPEN, StoreState.CLOSED, StoreState.UNKNOWN
FAILURES: list[Any] = [DOWN, RuntimeError("topsecret"), TimeoutError(), OSError(), SystemExit()]
INCONCLUSIVE: list[Any] = [UNKNOWN, Unsupported("store_status"), "open", None]


@pytest.mark.parametrize("state", FAILURES, ids=repr)
def test_failing_pos_pauses_its_store_and_a_working_one_resumes_it(
    state: Any, kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    assert check(kit, state, state) == [HealthAction.NONE] * 2
    assert last_sent(kit) == {}
    assert check(kit, state) == [HealthAction.PAUSE]
    assert last_sent(kit) == {"status": "paused", "reason": PauseReason.OPERATIONAL_ISSUES}
    assert owner(kit) is Owner.MONITOR
    assert check(kit, state, OPEN) == [HealthAction.NONE] * 2
    assert check(kit, OPEN) == [HealthAction.RESUME]
    assert (last_sent(kit), owner(kit)) == ({"status": "online"}, None)
    assert "topsecret" not in str(events)


def test_pause_of_a_pos_that_reports_closed_is_owned_by_the_pos(kit: Kit) -> None:
    assert check(kit, CLOSED, CLOSED, CLOSED)[-1] is HealthAction.PAUSE
    assert (last_sent(kit)["reason"], owner(kit)) == (PauseReason.OTHER, Owner.POS)
    assert check(kit, OPEN, OPEN)[-1] is HealthAction.RESUME


@pytest.mark.parametrize("state", INCONCLUSIVE, ids=repr)
def test_inconclusive_checks_do_not_count(state: Any, kit: Kit) -> None:
    assert check(kit, DOWN, state, DOWN, state, DOWN)[-1] is HealthAction.PAUSE
    assert check(kit, *[state] * 5) == [HealthAction.NONE] * 5
    assert check(kit, OPEN, state, OPEN)[-1] is HealthAction.RESUME


def test_pause_by_a_person_is_neither_replaced_nor_lifted(kit: Kit) -> None:
    kit.store_status.pause("main", "staff_shortage")
    assert set(check(kit, *[DOWN] * 4, *[OPEN] * 4)) == {HealthAction.NONE}
    assert (last_sent(kit)["reason"], owner(kit)) == ("staff_shortage", Owner.PERSON)


def test_pause_by_a_person_during_one_by_the_monitor_stays(kit: Kit) -> None:
    check(kit, *[DOWN] * 3)
    kit.store_status.pause("main", "maintenance")
    assert set(check(kit, *[OPEN] * 3)) == {HealthAction.NONE}
    assert owner(kit) is Owner.PERSON


def test_store_that_a_person_resumed_is_not_paused_again_before_a_success(kit: Kit) -> None:
    check(kit, *[DOWN] * 3)
    kit.store_status.resume("main")
    assert set(check(kit, *[DOWN] * 5)) == {HealthAction.NONE}
    assert last_sent(kit) == {"status": "online"}
    assert check(kit, OPEN, *[DOWN] * 3)[-1] is HealthAction.PAUSE


def test_pos_cannot_lift_a_pause_by_the_monitor(kit: Kit) -> None:
    check(kit, *[DOWN] * 3)
    with pytest.raises(Conflict, match="paused by monitor"):
        kit.store_status.resume("main", owner=Owner.POS)


def test_checks_of_several_processes_are_counted_together(make_kit: Callable[..., Kit], kit: Kit) -> None:
    other = Kit(kit.settings)
    assert [*check(kit, DOWN), *check(other, DOWN), *check(kit, DOWN)] == [
        HealthAction.NONE,
        HealthAction.NONE,
        HealthAction.PAUSE,
    ]
    assert [*check(other, OPEN), *check(kit, OPEN)] == [HealthAction.NONE, HealthAction.RESUME]


def test_store_is_checked_by_one_process_at_a_time(kit: Kit) -> None:
    ScriptedAdapter.state = DOWN

    def take_turns(_: int) -> None:
        one, stop = Kit(kit.settings), threading.Event()
        tasks = {task.name: task for task in store_schedule(one, StoreJobs(lambda *_: None), stop)}
        tasks["health-checks"].run()
        assert one.pos_health._jobs.wait(PATIENCE) == []

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(take_turns, range(8)))
    assert ScriptedAdapter.checked == ["main"]


def test_store_without_store_status_or_not_at_gett_is_not_checked(make_kit: Callable[..., Kit], kit: Kit) -> None:
    other = make_kit(pos_adapter=f"{__name__}:AdapterWithoutStatus")
    check_all(other)
    assert other.redis.keys(other.keys.health("*")) == []
    kit.stores.add(Store("new", "", f"{__name__}:ScriptedAdapter"))
    ScriptedAdapter.state = OPEN
    check_all(kit)
    assert ScriptedAdapter.checked == ["main"]


def test_unloadable_adapter_does_not_affect_other_stores(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit.stores, "_configured", VendorDirectory([*kit.stores, Store("bad", "g-bad", "unheard-of")]))
    ScriptedAdapter.state = OPEN
    check_all(kit)
    assert ScriptedAdapter.checked == ["main"]


def test_every_store_is_checked_although_some_fail(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(pos_adapter=f"{__name__}:ScriptedAdapter", health_failure_threshold=1)
    ScriptedAdapter.state, ScriptedAdapter.checked = DOWN, []
    for n in range(12):
        kit.stores.add(Store(f"s{n}", str(uuid4()), f"{__name__}:ScriptedAdapter"))
    check_all(kit)
    assert len(ScriptedAdapter.checked) == 13
    assert {kit.store_status.pause_owner(store) for store in kit.stores} == {Owner.MONITOR}


def test_check_without_redis_changes_nothing(make_kit: Callable[..., Kit], events: list[Any]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0", pos_adapter=f"{__name__}:ScriptedAdapter")
    check_all(kit)
    assert [event["event"] for event in events].count("health_check_failed") == 1


def test_pos_that_hangs_delays_no_other_store(kit: Kit) -> None:
    """More stores hang than checks run at the same time, until the check of another one has begun."""
    for n in range(20):
        kit.stores.add(Store(f"s{n}", str(uuid4()), f"{__name__}:HangingAdapter"))
    ScriptedAdapter.state = OPEN
    HangingAdapter.release.clear()
    try:
        for store in [*[store for store in kit.stores if store.id != "main"], kit.stores.get("main")]:
            assert kit.pos_health.start_check(store)
        wait_until(lambda: "main" in ScriptedAdapter.checked)
    finally:
        HangingAdapter.release.set()
    assert kit.pos_health._jobs.wait(PATIENCE) == []


def test_check_that_is_started_again_before_it_begins_does_not_fail(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, events: list[Any]
) -> None:
    begin, run = threading.Event(), kit.pos_health._jobs._run

    def run_later(job: str, store_id: str) -> None:
        begin.wait(PATIENCE)
        run(job, store_id)

    monkeypatch.setattr(kit.pos_health._jobs, "_run", run_later)
    ScriptedAdapter.state = OPEN
    for _ in range(2):
        assert kit.pos_health.start_check(kit.stores.get("main"))
    begin.set()
    assert kit.pos_health._jobs.wait(PATIENCE) == []
    assert ScriptedAdapter.checked == ["main"] * 2
    assert not [event for event in events if event["event"] == "job_failed"]


# -- hysteresis --------------------------------------------------------------------------------------------------------


@given(
    results=st.lists(st.sampled_from(HealthCheckResult), max_size=40),
    failure_threshold=st.integers(1, 4),
    success_threshold=st.integers(1, 4),
)
def test_evaluate_never_flaps(results: list[HealthCheckResult], failure_threshold: int, success_threshold: int) -> None:
    """Compare with a plain implementation of the rule that has all results."""
    counts, paused = HealthCounts(), False
    conclusive: list[HealthCheckResult] = []
    for result in results:
        counts, action = evaluate(
            counts, result, failure_threshold=failure_threshold, success_threshold=success_threshold
        )
        conclusive += [] if result is HealthCheckResult.INCONCLUSIVE else [result]
        failures = last_in_a_row(conclusive, {HealthCheckResult.DOWN, HealthCheckResult.CLOSED})
        successes = last_in_a_row(conclusive, {HealthCheckResult.SUCCESS})
        if action is HealthAction.PAUSE:
            assert failures == failure_threshold, "once per row of failures, and no sooner"
            paused = True
        elif action is HealthAction.RESUME:
            assert successes >= success_threshold
            paused = False
        if failures >= failure_threshold:
            assert paused, "the store is paused"
        if successes >= success_threshold:
            assert not paused, "the store is resumed"


def last_in_a_row(results: list[HealthCheckResult], kinds: set[HealthCheckResult]) -> int:
    count = 0
    for result in reversed(results):
        if result not in kinds:
            break
        count += 1
    return count


def test_counts_in_redis_are_bounded_and_expire(kit: Kit) -> None:
    check(kit, *[DOWN] * 10)
    assert kit.redis.hget(kit.keys.health("main"), "failures") == b"3"
    assert kit.redis.ttl(kit.keys.health("main")) > 0
    assert isinstance(kit.pos_health, HealthMonitor)


def test_unexpected_error_of_one_store_does_not_stop_the_others(
    make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch, events: list[Any]
) -> None:
    kit = make_kit(pos_adapter=f"{__name__}:ScriptedAdapter", health_failure_threshold=1)
    ScriptedAdapter.state = DOWN
    for n in range(3):
        kit.stores.add(Store(f"s{n}", str(uuid4()), f"{__name__}:ScriptedAdapter"))
    pause = kit.store_status.pause

    def fail(store: Store, *arguments: Any, **named: Any) -> Any:
        if store.id == "s1":
            raise TypeError("a bug")
        return pause(store, *arguments, **named)

    monkeypatch.setattr(kit.store_status, "pause", fail)
    check_all(kit)
    paused = {store.id for store in kit.stores if kit.store_status.pause_owner(store) is Owner.MONITOR}
    assert paused == {"main", "s0", "s2"}
    assert [event["event"] for event in events].count("job_failed") == 1
