"""Sentences that say if Gett has been told, is told in a moment, or cannot be told now."""

from __future__ import annotations

from webhook_kit.kit import Kit
from webhook_kit.operations.orders import OrderFacts
from webhook_kit.operations.quota import read_quota

__all__ = ["consequence_for", "delivery_of", "delivery_of_next", "delivery_of_order"]


def delivery_of(kit: Kit) -> str:
    """Return the prospects of an update that was just appended."""
    obstacle = read_quota(kit).obstacle
    return f"Gett is NOT told yet. {obstacle}" if obstacle else "Gett is told within moments."


def consequence_for(kit: Kit) -> list[str]:
    """Return what stands between an action and Gett, for the page of the action; empty if nothing does."""
    obstacle = read_quota(kit).obstacle
    return [f"Gett is told later. {obstacle}"] if obstacle else []


def delivery_of_order(kit: Kit, order: OrderFacts | None) -> str:
    """Return the prospects of an update of an order."""
    if order is not None and not order.gett_id:
        return "Gett is NOT told yet: its id of the order is not known. Link it."
    return delivery_of(kit)


def delivery_of_next(kit: Kit, lane: str) -> str:
    """Return the state of the next update of a lane, of which a person wants that it is sent now."""
    waits = len(kit.lanes.waiting(lane))
    if not waits:
        return "Nothing waits any more: Gett has taken the last update, or it was given up."
    obstacle = read_quota(kit).obstacle
    if obstacle:
        return f"It is NOT sent yet. {obstacle}"
    return "The update is the next one in the queue. This page shows in a moment if Gett took it."
