"""Carts drawn from a menu: every way to fill one that the rules allow, what it costs, and each way to fill it wrongly.

``carts(Orderable(catalog))`` is a hypothesis strategy of legal carts; :data:`MISTAKES` spoil one. Prices are computed here from
the words of ``gett-protocol.md §4`` alone, not by the code that the kit itself prices with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from webhook_kit.catalog.hours import is_open
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup
from webhook_kit.gett.models.problem import ErrorCode

__all__ = ["MISTAKES", "Line", "Mistake", "Orderable", "carts", "entry", "line", "lines"]

Line = dict[str, Any]
"""A line of a cart, or a selected modifier, as it travels."""

_Draw = Callable[[st.SearchStrategy[Any]], Any]

_DEEP = 2
"""Below this depth only what must be chosen is chosen: a menu may nest far, and broadly."""


def line(item_id: str, *groups: Line, quantity: int = 1) -> Line:
    """A line, or a selected modifier."""
    return {"itemId": item_id, "quantity": quantity, "modifierGroups": list(groups)}


def entry(group_id: str, *selected: Line) -> Line:
    """What is chosen from one modifier group."""
    return {"modifierGroupId": group_id, "selectedModifiers": list(selected)}


def lines(top: Collection[Line], path: str = "$.cart.lineItems") -> Iterator[tuple[str, Line]]:
    """Every line and every selected modifier at any depth, each with its JSON path."""
    for index, one in enumerate(top):
        here = f"{path}[{index}]"
        yield here, one
        for number, group in enumerate(one["modifierGroups"]):
            yield from lines(group["selectedModifiers"], f"{here}.modifierGroups[{number}].selectedModifiers")


class Orderable:
    """What can be ordered from a menu at a moment.

    :param at: the moment, aware; now when None.
    :param timezone: the store's zone, in which opening hours are read.
    :param leave_out: ids of items and options that no cart shall hold.
    """

    def __init__(
        self,
        catalog: ExternalCatalogSet,
        *,
        at: datetime | None = None,
        timezone: tzinfo = UTC,
        leave_out: Collection[str] = (),
    ) -> None:
        self.catalog = catalog
        self._leave_out = frozenset(leave_out)
        self._possible: dict[str, bool] = {}
        self.sold_alone = frozenset(_reached(catalog, list(catalog.catalogs)))
        """Ids of the items that stand under a heading, open or not."""
        now = at or datetime.now(UTC)
        served = _reached(
            catalog, [k for k, one in catalog.catalogs.items() if is_open(one.availability, now, timezone)]
        )
        self.dishes = [item_id for item_id in served if self.possible(item_id)]
        """Ids of the items that a line of a cart may name, in the order of the menu."""

    def groups(self, item_id: str) -> list[ExternalModifierGroup]:
        """The modifier groups of an item."""
        return [self.catalog.modifier_groups[key] for key in self.catalog.items[item_id].modifier_group_ids]

    def options(self, group: ExternalModifierGroup) -> list[str]:
        """What can be chosen from a group."""
        return [item_id for item_id in group.item_ids if self.possible(item_id)]

    def possible(self, item_id: str) -> bool:
        """Whether there is a legal way to choose this item or option."""
        if item_id not in self._possible:
            self._possible[item_id] = item_id not in self._leave_out and all(
                _enough(group, len(self.options(group))) for group in self.groups(item_id) if group.minimum_allowed
            )
        return self._possible[item_id]

    def plain(self, item_id: str, quantity: int = 1) -> Line:
        """The item with nothing chosen that need not be."""
        return line(
            item_id,
            *(self.least(group) for group in self.groups(item_id) if group.minimum_allowed > 0),
            quantity=quantity,
        )

    def least(self, group: ExternalModifierGroup) -> Line:
        """The first legal choice from a group."""
        options = self.options(group)
        wanted = options[: group.minimum_allowed]
        short = group.minimum_allowed - len(wanted)
        return entry(
            group.modifier_group_id,
            *(self.plain(option, 1 + short if place == 0 else 1) for place, option in enumerate(wanted)),
        )

    def choosing(self, item_id: str, group: ExternalModifierGroup, *chosen: Line) -> Line:
        """The item with these choices from one group, and nothing else that need not be; filled up to the group's least."""
        rest = [self.plain(option) for option in self.options(group) if option not in {one["itemId"] for one in chosen}]
        short = max(0, group.minimum_allowed - sum(one["quantity"] for one in chosen))
        if short > len(rest):  # only a group that may repeat gets here
            chosen[0]["quantity"] += short - len(rest)
        others = [
            entry(group.modifier_group_id, *chosen, *rest[:short]) if other is group else self.least(other)
            for other in self.groups(item_id)
            if other is group or other.minimum_allowed > 0
        ]
        return line(item_id, *others)

    def ways(self) -> Iterator[tuple[str, Line]]:
        """Each possible item and option once, in a line that is as small as can be: (its id, the line)."""
        seen: set[str] = set()
        for dish in self.dishes:
            for found, one in self._ways(dish):
                if found not in seen:
                    seen.add(found)
                    yield found, one

    def _ways(self, item_id: str) -> Iterator[tuple[str, Line]]:
        yield item_id, self.plain(item_id)
        for group in self.groups(item_id):
            if group.maximum_allowed > 0:
                for option in self.options(group):
                    for found, inner in self._ways(option):
                        yield found, self.choosing(item_id, group, inner)

    def price(self, cart: Collection[Line]) -> Decimal:
        """What the lines cost, in major units (``gett-protocol.md §4``)."""
        return sum((one["quantity"] * self._piece(one) for one in cart), Decimal("0.00"))

    def _piece(self, one: Line) -> Decimal:
        return self.catalog.items[one["itemId"]].base_price + self._choices(one)

    def _choices(self, one: Line) -> Decimal:
        total = Decimal("0.00")
        chosen: dict[str, int] = {}
        for group_entry in one["modifierGroups"]:
            group = self.catalog.modifier_groups[group_entry["modifierGroupId"]]
            for selected in group_entry["selectedModifiers"]:
                for _ in range(selected["quantity"]):
                    place = chosen.get(group.modifier_group_id, 0)
                    chosen[group.modifier_group_id] = place + 1
                    total += _price_in(group, place, self.catalog.items[selected["itemId"]].base_price)
                    total += self._choices(selected)
        return total


@st.composite
def carts(draw: _Draw, menu: Orderable, *, most_lines: int = 3, most_pieces: int = 3) -> list[Line]:
    """Legal carts: any dish, any legal choice from its groups, quantities above 1 where they are allowed.

    :param most_lines: so many lines at most.
    :param most_pieces: so many pieces of a line, and choices from a group beyond its least, at most.
    """
    dishes = draw(st.lists(st.sampled_from(menu.dishes), min_size=1, max_size=most_lines))
    return [_drawn(draw, menu, dish, draw(st.integers(1, most_pieces)), most_pieces, 0) for dish in dishes]


def _drawn(draw: _Draw, menu: Orderable, item_id: str, quantity: int, most: int, depth: int) -> Line:
    entries = []
    for group in menu.groups(item_id):
        chosen = [
            _drawn(draw, menu, option, pieces, most, depth + 1)
            for option, pieces in _choice(draw, menu, group, most if depth < _DEEP else 0)
        ]
        if chosen:
            entries.append(entry(group.modifier_group_id, *chosen))
    return line(item_id, *entries, quantity=quantity)


def _choice(draw: _Draw, menu: Orderable, group: ExternalModifierGroup, most: int) -> Iterator[tuple[str, int]]:
    options = menu.options(group)
    if not options:
        return
    highest = min(group.maximum_allowed, max(group.minimum_allowed, most))
    if not group.enable_duplicate_items:
        count = draw(st.integers(group.minimum_allowed, min(highest, len(options))))
        yield from ((option, 1) for option in draw(st.permutations(options))[:count])
        return
    left = draw(st.integers(group.minimum_allowed, highest))
    while left:
        pieces = draw(st.integers(1, left))
        yield draw(st.sampled_from(options)), pieces
        left -= pieces


def _enough(group: ExternalModifierGroup, options: int) -> bool:
    return options > 0 and (group.enable_duplicate_items or options >= group.minimum_allowed)


def _price_in(group: ExternalModifierGroup, place: int, base: Decimal) -> Decimal:
    if group.tiers is None:
        return base
    return max((tier for tier in group.tiers if tier.offset <= place), key=lambda tier: tier.offset).price


def _reached(catalog: ExternalCatalogSet, catalogs: list[str]) -> list[str]:
    waiting = [section for key in catalogs for section in catalog.catalogs[key].section_ids]
    found: dict[str, None] = {}
    for section_id in waiting:  # grows while it is walked
        section = catalog.sections[section_id]
        found.update(dict.fromkeys(section.item_ids))
        waiting += [inner for inner in section.section_ids if inner not in waiting]
    return list(found)


# -- wrong carts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mistake:
    """A cart with one thing wrong.

    :ivar cart: its lines.
    :ivar code: the code with which it has to be refused (``gett-protocol.md §5``).
    :ivar path: the JSON path that the refusal has to name.
    :ivar more: members of the order besides the cart.
    """

    cart: list[Line]
    code: ErrorCode
    path: str
    more: Mapping[str, Any]


def _mistake(cart: list[Line], code: ErrorCode, path: str, **more: Any) -> Mistake:
    return Mistake(cart, code, path, more)


def _empty(_menu: Orderable) -> Mistake | None:
    return _mistake([], ErrorCode.CART_EMPTY, "$.cart.lineItems")


def _unknown_item(menu: Orderable) -> Mistake | None:
    cart = [menu.plain(menu.dishes[0]), line("no-such-item")]
    return _mistake(cart, ErrorCode.ITEM_UNAVAILABLE, "$.cart.lineItems[1]")


def _option_as_dish(menu: Orderable) -> Mistake | None:
    for found, _ in menu.ways():
        if found not in menu.sold_alone:
            return _mistake([menu.plain(found)], ErrorCode.ITEM_UNAVAILABLE, "$.cart.lineItems[0]")
    return None


def _unknown_group(menu: Orderable) -> Mistake | None:
    one = menu.plain(menu.dishes[0])
    one["modifierGroups"].append(entry("no-such-group"))
    where = f"$.cart.lineItems[0].modifierGroups[{len(one['modifierGroups']) - 1}]"
    return _mistake([one], ErrorCode.MODIFIER_REQUIRED, where)


def _foreign_option(menu: Orderable) -> Mistake | None:
    for dish, group in _with_group(menu):
        one = menu.choosing(dish, group, menu.plain(menu.options(group)[0]))
        own = [each["modifierGroupId"] for each in one["modifierGroups"]].index(group.modifier_group_id)
        one["modifierGroups"][own]["selectedModifiers"][0] = line("no-such-option")
        where = f"$.cart.lineItems[0].modifierGroups[{own}].selectedModifiers[0]"
        return _mistake([one], ErrorCode.MODIFIER_REQUIRED, where)
    return None


def _required_missing(menu: Orderable) -> Mistake | None:
    for dish in menu.dishes:
        if any(group.minimum_allowed > 0 for group in menu.groups(dish)):
            return _mistake([line(dish)], ErrorCode.MODIFIER_REQUIRED, "$.cart.lineItems[0]")
    return None


def _too_many(menu: Orderable) -> Mistake | None:
    for dish, group in _with_group(menu):
        if group.enable_duplicate_items:
            chosen = menu.plain(menu.options(group)[0], group.maximum_allowed + 1)
        elif len(menu.options(group)) > group.maximum_allowed:
            first, *more = menu.options(group)[: group.maximum_allowed + 1]
            chosen = menu.plain(first)
        else:
            continue
        one = menu.choosing(dish, group, chosen)
        own = [each["modifierGroupId"] for each in one["modifierGroups"]].index(group.modifier_group_id)
        if not group.enable_duplicate_items:
            one["modifierGroups"][own] = entry(group.modifier_group_id, *map(menu.plain, [first, *more]))
        return _mistake([one], ErrorCode.MODIFIER_REQUIRED, f"$.cart.lineItems[0].modifierGroups[{own}]")
    return None


def _repeated(menu: Orderable) -> Mistake | None:
    for dish, group in _with_group(menu):
        if not group.enable_duplicate_items:
            one = menu.choosing(dish, group, menu.plain(menu.options(group)[0]))
            own = [each["modifierGroupId"] for each in one["modifierGroups"]].index(group.modifier_group_id)
            one["modifierGroups"][own]["selectedModifiers"][0]["quantity"] = 2
            where = f"$.cart.lineItems[0].modifierGroups[{own}].selectedModifiers[0]"
            return _mistake([one], ErrorCode.MODIFIER_REQUIRED, where)
    return None


def _no_address(menu: Orderable) -> Mistake | None:
    cart = [menu.plain(menu.dishes[0])]
    return _mistake(cart, ErrorCode.ADDRESS_INVALID, "$.deliveryInfo", fulfillmentType="DeliveryByMerchant")


def _with_group(menu: Orderable) -> Iterator[tuple[str, ExternalModifierGroup]]:
    for dish in menu.dishes:
        yield from ((dish, group) for group in menu.groups(dish) if menu.options(group) and group.maximum_allowed > 0)


MISTAKES: Mapping[str, Callable[[Orderable], Mistake | None]] = {
    "an empty cart": _empty,
    "an item that is not on the menu": _unknown_item,
    "an option ordered as a dish": _option_as_dish,
    "a modifier group that is not the item's": _unknown_group,
    "an option that is not the group's": _foreign_option,
    "a required choice not made": _required_missing,
    "more chosen than the group allows": _too_many,
    "one option twice where it may be chosen once": _repeated,
    "a delivery without an address": _no_address,
}
"""Every kind of wrong cart; each makes one from a menu, or None where the menu leaves no room for the mistake."""
