"""Stores: state here, at Gett and at the POS; pages and search."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from webhook_kit.adapter import StoreState
from webhook_kit.errors import PosUnavailable
from webhook_kit.gett.models.store import PauseReason
from webhook_kit.kit import Kit
from webhook_kit.monitoring.pos_health import HealthCheckResult
from webhook_kit.operations.stores import StoreFilter, ask_gett, ask_pos, find_stores, read_store
from webhook_kit.pos.store import Store
from webhook_kit.stores.status import Owner
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import wait_until


@pytest.fixture
def many(make_kit: Callable[..., Kit]) -> Kit:
    """Return a kit with 60 stores in Redis."""
    kit = make_kit(pos_adapter=None, gett_store_id=None, store_options={}, allow_plaintext_credentials=True)
    for number in range(60):
        kit.stores.add(
            Store(f"s{number:02}", f"00000000-0000-4000-8000-{number:012}", "bogus", name=f"Trattoria <b>{number}</b>")
        )
    return kit


def test_pages_of_stores(many: Kit) -> None:
    first, last = find_stores(many, limit=50), find_stores(many, start=50, limit=50)
    assert (len(first.stores), len(last.stores), first.total) == (50, 10, 60)
    ids = {view.store.id for view in (*first.stores, *last.stores)}
    assert len(ids) == 60


@pytest.mark.parametrize("search", ["S07", "8000-000000000007", "<b>7</b>", " s07 "])
def test_search(many: Kit, search: str) -> None:
    assert [view.store.id for view in find_stores(many, search=search).stores] == ["s07"]


def test_nothing_found(many: Kit) -> None:
    assert find_stores(many, search="\ud83d nobody").total == 0


def test_filters_use_the_newest_first(many: Kit) -> None:
    for store_id in ("s01", "s02"):
        many.store_status.pause(store_id, PauseReason.MAINTENANCE)
        time.sleep(0.002)  # the index is in milliseconds
    paused = find_stores(many, only=StoreFilter.PAUSED)
    assert [view.store.id for view in paused.stores] == ["s02", "s01"]
    assert [view.store.id for view in find_stores(many, only=StoreFilter.PAUSED, search="s01").stores] == ["s01"]
    assert find_stores(many, only=StoreFilter.FAILING).total == 0
    assert find_stores(many, only=StoreFilter.CATALOG).total == 0


def test_a_pause(kit: Kit) -> None:
    store = kit.stores.get("main")
    assert not read_store(kit, store).paused
    kit.store_status.pause(store, PauseReason.TOO_BUSY)
    view = read_store(kit, store)
    assert (view.pause_owner, view.pause_reason, view.pending) == (Owner.PERSON, "too_busy", True)
    assert view.paused_since == pytest.approx(time.time(), abs=60)
    kit.store_status.resume(store)
    assert not read_store(kit, store).paused


def test_the_owner_stays_the_first_one_while_its_pause_lasts(kit: Kit) -> None:
    store = kit.stores.get("main")
    kit.store_status.pause(store, PauseReason.OTHER, owner=Owner.MONITOR)
    since = read_store(kit, store).paused_since
    kit.store_status.pause(store, PauseReason.TOO_BUSY)
    view = read_store(kit, store)
    assert (view.pause_owner, view.paused_since) == (Owner.PERSON, since)


def test_health_checks(kit: Kit) -> None:
    store = kit.stores.get("main")
    BogusAdapter.set_state(kit.settings.store_options["file"], "main", StoreState.DOWN)
    kit.pos_health.check(store)
    view = read_store(kit, store)
    assert (view.check, view.failures, view.pos_down) == (HealthCheckResult.DOWN, 1, True)
    assert view.checked_at == pytest.approx(time.time(), abs=60)


def test_the_circuit_of_another_process_is_known(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(pos_breaker_failures=1)
    store = kit.stores.get("main")

    def fail() -> None:
        raise PosUnavailable("down", retry_after=1)

    with pytest.raises(PosUnavailable):
        kit.pos_executor.run(store.id, "store_status", fail)
    wait_until(lambda: read_store(kit, store).open_circuits, message="the circuit is recorded")
    other = make_kit(key_prefix=kit.settings.key_prefix)
    assert len(read_store(other, store).open_circuits) == 1
    kit.open_circuits.record(store.id, 0)
    assert read_store(other, store).open_circuits == ()


def test_a_circuit_closes_with_the_first_success(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(pos_breaker_failures=1, pos_breaker_seconds=0.05)
    store = kit.stores.get("main")

    def fail() -> None:
        raise PosUnavailable("down", retry_after=1)

    with pytest.raises(PosUnavailable):
        kit.pos_executor.run(store.id, "store_status", fail)
    wait_until(lambda: kit.redis.zcard(kit.keys.open_circuits) == 1, message="the circuit is recorded")
    wait_until(lambda: _succeeds(kit, store), message="the circuit lets a call through")
    wait_until(lambda: kit.redis.zcard(kit.keys.open_circuits) == 0, message="the entry is gone")


def _succeeds(kit: Kit, store: Store) -> bool:
    try:
        return kit.pos_executor.run(store.id, "store_status", lambda: True)
    except PosUnavailable:
        return False


def test_calls_in_flight_of_this_process(kit: Kit) -> None:
    store = kit.stores.get("main")
    kit.pos_executor.run(store.id, "store_status", lambda: None)
    assert read_store(kit, store).in_flight == 0
    assert kit.pos_executor.run(store.id, "store_status", lambda: read_store(kit, store).in_flight) == 1


def test_ask_the_pos(kit: Kit) -> None:
    store, file = kit.stores.get("main"), kit.settings.store_options["file"]
    assert ask_pos(kit, store).state is StoreState.OPEN
    BogusAdapter.set_reachable(file, reachable=False)
    answer = ask_pos(kit, store)
    assert answer.state is None
    assert "did not answer" in answer.explanation


def test_gett_that_cannot_be_asked(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(gett_api_key="")
    answer = ask_gett(kit, kit.stores.get("main"))
    assert not answer.differs
    assert "GETT_API_KEY is not set" in answer.explanation
