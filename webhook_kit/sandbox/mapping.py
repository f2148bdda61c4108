"""Conversion of orders between consumer and store: members that are added, removed or changed."""

from __future__ import annotations

from typing import Any

from flask import g

from webhook_kit.gett.models.order import ExternalOrder, ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.options import Options
from webhook_kit.sandbox.problems import invalid
from webhook_kit.sandbox.state import SessionRecord

__all__ = ["check_customer", "find_inconsistencies", "order_customer", "store_refusal", "webhook_body"]

# Only the store or Gett sets these members, so they are removed from a consumer's order.
_NOT_FROM_CONSUMER = {"payment", "gettOrderId", "partnerOrderId", "errors", "isValid", "placedAt", "traceId"}


def order_customer(context: SandboxContext, order: ExternalOrder) -> dict[str, Any] | None:
    """Return the customer of an order: the session's user, else the one that the partner sent [S]."""
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


def check_customer(customer: dict[str, Any] | None, *, with_key: bool) -> None:
    """Check that the customer of a placement is known (``gett-protocol.md §3`` and ``§6``).

    :param with_key: the call carries the API key; then ``partnerUserId`` is required too.
    :raises Problem: 422 with the path of every missing member.
    """
    if customer is None:
        raise invalid("$.customer", "an order placed with the API key needs a customer")
    # [D] The profile is complete with these four: address and payment are members of the order.
    required = [*(["partnerUserId"] if with_key else []), "firstName", "lastName", "email", "phone"]
    missing = [name for name in required if not (customer.get(name) or "").strip()]
    if not missing:
        return
    hint = "required" if with_key else "missing in the user's profile; create a session with it, or update the profile"
    errors = [
        ValidationError(code=ErrorCode.INVALID_REQUEST, message=hint, json_path=f"$.customer.{name}")
        for name in missing
    ]
    raise Problem(ErrorCode.VALIDATION_FAILED, f"the customer has no {', '.join(missing)}", errors=errors)


def webhook_body(
    options: Options,
    order: ExternalOrder,
    customer: dict[str, Any] | None,
    *,
    order_id: str | None = None,
    accepted: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the body of a webhook.

    :param order_id: Gett's id of a placement; None for a validation, whose amounts hold at most a tip
        (``gett-protocol.md §3``).
    :param accepted: the validated amounts of a placement.
    """
    body = {name: value for name, value in order.to_wire().items() if name not in _NOT_FROM_CONSUMER}
    body["customer"] = None if options.null_customer else customer
    amounts: dict[str, Any] = body.get("amounts") or {}
    body["amounts"] = {"tip": amounts["tip"]} if amounts.get("tip") is not None else None
    if order_id is None:
        return body
    body["gettOrderId"] = "" if options.empty_gett_order_id else order_id
    if options.placed_amounts == "null":
        body["amounts"] = None
    if options.placed_amounts == "full":
        body["amounts"] = accepted or amounts or None
    return body


def store_refusal(body: dict[str, Any]) -> Problem:
    """Return a store's problem document as Gett's own response, with the same code, detail and errors."""
    code = body.get("errorCode")
    error_code = ErrorCode(code) if code in set(ErrorCode) else ErrorCode.OTHER
    refusal = Problem(error_code, str(body.get("detail") or body.get("title") or "the store refused the order"))
    errors = body.get("errors")
    refusal.errors = [error for raw in errors if (error := _parse_error(raw))] if isinstance(errors, list) else []
    return refusal


def find_inconsistencies(body: dict[str, Any], *, validated: bool) -> list[str]:
    """Return the errors and inconsistencies of an order that a store returned; empty if there are none.

    :param validated: the order is the answer to a validateOrder, which needs ``isValid``, and a token if it is valid.
    """
    try:
        order = ExternalOrder.model_validate(body)
    except ValueError as error:
        return [" ".join(str(error).split())]
    lines = []
    if order.errors and order.is_valid:
        lines.append("isValid is true, but there are errors")
    if not order.errors and order.is_valid is False:
        lines.append("isValid is false, but there are no errors")
    if order.trace_id and not order.errors:
        lines.append("there is a traceId, but there are no errors")
    if validated and order.is_valid is None:
        lines.append("isValid is missing")
    if validated and order.is_valid and not order.validated_order_token:
        lines.append("isValid is true, but there is no validatedOrderToken")
    if not order.errors:
        lines += order.amounts.contradictions() if order.amounts else ["amounts are missing"]
    return lines


def _parse_error(raw: Any) -> ValidationError | None:
    try:
        return ValidationError.model_validate(raw)
    except ValueError:
        return None
