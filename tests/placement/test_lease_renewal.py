"""Renewal of the lease of a claim whose POS call runs."""

from __future__ import annotations

from tests.placement.placement_helpers import ORDER, StoreHarness, expect
from webhook_kit.kit import Kit
from webhook_kit.placement.idempotency_store import Busy
from webhook_kit.testing.processes import wait_until


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
