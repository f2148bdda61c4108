"""Registration of stores: pending_catalog → catalog_ingesting → ready_to_activate → active (``gett-protocol.md §2``)."""

from __future__ import annotations

from flask import Blueprint, Response

from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.models.store import CommerceStore, Onboarding, OnboardingRequest, OnboardingStatus
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.http import json_response, make_blueprint, parse_body
from webhook_kit.sandbox.ingestion import Ingestion
from webhook_kit.sandbox.state import OnboardingRecord, StoreRecord

__all__ = ["blueprint"]


def blueprint(context: SandboxContext, ingestion: Ingestion) -> Blueprint:
    """Return the calls about registrations."""
    calls = _Onboarding(context, ingestion)
    return make_blueprint(
        "onboarding",
        "/v1/commerce/onboarding/stores",
        {
            "POST ": calls.register_store,
            "GET /<onboarding_id>": calls.onboarding,
            "DELETE /<onboarding_id>": calls.cancel_onboarding,
            "POST /<onboarding_id>/activate": calls.activate_store,
        },
    )


class _Onboarding:
    def __init__(self, context: SandboxContext, ingestion: Ingestion) -> None:
        self._context = context
        self._ingestion = ingestion

    def register_store(self) -> Response:
        body = parse_body(OnboardingRequest)
        with self._context.lock:
            _check_not_registered(self._context, body.partner_store_id)
            record = OnboardingRecord(
                onboarding_id=self._context.random.uuid("onboarding"),
                request=body,
                created_at=self._context.clock.now(),
            )
            self._context.state.onboardings[record.onboarding_id] = record
            response = json_response(_to_onboarding(record), 201)  # [D] the protocol names no status
        self._ingestion.register(record.onboarding_id)
        return response

    def onboarding(self, onboarding_id: str) -> Response:
        with self._context.lock:
            return json_response(_to_onboarding(_record(self._context, onboarding_id)))

    def cancel_onboarding(self, onboarding_id: str) -> Response:
        with self._context.lock:
            record = _record(self._context, onboarding_id)
            if record.status is OnboardingStatus.ACTIVE:
                raise Problem(ErrorCode.CONFLICT, "the store is already active; its registration cannot be cancelled")
            del self._context.state.onboardings[onboarding_id]
        return Response(status=204)

    def activate_store(self, onboarding_id: str) -> Response:
        with self._context.lock:
            record = _record(self._context, onboarding_id)
            if record.status is not OnboardingStatus.READY_TO_ACTIVATE:
                raise Problem(
                    ErrorCode.CONFLICT,
                    f"the registration is {record.status}; only one that is ready_to_activate can be activated",
                )
            store = _store(self._context.random.uuid("store"), record)
            self._context.state.stores[store.store.store_id] = store
            record.status, record.store_id = OnboardingStatus.ACTIVE, store.store.store_id
            return json_response(_to_onboarding(record))


def _record(context: SandboxContext, onboarding_id: str) -> OnboardingRecord:
    record = context.state.onboardings.get(onboarding_id)
    if record is None:
        raise Problem(ErrorCode.NOT_FOUND, f"there is no onboarding {onboarding_id}")
    return record


def _check_not_registered(context: SandboxContext, partner_store_id: str) -> None:
    """Refuse a second registration of a store, unless the first one failed or was cancelled [D]."""
    for record in context.state.onboardings.values():
        if record.request.partner_store_id == partner_store_id and record.status is not OnboardingStatus.CATALOG_FAILED:
            raise Problem(
                ErrorCode.CONFLICT,
                f"“{partner_store_id}” is already registered: onboarding {record.onboarding_id}, {record.status}",
            )
    if context.state.store_by_partner_id(partner_store_id) is not None:
        raise Problem(ErrorCode.CONFLICT, f"“{partner_store_id}” is already a store")


def _store(store_id: str, record: OnboardingRecord) -> StoreRecord:
    request = record.request
    details = {
        "address": request.address,
        "phone": request.phone,
        "timezone": request.timezone,
        "logo_url": request.logo_url,
        "description": request.description,
    }
    present = {name: value for name, value in details.items() if value is not None}
    return StoreRecord(
        store=CommerceStore(store_id=store_id, name=request.name, **present),
        partner_store_id=request.partner_store_id,
        webhook_url=request.webhook_url,
        catalog_set_id=record.catalog_set_id,
        pulls=list(record.pulls),
    )


def _to_onboarding(record: OnboardingRecord) -> Onboarding:
    onboarding = Onboarding(
        onboarding_id=record.onboarding_id,
        partner_store_id=record.request.partner_store_id,
        status=record.status,
        created_at=record.created_at,
    )
    optional = {"store_id": record.store_id, "error": record.error}
    return onboarding.model_copy(update={name: value for name, value in optional.items() if value is not None})
