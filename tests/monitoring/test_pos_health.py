"""The monitor: a POS that is down pauses its store, one that is back resumes it, and neither flaps."""

from __future__ import annotations

import json
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.adapter import PosAdapter, Store, StoreState
from webhook_kit.errors import Conflict, Unsupported
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.monitoring.pos_health import FailureCount, HealthAction, HealthCheckResult, HealthMonitor, evaluate
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.stores.status import Owner
from webhook_kit.testing.bogus import BogusAdapter


class Scripted(BogusAdapter):
    """Says of its store what the test says."""

    state: ClassVar[Any] = StoreState.OPEN
    asked: ClassVar[list[str]] = []

    def store_status(self, store: Store) -> StoreState:
        self.asked.append(store.id)
        if isinstance(self.state, BaseException):
            raise self.state
        state: StoreState = self.state
        return state


class Mute(BogusAdapter):
    store_status = PosAdapter.store_status


@pytest.fixture
def kit(make_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]) -> Kit:
    Scripted.asked = []
    return make_kit(pos_adapter=f"{__name__}:Scripted")


def look(kit: Kit, *states: Any) -> list[HealthAction]:
    """One look for each state."""
    verdicts = []
    for state in states:
        Scripted.state = state
        store = kit.stores.by_id("main")
        assert store is not None
        verdicts.append(kit.pos_health.check(store))
    return verdicts


def owner(kit: Kit) -> Owner | None:
    return kit.store_status.pause_owner(next(iter(kit.stores)))


def told(kit: Kit) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kit.lanes.state(lane_name(Kind.STORE, "main")).get("last") or "{}")
    return found


DOWN, OPEN, CLOSED, UNKNOWN = StoreState.DOWN, StoreState.OPEN, StoreState.CLOSED, StoreState.UNKNOWN
BROKEN: list[Any] = [DOWN, RuntimeError("topsecret"), TimeoutError(), OSError(), SystemExit()]
SILENT: list[Any] = [UNKNOWN, Unsupported("store_status"), "open", None]


@pytest.mark.parametrize("state", BROKEN, ids=repr)
def test_a_pos_that_is_down_for_long_enough_pauses_its_store_and_one_that_is_back_resumes_it(
    state: Any, kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    assert look(kit, state, state) == [HealthAction.NONE] * 2
    assert told(kit) == {}
    assert look(kit, state) == [HealthAction.PAUSE]
    assert told(kit) == {"status": "paused", "reason": PauseReason.OPERATIONAL_ISSUES}
    assert owner(kit) is Owner.MONITOR
    assert look(kit, state, OPEN) == [HealthAction.NONE] * 2
    assert look(kit, OPEN) == [HealthAction.RESUME]
    assert (told(kit), owner(kit)) == ({"status": "online"}, None)
    assert "topsecret" not in str(events)


def test_a_pos_that_says_closed_is_the_pos_s_word(kit: Kit) -> None:
    assert look(kit, CLOSED, CLOSED, CLOSED)[-1] is HealthAction.PAUSE
    assert (told(kit)["reason"], owner(kit)) == (PauseReason.OTHER, Owner.POS)
    assert look(kit, OPEN, OPEN)[-1] is HealthAction.RESUME


@pytest.mark.parametrize("state", SILENT, ids=repr)
def test_what_says_nothing_changes_nothing(state: Any, kit: Kit) -> None:
    assert look(kit, DOWN, state, DOWN, state, DOWN)[-1] is HealthAction.PAUSE
    assert look(kit, *[state] * 5) == [HealthAction.NONE] * 5
    assert look(kit, OPEN, state, OPEN)[-1] is HealthAction.RESUME


def test_a_person_s_pause_is_neither_taken_over_nor_lifted(kit: Kit) -> None:
    kit.store_status.pause("main", "staff_shortage")
    assert set(look(kit, *[DOWN] * 4, *[OPEN] * 4)) == {HealthAction.NONE}
    assert (told(kit)["reason"], owner(kit)) == ("staff_shortage", Owner.PERSON)


def test_a_person_s_pause_during_the_monitor_s_stays_when_the_pos_is_back(kit: Kit) -> None:
    look(kit, *[DOWN] * 3)
    kit.store_status.pause("main", "maintenance")
    assert set(look(kit, *[OPEN] * 3)) == {HealthAction.NONE}
    assert owner(kit) is Owner.PERSON


def test_what_a_person_has_resumed_is_not_paused_again_before_the_pos_was_well(kit: Kit) -> None:
    look(kit, *[DOWN] * 3)
    kit.store_status.resume("main")
    assert set(look(kit, *[DOWN] * 5)) == {HealthAction.NONE}
    assert told(kit) == {"status": "online"}
    assert look(kit, OPEN, *[DOWN] * 3)[-1] is HealthAction.PAUSE


def test_a_pos_event_does_not_lift_the_monitor_s_pause(kit: Kit) -> None:
    look(kit, *[DOWN] * 3)
    with pytest.raises(Conflict, match="paused by monitor"):
        kit.store_status.resume("main", owner=Owner.POS)


def test_the_looks_of_many_processes_are_one_row(make_kit: Callable[..., Kit], kit: Kit) -> None:
    other = Kit(kit.settings)
    assert [*look(kit, DOWN), *look(other, DOWN), *look(kit, DOWN)] == [
        HealthAction.NONE,
        HealthAction.NONE,
        HealthAction.PAUSE,
    ]
    assert [*look(other, OPEN), *look(kit, OPEN)] == [HealthAction.NONE, HealthAction.RESUME]


def test_one_process_at_a_time_looks_at_a_store(kit: Kit) -> None:
    Scripted.state = DOWN
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: Kit(kit.settings).pos_health.check_all(), range(8)))
    assert Scripted.asked == ["main"]


def test_a_store_that_cannot_say_or_is_not_at_gett_is_not_looked_at(make_kit: Callable[..., Kit], kit: Kit) -> None:
    mute = make_kit(pos_adapter=f"{__name__}:Mute")
    assert mute.pos_health.check_all() == 0
    assert mute.redis.keys(mute.keys.health("*")) == []
    kit.stores.add(Store("new", "", f"{__name__}:Scripted"))
    Scripted.state = OPEN
    kit.pos_health.check_all()
    assert Scripted.asked == ["main"]


def test_a_store_whose_adapter_cannot_be_loaded_keeps_no_other_from_being_looked_at(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit.stores, "_configured", [*kit.stores, Store("bad", "g-bad", "unheard-of")])
    Scripted.state = OPEN
    kit.pos_health.check_all()
    assert Scripted.asked == ["main"]


def test_one_store_that_fails_keeps_no_other_from_being_looked_at(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(pos_adapter=f"{__name__}:Scripted", health_failure_threshold=1)
    Scripted.state = DOWN
    for n in range(12):
        kit.stores.add(Store(f"s{n}", f"g{n}", f"{__name__}:Scripted"))
    assert kit.pos_health.check_all() == 13
    assert kit.pos_health.check_all() == 0, "none is due"


def test_without_redis_a_round_ends_without_a_word_to_gett(make_kit: Callable[..., Kit], events: list[Any]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0", pos_adapter=f"{__name__}:Scripted")
    assert kit.pos_health.check_all() == 0


# -- hysteresis --------------------------------------------------------------------------------------------------------


@given(
    looks=st.lists(st.sampled_from(HealthCheckResult), max_size=40),
    pause_after=st.integers(1, 4),
    resume_after=st.integers(1, 4),
)
def test_it_never_flaps(looks: list[HealthCheckResult], pause_after: int, resume_after: int) -> None:
    """Against the plain reading of the rule, over the whole row of looks."""
    tally, paused = FailureCount(), False
    said: list[HealthCheckResult] = []
    for seen in looks:
        tally, verdict = evaluate(tally, seen, pause_after=pause_after, resume_after=resume_after)
        said += [] if seen is HealthCheckResult.NOTHING else [seen]
        row_of_bad = _row(said, {HealthCheckResult.DOWN, HealthCheckResult.CLOSED})
        row_of_good = _row(said, {HealthCheckResult.GOOD})
        if verdict is HealthAction.PAUSE:
            assert row_of_bad == pause_after, "once for each row of bad looks, and no sooner"
            paused = True
        elif verdict is HealthAction.RESUME:
            assert row_of_good >= resume_after
            paused = False
        if row_of_bad >= pause_after:
            assert paused, "it does pause"
        if row_of_good >= resume_after:
            assert not paused, "it does resume"


def _row(said: list[HealthCheckResult], kind: set[HealthCheckResult]) -> int:
    row = 0
    for seen in reversed(said):
        if seen not in kind:
            break
        row += 1
    return row


def test_the_row_of_looks_is_bounded_in_redis(kit: Kit) -> None:
    look(kit, *[DOWN] * 10)
    assert kit.redis.hget(kit.keys.health("main"), "bad") == b"3"
    assert kit.redis.ttl(kit.keys.health("main")) > 0
    assert isinstance(kit.pos_health, HealthMonitor)
