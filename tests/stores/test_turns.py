"""Turns of the stores in a periodic task: one each per interval, spread evenly, in every process and after every pause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from webhook_kit.adapter import Store
from webhook_kit.kit import Kit
from webhook_kit.storage.connection import text
from webhook_kit.storage.locks import RedisLock
from webhook_kit.stores import turns
from webhook_kit.stores.turns import Turns

INTERVAL = 300.0
START = 1_800_000_000.0


class Clock:
    """Clock of Redis and of all processes."""

    def __init__(self) -> None:
        self.now = START


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(turns, "redis_time", lambda _: clock.now)
    monkeypatch.setattr(turns, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def make(kit: Kit) -> Callable[..., Turns]:
    """``make()``: the turns of one task in one more process."""

    def new(interval: float = INTERVAL, **options: Any) -> Turns:
        return Turns(kit.redis, kit.keys, "task", interval, **options)

    return new


def stores(count: int) -> list[Store]:
    return [Store(f"store-{number:05}", f"gett-{number}", "bogus") for number in range(count)]


def ticks(clock: Clock, seconds: float, pause: float) -> Iterator[float]:
    """Let the time pass, and yield the seconds since the start at each tick."""
    began = clock.now
    while clock.now < began + seconds - 1e-6:
        clock.now += pause
        yield clock.now - began


def run(clock: Clock, processes: Sequence[Turns], all_stores: list[Store], seconds: float) -> list[tuple[float, str]]:
    """Let processes take turns, and return the visits: seconds since the start, and the store's id."""
    visits: list[tuple[float, str]] = []
    for now in ticks(clock, seconds, processes[0].pause):
        for each in processes:
            each.take(all_stores, lambda store, at=now: visits.append((at, store.id)))  # type: ignore[misc]
    return visits


def most_in_a_slice(visits: list[tuple[float, str]], interval: float = INTERVAL) -> int:
    """Return the largest number of visits in a twentieth of the interval."""
    return max(Counter(int((at - 1e-6) / (interval / 20)) for at, _ in visits).values(), default=0)


def settle(clock: Clock, make: Callable[..., Turns]) -> Turns:
    """Return the turns of a process after all earlier turns were taken."""
    first, now = make(), int(clock.now * 1e6)
    first._save(now, now)
    return first


@pytest.mark.parametrize("count", [1, 3, 40, 1_000])
def test_each_store_has_one_turn_in_an_interval(count: int, clock: Clock, make: Callable[..., Turns]) -> None:
    process = settle(clock, make)
    for _ in range(2):
        visits = run(clock, [process], stores(count), INTERVAL)
        assert Counter(store for _, store in visits) == {store.id: 1 for store in stores(count)}


def test_turns_are_spread_over_the_interval(clock: Clock, make: Callable[..., Turns]) -> None:
    process = settle(clock, make)
    visits = run(clock, [process], stores(10_000), INTERVAL)
    assert Counter(store for _, store in visits) == {store.id: 1 for store in stores(10_000)}
    assert most_in_a_slice(visits) < 1.2 * 10_000 / 20


def test_turn_of_a_store_is_the_same_in_every_interval(clock: Clock, make: Callable[..., Turns]) -> None:
    process = settle(clock, make)
    first = run(clock, [process], stores(50), INTERVAL)
    assert [store for _, store in run(clock, [process], stores(50), INTERVAL)] == [store for _, store in first]
    more = run(clock, [process], stores(70), INTERVAL)
    assert [store for _, store in more if store < "store-00050"] == [store for _, store in first]


def test_first_round_is_no_burst_and_leaves_none_out(clock: Clock, make: Callable[..., Turns]) -> None:
    visits = run(clock, [make()], stores(2_000), INTERVAL)
    assert {store for _, store in visits} == {store.id for store in stores(2_000)}
    assert most_in_a_slice(visits) <= 2 * 2_000 / 20


def test_first_round_over_a_few_stores_is_at_once(clock: Clock, make: Callable[..., Turns]) -> None:
    process = make()
    assert {store for _, store in run(clock, [process], stores(8), process.pause)} == {store.id for store in stores(8)}


@pytest.mark.parametrize("pause", [4.0, 100.0, 299.0, 301.0, 4_000.0, 200_000.0])
def test_restart_is_no_burst_and_leaves_none_out(pause: float, clock: Clock, make: Callable[..., Turns]) -> None:
    settle(clock, make)
    clock.now += pause
    visits = run(clock, [make()], stores(1_000), INTERVAL)
    assert {store for _, store in visits} == {store.id for store in stores(1_000)}
    assert most_in_a_slice(visits) <= 2 * 1_000 / 20
    assert max(Counter(store for _, store in visits).values()) <= 2


def test_pause_is_made_up_for_within_two_intervals(clock: Clock, make: Callable[..., Turns]) -> None:
    settle(clock, make)
    clock.now += 200_000
    process = make()
    run(clock, [process], stores(100), 2 * INTERVAL)
    visits = run(clock, [process], stores(100), INTERVAL)
    assert Counter(store for _, store in visits) == {store.id: 1 for store in stores(100)}


def test_change_of_worker_leaves_none_out_and_visits_none_twice(clock: Clock, make: Callable[..., Turns]) -> None:
    process, visits = settle(clock, make), list[tuple[float, str]]()
    for _ in range(20):
        visits += run(clock, [process], stores(1_000), INTERVAL / 20)
        process = make()
    assert Counter(store for _, store in visits) == {store.id: 1 for store in stores(1_000)}


def test_several_processes_share_the_turns(clock: Clock, make: Callable[..., Turns]) -> None:
    settle(clock, make)
    visits = run(clock, [make(), make(), make()], stores(1_000), INTERVAL)
    assert Counter(store for _, store in visits) == {store.id: 1 for store in stores(1_000)}


def test_turns_of_a_worker_that_dies_are_taken_by_another_one(
    clock: Clock, make: Callable[..., Turns], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(clock, make)
    clock.now += 30
    dying, visits = make(), list[str]()
    with monkeypatch.context() as patched:
        patched.setattr(dying, "_save", lambda *_: None)
        patched.setattr(RedisLock, "release", lambda _: None)
        dying.take(stores(1_000), lambda store: visits.append(store.id))
    assert visits
    other = make()
    assert other.take(stores(1_000), lambda store: visits.append(store.id)) == 0, "the lock has not expired"
    other._redis.delete(other._keys.turns_lock("task"))
    again: list[str] = []
    other.take(stores(1_000), lambda store: again.append(store.id))
    assert again[: len(visits)] == visits


def test_worker_that_was_too_slow_leaves_the_rest_to_another_one(clock: Clock, make: Callable[..., Turns]) -> None:
    settle(clock, make)
    clock.now += 30
    slow, fast, first, second = make(), make(), list[str](), list[str]()

    def visit(store: Store) -> None:
        first.append(store.id)
        clock.now += 31  # as long as the lock lasts
        slow._redis.delete(slow._keys.turns_lock("task"))
        fast.take(stores(1_000), lambda store: second.append(store.id))

    slow.take(stores(1_000), visit)
    assert len(first) == 1
    position = text(slow._redis.get(slow._keys.turns("task")))
    assert second
    assert second[0] == first[0], "its turn was not over"
    assert int(position.split()[1]) == int(clock.now * 1e6), "the position is that of the other one"


def test_store_that_is_not_visited_keeps_its_turn(clock: Clock, make: Callable[..., Turns]) -> None:
    process = settle(clock, make)
    clock.now += 30
    seen: list[str] = []

    def visit(store: Store) -> bool:
        seen.append(store.id)
        return len(seen) < 3

    assert process.take(stores(100), visit) == 2
    later = run(clock, [process], stores(100), INTERVAL - 40)
    assert later[0][1] == seen[2]
    assert Counter(store for _, store in later).keys().isdisjoint(seen[:2])


def test_exception_ends_the_turn_of_its_store_alone(clock: Clock, make: Callable[..., Turns]) -> None:
    process, first = settle(clock, make), list[str]()
    clock.now += 30

    def visit(store: Store) -> None:
        first.append(store.id)
        raise BlockingIOError

    with pytest.raises(BlockingIOError):
        process.take(stores(100), visit)
    assert process.take(stores(100), visit) == 0, "not again at once"
    visits = run(clock, [process], stores(100), INTERVAL - 40)
    assert first[0] not in {store for _, store in visits[:20]}
    assert len(visits) > 80


def test_rate_is_limited_and_none_is_left_out(clock: Clock, make: Callable[..., Turns], events: list[Any]) -> None:
    """1,000 stores, 60 a minute: a round takes more than three intervals."""
    process = make(per_minute=60)
    visits = run(clock, [process], stores(1_000), 1_101)
    assert len(visits) <= 1_101
    assert Counter(store for _, store in visits) >= Counter(store.id for store in stores(1_000))
    late = [event for event in events if event["event"] == "turns_late"]
    assert 1 <= len(late) <= 2


def test_stores_that_take_longer_than_the_interval_all_have_their_turn(
    clock: Clock, make: Callable[..., Turns]
) -> None:
    """Each visit takes a second, so that a round over 1,000 stores takes more than three intervals."""
    process, visits = make(), list[str]()

    def visit(store: Store) -> None:
        visits.append(store.id)
        clock.now += 1

    for _ in ticks(clock, 1_400, process.pause):
        process.take(stores(1_000), visit)
    assert set(visits) == {store.id for store in stores(1_000)}
    assert max(Counter(visits).values()) <= 2


def test_clock_of_redis_that_is_set_back_stops_nothing(clock: Clock, make: Callable[..., Turns]) -> None:
    settle(clock, make)
    clock.now -= 10_000
    process = make()
    run(clock, [process], stores(100), process.pause)
    visits = run(clock, [process], stores(100), INTERVAL)
    assert Counter(store for _, store in visits) == {store.id: 1 for store in stores(100)}


def test_process_asks_redis_only_when_a_turn_has_come(
    clock: Clock, make: Callable[..., Turns], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = settle(clock, make)
    taken: list[int] = []
    take = process._take

    def counted(*arguments: Any) -> int:
        taken.append(1)
        return take(*arguments)

    monkeypatch.setattr(process, "_take", counted)
    run(clock, [process], stores(1), INTERVAL)
    assert len(taken) <= INTERVAL / 15 + 2, "of 100 calls"


def test_new_store_has_its_turn_within_an_interval(clock: Clock, make: Callable[..., Turns]) -> None:
    process = settle(clock, make)
    visits = run(clock, [process], stores(30), INTERVAL + 15)
    assert {store for _, store in visits} == {store.id for store in stores(30)}


def test_tasks_have_their_turns_at_other_moments(clock: Clock, kit: Kit) -> None:
    one, other = (Turns(kit.redis, kit.keys, task, INTERVAL) for task in ("catalog-refresh", "reconciliation"))
    moments = [{store.id: each._next_turn(store, 0) for store in stores(100)} for each in (one, other)]
    assert all(moments[0][store] != moments[1][store] for store in moments[0])
