from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from webhook_kit.gett.models.store import (
    CatalogSetNotification,
    CommerceStore,
    Onboarding,
    OnboardingRequest,
    OnboardingStatus,
    OrderState,
    OrderStatus,
    OrderStatusUpdate,
    PauseReason,
    StoreStatus,
    StoreStatusUpdate,
    StoreUpdate,
)


class TestOrderStatusUpdate:
    @pytest.mark.parametrize("status", list(OrderStatus))
    def test_every_status_is_valid(self, status: OrderStatus) -> None:
        assert OrderStatusUpdate(status=status).to_json() == f'{{"status":"{status}"}}'.encode()

    def test_statuses_are_those_of_the_protocol(self) -> None:
        assert [*OrderStatus] == ["confirmed", "preparing", "ready", "inTransit"]
        assert [*OrderState] == ["open", "completed", "cancelled"]

    def test_pending_is_rejected(self) -> None:
        with pytest.raises(ValidationError, match="pending cannot be sent"):
            OrderStatusUpdate.from_json(b'{"status": "pending"}')

    @pytest.mark.parametrize("raw", [b"{}", b'{"status": null, "state": null}', b'{"cancelReason": "x"}'])
    def test_empty_update_is_rejected(self, raw: bytes) -> None:
        with pytest.raises(ValidationError, match="a status or a state"):
            OrderStatusUpdate.from_json(raw)

    @pytest.mark.parametrize("reason", [None, "", "  "])
    def test_cancellation_without_reason_is_rejected(self, reason: str | None) -> None:
        with pytest.raises(ValidationError, match="cancelReason"):
            OrderStatusUpdate.from_json(json.dumps({"state": "cancelled", "cancelReason": reason}))

    def test_cancellation_with_reason_is_valid(self) -> None:
        update = OrderStatusUpdate(state=OrderState.CANCELLED, cancel_reason="kitchen fire")
        assert update.to_wire() == {"state": "cancelled", "cancelReason": "kitchen fire"}

    def test_status_and_state_can_be_combined(self) -> None:
        raw = b'{"status":"ready","state":"open","estimatedReadyAt":"2026-01-30T10:00:00Z"}'
        assert OrderStatusUpdate.from_json(raw).to_json() == raw

    @pytest.mark.parametrize("raw", [b'{"status": "done"}', b'{"state": "closed"}', b'{"status": 1}'])
    def test_unknown_values_are_rejected(self, raw: bytes) -> None:
        with pytest.raises(ValidationError):
            OrderStatusUpdate.from_json(raw)


class TestStoreStatus:
    def test_pause_without_reason_is_rejected(self) -> None:
        with pytest.raises(ValidationError, match="too_busy"):
            StoreStatusUpdate.from_json(b'{"status": "paused"}')

    @pytest.mark.parametrize("reason", list(PauseReason))
    def test_pause_with_reason_is_valid(self, reason: PauseReason) -> None:
        raw = f'{{"status":"paused","reason":"{reason}","resumeAt":"2026-01-30T10:00:00Z"}}'.encode()
        assert StoreStatusUpdate.from_json(raw).to_json() == raw

    def test_reasons_are_those_of_the_protocol(self) -> None:
        assert [*PauseReason] == ["operational_issues", "staff_shortage", "too_busy", "maintenance", "other"]

    def test_resume_needs_no_reason(self) -> None:
        assert StoreStatusUpdate.from_json(b'{"status": "online"}').to_wire() == {"status": "online"}

    @pytest.mark.parametrize("raw", [b'{"status": "closed"}', b'{"status": "paused", "reason": "holiday"}', b"{}"])
    def test_unknown_values_are_rejected(self, raw: bytes) -> None:
        with pytest.raises(ValidationError):
            StoreStatusUpdate.from_json(raw)

    def test_unknown_status_in_a_response_is_kept(self) -> None:
        assert StoreStatus.from_json(b'{"status": "suspended", "reason": null}').status == "suspended"


class TestStoreUpdate:
    @pytest.mark.parametrize("flags", [(True, True), (True, False), (False, True), (None, True), (None, None)])
    def test_store_with_one_fulfillment_is_valid(self, flags: tuple[bool | None, bool | None]) -> None:
        update = StoreUpdate(delivery_allowed=flags[0], pickup_allowed=flags[1])
        assert (update.delivery_allowed, update.pickup_allowed) == flags

    @pytest.mark.parametrize("flags", [(False, False), (False, None), (None, False)])
    def test_store_without_fulfillment_is_rejected(self, flags: tuple[bool | None, bool | None]) -> None:
        with pytest.raises(ValidationError, match="at least one of deliveryAllowed and pickupAllowed"):
            StoreUpdate(delivery_allowed=flags[0], pickup_allowed=flags[1])

    def test_only_changed_members_are_sent(self) -> None:
        assert StoreUpdate(logo_url="https://x.example/l.png").to_wire() == {"logoUrl": "https://x.example/l.png"}


def test_store_with_an_id_alone_is_valid() -> None:
    store = CommerceStore.from_json(b'{"storeId": "s", "address": {"postalCode": "10001"}, "status": "new"}')
    assert store.address is not None
    assert store.address.postal_code == "10001"
    with pytest.raises(ValidationError):
        CommerceStore.from_json(b'{"name": "s"}')


@pytest.mark.parametrize(
    "url", ["", "x.example/catalog", "ftp://x.example/catalog", "https://", "https:///catalog", "https://x y"]
)
def test_invalid_callback_url_is_rejected(url: str) -> None:
    with pytest.raises(ValidationError):
        CatalogSetNotification(callback_url=url)
    with pytest.raises(ValidationError):
        OnboardingRequest(partner_store_id="p", name="n", catalog_callback_url="https://x.example/m", webhook_url=url)


def test_onboarding_is_read() -> None:
    request = OnboardingRequest(
        partner_store_id="p",
        name="n",
        catalog_callback_url="http://127.0.0.1:1/m",
        webhook_url="https://x.example/hook",
    )
    assert sorted(request.to_wire()) == ["catalogCallbackUrl", "name", "partnerStoreId", "webhookUrl"]
    raw = b'{"onboardingId":"o","partnerStoreId":"p","status":"catalog_failed","error":{"path":"$.items"}}'
    assert Onboarding.from_json(raw).to_json() == raw
    assert [*OnboardingStatus][:4] == ["pending_catalog", "catalog_ingesting", "ready_to_activate", "active"]
