"""Validation and pricing of an order against the current state of Odoo; nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from webhook_kit import (
    ZERO,
    Amounts,
    Catalog,
    CompiledCatalog,
    ErrorCode,
    Order,
    Reason,
    Refusal,
    Refused,
    Store,
    check_cart,
    is_open,
)
from webhook_kit_odoo.catalog import catalog_set
from webhook_kit_odoo.client import Odoo
from webhook_kit_odoo.config import OdooConfig
from webhook_kit_odoo.lines import Line, NotCombinable, order_lines, tip_line
from webhook_kit_odoo.money import amounts_of
from webhook_kit_odoo.point_of_sale import FiscalPosition, PointOfSale, Preset, read_point_of_sale
from webhook_kit_odoo.pricing import Totals, compute_totals
from webhook_kit_odoo.records import TEMPLATE, number_in, read_catalog

__all__ = ["ValidatedOrder", "validate_order"]

_REASONS = {
    ErrorCode.ITEM_UNAVAILABLE: Reason.ITEM_UNAVAILABLE,
    ErrorCode.MODIFIER_REQUIRED: Reason.MODIFIER_MISSING,
    ErrorCode.STORE_CLOSED: Reason.STORE_CLOSED,
    ErrorCode.ADDRESS_INVALID: Reason.ADDRESS_INVALID,
}


@dataclass(frozen=True, slots=True)
class ValidatedOrder:
    """An order that can be placed.

    :ivar session: the open session of the point of sale.
    :ivar slot: its slot, in UTC; None if orders have no slots.
    :ivar totals: the amounts of its ticket.
    :ivar amounts: its amounts for Gett, tip included.
    """

    pos: PointOfSale
    session: int
    preset: Preset | None
    slot: datetime | None
    lines: list[Line]
    totals: Totals
    amounts: Amounts

    @property
    def fiscal_position(self) -> FiscalPosition | None:
        """Its fiscal position, or None."""
        return _fiscal_position(self.pos, self.preset)


def validate_order(odoo: Odoo, config: OdooConfig, store: Store, order: Order) -> ValidatedOrder | Refused:
    """Validate and price an order against the current state of Odoo.

    :raises CatalogInvalid: when its price cannot be determined.
    :raises OdooError: when Odoo responds with an error.
    """
    now = datetime.now(UTC)
    pos = read_point_of_sale(odoo, config)
    odoo = odoo.in_company(pos.company)
    if pos.session is None:
        return Refused(Reason.STORE_CLOSED, f"{pos.name} has no open session.")
    preset = pos.presets.get(order.fulfillment_type)
    if pos.uses_presets and preset is None:
        message = f"{pos.name} has no preset for {order.fulfillment_type}."
        return Refused(Reason.OTHER, message, json_path="$.fulfillmentType")
    if preset and not is_open(preset.windows, now, store.timezone):
        return Refused(Reason.STORE_CLOSED, f"{preset.name} is not offered at this time.")
    if order.tip != pos.currency.round(order.tip):
        message = f"The tip of {order.tip} cannot be paid in {pos.currency.name}."
        return Refused(Reason.OTHER, message, json_path="$.amounts.tip")
    ordered = {number for line in order.cart.line_items if (number := number_in(line.item_id, TEMPLATE))}
    records = read_catalog(odoo, pos, only=ordered)
    catalog = catalog_set(records, pos, without=())
    # The store is open, so unavailable items or items outside their hours must not be reported as a closed store.
    catalog.catalogs["now"] = Catalog(catalog_id="now", name=pos.name, availability=pos.windows())
    checked = check_cart(
        CompiledCatalog.compile(catalog),
        order,
        at=now,
        timezone=store.timezone,
        unavailable=records.unavailable(),
    )
    if checked.violations:
        return Refused.all(
            Refusal(_REASONS.get(ErrorCode(each.code), Reason.OTHER), each.message, each.item_id, each.json_path)
            for each in checked.violations
        )
    slot = None
    if preset and preset.interval:
        slot = preset.slot(_used(odoo, preset), now, store.timezone)
        if slot is None:
            return Refused(Reason.STORE_OVER_CAPACITY, f"{preset.name} has no free slot.")
    try:
        lines = [*order_lines(order.cart.line_items, records), *tip_line(pos, order.tip)]
    except NotCombinable as error:
        return Refused(
            Reason.ITEM_UNAVAILABLE, str(error), item_id=error.item_id, json_path=f"$.cart.lineItems[{error.index}]"
        )
    totals = compute_totals(odoo, pos, lines, _fiscal_position(pos, preset))
    tip_in_total = order.tip if pos.takes_tips else ZERO
    amounts = amounts_of(checked.sub_total, totals.total - tip_in_total, order.tip)
    return ValidatedOrder(pos, pos.session, preset, slot, lines, totals, amounts)


def _fiscal_position(pos: PointOfSale, preset: Preset | None) -> FiscalPosition | None:
    return (preset and preset.fiscal_position) or pos.fiscal_position


def _used(odoo: Odoo, preset: Preset) -> dict[str, int]:
    usage = odoo.call("pos.preset", "get_available_slots", ids=[preset.id])["usage_utc"]
    return {slot: len(orders) for slot, orders in usage.items()}
