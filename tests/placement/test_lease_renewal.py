"""Renewal of the lease of a claim whose POS call runs."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.placement.placement_helpers import ORDER, StoreHarness, expect
from webhook_kit.kit import Kit
from webhook_kit.placement.claims import Busy
from webhook_kit.placement.lease_renewal import LeaseRenewal
from webhook_kit.storage.scripts import Script
from webhook_kit.testing.processes import PATIENCE, wait_until


def test_lease_is_renewed_until_the_renewal_stops(kit: Kit) -> None:
    harness = StoreHarness(kit, lease=3.0)
    claim = harness.claim()
    harness.store.start_renewal(claim)
    assert harness.store.record_call(claim, ORDER)
    first = int(harness.field("lease"))
    wait_until(lambda: int(harness.field("lease")) > first + 400)
    expect(Busy, harness.try_claim())
    assert harness.store.expired() == []
    harness.store.stop_renewal(claim)
    wait_until(lambda: harness.store.expired() == ["g1"])
    assert harness.claim().doubt


def test_error_in_one_renewal_does_not_end_the_others(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = StoreHarness(kit, lease=3.0)
    renewal = harness.store._renewal
    renew, failed = renewal._renew, threading.Event()

    def fail_once(*arguments: Any, **named: Any) -> Any:
        if failed.is_set():
            return renew(*arguments, **named)
        failed.set()
        raise ValueError("a bug")

    monkeypatch.setattr(renewal, "_renew", fail_once)
    claim = harness.claim()
    harness.store.start_renewal(claim)
    first = int(harness.field("lease"))
    wait_until(lambda: int(harness.field("lease")) > first)
    harness.store.stop_renewal(claim)


def test_thread_that_could_not_be_started_is_started_for_the_next_claim(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    harness = StoreHarness(kit, lease=3.0)
    claim = harness.claim()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError):
            harness.store.start_renewal(claim)
    harness.store.start_renewal(claim)
    first = int(harness.field("lease"))
    wait_until(lambda: int(harness.field("lease")) > first)
    harness.store.stop_renewal(claim)


def test_thread_ends_when_nothing_is_to_be_renewed_and_starts_again(kit: Kit) -> None:
    harness = StoreHarness(kit, lease=1.0)
    renewal = harness.store._renewal
    claim = harness.claim()
    for _ in range(2):
        harness.store.start_renewal(claim)
        thread = renewal._thread
        assert thread is not None
        first = int(harness.field("lease"))
        wait_until(lambda before=first: int(harness.field("lease")) > before)  # type: ignore[misc]
        assert thread.is_alive()
        harness.store.stop_renewal(claim)
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_lease_of_a_call_that_counts_as_dead_is_renewed_no_more(kit: Kit) -> None:
    claim = StoreHarness(kit).claim_and_call()
    renewal = LeaseRenewal(kit.redis, kit.keys, lease_ms=400, abandon_after=1.0)
    renewal.start(claim.ref, claim.owner)
    thread = renewal._thread
    assert thread is not None
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert renewal._refs == {}


def test_lease_of_another_owner_is_not_renewed(kit: Kit) -> None:
    harness = StoreHarness(kit)
    harness.claim_and_call()
    first = harness.field("lease")
    names = kit.keys.order("g1"), kit.keys.unsettled
    Script(kit.redis, kit.keys, "webhook_kit.placement/renew")(*names, ref="g1", owner="another", lease=99_000)
    assert harness.field("lease") == first
