"""Memory of Redis per order. The bounds leave room for other versions of Redis; ``make bench-memory`` has the figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from benchmarks.pos import order
from tests.placement.placement_helpers import expect
from tests.redis_cluster import KEY_TAG
from webhook_kit.kit import Kit
from webhook_kit.outbox.updates import order_progress
from webhook_kit.placement.claims import AttemptOutcome, Claim

ORDERS = 200
CONFIRMED = order_progress("confirmed").text
FINGERPRINT = f"{'0123456789abcdef' * 2}:54.54/3.50"


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    """Return a kit without a quota, whose keys are hardly longer than those of an installation."""
    return make_kit(gett_writes_per_minute=0, key_prefix=f"{KEY_TAG}{uuid4().hex[:3]}:")


def body() -> bytes:
    """Return the JSON of an order with 4 lines and 10 modifiers, in which every id is a UUID."""
    amounts = {
        "subTotal": 51.04,
        "fees": 0.0,
        "promotions": 0.0,
        "taxes": 0.0,
        "adjustments": 0.0,
        "tip": 3.5,
        "total": 54.54,
    }
    return json.dumps({**order("main", str(uuid4()), 500), "amounts": amounts}, separators=(",", ":")).encode()


def place(kit: Kit) -> str:
    ref, content = str(uuid4()), body()
    claim = kit.placement_store.claim(
        key=str(uuid4()), gett_id=ref, store_id="main", fingerprint=FINGERPRINT, priced_order=content
    )
    kit.placement_store.settle(
        expect(Claim, claim),
        AttemptOutcome.PLACED,
        status=200,
        answer=content,
        partner_order_id=str(uuid4()),
        accepted="54.54",
        update=CONFIRMED,
    )
    return ref


def deliver(kit: Kit) -> None:
    while leases := kit.lanes.lease(100, 60_000).leases:
        for lease in leases:
            kit.lanes.acknowledge(lease, 200)


def size(kit: Kit) -> tuple[float, float]:
    """Return bytes and keys of each order, without what all orders share."""
    passing = kit.redis.scan_iter(kit.keys.leases("*"), count=1000)
    names = set(kit.redis.scan_iter(f"{kit.settings.key_prefix}*", count=1000)) - set(passing)
    return sum(kit.redis.memory_usage(name, samples=0) or 0 for name in names) / ORDERS, len(names) / ORDERS


def test_finished_order_takes_little_memory_in_few_keys(kit: Kit) -> None:
    refs = [place(kit) for _ in range(ORDERS)]
    assert size(kit)[0] < 7_000  # it waits, and is not compressed yet
    deliver(kit)
    for ref in refs:
        kit.order_updates.progress(ref, "preparing", estimated_ready_at=datetime(2030, 5, 1, 18, 30, tzinfo=UTC))
    deliver(kit)
    for ref in refs:
        kit.order_updates.progress(ref, "ready")
    deliver(kit)
    for ref in refs:
        kit.order_updates.complete(ref)
    deliver(kit)
    bytes_each, keys_each = size(kit)
    assert bytes_each < 1_600
    assert keys_each < 3.1


def test_refused_order_takes_little_memory(kit: Kit) -> None:
    answer = json.dumps(
        {"errorCode": "ITEM_UNAVAILABLE", "detail": "Cola is sold out.", "requestId": "r" * 32}
    ).encode()
    for _ in range(ORDERS):
        claim = kit.placement_store.claim(
            key=str(uuid4()), gett_id=str(uuid4()), store_id="main", fingerprint=FINGERPRINT
        )
        kit.placement_store.settle(expect(Claim, claim), AttemptOutcome.REFUSED, status=422, answer=answer)
    assert kit.order_archive.archive_resting(-1) == ORDERS
    bytes_each, keys_each = size(kit)
    assert bytes_each < 800
    assert keys_each < 2.1
