"""What this Gett knows, as records that can be saved as JSON and loaded again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from webhook_kit.gett.models.base import UtcTime
from webhook_kit.gett.models.catalog import ExternalCatalogSet
from webhook_kit.gett.models.store import (
    CommerceStore,
    OnboardingRequest,
    OnboardingStatus,
    OrderState,
    StoreAvailability,
    StoreStatus,
)

__all__ = ["Kept", "OnboardingRecord", "OrderRecord", "Pull", "State", "StoreRecord"]


class Kept(BaseModel):
    """A record: camelCase in JSON, and nothing in it that is not declared."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    def to_data(self) -> dict[str, Any]:
        """The record as JSON data; what is null is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Pull(Kept):
    """One attempt to fetch a CatalogSet from its partner.

    :ivar seconds: how long the download took.
    :ivar catalog_set_id: the version that was ingested; None when the pull failed.
    :ivar error: why it failed; None when it did not.
    """

    at: UtcTime
    url: str
    seconds: float
    catalog_set_id: str | None = None
    error: str | None = None


class StoreRecord(Kept):
    """A store, with what its partner set and what Gett made of it."""

    store: CommerceStore
    partner_store_id: str
    webhook_url: str = ""
    delivery_allowed: bool = True
    pickup_allowed: bool = True
    enabled: bool = True
    catalog_set_id: str | None = None
    pulls: list[Pull] = Field(default_factory=list)
    pause: StoreStatus | None = None

    def status(self, now: datetime) -> StoreStatus:
        """Online or paused; a pause whose ``resumeAt`` has come is over."""
        if self.pause is None or (self.pause.resume_at is not None and self.pause.resume_at <= now):
            return StoreStatus(status=StoreAvailability.ONLINE)
        return self.pause

    def to_store(self, now: datetime) -> CommerceStore:
        """The store as the Commerce API shows it."""
        return self.store.model_copy(update={"status": self.status(now).status})


class OnboardingRecord(Kept):
    """A registration."""

    onboarding_id: str
    request: OnboardingRequest
    created_at: UtcTime
    status: OnboardingStatus = OnboardingStatus.PENDING_CATALOG
    store_id: str | None = None
    error: str | None = None
    catalog_set_id: str | None = None
    pulls: list[Pull] = Field(default_factory=list)


class OrderRecord(Kept):
    """An order.

    :ivar history: every update of it that was accepted, with its time.
    """

    order_id: str
    store_id: str | None = None
    created_at: UtcTime
    status: str = "pending"
    state: OrderState = OrderState.OPEN
    cancel_reason: str | None = None
    estimated_ready_at: UtcTime | None = None
    history: list[dict[str, Any]] = Field(default_factory=list)


class State(Kept):
    """All of it, by id."""

    stores: dict[str, StoreRecord] = Field(default_factory=dict)
    onboardings: dict[str, OnboardingRecord] = Field(default_factory=dict)
    catalogs: dict[str, ExternalCatalogSet] = Field(default_factory=dict)
    orders: dict[str, OrderRecord] = Field(default_factory=dict)

    def store_of_partner(self, partner_store_id: str) -> StoreRecord | None:
        """The store that its partner calls so."""
        return next((s for s in self.stores.values() if s.partner_store_id == partner_store_id), None)
