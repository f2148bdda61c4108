"""Validation and placement of consumers' orders, through the store's webhooks (``gett-protocol.md §3`` and ``§6``)."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, request

from webhook_kit.gett.models.order import ExternalOrder, PlaceOrderRequest, ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.commerce import find_store
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.fulfillment import accepts_tips, fulfillment_kind, offers
from webhook_kit.sandbox.http import json_response, make_blueprint, parse_body
from webhook_kit.sandbox.mapping import (
    check_customer,
    find_inconsistencies,
    order_customer,
    store_refusal,
    webhook_body,
)
from webhook_kit.sandbox.marketfront import is_accepting_orders
from webhook_kit.sandbox.payments import charge
from webhook_kit.sandbox.placement import PlacementRetries
from webhook_kit.sandbox.sessions import current_user
from webhook_kit.sandbox.state import OrderRecord, PlacementRecord, StoreRecord, TokenRecord
from webhook_kit.sandbox.webhooks import DeliveryAttempt, Webhook, Webhooks

__all__ = ["blueprint"]

# Members that may differ between two requests with the same Idempotency-Key (gett-protocol.md §3).
_NOT_IN_FINGERPRINT = {"payment", "validatedOrderToken", "traceId", "gettOrderId", "errors", "isValid"}


def blueprint(context: SandboxContext, webhooks: Webhooks, placements: PlacementRetries) -> Blueprint:
    """Return the calls about orders."""
    calls = _Orders(context, webhooks, placements)
    return make_blueprint(
        "orders", "/v1/marketplace/orders", {"POST /validate": calls.validate, "POST /place": calls.place}
    )


class _Orders:
    def __init__(self, context: SandboxContext, webhooks: Webhooks, placements: PlacementRetries) -> None:
        self._context = context
        self._webhooks = webhooks
        self._placements = placements

    def validate(self) -> Response:
        """Return the order as the store validated it; business errors are in the order, with status 200."""
        order = parse_body(ExternalOrder)
        with self._context.lock:
            store = self._store(order)
            body = webhook_body(self._context.options, order, order_customer(self._context, order))
            violations = self._violations(order, store)
        if violations:
            return json_response(self._invalid(order, violations))
        webhook = Webhook("validateOrder", store.webhook_url, body, store_id=store.store.store_id)
        validated = _validated(self._webhooks.deliver(webhook))
        findings = find_inconsistencies(validated, validated=True)
        for message in findings:
            self._context.append_log("finding", storeId=store.store.store_id, call="validateOrder", message=message)
        if findings:  # an answer that contradicts itself allows no order
            validated.pop("validatedOrderToken", None)
        token = validated.get("validatedOrderToken")
        with self._context.lock:
            if isinstance(token, str) and validated.get("isValid"):
                self._context.state.tokens[token] = TokenRecord(
                    store_id=store.store.store_id,
                    issued_at=self._context.clock.now(),
                    amounts=validated.get("amounts"),
                )
            if validated.get("errors") and not validated.get("traceId"):
                validated["traceId"] = self._context.random.hex("trace", 32)
        return json_response(validated)

    def place(self) -> Response:
        """Place an order once per Idempotency-Key, and replay the final response for 24 hours."""
        if g.session is not None:
            current_user(self._context)
        key = _key()
        order = parse_body(PlaceOrderRequest)
        with self._context.lock:
            record = self._find(key, order)
            new = record is None
            if record is None:
                record = self._create(key, order)
        if new:
            if order.payment is not None:
                self._placements.set_payment(record.order_id, order.payment.to_wire())
            self._placements.attempt(record.order_id)
        return self._response(record)

    def _find(self, key: str, order: PlaceOrderRequest) -> OrderRecord | None:
        """Return the order that was placed under this key; None if the key is new.

        :raises Problem: 422 if the key was used for another order.
        """
        placements = self._context.state.placements
        used = placements.get(key)
        if (
            used is not None
            and used.at + timedelta(hours=self._context.options.replay_hours) <= self._context.clock.now()
        ):
            del placements[key]
            used = None
        if used is None:
            return None
        if used.fingerprint != _fingerprint(order):
            raise Problem(ErrorCode.VALIDATION_FAILED, "the Idempotency-Key was used for another order")
        return self._context.state.orders[used.order_id]

    def _create(self, key: str, order: PlaceOrderRequest) -> OrderRecord:
        """Run Gett's own checks, charge the payment, and create the order's record."""
        context = self._context
        store = self._store(order)
        if violations := self._violations(order, store):
            raise Problem.refusing(violations)
        accepted = self._accepted(order)
        customer = order_customer(context, order)
        check_customer(customer, with_key=g.session is None)
        charge(context, order.payment)
        record = OrderRecord(
            order_id=context.random.uuid("order"),
            store_id=store.store.store_id,
            session_id=g.session.session_id if g.session else None,
            created_at=context.clock.now(),
            answered=False,
            key=key,
        )
        record.order = webhook_body(context.options, order, customer, order_id=record.order_id, accepted=accepted)
        context.state.orders[record.order_id] = record
        context.state.placements[key] = PlacementRecord(
            fingerprint=_fingerprint(order), order_id=record.order_id, at=context.clock.now()
        )
        return record

    def _store(self, order: ExternalOrder) -> StoreRecord:
        store = find_store(self._context, order.cart.store_id)
        g.store_id = store.store.store_id
        if not order.cart.catalog_set_id:
            raise Problem(ErrorCode.CATALOGSET_REQUIRED, "cart.catalogSetId is missing")
        if order.cart.catalog_set_id not in self._context.state.catalogs:
            raise Problem(ErrorCode.CATALOGSET_NOT_FOUND, f"there is no catalog set {order.cart.catalog_set_id}")
        return store

    def _violations(self, order: ExternalOrder, store: StoreRecord) -> list[ValidationError]:
        """Return the errors of Gett's own checks, for which the store is not called."""
        found = []
        if not is_accepting_orders(self._context, store, self._context.clock.now()):
            found.append((ErrorCode.STORE_CLOSED, "The store does not take orders now.", "$.cart.storeId"))
        if not order.cart.line_items:
            found.append((ErrorCode.CART_EMPTY, "The cart is empty.", "$.cart.lineItems"))
        kind = fulfillment_kind(order.fulfillment_type)
        if kind is not None and not offers(store, kind):
            found.append((ErrorCode.OTHER, f"The store does not offer {kind}.", "$.fulfillmentType"))
        if kind is not None and order.tip > 0 and not accepts_tips(store, kind):
            found.append((ErrorCode.OTHER, f"The store does not take tips for {kind}.", "$.amounts.tip"))
        return [ValidationError(code=code, message=message, json_path=path) for code, message, path in found]

    def _accepted(self, order: PlaceOrderRequest) -> dict[str, Any] | None:
        """Return the validated amounts of the order's token.

        :raises Problem: [D] 422 if the token is missing, unknown, from another store, or expired.
        """
        token = order.validated_order_token
        validated = self._context.state.tokens.get(token or "")
        age = timedelta(minutes=self._context.options.token_minutes)
        reason = None
        if not token:
            reason = "missing; validate the order first" if self._context.options.require_token else None
        elif validated is None or validated.store_id != order.cart.store_id:
            reason = "not a token of this store"
        elif validated.issued_at + age <= self._context.clock.now() or "expired_token" in g.faults:
            reason = f"older than {age.total_seconds() / 60:g} minutes; validate the order again"
        if reason:
            error = ValidationError(code=ErrorCode.INVALID_REQUEST, message=reason, json_path="$.validatedOrderToken")
            raise Problem(ErrorCode.VALIDATION_FAILED, f"the validatedOrderToken is {reason}", errors=[error])
        return validated.amounts if validated else None

    def _invalid(self, order: ExternalOrder, violations: list[ValidationError]) -> dict[str, Any]:
        """Return the order with the errors of Gett's own checks."""
        return {
            **order.to_wire(),
            "errors": [violation.to_wire() for violation in violations],
            "isValid": False,
            "traceId": self._context.random.hex("trace", 32),
        }

    def _response(self, record: OrderRecord) -> Response:
        """Return the response for the order's current state.

        :raises Problem: the store's refusal; 409 while the placement is in progress, 502 if the store did not respond.
        """
        with self._context.lock:
            placed, problem, answered, attempts = record.placed, record.problem, record.answered, record.attempts
        if placed is not None:
            return json_response(placed)
        if problem is not None and answered:
            raise store_refusal(problem)
        if problem is not None and attempts:
            raise Problem(ErrorCode.BAD_GATEWAY, f"{problem['detail']}; Gett will retry", retry_after=1)
        raise Problem(
            ErrorCode.CONFLICT,
            "the placement of this order is in progress; repeat the call",
            retry_after=1,
            retryable=True,
        )


def _key() -> str:
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        raise Problem(
            ErrorCode.MISSING_IDEMPOTENCY_KEY,
            "the Idempotency-Key header is missing; send a new UUID v4 for each order",
        )
    try:
        version = UUID(key).version
    except ValueError:
        version = None
    if version != 4:
        raise Problem(ErrorCode.INVALID_REQUEST, "the Idempotency-Key must be a UUID v4")
    return key


def _fingerprint(order: PlaceOrderRequest) -> str:
    content = {name: value for name, value in order.to_wire().items() if name not in _NOT_IN_FINGERPRINT}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _validated(attempt: DeliveryAttempt) -> dict[str, Any]:
    """Return the order from the store's response to validateOrder.

    :raises Problem: the store's own problem, or 502 without a usable response.
    """
    if attempt.status == 200 and isinstance(attempt.body, dict) and isinstance(attempt.body.get("cart"), dict):
        return dict(attempt.body)
    if not attempt.failed and isinstance(attempt.body, dict) and (attempt.status or 0) >= 400:
        raise store_refusal(attempt.body)
    result = "did not respond" if attempt.status is None else f"answered {attempt.status}"
    raise Problem(ErrorCode.BAD_GATEWAY, f"the store's system {result}", retry_after=1)
