"""Fingerprint of an order: equal for two requests that mean the same food, money, place and person (``gett-protocol.md §3``).

A retry that is taken for another order is refused although the kitchen cooks; another order that is taken for a retry is never
cooked. So everything that may decide what is made, what is paid or who gets it is in, unknown members included; spelling is out.
``docs/receiving.md`` has the table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from typing import Any

from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.order import Amounts, CartModifierGroup, ExternalOrder, LineItem

__all__ = ["fingerprint", "former_fingerprint"]

_DIGITS = 32
"""Hexadecimal digits of the digest: 128 bits are enough to tell orders apart, and each record has it twice."""

_PHONE_SEPARATORS = re.compile(r"[\s().-]")


def fingerprint(order: ExternalOrder, token: Amounts | None = None) -> str:
    """Return the fingerprint of an order: a digest of its content, total and tip.

    An amount that the order itself does not name is marked with ``~`` if its token implies it, and is empty if nothing does.
    Two amounts differ only if both are known and one of them is named by its order (``claim.lua``): a token alone never makes
    another order.

    :param token: the amounts of the order's token, if it has a valid one.
    """
    cart = order.cart
    content = {
        "store": cart.store_id,
        "lines": _lines(cart.line_items),
        "cart": cart.model_extra,
        "fulfillment": order.fulfillment_type,
        "delivery": _delivery(order),
        "customer": _customer(order),
    }
    digest = sha256(_text(_compact(content)).encode()).hexdigest()[:_DIGITS]
    requested, implied = order.amounts or Amounts(), token or Amounts()
    total = _amount(requested.total, implied.total)
    tip = requested.tip
    if tip is None and not order.validated_order_token and requested.total is not None:
        tip = Decimal("0.00")
    return f"{digest}:{total}/{_amount(tip, implied.tip)}"


def former_fingerprint(order: ExternalOrder) -> str:
    """Return the fingerprint in the form that records have which an earlier version has written, for retries after an upgrade."""
    members = {"cart", "fulfillment_type", "delivery_info", "customer", "amounts"}
    content = order.model_dump_json(by_alias=True, exclude_none=True, include=members)
    return sha256(json.dumps(json.loads(content), sort_keys=True).encode()).hexdigest()


def _amount(named: Decimal | None, implied: Decimal | None) -> str:
    if named is not None:
        return str(named)
    return "" if implied is None else f"~{implied}"


def _lines(lines: Iterable[LineItem]) -> list[tuple[str, int]]:
    """Return the pieces of each kind, in an order of their own: two lines of one piece are one line of two."""
    pieces: dict[str, int] = {}
    for line in lines:
        groups = _text(_groups(line.modifier_groups)) if line.modifier_groups else "[]"
        piece = f"[{_text(line.item_id)}, {groups}, {_extra(line)}]"
        pieces[piece] = pieces.get(piece, 0) + line.quantity
    return sorted(pieces.items())


def _groups(groups: Iterable[CartModifierGroup]) -> list[tuple[str, list[tuple[str, int]]]]:
    """Return the selections by group; a group that appears twice is one group, and one without a selection is none."""
    selected: dict[str, list[LineItem]] = {}
    for group in groups:
        extra = _extra(group)
        if group.selected_modifiers or extra != "{}":
            selected.setdefault(f"[{_text(group.modifier_group_id)}, {extra}]", []).extend(group.selected_modifiers)
    return sorted((name, _lines(lines)) for name, lines in selected.items())


def _delivery(order: ExternalOrder) -> Any:
    delivery = {} if order.delivery_info is None else order.delivery_info.to_wire()
    if isinstance(address := delivery.get("address"), dict):
        address.pop("location", None)
    return delivery


def _customer(order: ExternalOrder) -> Any:
    customer = {} if order.customer is None else order.customer.to_wire()
    if phone := customer.get("phone"):
        customer["phone"] = _PHONE_SEPARATORS.sub("", phone)
    return customer


def _extra(wire: Wire) -> str:
    """Return the unknown members, which may be a wish for the kitchen, as JSON."""
    extra = wire.model_extra
    return _text(_compact(extra)) if extra else "{}"


def _compact(value: Any) -> Any:
    """Return JSON data without absent members, which may be spelled null or empty, and with one spelling of each number."""
    if isinstance(value, dict):
        compact = {name: _compact(member) for name, member in value.items()}
        return {name: member for name, member in compact.items() if member not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return [_compact(member) for member in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


_text = json.JSONEncoder(sort_keys=True).encode
