"""Money as whole cents while it is summed: integers are exact and fast."""

from __future__ import annotations

from decimal import MAX_PREC, Context, Decimal

__all__ = ["from_cents", "to_cents"]

# The caller's decimal context may round; amounts of money must not be rounded.
_EXACT = Context(prec=MAX_PREC)


def to_cents(amount: Decimal) -> int:
    """Convert an amount in major units to cents; digits below a cent are cut off."""
    return int(_EXACT.scaleb(amount, 2))


def from_cents(count: int) -> Decimal:
    """Convert cents to an amount in major units with two decimals."""
    return _EXACT.scaleb(Decimal(count), -2)
