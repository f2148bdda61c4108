"""Conversion of Gett's orders to ``pos.order``, and back; look-up of their tickets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from webhook_kit import (
    ZERO,
    Amounts,
    ConfigurationError,
    Order,
    OrderState,
    OrderStatus,
    Placed,
    PlacedStatus,
    PosOrder,
    Store,
    cents,
    placement_key,
)
from webhook_kit_odoo.client import Odoo, Row
from webhook_kit_odoo.config import OdooConfig
from webhook_kit_odoo.lines import wire_lines
from webhook_kit_odoo.money import amounts_of
from webhook_kit_odoo.pricing import compute_line_amounts, create_variants
from webhook_kit_odoo.validation import ValidatedOrder

__all__ = ["PROGRESS", "Ticket", "find_ticket", "payment_method", "read_ticket", "tickets_since", "wire_order"]

PROGRESS = {
    "pending": None,
    "confirmed": OrderStatus.CONFIRMED,
    "preparing": OrderStatus.PREPARING,
    "ready": OrderStatus.READY,
    "in_transit": OrderStatus.IN_TRANSIT,
}
"""Values of the progress field, and the status that each stands for."""

_STAMP = "%Y-%m-%d %H:%M:%S"
_PREFIX = "Gett "
"""Beginning of the note of every order of Gett; its order_ref follows."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ``pos.order`` of Gett in its current state.

    :ivar uuid: the key of its placement; for Gett, its ``partnerOrderId``.
    :ivar number: its number on the receipt.
    :ivar note: the note at the end of the receipt.
    :ivar progress: the value of the progress field; None if there is no such field.
    :ivar amounts: its amounts, if they were read.
    """

    id: int
    uuid: str
    number: str
    state: str
    note: str
    progress: str | None
    slot: datetime | None
    amounts: Amounts | None = None

    def placed(self, config: OdooConfig) -> Placed:
        """Return the result of its placement."""
        pending = config.acceptance == "staff" and self.state == "draft" and self.progress in (None, "pending")
        return Placed(self.uuid, PlacedStatus.PENDING if pending else PlacedStatus.ACCEPTED, self.amounts)

    def pos_order(self, store: Store, config: OdooConfig) -> PosOrder:
        """Return it for reconciliation."""
        ref = self.note.partition("\n")[0].removeprefix(_PREFIX)
        state, reason = None, None
        if self.state == "cancel":
            state, reason = OrderState.CANCELLED, "cancelled at the POS"
        elif self.state != "draft":
            state = OrderState.COMPLETED
        pending = self.placed(config).status is PlacedStatus.PENDING
        return PosOrder(
            id=self.uuid,
            # The staff can change the note: only the uuid proves which order it is.
            order_ref=ref if placement_key(store, ref) == self.uuid else "",
            status=None if pending else PROGRESS.get(self.progress or "confirmed"),
            state=state,
            reason=reason,
            estimated_ready_at=self.slot,
        )


def find_ticket(odoo: Odoo, config: OdooConfig, uuid: str) -> Ticket | None:
    """Return the ticket of a key, with its amounts, or None."""
    for row in _rows(odoo, config, [("uuid", "=", uuid)]):
        lines = odoo.rows("pos.order.line", [("order_id", "=", row["id"])], ["price_unit", "qty"])
        return replace(_ticket(row, config), amounts=_amounts(row, lines))
    return None


def read_ticket(odoo: Odoo, config: OdooConfig, number: int) -> Ticket | None:
    """Return the ticket with this id; None if it is not one of Gett's at this point of sale."""
    return next(iter(_tickets(odoo, config, [*_gett_orders(config), ("id", "=", number)])), None)


def tickets_since(odoo: Odoo, config: OdooConfig, since: datetime) -> list[Ticket]:
    """Return Gett's tickets of this point of sale that were written since then, in any state."""
    written = ("write_date", ">=", since.astimezone(UTC).strftime(_STAMP))
    return _tickets(odoo, config, [*_gett_orders(config), written])


def wire_order(odoo: Odoo, config: OdooConfig, validated: ValidatedOrder, order: Order, uuid: UUID) -> dict[str, Any]:
    """Return the order in the format of ``sync_from_ui``: lines and payment in one transaction.

    :param odoo: the API in the company of the point of sale.
    :raises ConfigurationError: when the point of sale has no such payment method.
    :raises LookupError: when Odoo does not create a variant that was never ordered.
    """
    pos, position = validated.pos, validated.fiscal_position
    created = create_variants(odoo, pos, validated.lines)
    lines, relations = wire_lines(created, compute_line_amounts(odoo, pos, created, position), uuid)
    on_ticket = pos.takes_tips and bool(order.tip)
    charged = validated.totals.total
    wire: dict[str, Any] = {
        "uuid": str(uuid),
        "state": "draft",
        "session_id": validated.session,
        "preset_id": validated.preset.id if validated.preset else False,
        "preset_time": validated.slot.strftime(_STAMP) if validated.slot else False,
        "fiscal_position_id": position.id if position else False,
        "floating_order_name": _name(order),
        "general_customer_note": _note(order),
        "mobile": (order.customer and order.customer.phone) or False,
        "email": (order.customer and order.customer.email) or False,
        "amount_total": charged,
        "amount_tax": validated.totals.taxes,
        "amount_paid": ZERO,
        "amount_return": ZERO,
        "is_tipped": on_ticket,
        "tip_amount": order.tip,
        "lines": lines,
        "relations_uuid_mapping": relations,
        "payment_ids": [],
    }
    if config.payment_method is not None:
        method = payment_method(odoo, config, config.payment_method)
        payment = {"uuid": str(uuid5(uuid, "payment")), "payment_method_id": method["id"], "amount": charged}
        wire["payment_ids"] = [[0, 0, payment]]
    if config.progress_field:
        wire[config.progress_field] = "pending" if config.acceptance == "staff" else "confirmed"
    return wire


def _gett_orders(config: OdooConfig) -> list[Any]:
    # The staff can change both texts: one of the two is enough.
    marked = [
        "|",
        ("general_customer_note", "=like", f"{_PREFIX}%"),
        ("floating_order_name", "=like", f"{_PREFIX.strip()}%"),
    ]
    return [("config_id", "=", config.point_of_sale), *marked]


def _tickets(odoo: Odoo, config: OdooConfig, domain: list[Any]) -> list[Ticket]:
    return [_ticket(row, config) for row in _rows(odoo, config, domain)]


def _rows(odoo: Odoo, config: OdooConfig, domain: list[Any]) -> list[Row]:
    fields = [*_FIELDS, config.progress_field] if config.progress_field else _FIELDS
    return odoo.rows("pos.order", domain, fields, order="id")


def _ticket(row: Row, config: OdooConfig) -> Ticket:
    slot = row["preset_time"]
    return Ticket(
        id=row["id"],
        uuid=row["uuid"],
        number=row["pos_reference"] or row["name"],
        state=row["state"],
        note=row["general_customer_note"] or "",
        progress=row[config.progress_field] or None if config.progress_field else None,
        slot=datetime.strptime(slot, _STAMP).replace(tzinfo=UTC) if slot else None,
    )


def _amounts(row: Row, lines: list[Row]) -> Amounts:
    total, tip = cents(Decimal(row["amount_total"])), cents(Decimal(row["tip_amount"]))
    # A point of sale without a product for tips has the tip in a field and not in lines and total.
    included_tip = tip if row["is_tipped"] else ZERO
    catalog_price = sum((cents(Decimal(line["price_unit"]) * Decimal(line["qty"])) for line in lines), -included_tip)
    return amounts_of(catalog_price, total - included_tip, tip)


def payment_method(odoo: Odoo, config: OdooConfig, name: str | int) -> Row:
    """Return the payment method with this name or id.

    :raises ConfigurationError: when the point of sale has none.
    """
    methods = odoo.rows("pos.payment.method", [("config_ids", "in", [config.point_of_sale])], ["name", "is_cash_count"])
    for method in methods:
        if name in (method["id"], method["name"]):
            return method
    names = ", ".join(repr(method["name"]) for method in methods) or "none"
    raise ConfigurationError(f"options.payment_method: the point of sale has no {name!r}; it has {names}")


def _name(order: Order) -> str:
    customer = order.customer
    return f"Gett {(customer and customer.first_name) or ''}".strip()


def _note(order: Order) -> str:
    """Return the order_ref, and the address and instructions of a delivery."""
    lines = [f"{_PREFIX}{order.order_ref}"]
    if delivery := order.delivery_info:
        address = delivery.address
        if address:
            city = " ".join(filter(None, [address.city, address.state, address.postal_code]))
            lines += filter(None, [address.address1, address.address2, city])
        lines += filter(None, [delivery.type, delivery.instructions])
    return "\n".join(lines)


_FIELDS = [
    "uuid",
    "name",
    "pos_reference",
    "state",
    "general_customer_note",
    "preset_time",
    "amount_total",
    "tip_amount",
    "is_tipped",
]
