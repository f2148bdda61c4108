"""Currency of a point of sale: conversion and rounding as Odoo's till does them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from webhook_kit import ZERO, Amounts, cents
from webhook_kit_odoo.client import Odoo

__all__ = ["Currency", "amounts_of", "is_exact", "read_currency"]

_CENT = Decimal("0.01")
_NOISE = Decimal("0.000001")
"""Odoo's amounts are binary fractions: a smaller difference is no amount."""


@dataclass(frozen=True, slots=True)
class Currency:
    """Currency of a point of sale.

    :ivar name: its code ("EUR").
    :ivar rounding: its smallest amount.
    :ivar rate: its units for one unit of the company's currency, in which products are priced; None if both are the same.
    """

    name: str
    rounding: Decimal
    rate: Decimal | None = None

    def round(self, amount: Decimal) -> Decimal:
        """Round to the currency's smallest amount, half of it away from zero."""
        return cents((amount / self.rounding).quantize(Decimal(1), rounding=ROUND_HALF_UP) * self.rounding)

    def price(self, amount: Decimal) -> Decimal:
        """Return a product's price: Odoo converts and rounds it only if the company has another currency."""
        return cents(amount) if self.rate is None else self.round(amount * self.rate)

    @property
    def in_cents(self) -> bool:
        """True if every amount of it has at most two decimals, as Gett's amounts do."""
        return self.rounding % _CENT == 0


def read_currency(odoo: Odoo, currency: int, of_company: int) -> Currency:
    """Return a currency, with its rate to the currency of a company: the company of the API."""
    (row,) = odoo.rows("res.currency", [("id", "=", currency)], ["name", "rounding", "rate"], context=_ARCHIVED)
    return Currency(row["name"], Decimal(row["rounding"]), None if currency == of_company else Decimal(row["rate"]))


def is_exact(amount: Decimal) -> bool:
    """Return True if a price has no fraction of a cent."""
    return abs(amount - cents(amount)) < _NOISE


def amounts_of(sub_total: Decimal, total: Decimal, tip: Decimal) -> Amounts:
    """Return the amounts of a ticket of which the total is known, without tip.

    What Odoo adds to the catalog's prices are taxes; what it takes off, by rounding or a negative tax, is an adjustment.
    """
    added = total - sub_total
    return Amounts.of(sub_total, taxes=max(added, ZERO), adjustments=min(added, ZERO), tip=tip)


_ARCHIVED = {"active_test": False}
