"""Gett's orders in Square's words, and Square's in Gett's. Nothing here calls anybody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from square.requests.fulfillment import FulfillmentParams
from square.requests.fulfillment_recipient import FulfillmentRecipientParams
from square.requests.money import MoneyParams
from square.requests.order import OrderParams
from square.requests.order_line_item import OrderLineItemParams
from square.types.fulfillment import Fulfillment as SquareFulfillment
from square.types.money import Money
from square.types.order import Order

from webhook_kit.adapter import (
    OrderProgress,
    OrderState,
    OrderStatus,
    PosOrder,
    Reason,
    Refusal,
    Refused,
    Store,
    placement_key,
)
from webhook_kit.gett.models.order import Amounts, ExternalAddress, ExternalOrder, Fulfillment, LineItem
from webhook_kit_square.api import SquareError

__all__ = [
    "FULFILLMENT_UID",
    "ORDER_REF",
    "SOURCE",
    "Sold",
    "amounts",
    "major",
    "minor",
    "our_fulfillment",
    "pos_order",
    "priced",
    "progress",
    "reference",
    "refusal",
    "sold",
    "ticket",
    "unplaceable",
    "variation_group",
]

SOURCE = "Gett"
"""Square's name for where our orders come from; searches ask for these alone."""

FULFILLMENT_UID = "gett"
"""What the fulfillment is called in each of our orders: a webhook names it, so other people's orders are told apart."""

ORDER_REF = "gett_order_ref"
"""The order's metadata entry with Gett's whole name for it."""

_DIGITS = {"JPY": 0}  # of what Square sells in, only the yen has no smaller unit; all others have hundredths
_GUEST = "Gett guest"  # Square wants a name
_PREPARATION_MINUTES = 20
_LINE_AT_FAULT = re.compile(r"line_items\[(\d+)\]")


# -- money -------------------------------------------------------------------------------------------------------------


def major(money: Money | None) -> Decimal:
    """Square's integer of the smallest unit as an exact amount; nothing is zero."""
    if money is None or money.amount is None:
        return Decimal("0.00")
    return Decimal(money.amount).scaleb(-_digits(money.currency)) + Decimal("0.00")


def minor(amount: Decimal, currency: str | None) -> MoneyParams:
    """An amount as Square's integer.

    :raises ValueError: when the currency has no coin that small.
    """
    scaled = amount.scaleb(_digits(currency))
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} cannot be paid in {currency}")
    return {"amount": int(scaled), "currency": currency}


def _digits(currency: str | None) -> int:
    return _DIGITS.get(currency or "", 2)


def amounts(order: Order, tip: Decimal) -> Amounts:
    """What Square charges, with the tip, which is no part of Square's order until it is paid.

    The subtotal is what remains of Square's total: inclusive taxes are in some countries part of a line's price and in others
    not, and the parts have to sum to the total everywhere.
    """
    total = major(order.total_money) - major(order.total_tip_money)
    rounding = order.rounding_adjustment.amount_money if order.rounding_adjustment else None
    fees, promotions, taxes, adjustments = (
        major(order.total_service_charge_money),
        major(order.total_discount_money),
        major(order.total_tax_money),
        major(rounding),
    )
    sub_total = total - fees + promotions - taxes - adjustments
    return Amounts.of(sub_total, fees=fees, promotions=promotions, taxes=taxes, adjustments=adjustments, tip=tip)


# -- an order on its way to Square -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sold:
    """Something of Square's catalog that an order asks for.

    :ivar object_id: Square's id of the variation or modifier.
    :ivar item_id: the item of Gett's menu to blame when it cannot be had.
    """

    object_id: str
    item_id: str
    json_path: str


def variation_group(item_id: str) -> str:
    """The modifier group under which an item with several variations offers them."""
    return f"{item_id}#variation"


def sold(order: ExternalOrder) -> Iterator[Sold]:
    """Everything of Square's catalog that the order asks for."""
    for index, line in enumerate(order.cart.line_items):
        path = f"$.cart.lineItems[{index}]"
        if not _variations(line):
            yield Sold(line.item_id, line.item_id, path)
        for number, group in enumerate(line.modifier_groups):
            for place, choice in enumerate(group.selected_modifiers):
                where = f"{path}.modifierGroups[{number}].selectedModifiers[{place}]"
                yield Sold(choice.item_id, choice.item_id, where)


def unplaceable(order: ExternalOrder) -> Refused | None:
    """What Square has no place for, and would lose without a word."""
    found = []
    if order.fulfillment_type not in set(Fulfillment):
        text = f"Square takes {' and '.join(Fulfillment)}, not {order.fulfillment_type}"
        found.append(Refusal(Reason.OTHER, text, json_path="$.fulfillmentType"))
    for index, line in enumerate(order.cart.line_items):
        for number, group in enumerate(line.modifier_groups):
            for place, choice in enumerate(group.selected_modifiers):
                if choice.modifier_groups:
                    path = f"$.cart.lineItems[{index}].modifierGroups[{number}].selectedModifiers[{place}]"
                    text = "at Square a modifier has no modifiers of its own"
                    found.append(Refusal(Reason.MODIFIER_FOREIGN, text, choice.item_id, path))
    return Refused.all(found) if found else None


def priced(order: ExternalOrder, location_id: str) -> OrderParams:
    """What decides the price: no more of the order than that. Square adds the taxes that the seller has set up."""
    return {
        "location_id": location_id,
        "line_items": [_line(line) for line in order.cart.line_items],
        "pricing_options": {"auto_apply_taxes": True},
    }


def ticket(order: ExternalOrder, store: Store) -> OrderParams:
    """The whole order. The same order gives the same ticket at any time: Square compares what comes under one key."""
    return {
        **priced(order, store.id),
        "reference_id": reference(store, order.order_ref),
        "source": {"name": SOURCE},
        "metadata": {ORDER_REF: order.order_ref},
        "fulfillments": [_fulfillment(order, store)],
    }


def reference(store: Store, order_ref: str) -> str:
    """The name that Square gets for an order: Gett's own, or, where that is longer than Square's 40 characters, our key."""
    return order_ref if len(order_ref) <= 40 else placement_key(store, order_ref)


def _variations(line: LineItem) -> list[LineItem]:
    own = variation_group(line.item_id)
    return [
        choice
        for group in line.modifier_groups
        if group.modifier_group_id == own
        for choice in group.selected_modifiers
    ]


def _line(line: LineItem) -> OrderLineItemParams:
    own = variation_group(line.item_id)
    variation = next(iter(_variations(line)), line)
    modifiers = [
        choice
        for group in line.modifier_groups
        if group.modifier_group_id != own
        for choice in group.selected_modifiers
    ]
    return {
        "catalog_object_id": variation.item_id,
        "quantity": str(line.quantity),
        "modifiers": [{"catalog_object_id": choice.item_id, "quantity": str(choice.quantity)} for choice in modifiers],
    }


def _fulfillment(order: ExternalOrder, store: Store) -> FulfillmentParams:
    preparation = f"PT{int(store.options.get('preparation_minutes', _PREPARATION_MINUTES))}M"
    info = order.delivery_info
    note = (info.instructions if info else None) or ""
    if order.fulfillment_type == Fulfillment.DELIVERY:
        recipient = _recipient(order, info.address if info else None)
        return {
            "uid": FULFILLMENT_UID,
            "type": "DELIVERY",
            "state": "PROPOSED",
            "delivery_details": {
                "recipient": recipient,
                "schedule_type": "ASAP",
                "prep_time_duration": preparation,
                "note": note[:550],
            },
        }
    return {
        "uid": FULFILLMENT_UID,
        "type": "PICKUP",
        "state": "PROPOSED",
        "pickup_details": {
            "recipient": _recipient(order, None),
            "schedule_type": "ASAP",
            "prep_time_duration": preparation,
            "note": note[:500],
        },
    }


def _recipient(order: ExternalOrder, address: ExternalAddress | None) -> FulfillmentRecipientParams:
    customer = order.customer
    names = [customer.first_name, customer.last_name] if customer else []
    made: FulfillmentRecipientParams = {"display_name": " ".join(name for name in names if name)[:255] or _GUEST}
    if customer and customer.phone:
        made["phone_number"] = customer.phone[:17]
    if customer and customer.email:
        made["email_address"] = customer.email[:255]
    if address:
        lines: dict[str, Any] = {
            "address_line1": address.address1,
            "address_line2": address.address2,
            "locality": address.city,
            "administrative_district_level1": address.state,
            "postal_code": address.postal_code,
        }
        made["address"] = {name: text for name, text in lines.items() if text}  # type: ignore[typeddict-item]
    return made


# -- Square's answers --------------------------------------------------------------------------------------------------


def refusal(error: SquareError, order: ExternalOrder) -> Refused:
    """Square's "no" to an order, with the line that it names."""
    return Refused.all([_refusal(found.code, found.detail, found.field, order) for found in error.errors])


def _refusal(code: str, detail: str | None, field: str | None, order: ExternalOrder) -> Refusal:
    words = detail or str(code)
    if field and field.endswith("location_id"):
        return Refusal(Reason.STORE_UNKNOWN, words)
    found = _LINE_AT_FAULT.search(field or "")
    lines = order.cart.line_items
    if found is None or int(found[1]) >= len(lines):
        return Refusal(Reason.OTHER, words)
    item_id = lines[int(found[1])].item_id
    reason = Reason.ITEM_UNKNOWN if str(code) == "NOT_FOUND" else Reason.OTHER
    return Refusal(reason, words, item_id, f"$.cart.lineItems[{found[1]}]")


_PROGRESS = {
    "PROPOSED": OrderProgress(status=OrderStatus.CONFIRMED),
    "RESERVED": OrderProgress(status=OrderStatus.PREPARING),
    "PREPARED": OrderProgress(status=OrderStatus.READY),
    "COMPLETED": OrderProgress(state=OrderState.COMPLETED),
    "CANCELED": OrderProgress(state=OrderState.CANCELLED, reason="the restaurant cancelled the order"),
    "FAILED": OrderProgress(state=OrderState.CANCELLED, reason="the restaurant could not fulfill the order"),
}


def progress(state: str | None) -> OrderProgress:
    """What a fulfillment's state means to Gett; one that we do not know says nothing.

    [D] Square has no "accepted": a paid order stands in the kitchen as PROPOSED, so that is a confirmed one.
    """
    return _PROGRESS.get(state or "", OrderProgress())


def our_fulfillment(order: Order) -> SquareFulfillment | None:
    """The fulfillment that we made the order with."""
    return next((found for found in order.fulfillments or () if found.uid == FULFILLMENT_UID), None)


def pos_order(order: Order) -> PosOrder:
    """An order as reconciliation wants it. One that was cancelled as a whole is, whatever its fulfillment says."""
    fulfillment = our_fulfillment(order)
    said = progress("CANCELED" if order.state == "CANCELED" else fulfillment.state if fulfillment else None)
    return PosOrder(
        id=order.id or "",
        order_ref=(order.metadata or {}).get(ORDER_REF) or order.reference_id or "",
        status=said.status,
        state=said.state,
        reason=said.reason,
    )
