"""The two ways in which an order reaches its consumer: delivery and pickup."""

from __future__ import annotations

from typing import Literal

from webhook_kit.sandbox.state import StoreRecord

__all__ = ["Kind", "accepts_tips", "fulfillment_kind", "offers"]

Kind = Literal["delivery", "pickup"]

# Orders and sessions use the names of orders (gett-protocol.md §3); discovery also takes “delivery” and “pickup”.
_KINDS: dict[str, Kind] = {"deliverybymerchant": "delivery", "delivery": "delivery", "pickup": "pickup"}


def fulfillment_kind(text: str) -> Kind | None:
    """Return the kind of a fulfillment type, in any case; None if it is unknown."""
    return _KINDS.get(text.casefold())


def offers(record: StoreRecord, kind: Kind) -> bool:
    """Return True if the store allows this kind."""
    return record.delivery_allowed if kind == "delivery" else record.pickup_allowed


def accepts_tips(record: StoreRecord, kind: Kind) -> bool:
    """Return True if the store takes tips on orders of this kind."""
    return record.listing.accepts_delivery_tips if kind == "delivery" else record.listing.accepts_pickup_tips
