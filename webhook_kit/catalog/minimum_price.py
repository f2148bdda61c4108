"""Price of the cheapest legal configuration of an item, its modifiers included (``gett-protocol.md §4``)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import TypeAlias

from webhook_kit.catalog.cents import to_cents
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup, Tier

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
    tiers = _TierPrices(group.tiers or ())
    if repeats:
        # The cheapest option repeated: between two offsets the sum is linear, so its minimum is at one of their ends.
        ends = [least, most, *(offset for offset in tiers.offsets if least < offset < most)]
        return min(count * costs[0] + tiers.total(count) for count in ends)
    total = sum(costs[:least])
    best = total + tiers.total(least)
    if (costs and costs[0] < 0) or tiers.has_negative:  # else more choices never cost less
        for count in range(least, most):
            total += costs[count]
            best = min(best, total + tiers.total(count + 1))
    return best


class _TierPrices:
    """Cents of the first selections from a group, by their tiers.

    :ivar offsets: ascending.
    """

    def __init__(self, tiers: Iterable[Tier]) -> None:
        pairs = sorted((max(tier.offset, 0), to_cents(tier.price)) for tier in tiers)
        self.offsets = [offset for offset, _ in pairs]
        self.has_negative = any(price < 0 for _, price in pairs)
        self._prices = [price for _, price in pairs]
        # The cents of all selections before each tier.
        lengths = (end - offset for offset, end in pairwise(self.offsets))
        self._before = [0, *accumulate(length * price for length, price in zip(lengths, self._prices, strict=False))]

    def total(self, count: int) -> int:
        """Return the cents of the first ``count`` selections; 0 without tiers."""
        tier = bisect_left(self.offsets, count) - 1  # the last one that begins before the end
        return 0 if tier < 0 else self._before[tier] + (count - self.offsets[tier]) * self._prices[tier]


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
