"""The part of a catalog that can be ordered now: a small cart line per item and option, and the price of a cart.

The price is computed here from the text of ``gett-protocol.md §4`` alone, independently of the code with which the kit computes
prices.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from webhook_kit.catalog.hours import is_open
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup

__all__ = ["CartLine", "OrderableCatalog", "cart_line", "group_selection", "walk_lines"]

CartLine = dict[str, Any]
"""A line of a cart, or a selected modifier, as JSON."""


def cart_line(item_id: str, *groups: CartLine, quantity: int = 1) -> CartLine:
    """Return a line of a cart, or a selected modifier."""
    return {"itemId": item_id, "quantity": quantity, "modifierGroups": list(groups)}


def group_selection(group_id: str, *selected: CartLine) -> CartLine:
    """Return the options selected from one modifier group."""
    return {"modifierGroupId": group_id, "selectedModifiers": list(selected)}


def walk_lines(lines: Collection[CartLine], path: str = "$.cart.lineItems") -> Iterator[tuple[str, CartLine]]:
    """Yield every line and every selected modifier at any depth, each with its JSON path."""
    for index, line in enumerate(lines):
        line_path = f"{path}[{index}]"
        yield line_path, line
        for number, group in enumerate(line["modifierGroups"]):
            yield from walk_lines(group["selectedModifiers"], f"{line_path}.modifierGroups[{number}].selectedModifiers")


class OrderableCatalog:
    """The part of a catalog that can be ordered at one moment.

    :param at: the moment, aware; now when None.
    :param timezone: the store's zone, in which opening hours are given.
    :param leave_out: ids of items and options that must not be in any cart.
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
        self._selectable: dict[str, bool] = {}
        self.listed_ids = frozenset(_items_of_sections(catalog, list(catalog.catalogs)))
        """Ids of the items that are listed in a section, within opening hours or not."""
        now = at or datetime.now(UTC)
        open_catalogs = [key for key, each in catalog.catalogs.items() if is_open(each.availability, now, timezone)]
        self.item_ids = [item_id for item_id in _items_of_sections(catalog, open_catalogs) if self.selectable(item_id)]
        """Ids of the items that a line of a cart can name, in the order of the catalog."""

    def groups(self, item_id: str) -> list[ExternalModifierGroup]:
        """Return the modifier groups of an item."""
        return [self.catalog.modifier_groups[key] for key in self.catalog.items[item_id].modifier_group_ids]

    def options(self, group: ExternalModifierGroup) -> list[str]:
        """Return the ids of the options that can be selected from a group."""
        return [item_id for item_id in group.item_ids if self.selectable(item_id)]

    def selectable(self, item_id: str) -> bool:
        """Return True if there is a valid way to select this item or option."""
        if item_id not in self._selectable:
            self._selectable[item_id] = item_id not in self._leave_out and all(
                _minimum_reachable(group, len(self.options(group)))
                for group in self.groups(item_id)
                if group.minimum_allowed
            )
        return self._selectable[item_id]

    def minimal_line(self, item_id: str, quantity: int = 1) -> CartLine:
        """Return the item with only its required options."""
        return cart_line(
            item_id,
            *(self.minimal_selection(group) for group in self.groups(item_id) if group.minimum_allowed > 0),
            quantity=quantity,
        )

    def minimal_selection(self, group: ExternalModifierGroup) -> CartLine:
        """Return the first valid selection from a group."""
        selected = self.options(group)[: group.minimum_allowed]
        missing = group.minimum_allowed - len(selected)
        return group_selection(
            group.modifier_group_id,
            *(self.minimal_line(option, 1 + missing if index == 0 else 1) for index, option in enumerate(selected)),
        )

    def line_with(self, item_id: str, group: ExternalModifierGroup, *selected: CartLine) -> CartLine:
        """Return the item with these options from one group, filled up to its minimum, and required options otherwise."""
        selected_ids = {each["itemId"] for each in selected}
        others = [self.minimal_line(option) for option in self.options(group) if option not in selected_ids]
        missing = max(0, group.minimum_allowed - sum(each["quantity"] for each in selected))
        if missing > len(others):  # happens only when the group allows duplicates
            selected[0]["quantity"] += missing - len(others)
        selections = [
            group_selection(group.modifier_group_id, *selected, *others[:missing])
            if each is group
            else self.minimal_selection(each)
            for each in self.groups(item_id)
            if each is group or each.minimum_allowed > 0
        ]
        return cart_line(item_id, *selections)

    def example_lines(self) -> Iterator[tuple[str, CartLine]]:
        """Yield the id of each selectable item and option once, with the smallest line that contains it."""
        yielded: set[str] = set()
        for top_id in self.item_ids:
            for item_id, line in self._lines_of(top_id):
                if item_id not in yielded:
                    yielded.add(item_id)
                    yield item_id, line

    def _lines_of(self, item_id: str) -> Iterator[tuple[str, CartLine]]:
        yield item_id, self.minimal_line(item_id)
        for group in self.groups(item_id):
            if group.maximum_allowed > 0:
                for option in self.options(group):
                    for inner_id, inner in self._lines_of(option):
                        yield inner_id, self.line_with(item_id, group, inner)

    def price(self, cart: Collection[CartLine]) -> Decimal:
        """Return the price of the lines, in major units (``gett-protocol.md §4``)."""
        return sum((line["quantity"] * self._unit_price(line) for line in cart), Decimal("0.00"))

    def _unit_price(self, line: CartLine) -> Decimal:
        return self.catalog.items[line["itemId"]].base_price + self._modifiers_price(line)

    def _modifiers_price(self, line: CartLine) -> Decimal:
        total = Decimal("0.00")
        counts: dict[str, int] = {}
        for selection in line["modifierGroups"]:
            group = self.catalog.modifier_groups[selection["modifierGroupId"]]
            for selected in selection["selectedModifiers"]:
                for _ in range(selected["quantity"]):
                    index = counts.get(group.modifier_group_id, 0)
                    counts[group.modifier_group_id] = index + 1
                    total += _tier_price(group, index, self.catalog.items[selected["itemId"]].base_price)
                    total += self._modifiers_price(selected)
        return total


def _minimum_reachable(group: ExternalModifierGroup, options: int) -> bool:
    return options > 0 and (group.enable_duplicate_items or options >= group.minimum_allowed)


def _tier_price(group: ExternalModifierGroup, index: int, base_price: Decimal) -> Decimal:
    if group.tiers is None:
        return base_price
    return max((tier for tier in group.tiers if tier.offset <= index), key=lambda tier: tier.offset).price


def _items_of_sections(catalog: ExternalCatalogSet, catalog_ids: list[str]) -> list[str]:
    section_ids = [section for key in catalog_ids for section in catalog.catalogs[key].section_ids]
    item_ids: dict[str, None] = {}
    for section_id in section_ids:  # grows during the iteration
        section = catalog.sections[section_id]
        item_ids.update(dict.fromkeys(section.item_ids))
        section_ids += [inner for inner in section.section_ids if inner not in section_ids]
    return list(item_ids)
