"""The sandbox's state: records that can be saved as JSON and loaded again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from webhook_kit.gett.models.base import UtcTime
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.gett.models.order import ExternalAddress, Location
from webhook_kit.gett.models.payment import UserAddressResponse, UserPaymentResponse
from webhook_kit.gett.models.session import FulfillmentContextDto, SessionAddress
from webhook_kit.gett.models.store import (
    CommerceStore,
    OnboardingRequest,
    OnboardingStatus,
    OrderState,
    StoreAvailability,
    StoreStatus,
)

__all__ = [
    "Listing",
    "OnboardingRecord",
    "OrderRecord",
    "PlacementRecord",
    "Pull",
    "SandboxModel",
    "SandboxState",
    "SessionRecord",
    "StoreRecord",
    "TokenRecord",
    "UserRecord",
]


class SandboxModel(BaseModel):
    """Base class of records: camelCase in JSON, unknown members are rejected."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    def to_data(self) -> dict[str, Any]:
        """Return the record as JSON data, without members that are null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Pull(SandboxModel):
    """One attempt to fetch a CatalogSet from its partner.

    :ivar seconds: duration of the download.
    :ivar catalog_set_id: the version that was ingested; None when the pull failed.
    :ivar error: reason of the failure; None if it succeeded.
    """

    at: UtcTime
    url: str
    seconds: float
    catalog_set_id: str | None = None
    error: str | None = None


class Listing(SandboxModel):
    """Data that consumers see of a store beyond its partner's data. Gett sets it; here the control API does.

    :ivar location: derived from the address when None.
    """

    image_url: str | None = None
    cuisines: list[str] = Field(default_factory=list)
    location: Location | None = None
    price_level: Annotated[int, Field(ge=1, le=4)] | None = None
    rating: Annotated[float, Field(ge=1, le=5)] | None = None
    review_count: Annotated[int, Field(ge=0)] | None = None
    savings: Annotated[float, Field(ge=0, le=100)] | None = None
    accepts_delivery_tips: bool = True
    accepts_pickup_tips: bool = True


class StoreRecord(SandboxModel):
    """A store: its partner's settings and Gett's own data."""

    store: CommerceStore
    partner_store_id: str
    webhook_url: str = ""
    delivery_allowed: bool = True
    pickup_allowed: bool = True
    enabled: bool = True
    catalog_set_id: str | None = None
    pulls: list[Pull] = Field(default_factory=list)
    pause: StoreStatus | None = None
    listing: Listing = Field(default_factory=Listing)

    def status(self, now: datetime) -> StoreStatus:
        """Return online or paused; a pause ends at its ``resumeAt``."""
        if self.pause is None or (self.pause.resume_at is not None and self.pause.resume_at <= now):
            return StoreStatus(status=StoreAvailability.ONLINE)
        return self.pause

    def to_store(self, now: datetime) -> CommerceStore:
        """Return the store as the Commerce API shows it."""
        return self.store.model_copy(update={"status": self.status(now).status})


class OnboardingRecord(SandboxModel):
    """The registration of a store."""

    onboarding_id: str
    request: OnboardingRequest
    created_at: UtcTime
    status: OnboardingStatus = OnboardingStatus.PENDING_CATALOG
    store_id: str | None = None
    error: str | None = None
    catalog_set_id: str | None = None
    pulls: list[Pull] = Field(default_factory=list)


class OrderRecord(SandboxModel):
    """An order.

    :ivar answered: True if Gett has read the store's response to placeOrder.
    :ivar key: the Idempotency-Key of its placement.
    :ivar order: body of the placeOrder, without the payment.
    :ivar placed: the store's response to a successful placeOrder.
    :ivar problem: the reason that it was not placed.
    :ivar attempts: number of deliveries of the placeOrder.
    :ivar history: every accepted update, with its time.
    """

    order_id: str
    store_id: str | None = None
    session_id: str | None = None
    created_at: UtcTime
    answered: bool = True
    key: str | None = None
    status: str = "pending"
    state: OrderState = OrderState.OPEN
    cancel_reason: str | None = None
    estimated_ready_at: UtcTime | None = None
    order: dict[str, Any] = Field(default_factory=dict)
    placed: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    attempts: int = 0
    history: list[dict[str, Any]] = Field(default_factory=list)


class SessionRecord(SandboxModel):
    """A session. The ``jti`` of its token is its id.

    :ivar phone: as given at its creation; a user who is found later gets it.
    :ivar address: likewise; discovery starts there.
    """

    session_id: str
    partner_user_id: str
    expires_at: UtcTime
    user_id: str | None = None
    fulfillment: FulfillmentContextDto | None = None
    phone: str | None = None
    address: SessionAddress | None = None


class UserRecord(SandboxModel):
    """An identified consumer: one per email address.

    :ivar billing_addresses: by the id of their card; deliveries do not go there.
    """

    user_id: str
    email: str
    first_name: str
    last_name: str
    phone: str | None = None
    last_payment_id: str | None = None
    last_user_address_id: str | None = None
    payments: dict[str, UserPaymentResponse] = Field(default_factory=dict)
    billing_addresses: dict[str, ExternalAddress] = Field(default_factory=dict)
    addresses: dict[str, UserAddressResponse] = Field(default_factory=dict)

    def missing(self) -> list[Literal["address", "phone", "payment"]]:
        """Return the data that the user still lacks for an order (``levelMissing``)."""
        has: dict[Literal["address", "phone", "payment"], bool] = {
            "address": bool(self.addresses),
            "phone": bool(self.phone),
            "payment": bool(self.payments),
        }
        return [name for name, present in has.items() if not present]

    def level(self) -> int:
        """Return 1 if identified, 2 with address and phone, 3 with a payment too (``gett-protocol.md §6``)."""
        missing = set(self.missing())
        return 3 if not missing else 2 if missing == {"payment"} else 1


class TokenRecord(SandboxModel):
    """A ``validatedOrderToken`` that a store issued, and the amounts that it validated."""

    store_id: str
    issued_at: UtcTime
    amounts: dict[str, Any] | None = None


class PlacementRecord(SandboxModel):
    """The order that was placed under an Idempotency-Key, whose response is replayed."""

    fingerprint: str
    order_id: str
    at: UtcTime


class SandboxState(SandboxModel):
    """All records by id; tokens by the token, placements by the Idempotency-Key."""

    stores: dict[str, StoreRecord] = Field(default_factory=dict)
    onboardings: dict[str, OnboardingRecord] = Field(default_factory=dict)
    catalogs: dict[str, ExternalCatalogSet] = Field(default_factory=dict)
    orders: dict[str, OrderRecord] = Field(default_factory=dict)
    sessions: dict[str, SessionRecord] = Field(default_factory=dict)
    users: dict[str, UserRecord] = Field(default_factory=dict)
    tokens: dict[str, TokenRecord] = Field(default_factory=dict)
    placements: dict[str, PlacementRecord] = Field(default_factory=dict)

    def store_by_partner_id(self, partner_store_id: str) -> StoreRecord | None:
        """Return the store with this partner's id; None if there is none."""
        return next((s for s in self.stores.values() if s.partner_store_id == partner_store_id), None)
