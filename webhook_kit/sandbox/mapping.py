"""Orders on their way between consumer and store: what is added, what is left out, what surprises."""

from __future__ import annotations

from typing import Any

from flask import g

from webhook_kit.gett.models.order import ExternalOrder, ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.options import Options
from webhook_kit.sandbox.state import SessionRecord

__all__ = ["find_inconsistencies", "order_customer", "store_refusal", "webhook_body"]

# What the store says, or what only Gett says: none of it goes to the store as the consumer sent it.
_NOT_THE_CONSUMERS = {"payment", "gettOrderId", "partnerOrderId", "errors", "isValid", "placedAt", "traceId"}


def order_customer(context: SandboxContext, order: ExternalOrder) -> dict[str, Any] | None:
    """Whom the order is for: the session's user, else whoever the partner names [S]."""
    session: SessionRecord | None = g.session
    if session is None or session.user_id is None:
        return order.customer.to_wire() if order.customer else None
    user = context.state.users[session.user_id]
    return {
        "firstName": user.first_name,
        "lastName": user.last_name,
        "email": user.email,
        "phone": user.phone,
        "partnerUserId": None,
    }


def webhook_body(
    options: Options,
    order: ExternalOrder,
    customer: dict[str, Any] | None,
    *,
    order_id: str | None = None,
    accepted: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of a webhook.

    :param order_id: of a placement; None of a validation, which brings a tip at most (``gett-protocol.md §3``).
    :param accepted: the amounts that a placement was validated with.
    """
    body = {name: value for name, value in order.to_wire().items() if name not in _NOT_THE_CONSUMERS}
    body["customer"] = None if options.null_customer else customer
    given: dict[str, Any] = body.get("amounts") or {}
    body["amounts"] = {"tip": given["tip"]} if given.get("tip") is not None else None
    if order_id is None:
        return body
    body["gettOrderId"] = "" if options.empty_gett_order_id else order_id
    if options.placed_amounts == "null":
        body["amounts"] = None
    if options.placed_amounts == "full":
        body["amounts"] = accepted or given or None
    return body


def store_refusal(body: dict[str, Any]) -> Problem:
    """A store's problem document as Gett's answer: the same code, detail and errors."""
    code = body.get("errorCode")
    known = ErrorCode(code) if code in set(ErrorCode) else ErrorCode.OTHER
    refusal = Problem(known, str(body.get("detail") or body.get("title") or "the store refused the order"))
    errors = body.get("errors")
    refusal.errors = [error for raw in errors if (error := _error(raw))] if isinstance(errors, list) else []
    return refusal


def find_inconsistencies(body: dict[str, Any]) -> list[str]:
    """Where an order that a store gave back is no order, or contradicts itself; empty when it does not."""
    try:
        order = ExternalOrder.model_validate(body)
    except ValueError as failure:
        return [" ".join(str(failure).split())]
    if order.errors:
        return []
    return order.amounts.contradictions() if order.amounts else ["amounts are missing"]


def _error(raw: Any) -> ValidationError | None:
    try:
        return ValidationError.model_validate(raw)
    except ValueError:
        return None
