"""The price policy: what was accepted against what it costs now, and an explanation that names the line.

There is one rounding rule in the kit (:func:`webhook_kit.gett.models.money.cents`); the explanation quotes it, because most
differences of a cent are differences of rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from webhook_kit.catalog.cart import PricedLine
from webhook_kit.gett.models.money import ZERO
from webhook_kit.gett.models.order import Amounts, ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.placement.token import AcceptedPrice
from webhook_kit.settings import PricePolicy

__all__ = ["agree"]

_ROUNDING = "amounts are rounded to the cent, half away from zero, per line"
_PARTS = ("sub_total", "fees", "promotions", "taxes", "adjustments", "tip")


def agree(
    accepted: AcceptedPrice | None,
    now: Amounts,
    lines: Sequence[PricedLine],
    *,
    policy: PricePolicy,
    tolerance: Decimal,
) -> Amounts | ValidationError:
    """The amounts to place the order at, or why it must not be placed (``gett-protocol.md §3``).

    :param accepted: what the customer accepted; None when nobody accepted any price.
    :param now: what the order costs now.
    :param tolerance: difference in major units up to which the policy decides.
    """
    total = now.total or ZERO
    if accepted is None or accepted.amounts.total is None:
        # [D] "Never place at a price that nobody accepted": neither a token nor a total came with the order.
        return _different(
            f"No price was accepted: the order brings neither a validatedOrderToken nor amounts.total; it costs {total}.",
            path="$.amounts.total",
        )
    difference = total - accepted.amounts.total
    if difference == 0:
        return now
    if accepted.expired:  # an old token is believed only when nothing has changed
        tolerance = ZERO
    if policy is PricePolicy.REFUSE or abs(difference) > tolerance:
        return _explain(accepted, now, lines, tolerance)
    return now if policy is PricePolicy.POS else _at_accepted(accepted.amounts, now)


def _at_accepted(accepted: Amounts, now: Amounts) -> Amounts:
    """The accepted amounts; when only their total is known, today's parts and the difference as an adjustment."""
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
