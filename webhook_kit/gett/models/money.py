"""Money: Decimal in Python, a JSON number exact to the cent on the wire (``gett-protocol.md``, head).

There are two rules of rounding. :func:`cents` rounds to the cent, half away from zero: for adapters that compute an amount from a
tax rate. :data:`CatalogPrice` removes the noise of binary floating point, and nothing else: the kit never rounds a price that lies
between two cents.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

__all__ = ["CENT", "LIMIT", "ZERO", "CatalogPrice", "Money", "Price", "cents", "without_noise"]

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
_NOISE = Decimal("0.0001")
LIMIT = Decimal(10) ** 10
"""Amounts are less than this, in major units."""


def cents(amount: Decimal) -> Decimal:
    """Round to the cent, half away from zero: 0.005 becomes 0.01 and −0.005 becomes −0.01."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def without_noise(amount: Decimal) -> Decimal:
    """Return the whole cent from which an amount differs by less than 0.0001, else the amount itself.

    So small a difference is noise of binary floating point (2.4900000095), not a price [D]. 2.495 lies between two cents and stays.

    :param amount: less than 10¹⁰.
    """
    nearest = cents(amount)
    return nearest if abs(amount - nearest) < _NOISE else amount


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


def _catalog_price(value: object, info: ValidationInfo) -> Decimal:
    """Convert a price; an error names the price and, where it is known, the item."""
    try:
        amount = _exact(value, info)
        if isinstance(amount, str):
            amount = Decimal(amount)
    except InvalidOperation:
        amount = None
    except ValueError as error:
        raise ValueError(f"{_item_in(info)}{error}") from None
    if not isinstance(amount, Decimal) or not amount.is_finite():
        raise ValueError(f"{_item_in(info)}should be a number, not {repr(value)[:40]}")
    if abs(amount) >= LIMIT:
        raise ValueError(f"{_item_in(info)}{str(amount)[:40]} has more than ten digits before the point")
    return _in_cents(without_noise(amount))


def _item_in(info: ValidationInfo) -> str:
    # A price in code has no path, and without the item nobody finds it among thousands.
    item_id = (info.data or {}).get("item_id")
    return "" if info.mode == "json" or item_id is None else f"item {item_id[:80]!r}: "


CatalogPrice = Annotated[
    Decimal,
    BeforeValidator(_catalog_price),
    PlainSerializer(float, return_type=float, when_used="json"),
    WithJsonSchema({"type": "number"}),
]
"""A price in a catalog, in major units, without noise of binary floating point (:func:`without_noise`).

A price with fractions of a cent is kept as it is. The check of the catalog reports it with its path, so that one such price neither
hides the others nor is rounded by a rule that nobody chose.
"""
