"""Reconciliation of a store's status, and its failures."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.monitoring.reconciliation_env import (
    ScriptedAdapter,
    reconcile,
    sent,
)
from webhook_kit.adapter import (
    PosAdapter,
    PosOrder,
    StoreState,
)
from webhook_kit.kit import Kit
from webhook_kit.monitoring.reconciliation import ComparisonOutcome
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import wait_until


class AdapterWithoutReads(BogusAdapter):
    orders_since = PosAdapter.orders_since
    store_status = PosAdapter.store_status


def status(kit: Kit, state: object) -> ComparisonOutcome:
    ScriptedAdapter.state = state
    (comparison,) = reconcile(kit).comparisons
    return comparison.outcome


def test_closed_store_is_paused_and_an_open_one_resumed(scripted_kit: Kit) -> None:
    assert status(scripted_kit, StoreState.OPEN) is ComparisonOutcome.UP_TO_DATE
    assert status(scripted_kit, StoreState.CLOSED) is ComparisonOutcome.APPENDED
    assert status(scripted_kit, StoreState.DOWN) is ComparisonOutcome.UP_TO_DATE
    assert status(scripted_kit, StoreState.OPEN) is ComparisonOutcome.APPENDED
    assert status(scripted_kit, StoreState.OPEN) is ComparisonOutcome.UP_TO_DATE
    assert [body["status"] for body in sent(scripted_kit, "store:main")] == ["paused", "online"]


def test_pause_by_a_person_is_not_changed(scripted_kit: Kit) -> None:
    scripted_kit.store_status.pause("main", "too_busy")
    assert status(scripted_kit, StoreState.CLOSED) is ComparisonOutcome.UP_TO_DATE
    assert status(scripted_kit, StoreState.OPEN) is ComparisonOutcome.REJECTED
    assert "person" in reconcile(scripted_kit).lines()[0]
    assert len(sent(scripted_kit, "store:main")) == 1


def test_pause_with_an_end_does_not_count_after_it(scripted_kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted_kit.store_status.pause("main", "too_busy", datetime.now(UTC) + timedelta(seconds=3))
    assert status(scripted_kit, StoreState.CLOSED) is ComparisonOutcome.UP_TO_DATE
    wait_until(
        lambda: status(scripted_kit, StoreState.CLOSED) is not ComparisonOutcome.UP_TO_DATE,
        message="the pause to end",
    )
    main = next(iter(scripted_kit.stores))
    assert scripted_kit.store_status.pause_owner(main) == "pos", (
        "Gett has lifted the pause by the person; the new one is owned by the POS"
    )
    assert status(scripted_kit, StoreState.OPEN) is ComparisonOutcome.APPENDED


def test_status_that_was_changed_during_the_comparison_stays(
    scripted_kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        ScriptedAdapter, "before_status", lambda: scripted_kit.store_status.pause("main", "maintenance")
    )
    assert status(scripted_kit, StoreState.DOWN) is ComparisonOutcome.STALE
    assert [body["reason"] for body in sent(scripted_kit, "store:main")] == ["maintenance"]


def test_pause_that_gett_rejected_is_not_appended_again(scripted_kit: Kit) -> None:
    assert status(scripted_kit, StoreState.CLOSED) is ComparisonOutcome.APPENDED
    (lease,) = scripted_kit.lanes.lease(1, 60_000).leases
    scripted_kit.lanes.dead_letter(lease, "no such store", 404)
    assert status(scripted_kit, StoreState.CLOSED) is ComparisonOutcome.GIVEN_UP


def test_unsupported_methods_are_remarks(make_kit: Callable[..., Kit]) -> None:
    report = reconcile(make_kit(pos_adapter=f"{__name__}:AdapterWithoutReads"))
    assert (report.comparisons, report.failures) == ([], [])
    assert report.lines() == [
        "main  the adapter does not offer orders_since",
        "main  the adapter does not offer store_status",
    ]


@pytest.mark.parametrize("orders", [RuntimeError("a bug"), None, ["nonsense"], [PosOrder("x", "r", state=[])]])  # type: ignore[arg-type]
def test_failure_of_orders_since_does_not_hide_the_store_status(
    orders: Any, scripted_kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    ScriptedAdapter.orders, ScriptedAdapter.state = orders, StoreState.CLOSED
    report = reconcile(scripted_kit)
    assert len(report.failures) == 1
    assert report.counts == {ComparisonOutcome.APPENDED: 1}


@pytest.mark.parametrize("state", [RuntimeError("a bug"), "open", 5])
def test_status_of_a_wrong_type_is_a_failure(
    state: Any, scripted_kit: Kit, events: list[MutableMapping[str, Any]]
) -> None:
    ScriptedAdapter.state = state
    report = reconcile(scripted_kit)
    assert (len(report.failures), report.comparisons) == (1, [])


def test_failure_of_one_store_does_not_affect_others(
    make_kit: Callable[..., Kit], tmp_path: Path, events: list[MutableMapping[str, Any]]
) -> None:
    stores = tmp_path / "stores.toml"
    adapters = {"bad": f'"{__name__}:ScriptedAdapter"'}
    stores.write_text(
        "".join(
            f'[stores.{name}]\ngett_id = "{uuid4()}"\nadapter = {adapters.get(name, chr(34) + "bogus" + chr(34))}\n'
            f'[stores.{name}.options]\nfile = "{tmp_path / "pos.sqlite"}"\nclosed = true\n'
            for name in ("one", "bad", "two")
        )
    )
    kit = make_kit(pos_adapter=None, gett_store_id=None, stores_file=stores)
    ScriptedAdapter.orders, ScriptedAdapter.state = RuntimeError("a bug"), RuntimeError("a bug")
    done: list[str] = []
    reports = kit.reconciler.reconcile_all(kit.stores, lambda report: done.append(report.store_id))
    assert sorted(done) == ["bad", "one", "two"]
    assert [(report.store_id, len(report.failures)) for report in reports] == [("one", 0), ("bad", 2), ("two", 0)]
    assert set(kit.lanes.all_waiting()) == {"store:one", "store:two"}


def test_reconcile_all_without_redis_reports_a_failure_per_store(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0")
    (report,) = kit.reconciler.reconcile_all(kit.stores)
    assert "Redis" in report.failures[0]
