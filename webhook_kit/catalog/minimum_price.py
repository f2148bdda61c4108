"""Price of the cheapest legal configuration of an item, its modifiers included (``gett-protocol.md §4``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from webhook_kit.catalog.cents import to_cents
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup

__all__ = ["MinimumPrices"]


class MinimumPrices:
    """Minimum price of each item of a catalog, and the depth of its modifiers.

    Computed bottom-up, each item and group once. Dangling references are ignored.
    """

    def __init__(self, catalog: ExternalCatalogSet) -> None:
        self._items = catalog.items
        # By id: cents of the modifiers without the item's own price (None: there is no legal choice), and the levels.
        self._of_item: dict[str, tuple[int | None, int]] = {}
        of_group: dict[str, tuple[int | None, int]] = {}
        for table, key in _bottom_up(catalog):
            if table == "groups":
                of_group[key] = self._group(catalog.modifier_groups[key])
                continue
            groups = [of_group.get(group, (0, 0)) for group in set(catalog.items[key].modifier_group_ids)]
            cents = [cost for cost, _ in groups if cost is not None]
            self._of_item[key] = (
                sum(cents) if len(cents) == len(groups) else None,
                max(levels for _, levels in groups),
            )

    def price(self, item_id: str) -> int | None:
        """Return the cents of an item with its cheapest legal modifiers.

        None when no choice of modifiers is legal, or when they contain a cycle.
        """
        modifiers = self._modifiers(item_id)
        return None if modifiers is None else to_cents(self._items[item_id].base_price) + modifiers

    def levels(self, item_id: str) -> int:
        """Return the number of levels of options below an item."""
        return self._of_item.get(item_id, (0, 0))[1]

    def _modifiers(self, item_id: str) -> int | None:
        if not self._items[item_id].modifier_group_ids:
            return 0
        return self._of_item.get(item_id, (None, 0))[0]

    def _group(self, group: ExternalModifierGroup) -> tuple[int | None, int]:
        options = [option for option in dict.fromkeys(group.item_ids) if option in self._items]
        prices = (self._modifiers(option) if group.tiers else self.price(option) for option in options)
        costs = sorted(cost for cost in prices if cost is not None)
        return _minimum_cost(costs, group), 1 + max(map(self.levels, options), default=-1)


def _minimum_cost(costs: Sequence[int], group: ExternalModifierGroup) -> int | None:
    """Return the least sum of a legal number of choices, each of which costs one of ``costs`` plus its tier.

    :param costs: ascending.
    """
    repeats = group.enable_duplicate_items and bool(costs)
    least = max(group.minimum_allowed, 0)
    most = group.maximum_allowed if repeats else min(group.maximum_allowed, len(costs))
    if least > most:
        return None
    tiers = sorted((max(tier.offset, 0), to_cents(tier.price)) for tier in group.tiers or ())
    if repeats:
        # The cheapest option repeated: between two offsets the sum is linear, so its minimum is at one of their ends.
        ends = [least, most, *(offset for offset, _ in tiers if least < offset < most)]
        return min(count * costs[0] + _tier_cost(tiers, count) for count in ends)
    total = sum(costs[:least]) + _tier_cost(tiers, least)
    best = total
    if (costs and costs[0] < 0) or any(price < 0 for _, price in tiers):  # else more choices never cost less
        for count in range(least, most):
            total += costs[count] + _tier_cost(tiers, count + 1) - _tier_cost(tiers, count)
            best = min(best, total)
    return best


def _tier_cost(tiers: Sequence[tuple[int, int]], count: int) -> int:
    """Return the cents of the first ``count`` selections by (offset, cents), ascending by offset; 0 without tiers."""
    total = 0
    for (offset, price), (end, _) in zip(tiers, [*tiers[1:], (count, 0)], strict=False):
        total += max(0, min(end, count) - offset) * price
    return total


_TableAndId: TypeAlias = tuple[str, str]


def _bottom_up(catalog: ExternalCatalogSet) -> Iterator[_TableAndId]:
    """Yield items with modifiers, and groups, as (table, id), each after everything that it contains.

    So neither the members of a cycle are yielded nor anything that contains one.
    """
    items, groups = catalog.items, catalog.modifier_groups
    # The number of children of each node that were not yielded yet, and its parents.
    item_pending: dict[str, int] = {}
    group_pending: dict[str, int] = {}
    parents_of_group: dict[str, list[str]] = {key: [] for key in groups}
    parents_of_item: dict[str, list[str]] = {}
    for key, item in items.items():
        if item.modifier_group_ids:
            group_ids = [group for group in item.modifier_group_ids if group in groups]
            item_pending[key] = len(group_ids)
            for group_id in group_ids:
                parents_of_group[group_id].append(key)
    for key, group in groups.items():
        options = [option for option in group.item_ids if option in item_pending]
        group_pending[key] = len(options)
        for option in options:
            parents_of_item.setdefault(option, []).append(key)
    ready = [("items", key) for key, count in item_pending.items() if not count]
    ready += [("groups", key) for key, count in group_pending.items() if not count]
    while ready:
        table, key = node = ready.pop()
        yield node
        parent_table, pending, parents = (
            ("items", item_pending, parents_of_group[key])
            if table == "groups"
            else ("groups", group_pending, parents_of_item.get(key, []))
        )
        for parent in parents:
            pending[parent] -= 1
            if not pending[parent]:
                ready.append((parent_table, parent))
