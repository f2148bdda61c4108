"""Pricing: decides if an order may be placed, and at which amounts.

The decision validates the order, then compares the price that the customer accepted with the price of now. A refusal
for the price names the line. It quotes the kit's one rounding rule (:func:`webhook_kit.gett.models.money.cents`),
because most differences of a cent are differences of rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeAlias

from webhook_kit.adapter import Store
from webhook_kit.catalog.cart import PricedLine
from webhook_kit.gett.models.money import ZERO
from webhook_kit.gett.models.order import Amounts, PlaceOrderRequest, ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.placement.token import AcceptedPrice, TokenRefused, Tokens
from webhook_kit.placement.validation import OrderValidator
from webhook_kit.settings import PricePolicy, Settings

__all__ = ["Pricing", "Token", "apply_policy"]

Token: TypeAlias = AcceptedPrice | TokenRefused | None
"""The token of an order, as it was read."""

_ROUNDING = "amounts are rounded to the cent, half away from zero, per line"
_PARTS = ("sub_total", "fees", "promotions", "taxes", "adjustments", "tip")


class Pricing:
    """Decides the amounts at which orders are placed."""

    def __init__(self, validator: OrderValidator, tokens: Tokens, settings: Settings) -> None:
        self._validator = validator
        self._tokens = tokens
        self._settings = settings

    def read_token(self, order: PlaceOrderRequest) -> Token:
        """Return the price that the order's token proves, or the reason why it proves none; None when it has no token."""
        if not order.validated_order_token:
            return None
        try:
            return self._tokens.read(order.validated_order_token, order)
        except TokenRefused as error:
            return error

    def decide(
        self, order: PlaceOrderRequest, token: Token, store: Store, *, deadline: float
    ) -> PlaceOrderRequest | Problem:
        """Validate and price an order, without side effects.

        :param token: the order's token, as it was read.
        :param deadline: monotonic time by which the decision is needed.
        :return: a copy of the order with the amounts to place it at, or the refusal; 503 while catalog or POS is unavailable.
        """
        try:
            accepted = self._accepted(order, token)
            result = self._validator.validate(_with_accepted_tip(order, accepted), store, deadline=deadline)
        except Problem as problem:
            return problem
        if result.violations or result.amounts is None:
            return Problem.refusing(result.violations)
        amounts = apply_policy(
            accepted,
            result.amounts,
            result.lines,
            policy=self._settings.price_policy,
            tolerance=self._settings.price_tolerance,
        )
        if isinstance(amounts, ValidationError):
            return Problem.refusing([amounts])
        return order.model_copy(update={"amounts": amounts.with_request(order.amounts)})

    def at_accepted_amounts(self, order: PlaceOrderRequest, token: Token) -> PlaceOrderRequest:
        """Return the order with the amounts that the customer accepted; unchanged when they cannot be known."""
        try:
            accepted = self._accepted(order, token)
        except Problem:
            return order
        if accepted is None:
            return order
        amounts = accepted.amounts.with_request(order.amounts)
        if amounts.total is not None and amounts.contradictions():
            amounts = Amounts(total=amounts.total)  # the parts are not those that the customer pays
        return order.model_copy(update={"amounts": amounts})

    def _accepted(self, order: PlaceOrderRequest, token: Token) -> AcceptedPrice | None:
        """Return the price that the customer accepted: the token's, else the request's; None when it has neither.

        :raises Problem: when the token is not authentic, belongs to another order, or is required and missing.
        """
        if token is None:
            if self._settings.require_validated_token:
                raise Problem(ErrorCode.INVALID_REQUEST, "validatedOrderToken is missing: call validateOrder first")
            return AcceptedPrice(order.amounts) if order.amounts else None
        if isinstance(token, TokenRefused):
            raise Problem(ErrorCode.INVALID_REQUEST, str(token))
        return token


def _with_accepted_tip(order: PlaceOrderRequest, accepted: AcceptedPrice | None) -> PlaceOrderRequest:
    """Return the order with the token's tip, unless it has a tip: the tip is part of the accepted price."""
    if accepted is None or not order.validated_order_token or (order.amounts and order.amounts.tip is not None):
        return order
    amounts = (order.amounts or Amounts()).model_copy(update={"tip": accepted.amounts.tip})
    return order.model_copy(update={"amounts": amounts})


def apply_policy(
    accepted: AcceptedPrice | None,
    now: Amounts,
    lines: Sequence[PricedLine],
    *,
    policy: PricePolicy,
    tolerance: Decimal,
) -> Amounts | ValidationError:
    """Return the amounts to place an order at, or the reason why it must not be placed (``gett-protocol.md §3``).

    :param accepted: the price that the customer accepted; None when no price was accepted.
    :param now: the order's price now.
    :param tolerance: difference in major units up to which the policy decides.
    """
    total = now.total or ZERO
    if accepted is None or accepted.amounts.total is None:
        # [D] "Never place at a price that nobody accepted": the order has neither a token nor a total.
        return _different(
            f"No price was accepted: the order has neither a validatedOrderToken nor amounts.total; it costs {total}.",
            path="$.amounts.total",
        )
    difference = total - accepted.amounts.total
    if difference == 0:
        return now
    if accepted.expired:  # an expired token counts only when the price is unchanged
        tolerance = ZERO
    if policy is PricePolicy.REFUSE or abs(difference) > tolerance:
        return _explain(accepted, now, lines, tolerance)
    return now if policy is PricePolicy.POS else _at_accepted(accepted.amounts, now)


def _at_accepted(accepted: Amounts, now: Amounts) -> Amounts:
    """Return the accepted amounts; if only their total is usable, the current parts and an adjustment."""
    if accepted.sub_total is not None and not accepted.contradictions():
        return accepted
    difference = (accepted.total or ZERO) - (now.total or ZERO)
    return now.model_copy(
        update={
            "adjustments": (now.adjustments or ZERO) + difference,
            "total": accepted.total,
            "adjustments_description": None,
        }
    )


def _explain(accepted: AcceptedPrice, now: Amounts, lines: Sequence[PricedLine], tolerance: Decimal) -> ValidationError:
    text = f"The total is {now.total} now, {accepted.amounts.total} was accepted"
    text += f" (tolerance {tolerance})" if tolerance else ""
    if accepted.lines is not None and len(accepted.lines) == len(lines):
        changed = [(line, before) for line, before in zip(lines, accepted.lines, strict=True) if line.total != before]
    else:
        changed = []
    for line, before in changed:
        text += f"; line {line.index + 1} ({line.quantity} × {line.name}): {line.total} now, {before} accepted"
    if not changed:
        if accepted.lines is None:
            text += "".join(
                f"; line {line.index + 1} ({line.quantity} × {line.name}): {line.total} now" for line in lines
            )
        for part in _PARTS:
            before, after = getattr(accepted.amounts, part), getattr(now, part) or ZERO
            if before is not None and before != after:
                text += f"; {part.replace('_', '')}: {after} now, {before} accepted"
    text += f". {_ROUNDING.capitalize()}."
    if not changed:
        return _different(text, path="$.amounts.total")
    first = changed[0][0]
    return _different(text, path=f"$.cart.lineItems[{first.index}]", item_id=first.item_id)


def _different(message: str, *, path: str, item_id: str | None = None) -> ValidationError:
    fields = {} if item_id is None else {"item_id": item_id}
    return ValidationError(code=ErrorCode.ORDER_TOTAL_DIFFERENT, message=message, json_path=path, **fields)
