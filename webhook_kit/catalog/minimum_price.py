"""What the cheapest legal configuration of an item costs, its modifiers included (``gett-protocol.md §4``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from webhook_kit.catalog.cents import to_cents
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup

__all__ = ["MinimumPrices"]


class MinimumPrices:
    """The cheapest configuration of each item of a menu, and how deep its modifiers nest.

    Computed from the leaves up, each item and group once. A reference to nothing offers no choice.
    """

    def __init__(self, catalog: ExternalCatalogSet) -> None:
        self._items = catalog.items
        # Cents of the choices alone, the item's own price left out; None when there is no legal choice. And the levels.
        self._of_item: dict[str, tuple[int | None, int]] = {}
        of_group: dict[str, tuple[int | None, int]] = {}
        for table, key in _leaves_first(catalog):
            if table == "groups":
                of_group[key] = self._group(catalog.modifier_groups[key])
                continue
            groups = [of_group.get(group, (0, 0)) for group in set(catalog.items[key].modifier_group_ids)]
            cents = [cost for cost, _ in groups if cost is not None]
            self._of_item[key] = (
                sum(cents) if len(cents) == len(groups) else None,
                max(levels for _, levels in groups),
            )

    def cheapest(self, item_id: str) -> int | None:
        """Cents of the item with its cheapest legal choices; None when no choice is legal, or its modifiers hold a circle."""
        choices = self._choices(item_id)
        return None if choices is None else to_cents(self._items[item_id].base_price) + choices

    def levels(self, item_id: str) -> int:
        """How many levels of options there are below the item."""
        return self._of_item.get(item_id, (0, 0))[1]

    def _choices(self, item_id: str) -> int | None:
        if not self._items[item_id].modifier_group_ids:
            return 0
        return self._of_item.get(item_id, (None, 0))[0]

    def _group(self, group: ExternalModifierGroup) -> tuple[int | None, int]:
        options = [option for option in dict.fromkeys(group.item_ids) if option in self._items]
        found = (self._choices(option) if group.tiers else self.cheapest(option) for option in options)
        costs = sorted(cost for cost in found if cost is not None)
        return _least(costs, group), 1 + max(map(self.levels, options), default=-1)


def _least(costs: Sequence[int], group: ExternalModifierGroup) -> int | None:
    """The least sum of a legal number of choices, each of which costs one of ``costs``, and its tier besides.

    :param costs: the least first.
    """
    repeats = group.enable_duplicate_items and bool(costs)
    least = max(group.minimum_allowed, 0)
    most = group.maximum_allowed if repeats else min(group.maximum_allowed, len(costs))
    if least > most:
        return None
    tiers = sorted((max(tier.offset, 0), to_cents(tier.price)) for tier in group.tiers or ())
    if repeats:
        # One option again and again: between two offsets the sum is a line, so its least value is at one of their ends.
        ends = [least, most, *(offset for offset, _ in tiers if least < offset < most)]
        return min(count * costs[0] + _tiered(tiers, count) for count in ends)
    total = sum(costs[:least]) + _tiered(tiers, least)
    best = total
    if (costs and costs[0] < 0) or any(price < 0 for _, price in tiers):  # else more choices never cost less
        for count in range(least, most):
            total += costs[count] + _tiered(tiers, count + 1) - _tiered(tiers, count)
            best = min(best, total)
    return best


def _tiered(tiers: Sequence[tuple[int, int]], count: int) -> int:
    """What so many selections cost by (offset, cents) in the order of offsets; nothing without tiers."""
    total = 0
    for (offset, price), (end, _) in zip(tiers, [*tiers[1:], (count, 0)], strict=False):
        total += max(0, min(end, count) - offset) * price
    return total


_Node: TypeAlias = tuple[str, str]


def _leaves_first(catalog: ExternalCatalogSet) -> Iterator[_Node]:
    """Items that have modifiers, and groups, as (table, id): each after all that it holds, so nothing that holds a circle."""
    items, groups = catalog.items, catalog.modifier_groups
    # What each one still waits for, and who waits for it.
    item_waits: dict[str, int] = {}
    group_waits: dict[str, int] = {}
    of_group: dict[str, list[str]] = {key: [] for key in groups}
    of_item: dict[str, list[str]] = {}
    for key, item in items.items():
        if item.modifier_group_ids:
            own = [group for group in item.modifier_group_ids if group in groups]
            item_waits[key] = len(own)
            for group_id in own:
                of_group[group_id].append(key)
    for key, group in groups.items():
        held = [option for option in group.item_ids if option in item_waits]
        group_waits[key] = len(held)
        for option in held:
            of_item.setdefault(option, []).append(key)
    ready = [("items", key) for key, count in item_waits.items() if not count]
    ready += [("groups", key) for key, count in group_waits.items() if not count]
    while ready:
        table, key = node = ready.pop()
        yield node
        outer, waits, holders = (
            ("items", item_waits, of_group[key]) if table == "groups" else ("groups", group_waits, of_item.get(key, []))
        )
        for holder in holders:
            waits[holder] -= 1
            if not waits[holder]:
                ready.append((outer, holder))
