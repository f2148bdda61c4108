"""Check of a store before its catalog is published: what would fail when an order comes is reported here by name."""

from __future__ import annotations

from collections.abc import Iterator

from webhook_kit import ZERO, CatalogInvalid, ConfigurationError
from webhook_kit_odoo.client import Odoo, OdooError
from webhook_kit_odoo.config import OdooConfig
from webhook_kit_odoo.lines import Line
from webhook_kit_odoo.point_of_sale import PointOfSale
from webhook_kit_odoo.pricing import compute_totals
from webhook_kit_odoo.records import CatalogRecords
from webhook_kit_odoo.tickets import PROGRESS, payment_method

__all__ = ["check_opening"]


def check_opening(odoo: Odoo, config: OdooConfig, pos: PointOfSale, records: CatalogRecords) -> None:
    """Check the options against Odoo, and let Odoo compute a ticket with one piece of every product; nothing is written.

    :raises ConfigurationError: for an option that names nothing in Odoo, or a user who may not create tickets.
    :raises CatalogInvalid: when Odoo cannot compute the ticket, with Odoo's own reason.
    """
    problems = [*_of_payment(odoo, config, pos), *_of_progress(odoo, config)]
    if problems:
        raise ConfigurationError("; ".join(problems))
    positions = {preset.fiscal_position or pos.fiscal_position for preset in pos.presets.values()}
    try:
        for position in positions or {pos.fiscal_position}:
            compute_totals(odoo, pos, _one_of_each(records), position)
    except OdooError as error:
        if error.status == 403:
            raise ConfigurationError(
                f"credentials.api_key: its user may not create tickets; give the user the right Point of Sale / User: {error}"
            ) from error
        if error.refuses:
            raise CatalogInvalid(f"Odoo cannot compute a ticket of {pos.name}: {error.message}") from error
        raise


def _of_payment(odoo: Odoo, config: OdooConfig, pos: PointOfSale) -> Iterator[str]:
    if config.payment_method is None:
        return
    try:
        method = payment_method(odoo, config, config.payment_method)
    except ConfigurationError as error:
        yield str(error)
        return
    if pos.rounds_cash and method["is_cash_count"]:
        yield (
            f"options.payment_method: {method['name']!r} is cash, which {pos.name} rounds to another amount than the ticket's; "
            "name a method of type bank"
        )


def _of_progress(odoo: Odoo, config: OdooConfig) -> Iterator[str]:
    if config.progress_field is None:
        return
    fields = odoo.call("pos.order", "fields_get", allfields=[config.progress_field], attributes=["selection"])
    if config.progress_field not in fields:
        yield f"options.progress_field: Odoo's pos.order has no field {config.progress_field}"
        return
    values = {value for value, _ in fields[config.progress_field].get("selection") or []}
    if missing := [value for value in PROGRESS if value not in values]:
        yield f"options.progress_field: {config.progress_field} is not a selection with the values {', '.join(missing)}"


def _one_of_each(records: CatalogRecords) -> Iterator[Line]:
    for template in records.templates.values():
        variant = next(iter(template["product_variant_ids"]), None)
        price = records.price(template)
        yield Line(template["id"], variant, template["name"], 1, price, ZERO, records.taxes[template["id"]])
