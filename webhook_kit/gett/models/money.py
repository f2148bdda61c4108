"""Money: Decimal in Python, a JSON number exact to the cent on the wire (``gett-protocol.md``, head).

The only rounding rule is :func:`cents`: to the cent, half away from zero. Catalog prices are exact, so the kit itself never
rounds; the rule is for adapters that compute an amount from a tax rate.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

__all__ = ["CENT", "ZERO", "Money", "Price", "cents"]

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def cents(amount: Decimal) -> Decimal:
    """Round to the cent, half away from zero: 0.005 becomes 0.01 and −0.005 becomes −0.01."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def _exact(value: object, info: ValidationInfo) -> object:
    """Convert a JSON number by its shortest decimal form, so that 15.1 never becomes 15.0999…"""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str) and info.mode == "json":
        raise ValueError("money must be a JSON number, not text")
    return value


def _in_cents(amount: Decimal) -> Decimal:
    """Return two decimals, so that 15.1 is shown as 15.10, and no negative zero."""
    return amount + ZERO


Money = Annotated[
    Decimal,
    # Twelve digits are exact in a JSON number (a double); a larger amount is an error.
    Field(max_digits=12, decimal_places=2),
    BeforeValidator(_exact),
    AfterValidator(_in_cents),
    PlainSerializer(float, return_type=float, when_used="json"),
    WithJsonSchema({"type": "number"}),
]
"""An amount in major units (15.25 is $15.25), exact to the cent; it may be negative (adjustments)."""

Price = Annotated[Money, Field(ge=0), WithJsonSchema({"type": "number", "minimum": 0})]
"""An amount that is not negative."""
