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
    """The calls about stores that are to be."""
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
        wanted = parse_body(OnboardingRequest)
        with self._context.lock:
            _check_free(self._context, wanted.partner_store_id)
            record = OnboardingRecord(
                onboarding_id=self._context.random.uuid("onboarding"),
                request=wanted,
                created_at=self._context.clock.now(),
            )
            self._context.state.onboardings[record.onboarding_id] = record
            response = json_response(_shown(record), 201)  # [D] the protocol names no status
        self._ingestion.register(record.onboarding_id)
        return response

    def onboarding(self, onboarding_id: str) -> Response:
        with self._context.lock:
            return json_response(_shown(_record(self._context, onboarding_id)))

    def cancel_onboarding(self, onboarding_id: str) -> Response:
        with self._context.lock:
            record = _record(self._context, onboarding_id)
            if record.status is OnboardingStatus.ACTIVE:
                raise Problem(ErrorCode.CONFLICT, "the store is active already: its registration is over")
            del self._context.state.onboardings[onboarding_id]
        return Response(status=204)

    def activate_store(self, onboarding_id: str) -> Response:
        with self._context.lock:
            record = _record(self._context, onboarding_id)
            if record.status is not OnboardingStatus.READY_TO_ACTIVATE:
                raise Problem(ErrorCode.CONFLICT, f"only ready_to_activate can be activated; this is {record.status}")
            store = _store(self._context.random.uuid("store"), record)
            self._context.state.stores[store.store.store_id] = store
            record.status, record.store_id = OnboardingStatus.ACTIVE, store.store.store_id
            return json_response(_shown(record))


def _record(context: SandboxContext, onboarding_id: str) -> OnboardingRecord:
    record = context.state.onboardings.get(onboarding_id)
    if record is None:
        raise Problem(ErrorCode.NOT_FOUND, f"there is no onboarding {onboarding_id}")
    return record


def _check_free(context: SandboxContext, partner_store_id: str) -> None:
    """[D] A store is registered once; after a failure, or when it was cancelled, it may be registered anew."""
    for record in context.state.onboardings.values():
        if record.request.partner_store_id == partner_store_id and record.status is not OnboardingStatus.CATALOG_FAILED:
            raise Problem(
                ErrorCode.CONFLICT,
                f"“{partner_store_id}” is registered already: onboarding {record.onboarding_id}, {record.status}",
            )
    if context.state.store_by_partner_id(partner_store_id) is not None:
        raise Problem(ErrorCode.CONFLICT, f"“{partner_store_id}” is a store already")


def _store(store_id: str, record: OnboardingRecord) -> StoreRecord:
    wanted = record.request
    details = {
        "address": wanted.address,
        "phone": wanted.phone,
        "timezone": wanted.timezone,
        "logo_url": wanted.logo_url,
        "description": wanted.description,
    }
    given = {name: value for name, value in details.items() if value is not None}
    return StoreRecord(
        store=CommerceStore(store_id=store_id, name=wanted.name, **given),
        partner_store_id=wanted.partner_store_id,
        webhook_url=wanted.webhook_url,
        catalog_set_id=record.catalog_set_id,
        pulls=list(record.pulls),
    )


def _shown(record: OnboardingRecord) -> Onboarding:
    shown = Onboarding(
        onboarding_id=record.onboarding_id,
        partner_store_id=record.request.partner_store_id,
        status=record.status,
        created_at=record.created_at,
    )
    later = {"store_id": record.store_id, "error": record.error}
    return shown.model_copy(update={name: value for name, value in later.items() if value is not None})
