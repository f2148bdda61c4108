"""Whether an order could be placed at this moment, and what it would cost: everything is read anew, nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from webhook_kit.adapter import Reason, Refusal, Refused, Store
from webhook_kit.catalog.cart import check_cart
from webhook_kit.catalog.compiled import CompiledCatalog as CheckedMenu
from webhook_kit.catalog.hours import is_open
from webhook_kit.gett.models.catalog import ExternalCatalog
from webhook_kit.gett.models.order import Amounts, ExternalOrder
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit_odoo.client import Odoo
from webhook_kit_odoo.mapping import TEMPLATE, catalog_set, number_in, read_menu
from webhook_kit_odoo.options import Options
from webhook_kit_odoo.shop import Preset, Shop, read_shop
from webhook_kit_odoo.ticket import Line, NotMade, lines_of, taxed, tip_line

__all__ = ["Assessed", "assess"]

_REASONS = {
    ErrorCode.ITEM_UNAVAILABLE: Reason.ITEM_UNAVAILABLE,
    ErrorCode.MODIFIER_REQUIRED: Reason.MODIFIER_MISSING,
    ErrorCode.STORE_CLOSED: Reason.STORE_CLOSED,
    ErrorCode.ADDRESS_INVALID: Reason.ADDRESS_INVALID,
}


@dataclass(frozen=True, slots=True)
class Assessed:
    """An order that can be placed.

    :ivar session: the open session to place it in.
    :ivar slot: the moment for which it is planned, UTC; None where orders are not taken by time.
    :ivar tax: the taxes in it, those that the prices hold included.
    :ivar amounts: what it costs, tip included: the menu's prices, and as taxes what comes on top of them.
    """

    shop: Shop
    session: int
    preset: Preset | None
    slot: datetime | None
    lines: list[Line]
    tax: Decimal
    amounts: Amounts

    @property
    def fiscal_position(self) -> int | None:
        """The fiscal position that holds for it."""
        return _fiscal_position(self.shop, self.preset)


def assess(odoo: Odoo, options: Options, store: Store, order: ExternalOrder) -> Assessed | Refused:
    """Check and price an order against Odoo as it is now.

    :raises CatalogInvalid: when what it costs cannot be told.
    :raises OdooError: when Odoo does not tell.
    """
    now = datetime.now(UTC)
    shop = read_shop(odoo, options)
    if shop.session is None:
        return Refused(Reason.STORE_CLOSED, f"{shop.name} has no open session.")
    preset = shop.presets.get(order.fulfillment_type)
    if shop.uses_presets and preset is None:
        words = f"{shop.name} has no preset for {order.fulfillment_type}."
        return Refused(Reason.OTHER, words, json_path="$.fulfillmentType")
    if preset and not is_open(preset.windows, now, store.timezone):
        return Refused(Reason.STORE_CLOSED, f"{preset.name} is not offered at this time.")
    wanted = {number for line in order.cart.line_items if (number := number_in(line.item_id, TEMPLATE))}
    menu = read_menu(odoo, shop, only=wanted)
    catalog = catalog_set(menu, shop, without=())
    # The shop is open; a cart whose dishes are all gone or out of hours must not be told that it is closed.
    catalog.catalogs["now"] = ExternalCatalog(catalog_id="now", name=shop.name, availability=shop.windows())
    checked = check_cart(
        CheckedMenu.compile(catalog),
        order,
        at=now,
        timezone=store.timezone,
        unavailable=menu.unavailable(),
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
            return Refused(Reason.STORE_OVER_CAPACITY, f"{preset.name} has no slot left.")
    try:
        lines = lines_of(order.cart.line_items, menu)
    except NotMade as error:
        return Refused(
            Reason.ITEM_UNAVAILABLE, str(error), item_id=error.item_id, json_path=f"$.cart.lineItems[{error.index}]"
        )
    lines, totals = taxed(odoo, lines, shop, _fiscal_position(shop, preset))
    on_top = totals.untaxed + totals.taxes - checked.sub_total
    amounts = Amounts.of(checked.sub_total, taxes=on_top, tip=order.tip)
    return Assessed(shop, shop.session, preset, slot, [*lines, *tip_line(shop, order.tip)], totals.taxes, amounts)


def _fiscal_position(shop: Shop, preset: Preset | None) -> int | None:
    return (preset and preset.fiscal_position) or shop.fiscal_position


def _used(odoo: Odoo, preset: Preset) -> dict[str, int]:
    usage = odoo.call("pos.preset", "get_available_slots", ids=[preset.id])["usage_utc"]
    return {moment: len(orders) for moment, orders in usage.items()}
