"""What makes a CatalogSet impossible to check a cart against, or to price one with (``gett-protocol.md §4``).

Only that: a catalog without these faults may still have others, which :mod:`webhook_kit.catalog.check` tells too.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from webhook_kit.catalog.cents import from_cents, to_cents
from webhook_kit.catalog.rules import CatalogRule, Finding, entity, shown
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup

__all__ = ["integrity_findings", "integrity_problems"]

_Node = TypeVar("_Node")


def integrity_problems(catalog: ExternalCatalogSet) -> list[str]:
    """Every such fault, one line each, beginning with its JSON path (``$.items['x'].modifierGroupIds[0]: …``)."""
    return [str(fault) for fault in integrity_findings(catalog)]


def integrity_findings(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    """The same as findings of their rules."""
    yield from _foreign_keys(catalog)
    yield from _dangling_references(catalog)
    yield from _section_cycles(catalog)
    yield from _modifier_cycles(catalog)
    for key, group in catalog.modifier_groups.items():
        if group.minimum_allowed > group.maximum_allowed or group.tiers is not None:
            yield from _group_faults(key, group)
    yield from _inexact_prices(catalog)


def _foreign_keys(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    owned = chain(
        (("catalogs", key, "catalogId", menu.catalog_id) for key, menu in catalog.catalogs.items()),
        (("sections", key, "sectionId", section.section_id) for key, section in catalog.sections.items()),
        (("items", key, "itemId", item.item_id) for key, item in catalog.items.items()),
        (("modifierGroups", key, "modifierGroupId", g.modifier_group_id) for key, g in catalog.modifier_groups.items()),
    )
    for table, key, member, own_id in owned:
        if own_id != key:
            message = f"is {shown(own_id)}, but stands under the key {shown(key)}"
            yield CatalogRule.KEY_IS_NOT_ID.at(f"{entity(table, key)}.{member}", message)


def _dangling_references(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    for key, menu in catalog.catalogs.items():
        yield from _missing("catalogs", key, "sectionIds", menu.section_ids, catalog.sections)
    for key, section in catalog.sections.items():
        yield from _missing("sections", key, "itemIds", section.item_ids, catalog.items)
        yield from _missing("sections", key, "sectionIds", section.section_ids, catalog.sections)
    for key, item in catalog.items.items():
        if item.modifier_group_ids:
            yield from _missing("items", key, "modifierGroupIds", item.modifier_group_ids, catalog.modifier_groups)
    for key, group in catalog.modifier_groups.items():
        yield from _missing("modifierGroups", key, "itemIds", group.item_ids, catalog.items)


_KINDS = {"sectionIds": "section", "itemIds": "item", "modifierGroupIds": "modifier group"}


def _missing(table: str, key: str, member: str, references: Sequence[str], known: Container[str]) -> Iterator[Finding]:
    for index, reference in enumerate(references):
        if reference not in known:
            path = f"{entity(table, key)}.{member}[{index}]"
            yield CatalogRule.DANGLING_REFERENCE.at(path, f"there is no {_KINDS[member]} {shown(reference)}")


def _group_faults(key: str, group: ExternalModifierGroup) -> Iterator[Finding]:
    path = entity("modifierGroups", key)
    if group.minimum_allowed > group.maximum_allowed:
        message = f"{group.minimum_allowed} is more than maximumAllowed, {group.maximum_allowed}"
        yield CatalogRule.MINIMUM_ABOVE_MAXIMUM.at(f"{path}.minimumAllowed", message)
    if group.tiers is None:
        return
    if all(tier.offset for tier in group.tiers):
        message = "no tier has the offset 0, so the first selection has no price"
        yield CatalogRule.TIERS_WITHOUT_ZERO.at(f"{path}.tiers", message)
    offsets: set[int] = set()
    for index, tier in enumerate(group.tiers):
        # [D] Two prices for one selection: the protocol does not say which holds, so neither does.
        if tier.offset in offsets:
            message = f"{tier.offset} is the offset of an earlier tier, too"
            yield CatalogRule.TIER_REPEATED.at(f"{path}.tiers[{index}].offset", message)
        offsets.add(tier.offset)


def _inexact_prices(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    # The models refuse such a price, but a copy with changed members (`model_copy`) is not read again.
    for key, item in catalog.items.items():
        price = item.base_price
        if price != from_cents(to_cents(price)):
            yield CatalogRule.INEXACT_PRICE.at(f"{entity('items', key)}.basePrice", f"{price} is finer than a cent")
    for key, group in catalog.modifier_groups.items():
        for index, tier in enumerate(group.tiers or ()):
            if tier.price != from_cents(to_cents(tier.price)):
                path = f"{entity('modifierGroups', key)}.tiers[{index}].price"
                yield CatalogRule.INEXACT_PRICE.at(path, f"{tier.price} is finer than a cent")


def _section_cycles(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    def inner(section_id: str) -> Iterable[tuple[int, str]]:
        section = catalog.sections.get(section_id)
        return enumerate(section.section_ids) if section else ()

    for cycle, index in _cycles(catalog.sections, inner):
        path = f"{entity('sections', cycle[-1])}.sectionIds[{index}]"
        yield CatalogRule.SECTION_CYCLE.at(path, f"a section holds itself: {_round(cycle)}")


def _modifier_cycles(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    # An item and a group may share an id, so a node carries the name of its table.
    items, groups = catalog.items, catalog.modifier_groups

    def inner(node: tuple[str, str]) -> Iterable[tuple[int, tuple[str, str]]]:
        table, key = node
        if table == "items":
            own = enumerate(items[key].modifier_group_ids)
            return ((index, ("modifierGroups", group_id)) for index, group_id in own if group_id in groups)
        held = enumerate(groups[key].item_ids)
        # An item without modifiers is in no circle, and most are without.
        return ((index, ("items", one)) for index, one in held if one in items and items[one].modifier_group_ids)

    members = {"items": "modifierGroupIds", "modifierGroups": "itemIds"}
    starts = (("items", key) for key, item in items.items() if item.modifier_group_ids)
    for cycle, index in _cycles(starts, inner):
        table, key = cycle[-1]
        path = f"{entity(table, key)}.{members[table]}[{index}]"
        yield CatalogRule.MODIFIER_CYCLE.at(path, f"modifiers go round in a circle: {_round(key for _, key in cycle)}")


def _cycles(
    starts: Iterable[_Node], inner: Callable[[_Node], Iterable[tuple[int, _Node]]]
) -> Iterator[tuple[list[_Node], int]]:
    """Each reference that closes a cycle: the nodes of the cycle, and the reference's index in the last of them.

    :param inner: what a node refers to, with the index of the reference.

    A walk in depth with a stack of its own, because a menu's nesting is not ours to bound.
    """
    done: set[_Node] = set()
    for start in starts:
        if start in done:
            continue
        path = {start: None}  # an ordered set: the way from `start` to where the walk stands
        stack = [(start, iter(inner(start)))]
        while stack:
            node, references = stack[-1]
            index, reference = next(references, (-1, node))
            if index < 0:
                stack.pop()
                del path[node]
                done.add(node)
            elif reference in path:
                way = list(path)
                yield way[way.index(reference) :], index
            elif reference not in done:
                path[reference] = None
                stack.append((reference, iter(inner(reference))))


_ROUND = 12
"""So many names of a circle are told; a longer one is cut in the middle."""


def _round(cycle: Iterable[str]) -> str:
    names = [shown(name) for name in cycle]
    names.append(names[0])
    if len(names) > _ROUND:
        names[_ROUND // 2 : -_ROUND // 2] = ["…"]
    return " → ".join(names)
