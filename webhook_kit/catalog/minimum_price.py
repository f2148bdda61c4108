"""Price of the cheapest legal configuration of an item, its modifiers included (``gett-protocol.md §4``)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import TypeAlias

from webhook_kit.catalog.cents import to_cents
from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.gett.models.catalog import ExternalModifierGroup, Tier

__all__ = ["MinimumPrices"]


_Modifiers: TypeAlias = tuple[int | None, int]
"""Cents of the cheapest legal choice (None: no choice is legal, or there is a cycle), and the levels of options."""


class MinimumPrices:
    """Minimum price of each item of a catalog, and the depth of its modifiers.

    Computed from the innermost modifiers outwards, each item and group once. Dangling references are ignored.
    """

    def __init__(self, index: CatalogIndex) -> None:
        self._index = index
        self._items = index.catalog.items
        self._has_discounts = any(cents < 0 for cents in index.cents.values())
        self._of_item: dict[str, _Modifiers] = {}
        self._of_group: dict[str, _Modifiers] = {}
        for table, key in index.nesting.inner_first:
            if table == "items":
                self._modifiers(key)
            else:
                self._of_group[key] = self._group(index.catalog.modifier_groups[key])

    @property
    def most_levels(self) -> int:
        """Greatest number of levels of options below any item."""
        return max((levels for _, levels in self._of_group.values()), default=0)

    def price(self, item_id: str) -> int | None:
        """Return the cents of an item with its cheapest legal modifiers.

        None when no choice of modifiers is legal, or when they contain a cycle.
        """
        modifiers, _ = self._modifiers(item_id)
        return None if modifiers is None else self._own(item_id) + modifiers

    def levels(self, item_id: str) -> int:
        """Return the number of levels of options below an item."""
        return self._modifiers(item_id)[1]

    def _own(self, item_id: str) -> int:
        return self._index.cents[self._items[item_id].base_price]

    def _modifiers(self, item_id: str) -> _Modifiers:
        if item_id not in self._of_item:
            self._of_item[item_id] = self._all_groups(self._index.groups_of.get(item_id, ()))
        return self._of_item[item_id]

    def _all_groups(self, group_ids: Sequence[str]) -> _Modifiers:
        total: int | None = 0
        most_levels = 0
        for key in set(group_ids):
            if key in self._of_group:
                cents, levels = self._of_group[key]
                total = None if total is None or cents is None else total + cents
                most_levels = max(most_levels, levels)
            elif key in self._index.options_of:  # it contains a cycle
                return None, 0
        return total, most_levels

    def _group(self, group: ExternalModifierGroup) -> _Modifiers:
        options = {option for option in group.item_ids if option in self._items}
        nested = [option for option in options if option in self._of_item]
        levels = max((self._of_item[option][1] for option in nested), default=0) + 1 if options else 0
        if group.minimum_allowed <= 0 and not self._has_discounts:
            return None if group.maximum_allowed < 0 else 0, levels  # no choice is the cheapest one
        costs = {option: 0 if group.tiers else self._own(option) for option in options}
        for option in nested:
            modifiers, _ = self._of_item[option]
            if modifiers is None:
                del costs[option]
            else:
                costs[option] += modifiers
        return _minimum_cost(sorted(costs.values()), group), levels


def _minimum_cost(costs: Sequence[int], group: ExternalModifierGroup) -> int | None:
    """Return the least sum of a legal number of choices, each of which costs one of ``costs`` plus its tier.

    :param costs: ascending.
    """
    repeats = group.enable_duplicate_items and bool(costs)
    least = max(group.minimum_allowed, 0)
    most = group.maximum_allowed if repeats else min(group.maximum_allowed, len(costs))
    if least > most:
        return None
    tiers = _TierPrices(group.tiers) if group.tiers else _NO_TIERS
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


_NO_TIERS = _TierPrices(())
