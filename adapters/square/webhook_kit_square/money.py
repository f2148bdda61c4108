"""Conversion of money: Square has integers in a currency's smallest unit, Gett exact amounts with two decimals."""

from __future__ import annotations

from decimal import Decimal

from square.requests.money import MoneyParams
from square.types.money import Money
from square.types.order import Order as SquareOrder

from webhook_kit import ZERO, Amounts

__all__ = ["amounts", "has_cents", "major", "minor"]

# Decimals of the currencies without hundredths (ISO 4217); Square's documents name them all as possible.
_DIGITS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
    **dict.fromkeys(["CLF", "UYW"], 4),
}


def has_cents(currency: str | None) -> bool:
    """Return True if every amount of a currency has at most two decimals, as Gett's amounts do."""
    return _digits(currency) <= 2


def major(money: Money | None) -> Decimal:
    """Return Square's integer in the smallest unit as an exact amount; None is zero."""
    if money is None or money.amount is None:
        return Decimal("0.00")
    return Decimal(money.amount).scaleb(-_digits(money.currency)) + Decimal("0.00")


def minor(amount: Decimal, currency: str | None) -> MoneyParams:
    """Return an amount as Square's integer.

    :raises ValueError: when the currency has no coin that small.
    """
    scaled = amount.scaleb(_digits(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} cannot be paid in {currency}")
    return {"amount": int(scaled), "currency": currency}


def amounts(order: SquareOrder, tip: Decimal) -> Amounts:
    """Return the amounts that Square charges, with the tip, which is not part of Square's order until it is paid.

    An inclusive tax is a part of the catalog's prices, so the subtotal includes it, and taxes are those that are added. The
    subtotal is the remainder of Square's total, so that the parts always sum to it.
    """
    total = major(order.total_money) - major(order.total_tip_money)
    rounding = order.rounding_adjustment.amount_money if order.rounding_adjustment else None
    included = sum((major(tax.applied_money) for tax in order.taxes or () if tax.type == "INCLUSIVE"), ZERO)
    fees, promotions, taxes, adjustments = (
        major(order.total_service_charge_money),
        major(order.total_discount_money),
        major(order.total_tax_money) - included,
        major(rounding),
    )
    sub_total = total - fees + promotions - taxes - adjustments
    return Amounts.of(sub_total, fees=fees, promotions=promotions, taxes=taxes, adjustments=adjustments, tip=tip)


def _digits(currency: str | None) -> int:
    return _DIGITS.get(str(currency or ""), 2)
