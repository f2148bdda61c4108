"""Actors, orders and dead letters of the tests of webhook_kit.operations."""

from __future__ import annotations

from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Actor, Role
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind, order_progress
from webhook_kit.placement.claims import AttemptOutcome, Claim

ADA = Actor("ada", Role.OPERATOR, "console")
EVE = Actor("eve", Role.VIEWER, "console")


def claim(kit: Kit, name: str, store: str = "main", *, order: bytes | None = None) -> Claim:
    result = kit.placement_store.claim(
        key=f"k-{name}", gett_id=name, store_id=store, fingerprint="f", priced_order=order
    )
    assert isinstance(result, Claim)
    return result


def place(kit: Kit, name: str, store: str = "main") -> None:
    kit.placement_store.settle(
        claim(kit, name, store), AttemptOutcome.PLACED, status=200, answer=b"{}", partner_order_id=f"T-{name}"
    )


def in_doubt(kit: Kit, name: str, store: str = "main", *, order: bytes | None = None) -> None:
    kit.placement_store.settle(claim(kit, name, store, order=order), AttemptOutcome.IN_DOUBT)


def dead_letter(
    kit: Kit, name: str, store: str = "main", *, why: str = "422: refused", status: int | None = 422
) -> int:
    """Append an update of an order, and give it up. Return its number."""
    lane = lane_name(Kind.ORDER, name)
    kit.lanes.append(lane, order_progress("ready"), store_id=store, gett_id=name, force=True)
    (lease,) = [lease for lease in kit.lanes.lease(100, 60_000).leases if lease.lane == lane]
    kit.lanes.dead_letter(lease, why, status)
    return lease.number
