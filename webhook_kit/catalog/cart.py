"""Whether a cart may be ordered, and what it costs: every rule of ``gett-protocol.md §3`` and ``§4`` in one pass.

A legal cart is the common case, so a pass over one builds no text: where it stands is kept as a chain of
``(parent, member, index)`` and becomes a JSON path only when there is something to complain about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import TypeAlias

from webhook_kit.catalog.cents import from_cents
from webhook_kit.catalog.compiled import CatalogMask, CompiledCatalog, CompiledGroup, CompiledItem
from webhook_kit.gett.models.order import CartModifierGroup, ExternalOrder, Fulfillment, LineItem, ValidationError
from webhook_kit.gett.models.problem import ErrorCode

__all__ = ["CheckedCart", "PricedLine", "check_cart"]

_Trail: TypeAlias = "tuple[_Trail | None, str, int]"


@dataclass(frozen=True, slots=True)
class PricedLine:
    """What one line of the cart costs.

    :ivar index: its place in ``cart.lineItems``, from 0.
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
    """What the menu says of a cart.

    :ivar violations: everything that is wrong; empty when the cart is legal.
    :ivar lines: the lines that have nothing wrong of their own [D], priced.
    :ivar sub_total: their sum, in major units: the cart's price when there are no violations.
    """

    violations: tuple[ValidationError, ...]
    lines: tuple[PricedLine, ...]
    sub_total: Decimal


def check_cart(
    menu: CompiledCatalog,
    order: ExternalOrder,
    *,
    at: datetime,
    timezone: tzinfo,
    unavailable: AbstractSet[str] = frozenset(),
    fulfillment_types: AbstractSet[str] | None = None,
) -> CheckedCart:
    """Check an order against the menu and price it: all violations at once (``gett-protocol.md §3, §4``).

    :param at: the moment of ordering, aware.
    :param timezone: the store's zone, in which opening hours are read.
    :param unavailable: ids of the items and options that have run out.
    :param fulfillment_types: what the store offers; None accepts every type.
    :raises ValueError: when ``at`` is naive.
    """
    check = _Check(menu, menu.open_catalogs(at, timezone), unavailable)
    if not check.open:
        check.violations.append(
            _violation(ErrorCode.STORE_CLOSED, "The store is closed at this time.", "$.cart.storeId")
        )
    lines = order.cart.line_items
    if not lines:
        check.violations.append(_violation(ErrorCode.CART_EMPTY, "The cart is empty.", "$.cart.lineItems"))
    priced = []
    sum_cents = 0
    for index, line in enumerate(lines):
        piece = check.line(line, (None, "lineItems", index))
        if piece is None:
            continue
        item, unit_cents = piece
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
    check.violations.extend(_fulfillment(order, fulfillment_types))
    return CheckedCart(tuple(check.violations), tuple(priced), from_cents(sum_cents))


class _Tally:
    """What has been chosen so far from one group for one item: a group that appears twice on a line counts as one."""

    __slots__ = ("chosen", "count", "group", "trail")

    def __init__(self, group: CompiledGroup, trail: _Trail) -> None:
        self.group = group
        self.trail = trail  # where the group appears first
        self.count = 0
        self.chosen: dict[str, int] = {}


class _Check:
    """One pass over the lines of one cart."""

    __slots__ = ("menu", "open", "unavailable", "violations")

    def __init__(self, menu: CompiledCatalog, open_catalogs: CatalogMask, unavailable: AbstractSet[str]) -> None:
        self.menu = menu
        self.open = open_catalogs
        self.unavailable = unavailable
        self.violations: list[ValidationError] = []

    def line(self, line: LineItem, trail: _Trail) -> tuple[CompiledItem, int] | None:
        """The dish, and what one piece of it costs in cents; None when something is wrong with the line."""
        item = self.menu.items.get(line.item_id)
        if item is None:
            self._unavailable(line.item_id, f"There is no item “{line.item_id}” on the menu.", trail)
            return None
        found_before = len(self.violations)
        if not item.catalogs:
            self._unavailable(item.id, f"{item.name} is not sold on its own.", trail)
        elif self.open and not item.catalogs & self.open:
            self._unavailable(item.id, f"{item.name} is out of hours: it is not served at this time.", trail)
        if item.id in self.unavailable:
            self._unavailable(item.id, f"{item.name} has run out.", trail)
        cents = item.price + self._choices(item, line.modifier_groups, trail)
        return (item, cents) if len(self.violations) == found_before else None

    def _choices(self, item: CompiledItem, entries: Sequence[CartModifierGroup], trail: _Trail) -> int:
        """What the choices made for one piece of an item add to its price, in cents."""
        cents = 0
        tallies: dict[str, _Tally] = {}
        for index, entry in enumerate(entries):
            here = (trail, "modifierGroups", index)
            group = item.groups.get(entry.modifier_group_id)
            if group is None:
                self._illegal(item.id, f"{item.name} has no modifier group “{entry.modifier_group_id}”.", here)
                continue
            tally = tallies.get(group.id)
            if tally is None:
                tally = tallies[group.id] = _Tally(group, here)
            for position, selected in enumerate(entry.selected_modifiers):
                cents += self._choice(item, tally, selected, (here, "selectedModifiers", position))
        for tally in tallies.values():
            if not tally.group.minimum <= tally.count <= tally.group.maximum:
                self._out_of_bounds(item, tally)
        for group in item.required:
            if group.id not in tallies:
                # [D] What is not there has no path of its own: the item that lacks it is named.
                self._out_of_bounds(item, _Tally(group, trail))
        return cents

    def _choice(self, item: CompiledItem, tally: _Tally, selected: LineItem, trail: _Trail) -> int:
        """What one selected modifier adds, its own modifiers included, in cents."""
        group, first, quantity = tally.group, tally.count, selected.quantity
        before = tally.chosen.get(selected.item_id, 0)
        # [D] A foreign option counts towards the group's quantity: one mistake is not told twice.
        tally.count = first + quantity
        tally.chosen[selected.item_id] = before + quantity
        option = group.options.get(selected.item_id)
        if option is None:
            name = self._name(selected.item_id)
            self._illegal(selected.item_id, f"{item.name}: {name} is no choice of {group.name}.", trail)
            return 0
        if not group.repeats and (before or quantity > 1):
            message = (
                f"{item.name}: {option.name} can be chosen only once from {group.name}, not {before + quantity} times."
            )
            self._illegal(option.id, message, trail)
        if option.id in self.unavailable:
            self._unavailable(option.id, f"{item.name}: {option.name} ({group.name}) has run out.", trail)
        cents = group.price(option, first, quantity)
        if selected.modifier_groups or option.required:
            cents += quantity * self._choices(option, selected.modifier_groups, trail)
        return cents

    def _out_of_bounds(self, item: CompiledItem, tally: _Tally) -> None:
        group = tally.group
        chosen = ", ".join(
            self._name(option_id) + (f" × {count}" if count > 1 else "") for option_id, count in tally.chosen.items()
        )
        was = f"{tally.count} chosen ({chosen})" if chosen else "none chosen"
        self._illegal(item.id, f"{item.name}: choose {_bounds(group)} of {group.name}; {was}.", tally.trail)

    def _name(self, item_id: str) -> str:
        item = self.menu.items.get(item_id)
        return item.name if item else f"“{item_id}”"

    def _unavailable(self, item_id: str, message: str, trail: _Trail) -> None:
        self._note(ErrorCode.ITEM_UNAVAILABLE, item_id, message, trail)

    def _illegal(self, item_id: str, message: str, trail: _Trail) -> None:
        self._note(ErrorCode.MODIFIER_REQUIRED, item_id, message, trail)

    def _note(self, code: ErrorCode, item_id: str, message: str, trail: _Trail) -> None:
        self.violations.append(ValidationError(code=code, message=message, item_id=item_id, json_path=_path(trail)))


def _fulfillment(order: ExternalOrder, offered: AbstractSet[str] | None) -> Iterator[ValidationError]:
    if offered is not None and order.fulfillment_type not in offered:
        names = ", ".join(sorted(offered)) or "nothing at present"
        message = f"This store does not offer {order.fulfillment_type}; it offers {names}."
        yield _violation(ErrorCode.OTHER, message, "$.fulfillmentType")
    if order.fulfillment_type == Fulfillment.DELIVERY:
        yield from _address(order)


def _address(order: ExternalOrder) -> Iterator[ValidationError]:
    # The messages say what is missing and never what is there: an address is nobody else's business.
    code = ErrorCode.ADDRESS_INVALID
    if order.delivery_info is None:
        yield _violation(code, "A delivery needs deliveryInfo with an address.", "$.deliveryInfo")
        return
    address = order.delivery_info.address
    if address is None:
        yield _violation(code, "A delivery needs an address.", "$.deliveryInfo.address")
        return
    needed = {
        "address1": address.address1,
        "city": address.city,
        "state": address.state,
        "postalCode": address.postal_code,
    }
    for member, value in needed.items():
        if not (value and value.strip()):
            yield _violation(code, f"The delivery address has no {member}.", f"$.deliveryInfo.address.{member}")


def _violation(code: ErrorCode, message: str, path: str) -> ValidationError:
    return ValidationError(code=code, message=message, json_path=path)


def _bounds(group: CompiledGroup) -> str:
    if group.minimum == group.maximum:
        return f"exactly {group.maximum}"
    return f"{group.minimum} to {group.maximum}" if group.minimum > 0 else f"at most {group.maximum}"


def _path(trail: _Trail | None) -> str:
    if trail is None:
        return "$.cart"
    parent, member, index = trail
    return f"{_path(parent)}.{member}[{index}]"
