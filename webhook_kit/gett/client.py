"""The Commerce Partner API, one method per call (``gett-protocol.md §2``)."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

import pydantic

from webhook_kit.errors import GettPermanent
from webhook_kit.gett.http import Api, segment, unreadable
from webhook_kit.gett.models.store import (
    CatalogSetNotification,
    CommerceStore,
    Onboarding,
    OnboardingRequest,
    OrderStatusUpdate,
    StoreStatus,
    StoreStatusUpdate,
    StoreUpdate,
)
from webhook_kit.texts import well_formed_json

__all__ = ["GettClient"]

_STORES = pydantic.TypeAdapter(list[CommerceStore], config=pydantic.ConfigDict(hide_input_in_errors=True))


class GettClient(Api):
    """Gett's Commerce Partner API for one API key. See :class:`~webhook_kit.gett.http.Api`."""

    root: ClassVar[str] = "/v1/commerce/"

    # -- catalog -------------------------------------------------------------------------------------------------------

    def notify_catalog(self, partner_store_id: str, callback_url: str) -> None:
        """Notify Gett that a store's catalog changed; Gett pulls it from ``callback_url`` later.

        :param partner_store_id: the partner's own id of the store.
        :raises GettPermanent: also if ``callback_url`` is not an http or https URL; nothing is sent then.
        """
        try:
            notification = CatalogSetNotification(callback_url=callback_url)
        except pydantic.ValidationError:
            raise GettPermanent("callback_url must be an http or https URL") from None
        self._call("POST", f"catalogset-notification?storeId={quote(partner_store_id, safe='')}", notification)

    # -- stores --------------------------------------------------------------------------------------------------------

    def stores(self) -> list[CommerceStore]:
        """Return all stores of the partner."""
        response = self._call("GET", "stores")
        try:
            return _STORES.validate_json(well_formed_json(response.body), strict=True)
        except pydantic.ValidationError as error:
            raise unreadable("GET", "stores", response, error) from error

    def store(self, store_id: str) -> CommerceStore:
        """Return a store by Gett's id."""
        return self._read(CommerceStore, "GET", f"stores/{segment(store_id)}")

    def update_store(self, store_id: str, update: StoreUpdate) -> CommerceStore:
        """Change a store's name, phone, logo, description or capabilities; members that are not set stay."""
        return self._read(CommerceStore, "PUT", f"stores/{segment(store_id)}", update)

    def store_status(self, store_id: str) -> StoreStatus:
        """Return the store's status at Gett: online or paused."""
        return self._read(StoreStatus, "GET", f"stores/{segment(store_id)}/status")

    def set_store_status(self, store_id: str, update: StoreStatusUpdate) -> StoreStatus:
        """Pause a store or resume it, and return its status at Gett."""
        return self._read(StoreStatus, "POST", f"stores/{segment(store_id)}/status", update)

    # -- orders --------------------------------------------------------------------------------------------------------

    def set_order_status(self, order_id: str, update: OrderStatusUpdate) -> None:
        """Send progress or the end of an order.

        :param order_id: Gett's id of the order.
        """
        self._call("POST", f"orders/{segment(order_id)}/status", update)

    # -- onboarding ----------------------------------------------------------------------------------------------------

    def register_store(self, request: OnboardingRequest) -> Onboarding:
        """Start the registration of a store; Gett pulls its catalog next."""
        return self._read(Onboarding, "POST", "onboarding/stores", request)

    def onboarding(self, onboarding_id: str) -> Onboarding:
        """Return a registration with its current status."""
        return self._read(Onboarding, "GET", f"onboarding/stores/{segment(onboarding_id)}")

    def cancel_onboarding(self, onboarding_id: str) -> None:
        """Cancel a registration."""
        self._call("DELETE", f"onboarding/stores/{segment(onboarding_id)}")

    def activate_store(self, onboarding_id: str) -> Onboarding:
        """Activate a store, which must be ``ready_to_activate``; the result has Gett's ``store_id``."""
        return self._read(Onboarding, "POST", f"onboarding/stores/{segment(onboarding_id)}/activate")
