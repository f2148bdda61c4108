"""Check and price a cart: every rule of ``gett-protocol.md §3`` and ``§4`` in one pass.

Most carts are legal, so a pass over a legal cart builds no text: a place in the cart is kept as a chain of
``(parent, member, index)`` and becomes a JSON path only when there is a violation to report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import TypeAlias

from webhook_kit.catalog.cents import from_cents
from webhook_kit.catalog.compiled import CatalogMask, CompiledCatalog, CompiledGroup, CompiledItem
from webhook_kit.gett.models.order import Cart, CartModifierGroup, ExternalOrder, Fulfillment, LineItem, ValidationError
from webhook_kit.gett.models.problem import ErrorCode

__all__ = ["CheckedCart", "PricedLine", "check_cart"]

_ITEM_MEMBER = re.compile(r"(item|modifier(group)?|option)_?ids?$", re.IGNORECASE)
"""Name of a member that names an item."""
_OPTION_MEMBER = re.compile(r"option|modifier|selected|selection|choice|chosen|topping|add_?on|extra", re.IGNORECASE)
"""Name of a member that holds options, by the words that other APIs use."""

_Place: TypeAlias = "tuple[_Place | None, str, int]"
"""A place in the cart: the place that contains it (None: the cart itself), the member's name, the index in it."""


@dataclass(frozen=True, slots=True)
class PricedLine:
    """Price of one line of a cart.

    :ivar index: position in ``cart.lineItems``, from 0.
    :ivar unit_price: one piece with its modifiers, in major units.
    :ivar total: ``quantity × unit_price``.
    """

    index: int
    line_item_id: str | None
    item_id: str
    name: str
    quantity: int
    unit_price: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class CheckedCart:
    """Result of checking a cart against a catalog.

    :ivar violations: every violation; empty when the cart is legal.
    :ivar lines: the lines without a violation [D], priced.
    :ivar sub_total: sum of these lines in major units: the cart's price when there are no violations.
    """

    violations: tuple[ValidationError, ...]
    lines: tuple[PricedLine, ...]
    sub_total: Decimal


def check_cart(
    catalog: CompiledCatalog,
    order: ExternalOrder,
    *,
    at: datetime,
    timezone: tzinfo,
    unavailable: AbstractSet[str] = frozenset(),
    fulfillment_types: AbstractSet[str] | None = None,
) -> CheckedCart:
    """Check an order against the catalog and price it; report all violations at once (``gett-protocol.md §3, §4``).

    :param at: the time of the order, aware.
    :param timezone: the store's zone, in which opening hours are read.
    :param unavailable: ids of the unavailable items and options.
    :param fulfillment_types: the types that the store offers; None accepts every type.
    :raises ValueError: when ``at`` is naive.
    """
    check = _CartCheck(catalog, catalog.open_catalogs(at, timezone), unavailable)
    if not check.open:
        check.violations.append(
            _violation(ErrorCode.STORE_CLOSED, "The store is closed at this time.", "$.cart.storeId")
        )
    lines = order.cart.line_items
    if order.cart.model_extra:
        check.misplaced_items(order.cart, None)
    if not lines:
        check.violations.append(_violation(ErrorCode.CART_EMPTY, "The cart is empty.", "$.cart.lineItems"))
    priced = []
    sum_cents = 0
    for index, line in enumerate(lines):
        result = check.line(line, (None, "lineItems", index))
        if result is None:
            continue
        item, unit_cents = result
        total_cents = line.quantity * unit_cents
        sum_cents += total_cents
        priced.append(
            PricedLine(
                index,
                line.line_item_id,
                item.id,
                item.name,
                line.quantity,
                from_cents(unit_cents),
                from_cents(total_cents),
            )
        )
    check.violations.extend(_fulfillment_violations(order, fulfillment_types))
    return CheckedCart(tuple(check.violations), tuple(priced), from_cents(sum_cents))


class _GroupSelection:
    """Selections made from one group for one item; a group that appears twice on a line is one group."""

    __slots__ = ("count", "group", "place", "quantities")

    def __init__(self, group: CompiledGroup, place: _Place) -> None:
        self.group = group
        self.place = place  # of the group's first appearance
        self.count = 0
        self.quantities: dict[str, int] = {}


class _CartCheck:
    """One pass over the lines of one cart."""

    __slots__ = ("catalog", "open", "unavailable", "violations")

    def __init__(self, catalog: CompiledCatalog, open_catalogs: CatalogMask, unavailable: AbstractSet[str]) -> None:
        self.catalog = catalog
        self.open = open_catalogs
        self.unavailable = unavailable
        self.violations: list[ValidationError] = []

    def line(self, line: LineItem, place: _Place) -> tuple[CompiledItem, int] | None:
        """Return the item and the cents of one piece; None when the line has a violation."""
        item = self.catalog.items.get(line.item_id)
        if item is None:
            self._item_unavailable(line.item_id, f"There is no item “{line.item_id}” on the menu.", place)
            return None
        violations_before = len(self.violations)
        if not item.catalogs:
            self._item_unavailable(item.id, f"{item.name} is not sold on its own.", place)
        elif self.open and not item.catalogs & self.open:
            self._item_unavailable(item.id, f"{item.name} is out of hours: it is not served at this time.", place)
        if item.id in self.unavailable:
            self._item_unavailable(item.id, f"{item.name} has run out.", place)
        if line.model_extra:
            self.misplaced_items(line, place, item)
        cents = item.price + self._modifiers(item, line.modifier_groups, place)
        return (item, cents) if len(self.violations) == violations_before else None

    def _modifiers(self, item: CompiledItem, entries: Sequence[CartModifierGroup], place: _Place) -> int:
        """Return the cents that the modifiers of one piece of an item add to its price."""
        cents = 0
        selections: dict[str, _GroupSelection] = {}
        for index, entry in enumerate(entries):
            entry_place = (place, "modifierGroups", index)
            if entry.model_extra:
                self.misplaced_items(entry, entry_place, item)
            group = item.groups.get(entry.modifier_group_id)
            if group is None:
                message = f"{item.name} has no modifier group “{entry.modifier_group_id}”."
                self._illegal_modifier(item.id, message, entry_place)
                continue
            selection = selections.get(group.id)
            if selection is None:
                selection = selections[group.id] = _GroupSelection(group, entry_place)
            for position, modifier in enumerate(entry.selected_modifiers):
                cents += self._modifier(item, selection, modifier, (entry_place, "selectedModifiers", position))
        for selection in selections.values():
            if not selection.group.minimum <= selection.count <= selection.group.maximum:
                self._out_of_bounds(item, selection)
        for group in item.required_groups:
            if group.id not in selections:
                # [D] A missing group has no path, so the violation gets the path of the item that lacks it.
                self._out_of_bounds(item, _GroupSelection(group, place))
        return cents

    def _modifier(self, item: CompiledItem, selection: _GroupSelection, modifier: LineItem, place: _Place) -> int:
        """Return the cents of one selected modifier, its own modifiers included."""
        group, first, quantity = selection.group, selection.count, modifier.quantity
        before = selection.quantities.get(modifier.item_id, 0)
        # [D] An option of another group counts towards this group's quantity, so one mistake is reported only once.
        selection.count = first + quantity
        selection.quantities[modifier.item_id] = before + quantity
        option = group.options.get(modifier.item_id)
        if option is None:
            message = f"{item.name}: {self._name(modifier.item_id)} is not an option of {group.name}."
            self._illegal_modifier(modifier.item_id, message, place)
            return 0
        if not group.allows_duplicates and (before or quantity > 1):
            message = (
                f"{item.name}: {option.name} can be chosen only once from {group.name}, not {before + quantity} times."
            )
            self._illegal_modifier(option.id, message, place)
        if option.id in self.unavailable:
            self._item_unavailable(option.id, f"{item.name}: {option.name} ({group.name}) has run out.", place)
        if modifier.model_extra:
            self.misplaced_items(modifier, place, option)
        cents = group.price(option, first, quantity)
        if modifier.modifier_groups or option.required_groups:
            cents += quantity * self._modifiers(option, modifier.modifier_groups, place)
        return cents

    def misplaced_items(
        self, part: Cart | LineItem | CartModifierGroup, place: _Place | None, item: CompiledItem | None = None
    ) -> None:
        """Report each unknown member that holds items or options: the order would be placed without them."""
        options = self.catalog.items if item is None else _options(item)
        for name, value in (part.model_extra or {}).items():
            in_group = isinstance(part, CartModifierGroup)
            is_option = isinstance(value, str) and value in options and (in_group or _OPTION_MEMBER.search(name))
            if not (is_option or (value and isinstance(value, list | dict))):
                continue
            # [D] A group has nothing but selections, so any list in it is taken for one.
            named_so = (in_group and isinstance(value, list)) or (item is not None and _OPTION_MEMBER.search(name))
            if named_so or _holds_items(value, options):
                right = "selectedModifiers" if in_group else "lineItems" if item is None else "modifierGroups"
                message = f"“{name}” is not read here; send what it holds in {right}."
                path = _json_path(place) + (f".{name}" if name.isidentifier() else f"[{json.dumps(name)}]")
                if item is None:
                    self.violations.append(_violation(ErrorCode.INVALID_REQUEST, message, path))
                else:
                    code = ErrorCode.MODIFIER_REQUIRED
                    self.violations.append(ValidationError(code=code, message=message, item_id=item.id, json_path=path))

    def _out_of_bounds(self, item: CompiledItem, selection: _GroupSelection) -> None:
        group = selection.group
        names = ", ".join(
            self._name(option_id) + (f" × {quantity}" if quantity > 1 else "")
            for option_id, quantity in selection.quantities.items()
        )
        chosen = f"{selection.count} chosen ({names})" if names else "none chosen"
        message = f"{item.name}: choose {_bounds(group)} of {group.name}; {chosen}."
        self._illegal_modifier(item.id, message, selection.place)

    def _name(self, item_id: str) -> str:
        item = self.catalog.items.get(item_id)
        return item.name if item else f"“{item_id}”"

    def _item_unavailable(self, item_id: str, message: str, place: _Place) -> None:
        self._add(ErrorCode.ITEM_UNAVAILABLE, item_id, message, place)

    def _illegal_modifier(self, item_id: str, message: str, place: _Place) -> None:
        self._add(ErrorCode.MODIFIER_REQUIRED, item_id, message, place)

    def _add(self, code: ErrorCode, item_id: str, message: str, place: _Place) -> None:
        self.violations.append(
            ValidationError(code=code, message=message, item_id=item_id, json_path=_json_path(place))
        )


def _fulfillment_violations(order: ExternalOrder, offered: AbstractSet[str] | None) -> Iterator[ValidationError]:
    if offered is not None and order.fulfillment_type not in offered:
        names = ", ".join(sorted(offered)) or "nothing at present"
        message = f"This store does not offer {order.fulfillment_type}; it offers {names}."
        yield _violation(ErrorCode.OTHER, message, "$.fulfillmentType")
    if order.fulfillment_type == Fulfillment.DELIVERY:
        yield from _address_violations(order)


def _address_violations(order: ExternalOrder) -> Iterator[ValidationError]:
    # The messages name only what is missing, because the address itself is personal data.
    code = ErrorCode.ADDRESS_INVALID
    if order.delivery_info is None:
        yield _violation(code, "A delivery needs deliveryInfo with an address.", "$.deliveryInfo")
        return
    address = order.delivery_info.address
    if address is None:
        yield _violation(code, "A delivery needs an address.", "$.deliveryInfo.address")
        return
    required = {
        "address1": address.address1,
        "city": address.city,
        "state": address.state,
        "postalCode": address.postal_code,
    }
    for member, value in required.items():
        if not (value and value.strip()):
            yield _violation(code, f"The delivery address has no {member}.", f"$.deliveryInfo.address.{member}")


def _options(item: CompiledItem) -> frozenset[str]:
    """Return the ids of everything that can be chosen for an item."""
    return frozenset(option for group in item.groups.values() for option in group.options)


def _holds_items(value: object, ids: Container[str]) -> bool:
    """Return True if JSON data names an item, by one of these ids or by the name of a member, at any depth."""
    if isinstance(value, str):
        return value in ids
    if isinstance(value, list):
        return any(_holds_items(inner, ids) for inner in value)
    if isinstance(value, dict):
        return any(
            name in ids or _ITEM_MEMBER.search(name) or _holds_items(inner, ids) for name, inner in value.items()
        )
    return False


def _violation(code: ErrorCode, message: str, path: str) -> ValidationError:
    return ValidationError(code=code, message=message, json_path=path)


def _bounds(group: CompiledGroup) -> str:
    if group.minimum == group.maximum:
        return f"exactly {group.maximum}"
    return f"{group.minimum} to {group.maximum}" if group.minimum > 0 else f"at most {group.maximum}"


def _json_path(place: _Place | None) -> str:
    if place is None:
        return "$.cart"
    parent, member, index = place
    return f"{_json_path(parent)}.{member}[{index}]"
