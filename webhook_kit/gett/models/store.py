"""Stores in the Commerce Partner API: master data, status, order updates, onboarding (``gett-protocol.md §2``).

Models of requests are strict, so that errors are found before the request is sent. Models of responses are lenient: an
unknown status is kept as text, so that a new one does not stop a working store.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from webhook_kit.gett.models.base import Id, UtcTime, Wire

__all__ = [
    "CatalogSetNotification",
    "CommerceAddress",
    "CommerceStore",
    "Onboarding",
    "OnboardingRequest",
    "OnboardingStatus",
    "OrderState",
    "OrderStatus",
    "OrderStatusUpdate",
    "PauseReason",
    "StoreAvailability",
    "StoreStatus",
    "StoreStatusUpdate",
    "StoreUpdate",
]

# [D] Gett calls these URLs; anything but an http or https URL would only fail later.
_WebUrl = Annotated[str, Field(pattern=r"^https?://[^\s/]\S*$", max_length=2048)]


class StoreAvailability(StrEnum):
    """Status that a partner sets: the store takes orders, or is paused."""

    ONLINE = "online"
    PAUSED = "paused"


class PauseReason(StrEnum):
    """Reason of a pause."""

    OPERATIONAL_ISSUES = "operational_issues"
    STAFF_SHORTAGE = "staff_shortage"
    TOO_BUSY = "too_busy"
    MAINTENANCE = "maintenance"
    OTHER = "other"


class OrderStatus(StrEnum):
    """Statuses of an open order, in their order. ``pending`` precedes them; Gett sets it, and it is never sent."""

    CONFIRMED = "confirmed"
    PREPARING = "preparing"
    READY = "ready"
    IN_TRANSIT = "inTransit"


class OrderState(StrEnum):
    """State of an order; ``completed`` and ``cancelled`` close it."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class OnboardingStatus(StrEnum):
    """Status of the registration of a store; the first four follow each other."""

    PENDING_CATALOG = "pending_catalog"
    CATALOG_INGESTING = "catalog_ingesting"
    READY_TO_ACTIVATE = "ready_to_activate"
    ACTIVE = "active"
    CATALOG_FAILED = "catalog_failed"


class CommerceAddress(Wire):
    """A store's address, with the member names of the Commerce API."""

    street: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class CommerceStore(Wire):
    """A store in Gett's Commerce API. ``timezone`` is an IANA name."""

    store_id: Id
    name: str | None = None
    address: CommerceAddress | None = None
    phone: str | None = Field(default=None, repr=False)
    timezone: str | None = None
    logo_url: str | None = None
    description: str | None = None
    status: str | None = None


class StoreUpdate(Wire):
    """Changes of a store by its partner. Opening hours are not included; they are part of the CatalogSet."""

    name: str | None = None
    phone: str | None = Field(default=None, repr=False)
    logo_url: str | None = None
    description: str | None = None
    delivery_allowed: bool | None = None
    pickup_allowed: bool | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        # [D] A single flag that is false is refused as well, because Gett's value of the other flag is unknown here.
        given = [flag for flag in (self.delivery_allowed, self.pickup_allowed) if flag is not None]
        if given and not any(given):
            raise ValueError(
                "at least one of deliveryAllowed and pickupAllowed must be true; to stop orders, pause the store"
            )
        return self


class StoreStatus(Wire):
    """Status of a store at Gett (``status``: see :class:`StoreAvailability`)."""

    status: str
    reason: str | None = None
    paused_at: UtcTime | None = None
    resume_at: UtcTime | None = None


class StoreStatusUpdate(Wire):
    """Pause or resume of a store. A pause needs a reason; with ``resume_at`` Gett ends it at that time."""

    status: StoreAvailability
    reason: PauseReason | None = None
    resume_at: UtcTime | None = None

    @model_validator(mode="after")
    def _has_reason(self) -> Self:
        if self.status is StoreAvailability.PAUSED and self.reason is None:
            raise ValueError(f"a pause needs a reason: one of {', '.join(PauseReason)}")
        return self


def _sent_by_partners(status: object) -> object:
    if status == "pending":
        raise ValueError("pending cannot be sent; Gett sets it when it creates the order")
    return status


class OrderStatusUpdate(Wire):
    """Update of an order: its progress (``status``), its end (``state``), or both.

    An order can be cancelled in any status; this needs a ``cancel_reason``.
    """

    status: Annotated[OrderStatus | None, BeforeValidator(_sent_by_partners)] = None
    state: OrderState | None = None
    cancel_reason: str | None = None
    estimated_ready_at: UtcTime | None = None

    @model_validator(mode="after")
    def _has_content(self) -> Self:
        if self.status is None and self.state is None:
            raise ValueError("an update needs a status or a state")
        if self.state is OrderState.CANCELLED and not (self.cancel_reason and self.cancel_reason.strip()):
            raise ValueError("state cancelled needs a cancelReason")
        return self


class CatalogSetNotification(Wire):
    """Notification of a changed catalog; Gett pulls the CatalogSet from this URL later."""

    callback_url: _WebUrl


class OnboardingRequest(Wire):
    """A store to register. Gett pulls its catalog from ``catalog_callback_url`` and sends webhooks to ``webhook_url``."""

    partner_store_id: Id
    name: Id
    catalog_callback_url: _WebUrl
    webhook_url: _WebUrl
    # [D] The protocol's "store details" are assumed to be the members of CommerceStore.
    address: CommerceAddress | None = None
    phone: str | None = Field(default=None, repr=False)
    timezone: str | None = None
    logo_url: str | None = None
    description: str | None = None


class Onboarding(Wire):
    """A registration (``status``: see :class:`OnboardingStatus`).

    ``store_id`` is set after activation, ``error`` after a failure of the catalog.
    """

    onboarding_id: Id
    partner_store_id: str | None = None
    status: str
    store_id: str | None = None
    # The protocol does not specify if this is text or an object.
    error: object | None = None
    created_at: UtcTime | None = None
