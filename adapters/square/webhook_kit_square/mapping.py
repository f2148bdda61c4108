"""Conversion of Gett's orders to Square's, and back. Without calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unicodedata import category

from square.requests.fulfillment import FulfillmentParams
from square.requests.fulfillment_recipient import FulfillmentRecipientParams
from square.requests.order import OrderParams
from square.requests.order_line_item import OrderLineItemParams
from square.types.fulfillment import Fulfillment as SquareFulfillment
from square.types.order import Order as SquareOrder

from webhook_kit import (
    Address,
    FulfillmentType,
    LineItem,
    Order,
    OrderChanged,
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
from webhook_kit_square.api import SquareError
from webhook_kit_square.money import minor

__all__ = [
    "FULFILLMENT_UID",
    "ORDER_REF",
    "SOURCE",
    "CatalogReference",
    "changes",
    "our_fulfillment",
    "plain_text",
    "pos_order",
    "priced",
    "progress",
    "reference",
    "references",
    "refusal",
    "ticket",
    "unpayable_tip",
    "unplaceable",
    "variation_group",
]

SOURCE = "Gett"
"""Name of the source of Gett's orders; searches filter by it."""

FULFILLMENT_UID = "gett"
"""Id of the fulfillment in each of Gett's orders. A webhook names it, which distinguishes them from orders of other channels."""

ORDER_REF = "gett_order_ref"
"""Metadata entry of an order with its whole order_ref."""

_GUEST = "Gett guest"  # Square requires a name
_NO_TEXT = frozenset({"Cc", "Cs"})  # control characters, halves of surrogate pairs
_EXTENSION = re.compile(r"[A-Za-z#;,].*", re.DOTALL)
_NOT_OF_A_NUMBER = re.compile(r"[^+\d]")
_WRONG_LINE = re.compile(r"line_items\[(\d+)\]")


# -- Gett's orders to Square's -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CatalogReference:
    """Reference of an order to an object of Square's catalog.

    :ivar object_id: Square's id of the variation or modifier.
    :ivar item_id: the item of Gett's catalog to name in a refusal.
    """

    object_id: str
    item_id: str
    json_path: str


def variation_group(item_id: str) -> str:
    """Return the id of the modifier group of an item's variations."""
    return f"{item_id}#variation"


def references(order: Order) -> Iterator[CatalogReference]:
    """Yield every reference of an order to Square's catalog."""
    for index, line in enumerate(order.cart.line_items):
        path = f"$.cart.lineItems[{index}]"
        if not _variations(line):
            yield CatalogReference(line.item_id, line.item_id, path)
        for number, group in enumerate(line.modifier_groups):
            for position, option in enumerate(group.selected_modifiers):
                where = f"{path}.modifierGroups[{number}].selectedModifiers[{position}]"
                yield CatalogReference(option.item_id, option.item_id, where)


def unplaceable(order: Order) -> Refused | None:
    """Refuse the parts of an order that Square does not have and would drop without an error."""
    refusals = []
    if order.fulfillment_type not in set(FulfillmentType):
        text = f"Square takes {' and '.join(FulfillmentType)}, not {order.fulfillment_type}"
        refusals.append(Refusal(Reason.OTHER, text, json_path="$.fulfillmentType"))
    for index, line in enumerate(order.cart.line_items):
        for number, group in enumerate(line.modifier_groups):
            for position, option in enumerate(group.selected_modifiers):
                if option.modifier_groups:
                    path = f"$.cart.lineItems[{index}].modifierGroups[{number}].selectedModifiers[{position}]"
                    text = "Square has no modifiers of a modifier"
                    refusals.append(Refusal(Reason.MODIFIER_FOREIGN, text, option.item_id, path))
    return Refused.all(refusals) if refusals else None


def unpayable_tip(order: Order, currency: str | None) -> Refused | None:
    """Refuse a tip with a fraction of the currency's smallest unit."""
    try:
        minor(order.tip, currency)
    except ValueError as error:
        return Refused(Reason.OTHER, f"the tip of {error}", json_path="$.amounts.tip")
    return None


def priced(order: Order, location_id: str) -> OrderParams:
    """Return the part of an order that determines its price, and nothing else. Square adds the taxes that the seller has configured."""
    return {
        "location_id": location_id,
        "line_items": [_line(line) for line in order.cart.line_items],
        "pricing_options": {"auto_apply_taxes": True},
    }


def ticket(order: Order, store: Store, *, preparation_minutes: int) -> OrderParams:
    """Return the whole order. It is the same at any time, because Square compares the requests of one key."""
    return {
        **priced(order, store.id),
        "reference_id": reference(store, order.order_ref),
        "source": {"name": SOURCE},
        "metadata": {ORDER_REF: order.order_ref},
        "fulfillments": [_fulfillment(order, preparation_minutes)],
    }


def reference(store: Store, order_ref: str) -> str:
    """Return Square's reference of an order: its order_ref, or our key if that is longer than Square's 40 characters."""
    return order_ref if len(order_ref) <= 40 else placement_key(store, order_ref)


def _variations(line: LineItem) -> list[LineItem]:
    own = variation_group(line.item_id)
    return [
        option
        for group in line.modifier_groups
        if group.modifier_group_id == own
        for option in group.selected_modifiers
    ]


def _line(line: LineItem) -> OrderLineItemParams:
    own = variation_group(line.item_id)
    variation = next(iter(_variations(line)), line)
    modifiers = [
        option
        for group in line.modifier_groups
        if group.modifier_group_id != own
        for option in group.selected_modifiers
    ]
    return {
        "catalog_object_id": variation.item_id,
        "quantity": str(line.quantity),
        "modifiers": [{"catalog_object_id": option.item_id, "quantity": str(option.quantity)} for option in modifiers],
    }


def _fulfillment(order: Order, preparation_minutes: int) -> FulfillmentParams:
    preparation = f"PT{preparation_minutes}M"
    info = order.delivery_info
    note = plain_text(info.instructions if info else None, 550)
    if order.fulfillment_type == FulfillmentType.DELIVERY:
        recipient = _recipient(order, info.address if info else None)
        return {
            "uid": FULFILLMENT_UID,
            "type": "DELIVERY",
            "state": "PROPOSED",
            "delivery_details": {
                "recipient": recipient,
                "schedule_type": "ASAP",
                "prep_time_duration": preparation,
                "note": note,
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


def _recipient(order: Order, address: Address | None) -> FulfillmentRecipientParams:
    customer = order.customer
    names = [customer.first_name, customer.last_name] if customer else []
    name = plain_text(" ".join(name for name in names if name), 255)
    recipient: FulfillmentRecipientParams = {"display_name": name or _GUEST}
    if customer and (phone := _phone(customer.phone or "")):
        recipient["phone_number"] = phone
    if customer and (email := plain_text(customer.email, 255)):
        recipient["email_address"] = email
    if address:
        lines: dict[str, Any] = {
            "address_line1": address.address1,
            "address_line2": address.address2,
            "locality": address.city,
            "administrative_district_level1": address.state,
            "postal_code": address.postal_code,
        }
        filled = {name: text for name, line in lines.items() if (text := plain_text(line, 500))}
        recipient["address"] = filled  # type: ignore[typeddict-item]
    return recipient


def _phone(number: str) -> str:
    """Return a telephone number without extension and without what makes it longer than Square's 17 characters."""
    return _NOT_OF_A_NUMBER.sub("", _EXTENSION.sub("", number))[:17]


def plain_text(text: str | None, longest: int) -> str:
    """Return a text that JSON and Square's screens can have: without control characters and halves of an emoji."""
    text = (text or "").replace("\ufffd", "")  # what the kit puts in the place of such a half
    kept = (each for each in text if each == "\n" or category(each) not in _NO_TEXT)
    return "".join(kept).strip()[:longest]


# -- Square's responses ------------------------------------------------------------------------------------------------


def refusal(error: SquareError, order: Order) -> Refused:
    """Return Square's refusal of an order, with the line that it names."""
    return Refused.all([_refusal(each.code, each.detail, each.field, order) for each in error.errors])


def _refusal(code: str, detail: str | None, field: str | None, order: Order) -> Refusal:
    message = detail or str(code)
    if field and field.endswith("location_id"):
        return Refusal(Reason.STORE_UNKNOWN, message)
    match = _WRONG_LINE.search(field or "")
    lines = order.cart.line_items
    if match is None or int(match[1]) >= len(lines):
        return Refusal(Reason.OTHER, message)
    item_id = lines[int(match[1])].item_id
    reason = Reason.ITEM_UNKNOWN if str(code) == "NOT_FOUND" else Reason.OTHER
    return Refusal(reason, message, item_id, f"$.cart.lineItems[{match[1]}]")


_PROGRESS = {
    "PROPOSED": OrderProgress(status=OrderStatus.CONFIRMED),
    "RESERVED": OrderProgress(status=OrderStatus.PREPARING),
    "PREPARED": OrderProgress(status=OrderStatus.READY),
    "COMPLETED": OrderProgress(state=OrderState.COMPLETED),
    "CANCELED": OrderProgress(state=OrderState.CANCELLED, reason="the restaurant cancelled the order"),
    "FAILED": OrderProgress(state=OrderState.CANCELLED, reason="the restaurant could not fulfill the order"),
}


def progress(state: str | None) -> OrderProgress:
    """Return the progress that a fulfillment's state stands for; an unknown state is none.

    [D] Square has no "accepted": a paid order reaches the kitchen as PROPOSED, so that is a confirmed one.
    """
    return _PROGRESS.get(state or "", OrderProgress())


def our_fulfillment(order: SquareOrder) -> SquareFulfillment | None:
    """Return the fulfillment with which Gett's order was created."""
    return next((each for each in order.fulfillments or () if each.uid == FULFILLMENT_UID), None)


def pos_order(order: SquareOrder) -> PosOrder:
    """Return an order for reconciliation. A cancelled order is cancelled, whatever the state of its fulfillment."""
    fulfillment = our_fulfillment(order)
    current = progress("CANCELED" if order.state == "CANCELED" else fulfillment.state if fulfillment else None)
    return PosOrder(
        id=order.id or "",
        order_ref=(order.metadata or {}).get(ORDER_REF) or order.reference_id or "",
        status=current.status,
        state=current.state,
        reason=current.reason,
    )


def changes(updated: Mapping[str, Any]) -> Iterator[OrderChanged]:
    """Yield the changes of Gett's orders in an event ``order.fulfillment.updated``.

    :raises ValueError: it names its location or its order by something else than a text.
    """
    store_id, order_id = updated["location_id"], updated["order_id"]
    if not (isinstance(store_id, str) and isinstance(order_id, str)):
        raise ValueError("location_id and order_id should be texts")  # noqa: TRY004 - of a body, not of an argument
    for change in updated.get("fulfillment_update") or ():
        if change.get("fulfillment_uid") != FULFILLMENT_UID:
            continue  # an order of another channel
        if change.get("new_state") == "PROPOSED":
            continue  # perhaps not paid yet; the placement itself reports its result
        current = progress(change.get("new_state"))
        if current != OrderProgress():
            yield OrderChanged(
                store_id=store_id,
                order_id=order_id,
                status=current.status,
                state=current.state,
                reason=current.reason,
            )
