"""A store as its adapter sees it, and the idempotency key of an order towards its POS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

__all__ = ["Store", "placement_key"]


@dataclass(frozen=True, slots=True)
class Store:
    """One restaurant, as its adapter sees it.

    :ivar id: the partner's own id of the store (Gett's ``partnerStoreId``).
    :ivar gett_id: Gett's id of the store.
    :ivar adapter: name of the adapter that serves it.
    :ivar timezone: the zone of its opening hours.
    :ivar name: its display name.
    :ivar fulfillment_types: the fulfillment types it offers; None accepts any.
    :ivar credentials: as configured; an adapter reads them with ``PosAdapter.credentials``. Never logged.
    :ivar options: as configured; an adapter reads them with ``PosAdapter.config``.
    """

    id: str
    gett_id: str
    adapter: str
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    name: str = ""
    fulfillment_types: frozenset[str] | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.id, self.gett_id))


def placement_key(store: Store, order_ref: str) -> str:
    """Return the idempotency key of an order towards the POS, a UUID as text: the same for every attempt at the order."""
    return str(uuid5(_KEY_NAMESPACE, f"{store.id}\n{order_ref}"))


_KEY_NAMESPACE = UUID("5f0a3c0e-6c3b-5c55-9d1e-6a2b5e0d7c11")
