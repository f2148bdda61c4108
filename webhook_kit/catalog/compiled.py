"""The compiled catalog: a CatalogSet in the form in which carts are checked and priced.

It contains only what a price or a rule depends on. Strings are shared with the models from which it was compiled; the models
themselves can be freed. Prices are whole cents. A compiled catalog is immutable, so any number of threads may read it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import islice
from types import MappingProxyType
from typing import TypeAlias

from webhook_kit.catalog.cents import to_cents
from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.catalog.hours import WeekSpans, local_time, week_spans
from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.catalog.integrity import integrity_problems
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup, Tier

__all__ = ["CatalogMask", "CompiledCatalog", "CompiledGroup", "CompiledItem"]

CatalogMask: TypeAlias = int
"""A set of catalogs: bit ``i`` stands for the ``i``-th catalog."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledItem:
    """An item, or an option of a modifier group.

    :ivar price: base price, in cents.
    :ivar groups: its modifier groups, by id.
    :ivar required_groups: those of its groups from which something must be chosen.
    :ivar catalogs: the catalogs whose sections contain it; none for an item that is only an option.
    """

    id: str
    name: str
    price: int
    groups: Mapping[str, CompiledGroup]
    required_groups: tuple[CompiledGroup, ...]
    catalogs: CatalogMask


@dataclass(frozen=True, slots=True, eq=False)
class CompiledGroup:
    """A modifier group.

    :ivar minimum: the least total quantity of selected options.
    :ivar maximum: the greatest total quantity.
    :ivar allows_duplicates: True if one option may be chosen more than once.
    :ivar options: the options, by item id.
    :ivar tiers: (offset, price in cents), the greatest offset first; None when each option has its own price.
    """

    id: str
    name: str
    minimum: int
    maximum: int
    allows_duplicates: bool
    options: Mapping[str, CompiledItem]
    tiers: tuple[tuple[int, int], ...] | None

    def price(self, option: CompiledItem, first: int, quantity: int) -> int:
        """Return the cents of ``quantity`` times one option, without the option's own modifiers.

        :param first: number of earlier selections from this group; with tiers the ``k``-th selection costs the price of
            the tier with the greatest offset ≤ ``k`` instead of the option's own price (``gett-protocol.md §4``).
        """
        if self.tiers is None:
            return quantity * option.price
        total = 0
        end = first + quantity
        last = bisect_right(self.tiers, -end, key=lambda tier: -tier[0])  # the tier of the last selection
        for offset, price in islice(self.tiers, last, None):  # each tier prices what remains from its offset on
            start = max(offset, first)
            total += (end - start) * price
            if start == first:
                break
            end = start
        return total


@dataclass(frozen=True, slots=True, eq=False)
class CompiledCatalog:
    """One version of a store's whole CatalogSet, compiled.

    :ivar version: the ``catalogSetId``.
    :ivar items: items and options, by id.
    :ivar schedule: opening hours of each catalog, in the order of the bits of a :data:`CatalogMask`.
    """

    version: str | None
    items: Mapping[str, CompiledItem]
    schedule: tuple[WeekSpans, ...] = field(repr=False)

    @classmethod
    @gc_paused
    def compile(cls, catalog: ExternalCatalogSet) -> CompiledCatalog:
        """Compile a catalog.

        :raises CatalogInvalid: with every problem that makes checking or pricing impossible, each with its JSON path: a
            dangling reference, a key that is not the entity's id, a cycle of sections or of modifiers, a minimum above its
            maximum, tiers that leave a selection without one price, a price finer than a cent (``gett-protocol.md §4``).
        """
        index = CatalogIndex(catalog)
        problems = integrity_problems(index)
        if problems:
            raise CatalogInvalid(*problems)
        return cls(
            version=catalog.catalog_set_id,
            items=MappingProxyType(_items(index)),
            schedule=tuple(week_spans(one.availability) for one in catalog.catalogs.values()),
        )

    def open_catalogs(self, at: datetime, timezone: tzinfo) -> CatalogMask:
        """Return the catalogs that are open at a time, in the store's zone (``gett-protocol.md §4``).

        :param at: an aware time.
        :raises ValueError: when ``at`` is naive.
        """
        weekday, now = local_time(at, timezone)
        mask = 0
        for position, week in enumerate(self.schedule):
            for start, end in week[weekday]:
                if start <= now < end:
                    mask |= 1 << position
                    break
        return mask


def _items(index: CatalogIndex) -> dict[str, CompiledItem]:
    catalog, cents = index.catalog, index.cents
    # Items refer to groups and groups to items: groups are built first, and their options are filled in at the end.
    options: dict[str, dict[str, CompiledItem]] = {key: {} for key in catalog.modifier_groups}
    groups = {key: _group(key, group, options[key]) for key, group in catalog.modifier_groups.items()}
    # Many items have the same groups; they share one mapping.
    group_sets: dict[tuple[str, ...], tuple[Mapping[str, CompiledGroup], tuple[CompiledGroup, ...]]] = {}
    catalogs_of = _catalogs_by_item(catalog)
    items: dict[str, CompiledItem] = {}
    for key, item in catalog.items.items():
        group_ids = tuple(item.modifier_group_ids)
        if group_ids not in group_sets:
            own = {groups[group_id].id: groups[group_id] for group_id in group_ids}
            required = tuple(group for group in own.values() if group.minimum > 0)
            group_sets[group_ids] = MappingProxyType(own), required
        price = cents[item.base_price]
        items[key] = CompiledItem(key, item.name, price, *group_sets[group_ids], catalogs_of.get(key, 0))
    for key, option_ids in index.options_of.items():
        own_options = options[key]
        for option_id in option_ids:
            # The keys are the items' own strings, so that the strings of the references can be freed with the models.
            option = items[option_id]
            own_options[option.id] = option
    return items


def _group(key: str, group: ExternalModifierGroup, options: Mapping[str, CompiledItem]) -> CompiledGroup:
    return CompiledGroup(
        id=key,
        name=group.name,
        minimum=group.minimum_allowed,
        maximum=group.maximum_allowed,
        allows_duplicates=group.enable_duplicate_items,
        options=MappingProxyType(options),
        tiers=None if group.tiers is None else _tiers(group.tiers),
    )


def _tiers(tiers: Sequence[Tier]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(((tier.offset, to_cents(tier.price)) for tier in tiers), reverse=True))


def _catalogs_by_item(catalog: ExternalCatalogSet) -> dict[str, CatalogMask]:
    """Map each item to the catalogs whose sections contain it, nested sections included."""
    of_section = dict.fromkeys(catalog.sections, 0)
    for position, one in enumerate(catalog.catalogs.values()):
        for section_id in one.section_ids:
            of_section[section_id] |= 1 << position
    # Each section passes its catalogs on when it has those of all sections around it; there are no cycles.
    surrounding = dict.fromkeys(catalog.sections, 0)
    for section in catalog.sections.values():
        for section_id in section.section_ids:
            surrounding[section_id] += 1
    ready = [section_id for section_id, count in surrounding.items() if not count]
    masks: dict[str, CatalogMask] = {}
    while ready:
        section = catalog.sections[key := ready.pop()]
        for item_id in section.item_ids:
            masks[item_id] = masks.get(item_id, 0) | of_section[key]
        for section_id in section.section_ids:
            of_section[section_id] |= of_section[key]
            surrounding[section_id] -= 1
            if not surrounding[section_id]:
                ready.append(section_id)
    return masks
