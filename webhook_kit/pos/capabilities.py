"""Capabilities of an adapter, and the guarantee of one ticket per order that follows from them."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Capability", "Guarantee", "Level"]


class Capability(StrEnum):
    """Ability of an adapter beyond catalog and placement."""

    NATIVE_IDEMPOTENCY = "native_idempotency"
    """The POS takes our key: ``place_order`` twice with one key makes one ticket and returns one result."""
    FIND_ORDER = "find_order"
    QUOTE = "quote"
    ORDERS_SINCE = "orders_since"
    STORE_STATUS = "store_status"
    EVENTS = "parse_event"
    CANCEL_ORDER = "cancel_order"


class Level(StrEnum):
    """Degree to which a capability is assured."""

    UNKNOWN = "unknown"
    """Not examined."""
    UNSUPPORTED = "unsupported"
    """Not offered."""
    SUPPORTED = "supported"
    """Written, not proven by the contract suite."""
    TESTED = "tested"
    """Proven by the contract suite against the POS or a faithful fake."""

    @property
    def usable(self) -> bool:
        """True if the kit relies on it."""
        return self in (Level.SUPPORTED, Level.TESTED)


class Guarantee(StrEnum):
    """Basis of "one ticket per order"."""

    NATIVE = "native"
    """The POS takes our key: holds even when Redis is emptied."""
    LOOK_UP = "look-up"
    """The kit always looks up before it places: holds even when Redis is emptied."""
    CLAIM = "claim"
    """Holds as long as Redis keeps the claim; an order in doubt waits for a person."""
