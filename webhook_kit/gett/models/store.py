"""Stores as the Commerce Partner API sees them: master data, status, order progress, onboarding (``gett-protocol.md §2``).

What we send is checked here, before Gett would refuse it. What Gett answers is read with an open mind: a status that was
added since is kept as text, so that reading never breaks a store that works.
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

# [D] Gett pulls from these addresses and posts to them; anything but a web address could only fail later.
_WebUrl = Annotated[str, Field(pattern=r"^https?://[^\s/]\S*$", max_length=2048)]


class StoreAvailability(StrEnum):
    """Whether a store takes orders, in the partner's own word."""

    ONLINE = "online"
    PAUSED = "paused"


class PauseReason(StrEnum):
    """Why a store is paused."""

    OPERATIONAL_ISSUES = "operational_issues"
    STAFF_SHORTAGE = "staff_shortage"
    TOO_BUSY = "too_busy"
    MAINTENANCE = "maintenance"
    OTHER = "other"


class OrderStatus(StrEnum):
    """Progress of an open order, in the order in which it happens. Gett's own ``pending`` comes before and is never sent."""

    CONFIRMED = "confirmed"
    PREPARING = "preparing"
    READY = "ready"
    IN_TRANSIT = "inTransit"


class OrderState(StrEnum):
    """The life of an order; ``completed`` and ``cancelled`` close it."""

    OPEN = "open"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class OnboardingStatus(StrEnum):
    """How far the registration of a store is; the first four follow each other."""

    PENDING_CATALOG = "pending_catalog"
    CATALOG_INGESTING = "catalog_ingesting"
    READY_TO_ACTIVATE = "ready_to_activate"
    ACTIVE = "active"
    CATALOG_FAILED = "catalog_failed"


class CommerceAddress(Wire):
    """A store's address in the Commerce API's own spelling."""

    street: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class CommerceStore(Wire):
    """A store as Gett keeps it for its partner. ``timezone`` is an IANA name."""

    store_id: Id
    name: str | None = None
    address: CommerceAddress | None = None
    phone: str | None = Field(default=None, repr=False)
    timezone: str | None = None
    logo_url: str | None = None
    description: str | None = None
    status: str | None = None


class StoreUpdate(Wire):
    """What a partner may change about a store. Opening hours are not among it: they live in the CatalogSet."""

    name: str | None = None
    phone: str | None = Field(default=None, repr=False)
    logo_url: str | None = None
    description: str | None = None
    delivery_allowed: bool | None = None
    pickup_allowed: bool | None = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        # [D] One flag alone, and false, is refused as well: what the other one is at Gett cannot be known here.
        given = [flag for flag in (self.delivery_allowed, self.pickup_allowed) if flag is not None]
        if given and not any(given):
            raise ValueError(
                "at least one of deliveryAllowed and pickupAllowed must be true; to stop orders, pause the store"
            )
        return self


class StoreStatus(Wire):
    """Whether a store takes orders, as Gett answers it (``status``: see :class:`StoreAvailability`)."""

    status: str
    reason: str | None = None
    paused_at: UtcTime | None = None
    resume_at: UtcTime | None = None


class StoreStatusUpdate(Wire):
    """Pause a store or bring it back. A pause needs a reason; with ``resume_at`` Gett lifts it by itself."""

    status: StoreAvailability
    reason: PauseReason | None = None
    resume_at: UtcTime | None = None

    @model_validator(mode="after")
    def _explained(self) -> Self:
        if self.status is StoreAvailability.PAUSED and self.reason is None:
            raise ValueError(f"a pause needs a reason: one of {', '.join(PauseReason)}")
        return self


def _ours_to_send(status: object) -> object:
    if status == "pending":
        raise ValueError("pending is set by Gett when it creates the order and is never sent")
    return status


class OrderStatusUpdate(Wire):
    """Progress of an order (``status``), its end (``state``), or both.

    Cancelling is allowed from any status and needs a ``cancel_reason``.
    """

    status: Annotated[OrderStatus | None, BeforeValidator(_ours_to_send)] = None
    state: OrderState | None = None
    cancel_reason: str | None = None
    estimated_ready_at: UtcTime | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.status is None and self.state is None:
            raise ValueError("an update needs a status or a state")
        if self.state is OrderState.CANCELLED and not (self.cancel_reason and self.cancel_reason.strip()):
            raise ValueError("state cancelled needs a cancelReason")
        return self


class CatalogSetNotification(Wire):
    """The menu has changed: Gett pulls the CatalogSet from this address later."""

    callback_url: _WebUrl


class OnboardingRequest(Wire):
    """A store to register. Gett pulls its menu from ``catalog_callback_url`` and will call ``webhook_url``."""

    partner_store_id: Id
    name: Id
    catalog_callback_url: _WebUrl
    webhook_url: _WebUrl
    # [D] "Store details" are taken to be those of the store itself.
    address: CommerceAddress | None = None
    phone: str | None = Field(default=None, repr=False)
    timezone: str | None = None
    logo_url: str | None = None
    description: str | None = None


class Onboarding(Wire):
    """Where a registration stands (``status``: see :class:`OnboardingStatus`).

    ``store_id`` is there after activation, ``error`` when the catalog failed.
    """

    onboarding_id: Id
    partner_store_id: str | None = None
    status: str
    store_id: str | None = None
    # The protocol does not say whether this is text or an object.
    error: object | None = None
    created_at: UtcTime | None = None
