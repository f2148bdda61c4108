"""Amounts of a ticket, as Odoo computes them for the same ticket at the till; nothing is written.

``onchange`` is what Odoo's own form calls after each input: it computes an order that does not exist, in its currency, with its
company's way of rounding, and the point of sale's cash rounding. Taxes arrive in it after the fiscal position, which Odoo cannot apply
to a line that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from webhook_kit import ZERO, cents
from webhook_kit_odoo.client import Odoo
from webhook_kit_odoo.lines import Line
from webhook_kit_odoo.point_of_sale import FiscalPosition, PointOfSale, after_position

__all__ = ["Totals", "compute_line_amounts", "compute_totals", "create_variants"]


@dataclass(frozen=True, slots=True)
class Totals:
    """Amounts of a ticket.

    :ivar total: with taxes.
    :ivar taxes: those included in prices as well.
    """

    total: Decimal
    taxes: Decimal


def compute_totals(odoo: Odoo, pos: PointOfSale, lines: Iterable[Line], position: FiscalPosition | None) -> Totals:
    """Return the amounts of a ticket with these lines.

    :raises OdooError: when Odoo cannot compute them, or the user may not create tickets.
    """
    order = _order(pos) | {
        "lines": [
            [0, f"virtual_{index}", _values(line, after_position(line.taxes, position))]
            for index, line in enumerate(lines)
        ]
    }
    computed = odoo.call(
        "pos.order",
        "onchange",
        ids=[],
        values=order,
        field_names=["lines"],
        fields_spec={"amount_total": {}, "amount_tax": {}, "lines": {"fields": {}}},
    )["value"]  # it has no amount that is zero, as before
    return Totals(_exact(computed.get("amount_total", ZERO)), _exact(computed.get("amount_tax", ZERO)))


def compute_line_amounts(
    odoo: Odoo, pos: PointOfSale, lines: Iterable[Line], position: FiscalPosition | None
) -> list[tuple[Decimal, Decimal]]:
    """Return the amounts of each line, without and with tax."""
    known: dict[Any, tuple[Decimal, Decimal]] = {}
    amounts = []
    for line in lines:
        taxes = after_position(line.taxes, position)
        key = (line.product, line.quantity, line.unit_price, taxes)
        if key not in known:
            known[key] = _line_amounts(odoo, pos, line, taxes)
        amounts.append(known[key])
    return amounts


def create_variants(odoo: Odoo, pos: PointOfSale, lines: Iterable[Line]) -> list[Line]:
    """Return the lines with all of their variants: Odoo creates those that were never ordered, as its till does.

    :raises LookupError: when it creates none.
    """
    return [line if line.product else replace(line, product=_create_variant(odoo, pos, line)) for line in lines]


def _create_variant(odoo: Odoo, pos: PointOfSale, line: Line) -> int:
    created = odoo.call(
        "product.template",
        "create_product_variant_from_pos",
        ids=[line.template],
        attribute_value_ids=line.values,
        config_id=pos.id,
    )
    for product in created["product.product"]:
        return int(product["id"])
    raise LookupError(f"{line.name} is not available in this combination.")


def _line_amounts(odoo: Odoo, pos: PointOfSale, line: Line, taxes: tuple[int, ...]) -> tuple[Decimal, Decimal]:
    if not line.unit_price:
        return ZERO, ZERO
    values = _values(line, taxes) | {"order_id": _order(pos)}
    computed = odoo.call(
        "pos.order.line",
        "onchange",
        ids=[],
        values=values,
        field_names=["price_unit"],
        fields_spec={"price_subtotal": {}, "price_subtotal_incl": {}, "order_id": {"fields": {}}},
    )["value"]
    return _exact(computed.get("price_subtotal", ZERO)), _exact(computed.get("price_subtotal_incl", ZERO))


def _exact(amount: Decimal | int) -> Decimal:
    """Return an amount without the noise of a binary fraction: Odoo has rounded it, and then added it up."""
    return cents(Decimal(amount))


def _order(pos: PointOfSale) -> dict[str, Any]:
    return {
        "config_id": pos.id,
        "company_id": pos.company,
        "session_id": pos.session or False,
        "fiscal_position_id": False,
        "partner_id": False,
        "amount_total": ZERO,
    }


def _values(line: Line, taxes: tuple[int, ...]) -> dict[str, Any]:
    return {
        "product_id": line.product or False,
        "qty": line.quantity,
        "price_unit": line.unit_price,
        "discount": ZERO,
        "tax_ids": [[6, 0, taxes]],
    }
