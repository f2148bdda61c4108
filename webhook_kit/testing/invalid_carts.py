"""Carts with exactly one mistake each, built from any catalog, with the error that has to be reported for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from webhook_kit.gett.models.catalog import ExternalModifierGroup
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.testing.orderable import CartLine, OrderableCatalog, cart_line, group_selection

__all__ = ["INVALID_CARTS", "InvalidCart"]


@dataclass(frozen=True)
class InvalidCart:
    """A cart with one mistake.

    :ivar lines: its lines.
    :ivar code: the error code that has to be reported (``gett-protocol.md §5``).
    :ivar path: the JSON path that has to be reported.
    :ivar order_members: members of the order besides the cart.
    """

    lines: list[CartLine]
    code: ErrorCode
    path: str
    order_members: Mapping[str, Any]


def _invalid(lines: list[CartLine], code: ErrorCode, path: str, **order_members: Any) -> InvalidCart:
    return InvalidCart(lines, code, path, order_members)


def _empty(_orderable: OrderableCatalog) -> InvalidCart | None:
    return _invalid([], ErrorCode.CART_EMPTY, "$.cart.lineItems")


def _unknown_item(orderable: OrderableCatalog) -> InvalidCart | None:
    lines = [orderable.minimal_line(orderable.item_ids[0]), cart_line("no-such-item")]
    return _invalid(lines, ErrorCode.ITEM_UNAVAILABLE, "$.cart.lineItems[1]")


def _option_as_item(orderable: OrderableCatalog) -> InvalidCart | None:
    for item_id, _ in orderable.example_lines():
        if item_id not in orderable.listed_ids:
            return _invalid([orderable.minimal_line(item_id)], ErrorCode.ITEM_UNAVAILABLE, "$.cart.lineItems[0]")
    return None


def _unknown_group(orderable: OrderableCatalog) -> InvalidCart | None:
    line = orderable.minimal_line(orderable.item_ids[0])
    line["modifierGroups"].append(group_selection("no-such-group"))
    path = f"$.cart.lineItems[0].modifierGroups[{len(line['modifierGroups']) - 1}]"
    return _invalid([line], ErrorCode.MODIFIER_REQUIRED, path)


def _option_of_another_group(orderable: OrderableCatalog) -> InvalidCart | None:
    for item_id, group in _items_with_group(orderable):
        line = orderable.line_with(item_id, group, orderable.minimal_line(orderable.options(group)[0]))
        index = _group_index(line, group)
        line["modifierGroups"][index]["selectedModifiers"][0] = cart_line("no-such-option")
        path = f"$.cart.lineItems[0].modifierGroups[{index}].selectedModifiers[0]"
        return _invalid([line], ErrorCode.MODIFIER_REQUIRED, path)
    return None


def _required_option_missing(orderable: OrderableCatalog) -> InvalidCart | None:
    for item_id in orderable.item_ids:
        if any(group.minimum_allowed > 0 for group in orderable.groups(item_id)):
            return _invalid([cart_line(item_id)], ErrorCode.MODIFIER_REQUIRED, "$.cart.lineItems[0]")
    return None


def _too_many_options(orderable: OrderableCatalog) -> InvalidCart | None:
    for item_id, group in _items_with_group(orderable):
        if group.enable_duplicate_items:
            selected = orderable.minimal_line(orderable.options(group)[0], group.maximum_allowed + 1)
        elif len(orderable.options(group)) > group.maximum_allowed:
            first, *others = orderable.options(group)[: group.maximum_allowed + 1]
            selected = orderable.minimal_line(first)
        else:
            continue
        line = orderable.line_with(item_id, group, selected)
        index = _group_index(line, group)
        if not group.enable_duplicate_items:
            selection = group_selection(group.modifier_group_id, *map(orderable.minimal_line, [first, *others]))
            line["modifierGroups"][index] = selection
        return _invalid([line], ErrorCode.MODIFIER_REQUIRED, f"$.cart.lineItems[0].modifierGroups[{index}]")
    return None


def _duplicate_option(orderable: OrderableCatalog) -> InvalidCart | None:
    for item_id, group in _items_with_group(orderable):
        if not group.enable_duplicate_items:
            line = orderable.line_with(item_id, group, orderable.minimal_line(orderable.options(group)[0]))
            index = _group_index(line, group)
            line["modifierGroups"][index]["selectedModifiers"][0]["quantity"] = 2
            path = f"$.cart.lineItems[0].modifierGroups[{index}].selectedModifiers[0]"
            return _invalid([line], ErrorCode.MODIFIER_REQUIRED, path)
    return None


def _no_address(orderable: OrderableCatalog) -> InvalidCart | None:
    lines = [orderable.minimal_line(orderable.item_ids[0])]
    return _invalid(lines, ErrorCode.ADDRESS_INVALID, "$.deliveryInfo", fulfillmentType="DeliveryByMerchant")


def _items_with_group(orderable: OrderableCatalog) -> Iterator[tuple[str, ExternalModifierGroup]]:
    for item_id in orderable.item_ids:
        for group in orderable.groups(item_id):
            if orderable.options(group) and group.maximum_allowed > 0:
                yield item_id, group


def _group_index(line: CartLine, group: ExternalModifierGroup) -> int:
    return [selection["modifierGroupId"] for selection in line["modifierGroups"]].index(group.modifier_group_id)


INVALID_CARTS: Mapping[str, Callable[[OrderableCatalog], InvalidCart | None]] = {
    "an empty cart": _empty,
    "an item that is not in the catalog": _unknown_item,
    "an option ordered as an item": _option_as_item,
    "a modifier group of another item": _unknown_group,
    "an option of another group": _option_of_another_group,
    "a required option missing": _required_option_missing,
    "more options than the group allows": _too_many_options,
    "the same option twice where the group does not allow it": _duplicate_option,
    "a delivery without an address": _no_address,
}
"""A builder for each kind of invalid cart. It returns None if the catalog does not allow this mistake."""
