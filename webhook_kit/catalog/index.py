"""Index of a catalog: what several rules need to know of it, each part collected once.

Most catalogs violate few rules. So a rule looks here first, and goes through the entities only when one of them violates it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from functools import cached_property
from itertools import chain
from typing import NamedTuple, TypeAlias

from webhook_kit.catalog.cents import to_cents
from webhook_kit.catalog.rules import entity_path
from webhook_kit.gett.models.catalog import (
    ExternalCatalog,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
)

__all__ = ["CatalogIndex", "Entity", "Nesting", "PriceEntry"]

Entity: TypeAlias = ExternalCatalog | ExternalSection | ExternalItem | ExternalModifierGroup

_List: TypeAlias = tuple[str, str, str, str, Sequence[str]]
"""Table and key of an entity, name of the list in it, the table to which the ids refer, and the ids."""


class PriceEntry(NamedTuple):
    """A price in a catalog, with the name of its item or group."""

    table: str
    key: str
    member: str
    name: str
    amount: Decimal

    @property
    def path(self) -> str:
        """JSON path of the price."""
        return f"{entity_path(self.table, self.key)}.{self.member}"


class Nesting(NamedTuple):
    """Nesting of modifiers.

    :ivar inner_first: table and key of all groups, and of the options that have groups, each after everything that it contains.
        The members of a cycle are left out, and everything that contains one.
    """

    inner_first: Sequence[tuple[str, str]]
    has_cycle: bool


class CatalogIndex:
    """Index of a catalog, which must not change meanwhile.

    :ivar tables: the entities by table and key.
    :ivar groups_of: ids of the modifier groups by item, only of items that have any: most options have none.
    :ivar options_of: ids of the options by modifier group.
    """

    def __init__(self, catalog: ExternalCatalogSet) -> None:
        self.catalog = catalog
        self.tables: Mapping[str, Mapping[str, Entity]] = {
            "catalogs": catalog.catalogs,
            "sections": catalog.sections,
            "items": catalog.items,
            "modifierGroups": catalog.modifier_groups,
        }
        self.groups_of: Mapping[str, Sequence[str]] = {
            key: item.modifier_group_ids for key, item in catalog.items.items() if item.modifier_group_ids
        }
        self.options_of: Mapping[str, Sequence[str]] = {
            key: group.item_ids for key, group in catalog.modifier_groups.items()
        }

    # -- references ----------------------------------------------------------------------------------------------------

    @cached_property
    def references(self) -> Sequence[_List]:
        """Lists of ids by which entities refer to each other."""
        return [*self._references()]

    def _references(self) -> Iterator[_List]:
        for key, one in self.catalog.catalogs.items():
            yield "catalogs", key, "sectionIds", "sections", one.section_ids
        for key, section in self.catalog.sections.items():
            yield "sections", key, "itemIds", "items", section.item_ids
            yield "sections", key, "sectionIds", "sections", section.section_ids
        for key, ids in self.groups_of.items():
            yield "items", key, "modifierGroupIds", "modifierGroups", ids
        for key, ids in self.options_of.items():
            yield "modifierGroups", key, "itemIds", "items", ids

    @cached_property
    def referred(self) -> Mapping[str, AbstractSet[str]]:
        """Ids to which any entity refers, by their table."""
        return {
            table: set(chain.from_iterable(ids for _, _, _, target, ids in self.references if target == table))
            for table in ("sections", "items", "modifierGroups")
        }

    @cached_property
    def dangling(self) -> Mapping[str, AbstractSet[str]]:
        """Those of them that do not exist."""
        return {table: ids - self.tables[table].keys() for table, ids in self.referred.items()}

    @cached_property
    def nesting(self) -> Nesting:
        """Nesting of modifiers."""
        # The number of children of each node that are not in the order yet, and its parents.
        group_pending: dict[str, int] = {}
        item_pending: dict[str, int] = {}
        parents_of_group: dict[str, list[str]] = {}
        parents_of_item: dict[str, list[str]] = {}
        for key, ids in self.options_of.items():
            options = [option for option in ids if option in self.groups_of]
            group_pending[key] = len(options)
            for option in options:
                parents_of_item.setdefault(option, []).append(key)
        for key in parents_of_item:
            groups = [group for group in self.groups_of[key] if group in self.options_of]
            item_pending[key] = len(groups)
            for group in groups:
                parents_of_group.setdefault(group, []).append(key)
        order = [("modifierGroups", key) for key, count in group_pending.items() if not count]
        order += [("items", key) for key, count in item_pending.items() if not count]
        for table, key in order:  # which grows meanwhile
            parent_table, pending, parents = (
                ("items", item_pending, parents_of_group)
                if table == "modifierGroups"
                else ("modifierGroups", group_pending, parents_of_item)
            )
            for parent in parents.get(key, ()):
                pending[parent] -= 1
                if not pending[parent]:
                    order.append((parent_table, parent))
        return Nesting(order, has_cycle=len(order) < len(group_pending) + len(item_pending))

    # -- texts and prices ----------------------------------------------------------------------------------------------

    @cached_property
    def names(self) -> AbstractSet[str]:
        """All names of entities, equal ones once."""
        return {one.name for entities in self.tables.values() for one in entities.values()}

    @cached_property
    def repetitive(self) -> Sequence[tuple[_List, Sequence[str]]]:
        """Lists in which two names are equal, and the names: no other list shows equal names or holds an id twice.

        Names are folded as customers compare them. The name of a dangling id is empty.
        """
        folded = {name: " ".join(name.split()).casefold() for name in self.names}
        name_of = {
            table: {key: folded[one.name] for key, one in entities.items()}.get
            for table, entities in self.tables.items()
        }
        lists: list[tuple[_List, Sequence[str]]] = []
        all_catalogs: _List = ("", "", "catalogs", "catalogs", [*self.catalog.catalogs])
        for reference in (all_catalogs, *self.references):
            _, _, _, target, ids = reference
            if len(ids) > 1 and len(set(map(name_of[target], ids))) < len(ids):
                lists.append((reference, [name_of[target](one) or "" for one in ids]))
        return lists

    @cached_property
    def cents(self) -> Mapping[Decimal, int]:
        """All prices without their places, equal ones once, and their cents; digits below a cent are cut off."""
        amounts: set[Decimal | None] = set()
        for item in self.catalog.items.values():
            amounts.add(item.base_price)
            amounts.add(item.compare_at)
            amounts.add(item.starting_at)
        for group in self.catalog.modifier_groups.values():
            if group.tiers:
                amounts.update(tier.price for tier in group.tiers)
        return {amount: to_cents(amount) for amount in amounts if amount is not None}

    def prices(self) -> Iterator[PriceEntry]:
        """Yield each price with its place."""
        for key, item in self.catalog.items.items():
            yield PriceEntry("items", key, "basePrice", item.name, item.base_price)
            if item.compare_at is not None:
                yield PriceEntry("items", key, "compareAt", item.name, item.compare_at)
            if item.starting_at is not None:
                yield PriceEntry("items", key, "startingAt", item.name, item.starting_at)
        for key, group in self.catalog.modifier_groups.items():
            for index, tier in enumerate(group.tiers or ()):
                yield PriceEntry("modifierGroups", key, f"tiers[{index}].price", group.name, tier.price)
