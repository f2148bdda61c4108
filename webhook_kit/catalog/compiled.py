"""The compiled menu: an ExternalCatalogSet in the form in which carts are checked and priced.

It holds what a price or a rule depends on and nothing else; texts are shared with the models it was made from, which may
then be dropped. Prices are whole cents. Nothing in it changes, so any number of threads may read one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import TypeAlias

from webhook_kit.catalog.cents import to_cents
from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.catalog.hours import WeekSpans, local_time, week_spans
from webhook_kit.catalog.integrity import integrity_problems
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup, Tier

__all__ = ["CatalogMask", "CompiledCatalog", "CompiledGroup", "CompiledItem"]

CatalogMask: TypeAlias = int
"""A set of catalogs: bit ``i`` stands for the ``i``-th one."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledItem:
    """A dish, or an option of a modifier group.

    :ivar price: its base price, in cents.
    :ivar groups: its modifier groups, by id.
    :ivar required: those of them from which something must be chosen.
    :ivar catalogs: the catalogs that reach it through their sections; none for what is only an option.
    """

    id: str
    name: str
    price: int
    groups: Mapping[str, CompiledGroup]
    required: tuple[CompiledGroup, ...]
    catalogs: CatalogMask


@dataclass(frozen=True, slots=True, eq=False)
class CompiledGroup:
    """A modifier group.

    :ivar minimum: the least quantity in all that is chosen from it.
    :ivar maximum: the greatest.
    :ivar repeats: whether one option may be chosen more than once.
    :ivar options: what can be chosen, by item id.
    :ivar tiers: (offset, price in cents), the greatest offset first; None when each option has its own price.
    """

    id: str
    name: str
    minimum: int
    maximum: int
    repeats: bool
    options: Mapping[str, CompiledItem]
    tiers: tuple[tuple[int, int], ...] | None

    def price(self, option: CompiledItem, first: int, quantity: int) -> int:
        """Cents for ``quantity`` times one option, what the option itself was chosen with left out.

        :param first: how many selections of this group came before; with tiers the ``k``-th selection costs the tier
            with the greatest offset ≤ ``k`` instead of the option's own price (``gett-protocol.md §4``).
        """
        if self.tiers is None:
            return quantity * option.price
        total = 0
        end = first + quantity
        for offset, price in self.tiers:  # the greatest offset first: each tier takes what is left above its offset
            if offset < end:
                start = max(offset, first)
                total += (end - start) * price
                if start == first:
                    break
                end = start
        return total


@dataclass(frozen=True, slots=True, eq=False)
class CompiledCatalog:
    """A store's whole menu in one version, compiled.

    :ivar version: the ``catalogSetId``.
    :ivar items: dishes and options, by id.
    :ivar schedule: when each catalog is open, in the order of the bits of a :data:`CatalogMask`.
    """

    version: str | None
    items: Mapping[str, CompiledItem]
    schedule: tuple[WeekSpans, ...] = field(repr=False)

    @classmethod
    @gc_paused
    def compile(cls, catalog: ExternalCatalogSet) -> CompiledCatalog:
        """The compiled form of a catalog.

        :raises CatalogInvalid: with everything that makes checking or pricing impossible, each with its JSON path: a
            dangling reference, a key that is not the entity's id, a cycle of sections or of modifiers, a minimum above its
            maximum, tiers that leave a selection without one price, a price finer than a cent (``gett-protocol.md §4``).
        """
        found = integrity_problems(catalog)
        if found:
            raise CatalogInvalid(*found)
        return cls(
            version=catalog.catalog_set_id,
            items=MappingProxyType(_items(catalog)),
            schedule=tuple(week_spans(one.availability) for one in catalog.catalogs.values()),
        )

    def open_catalogs(self, at: datetime, timezone: tzinfo) -> CatalogMask:
        """The catalogs open at that moment, in the store's zone (``gett-protocol.md §4``).

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


def _items(catalog: ExternalCatalogSet) -> dict[str, CompiledItem]:
    # Items name groups and groups name items: groups are made first, and their options filled in at the end.
    options: dict[str, dict[str, CompiledItem]] = {key: {} for key in catalog.modifier_groups}
    groups = {key: _group(key, group, options[key]) for key, group in catalog.modifier_groups.items()}
    # Many items have the same groups; they share one mapping.
    sets: dict[tuple[str, ...], tuple[Mapping[str, CompiledGroup], tuple[CompiledGroup, ...]]] = {}
    reached = _reached(catalog)
    items: dict[str, CompiledItem] = {}
    for key, item in catalog.items.items():
        group_ids = tuple(item.modifier_group_ids)
        if group_ids not in sets:
            own = {groups[group_id].id: groups[group_id] for group_id in group_ids}
            sets[group_ids] = MappingProxyType(own), tuple(group for group in own.values() if group.minimum > 0)
        items[key] = CompiledItem(key, item.name, to_cents(item.base_price), *sets[group_ids], reached.get(key, 0))
    for key, group in catalog.modifier_groups.items():
        # The items' own texts serve as keys, so that those of the references can be dropped with the models.
        options[key].update((items[item_id].id, items[item_id]) for item_id in group.item_ids)
    return items


def _group(key: str, group: ExternalModifierGroup, options: Mapping[str, CompiledItem]) -> CompiledGroup:
    return CompiledGroup(
        id=key,
        name=group.name,
        minimum=group.minimum_allowed,
        maximum=group.maximum_allowed,
        repeats=group.enable_duplicate_items,
        options=MappingProxyType(options),
        tiers=None if group.tiers is None else _tiers(group.tiers),
    )


def _tiers(tiers: Sequence[Tier]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(((tier.offset, to_cents(tier.price)) for tier in tiers), reverse=True))


def _reached(catalog: ExternalCatalogSet) -> dict[str, CatalogMask]:
    """Which catalogs reach an item through their sections, nested ones included."""
    reached: dict[str, CatalogMask] = {}
    for position, one in enumerate(catalog.catalogs.values()):
        seen: set[str] = set()
        waiting = list(one.section_ids)
        while waiting:
            section_id = waiting.pop()
            if section_id in seen:
                continue
            seen.add(section_id)
            section = catalog.sections[section_id]
            waiting.extend(section.section_ids)
            for item_id in section.item_ids:
                reached[item_id] = reached.get(item_id, 0) | 1 << position
    return reached
