"""Tickets: an order of Gett as a ``pos.order``, there and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from webhook_kit.adapter import OrderState, OrderStatus, Placed, PlacedStatus, PosOrder, Store, placement_key
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.models.money import ZERO, cents
from webhook_kit.gett.models.order import Amounts, ExternalOrder
from webhook_kit_odoo.assessment import Assessed
from webhook_kit_odoo.client import Odoo, Row
from webhook_kit_odoo.options import Options
from webhook_kit_odoo.ticket import wire_lines

__all__ = ["PROGRESS", "Ticket", "find_ticket", "read_ticket", "tickets_since", "wire_order"]

PROGRESS = {
    "pending": None,
    "confirmed": OrderStatus.CONFIRMED,
    "preparing": OrderStatus.PREPARING,
    "ready": OrderStatus.READY,
    "in_transit": OrderStatus.IN_TRANSIT,
}
"""The values of the field in which the staff says how far an order is, and what Gett calls them."""

_STAMP = "%Y-%m-%d %H:%M:%S"
_SIGN = "Gett "
"""With this begins the note of every order of Gett; its name follows."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ``pos.order`` of Gett, as it is now.

    :ivar uuid: the key it was placed with; to Gett, its ``partnerOrderId``.
    :ivar number: what the receipt calls it.
    :ivar note: what the receipt says below.
    :ivar progress: what the staff says; None where there is no field for it.
    :ivar amounts: what it costs, where that was asked for.
    """

    id: int
    uuid: str
    number: str
    state: str
    note: str
    progress: str | None
    slot: datetime | None
    amounts: Amounts | None = None

    def placed(self, options: Options) -> Placed:
        """As the answer to its placement."""
        waits = options.acceptance == "staff" and self.state == "draft" and self.progress in (None, "pending")
        return Placed(self.uuid, PlacedStatus.PENDING if waits else PlacedStatus.ACCEPTED, self.amounts)

    def as_pos_order(self, store: Store, options: Options) -> PosOrder:
        """As reconciliation reads it."""
        ref = self.note.partition("\n")[0].removeprefix(_SIGN)
        state, reason = None, None
        if self.state == "cancel":
            state, reason = OrderState.CANCELLED, "cancelled at the POS"
        elif self.state != "draft":
            state = OrderState.COMPLETED
        waits = self.placed(options).status is PlacedStatus.PENDING
        return PosOrder(
            id=self.uuid,
            # People can write on a ticket: its uuid alone proves whose it is.
            order_ref=ref if placement_key(store, ref) == self.uuid else "",
            status=None if waits else PROGRESS.get(self.progress or "confirmed"),
            state=state,
            reason=reason,
            estimated_ready_at=self.slot,
        )


def find_ticket(odoo: Odoo, options: Options, uuid: str) -> Ticket | None:
    """The ticket of a key, with its amounts."""
    for row in _rows(odoo, options, [("uuid", "=", uuid)]):
        lines = odoo.rows("pos.order.line", [("order_id", "=", row["id"])], ["price_unit", "qty"])
        return replace(_ticket(row, options), amounts=_amounts(row, lines))
    return None


def read_ticket(odoo: Odoo, options: Options, number: int) -> Ticket | None:
    """The ticket with this id, if it is one of Gett's and of this point of sale."""
    return next(iter(_tickets(odoo, options, [*_gett(options), ("id", "=", number)])), None)


def tickets_since(odoo: Odoo, options: Options, since: datetime) -> list[Ticket]:
    """Gett's tickets of this point of sale that were written since then, whatever their state."""
    written = ("write_date", ">=", since.astimezone(UTC).strftime(_STAMP))
    return _tickets(odoo, options, [*_gett(options), written])


def wire_order(odoo: Odoo, options: Options, assessed: Assessed, order: ExternalOrder, uuid: UUID) -> dict[str, Any]:
    """The order as ``sync_from_ui`` takes it: lines and payment in one transaction.

    :raises ConfigurationError: when the point of sale has no such payment method.
    """
    lines, relations = wire_lines(assessed.lines, uuid)
    on_ticket = assessed.shop.takes_tips and bool(order.tip)
    charged = (assessed.amounts.total or ZERO) - (ZERO if on_ticket else order.tip)
    wire: dict[str, Any] = {
        "uuid": str(uuid),
        "state": "draft",
        "session_id": assessed.session,
        "preset_id": assessed.preset.id if assessed.preset else False,
        "preset_time": assessed.slot.strftime(_STAMP) if assessed.slot else False,
        "fiscal_position_id": assessed.fiscal_position or False,
        "floating_order_name": _name(order),
        "general_customer_note": _note(order),
        "mobile": (order.customer and order.customer.phone) or False,
        "email": (order.customer and order.customer.email) or False,
        "amount_total": charged,
        "amount_tax": assessed.tax,
        "amount_paid": ZERO,
        "amount_return": ZERO,
        "is_tipped": on_ticket,
        "tip_amount": order.tip,
        "lines": lines,
        "relations_uuid_mapping": relations,
        "payment_ids": [],
    }
    if options.payment_method is not None:
        method = _payment_method(odoo, options)
        payment = {"uuid": str(uuid5(uuid, "payment")), "payment_method_id": method, "amount": charged}
        wire["payment_ids"] = [[0, 0, payment]]
    if options.progress_field:
        wire[options.progress_field] = "pending" if options.acceptance == "staff" else "confirmed"
    return wire


def _gett(options: Options) -> list[Any]:
    # People write on tickets: one of the two marks is enough.
    marks = [
        "|",
        ("general_customer_note", "=like", f"{_SIGN}%"),
        ("floating_order_name", "=like", f"{_SIGN.strip()}%"),
    ]
    return [("config_id", "=", options.point_of_sale), *marks]


def _tickets(odoo: Odoo, options: Options, domain: list[Any]) -> list[Ticket]:
    return [_ticket(row, options) for row in _rows(odoo, options, domain)]


def _rows(odoo: Odoo, options: Options, domain: list[Any]) -> list[Row]:
    fields = [*_FIELDS, options.progress_field] if options.progress_field else _FIELDS
    return odoo.rows("pos.order", domain, fields, order="id")


def _ticket(row: Row, options: Options) -> Ticket:
    slot = row["preset_time"]
    return Ticket(
        id=row["id"],
        uuid=row["uuid"],
        number=row["pos_reference"] or row["name"],
        state=row["state"],
        note=row["general_customer_note"] or "",
        progress=row[options.progress_field] or None if options.progress_field else None,
        slot=datetime.strptime(slot, _STAMP).replace(tzinfo=UTC) if slot else None,
    )


def _amounts(row: Row, lines: list[Row]) -> Amounts:
    total, tip = cents(Decimal(row["amount_total"])), cents(Decimal(row["tip_amount"]))
    # A point of sale without a product for tips notes the tip and leaves it out of lines and total.
    tip_inside = tip if row["is_tipped"] else ZERO
    menu_price = sum((cents(Decimal(line["price_unit"]) * Decimal(line["qty"])) for line in lines), -tip_inside)
    return Amounts.of(menu_price, taxes=total - tip_inside - menu_price, tip=tip)


def _payment_method(odoo: Odoo, options: Options) -> int:
    methods = odoo.rows("pos.payment.method", [("config_ids", "in", [options.point_of_sale])], ["name"])
    for method in methods:
        if options.payment_method in (method["id"], method["name"]):
            return int(method["id"])
    known = ", ".join(repr(method["name"]) for method in methods) or "none"
    raise ConfigurationError(
        f"options.payment_method: the point of sale has no {options.payment_method!r}; it has {known}"
    )


def _name(order: ExternalOrder) -> str:
    customer = order.customer
    return f"Gett {(customer and customer.first_name) or ''}".strip()


def _note(order: ExternalOrder) -> str:
    """The order's name, and what a driver needs to know."""
    told = [f"{_SIGN}{order.order_ref}"]
    if delivery := order.delivery_info:
        address = delivery.address
        if address:
            town = " ".join(filter(None, [address.city, address.state, address.postal_code]))
            told += filter(None, [address.address1, address.address2, town])
        told += filter(None, [delivery.type, delivery.instructions])
    return "\n".join(told)


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
