"""Money as whole cents while it is summed: integers are exact, and quick."""

from __future__ import annotations

from decimal import MAX_PREC, Context, Decimal

__all__ = ["from_cents", "to_cents"]

# The caller's decimal context may round; money does not.
_EXACT = Context(prec=MAX_PREC)


def to_cents(amount: Decimal) -> int:
    """Whole cents of an amount in major units, which holds nothing finer."""
    return int(_EXACT.scaleb(amount, 2))


def from_cents(count: int) -> Decimal:
    """The amount in major units, with its two decimals."""
    return _EXACT.scaleb(Decimal(count), -2)
