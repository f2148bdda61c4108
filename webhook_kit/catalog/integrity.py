"""Referential integrity of a CatalogSet: problems because of which a cart cannot be checked or priced (``gett-protocol.md §4``).

A catalog without these problems may still break other rules; :mod:`webhook_kit.catalog.check` reports those as well.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from webhook_kit.catalog.bounds import bounds_findings
from webhook_kit.catalog.cents import from_cents, to_cents
from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path, quoted
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup

__all__ = ["integrity_findings", "integrity_problems"]

_Node = TypeVar("_Node")


def integrity_problems(catalog: ExternalCatalogSet) -> list[str]:
    """Return one line per problem, each beginning with its JSON path (``$.items['x'].modifierGroupIds[0]: …``).

    Of a catalog beyond its bounds only these are problems.
    """
    findings = list(bounds_findings(catalog)) or integrity_findings(catalog)
    return [str(finding) for finding in findings]


def integrity_findings(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    """Yield the problems of a catalog within its bounds as findings of their rules."""
    yield from _mismatched_keys(catalog)
    yield from _dangling_references(catalog)
    yield from _section_cycles(catalog)
    yield from _modifier_cycles(catalog)
    for key, group in catalog.modifier_groups.items():
        if group.minimum_allowed > group.maximum_allowed or group.maximum_allowed < 0 or group.tiers is not None:
            yield from _group_findings(key, group)
    yield from _inexact_prices(catalog)


def _mismatched_keys(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    ids = chain(
        (("catalogs", key, "catalogId", one.catalog_id) for key, one in catalog.catalogs.items()),
        (("sections", key, "sectionId", section.section_id) for key, section in catalog.sections.items()),
        (("items", key, "itemId", item.item_id) for key, item in catalog.items.items()),
        (("modifierGroups", key, "modifierGroupId", g.modifier_group_id) for key, g in catalog.modifier_groups.items()),
    )
    for table, key, member, entity_id in ids:
        if entity_id != key:
            message = f"is {quoted(entity_id)}, but the entity's key is {quoted(key)}"
            yield CatalogRule.KEY_IS_NOT_ID.at(f"{entity_path(table, key)}.{member}", message)


def _dangling_references(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    for key, one in catalog.catalogs.items():
        yield from _missing_targets("catalogs", key, "sectionIds", one.section_ids, catalog.sections)
    for key, section in catalog.sections.items():
        yield from _missing_targets("sections", key, "itemIds", section.item_ids, catalog.items)
        yield from _missing_targets("sections", key, "sectionIds", section.section_ids, catalog.sections)
    for key, item in catalog.items.items():
        if item.modifier_group_ids:
            references = item.modifier_group_ids
            yield from _missing_targets("items", key, "modifierGroupIds", references, catalog.modifier_groups)
    for key, group in catalog.modifier_groups.items():
        yield from _missing_targets("modifierGroups", key, "itemIds", group.item_ids, catalog.items)


_KINDS = {"sectionIds": "section", "itemIds": "item", "modifierGroupIds": "modifier group"}


def _missing_targets(
    table: str, key: str, member: str, references: Sequence[str], existing: Container[str]
) -> Iterator[Finding]:
    for index, reference in enumerate(references):
        if reference not in existing:
            path = f"{entity_path(table, key)}.{member}[{index}]"
            yield CatalogRule.DANGLING_REFERENCE.at(path, f"there is no {_KINDS[member]} {quoted(reference)}")


def _group_findings(key: str, group: ExternalModifierGroup) -> Iterator[Finding]:
    path = entity_path("modifierGroups", key)
    if group.maximum_allowed < 0:
        yield CatalogRule.NEGATIVE_BOUND.at(f"{path}.maximumAllowed", f"is {group.maximum_allowed}")
    elif group.minimum_allowed > group.maximum_allowed:
        message = f"{group.minimum_allowed} is more than maximumAllowed, {group.maximum_allowed}"
        yield CatalogRule.MINIMUM_ABOVE_MAXIMUM.at(f"{path}.minimumAllowed", message)
    if group.tiers is None:
        return
    if all(tier.offset for tier in group.tiers):
        message = "no tier has the offset 0, so the first selection has no price"
        yield CatalogRule.TIERS_WITHOUT_ZERO.at(f"{path}.tiers", message)
    offsets: set[int] = set()
    for index, tier in enumerate(group.tiers):
        # [D] One selection would have two prices, and the protocol does not define which one is valid.
        if tier.offset in offsets:
            message = f"{tier.offset} is also the offset of an earlier tier"
            yield CatalogRule.TIER_REPEATED.at(f"{path}.tiers[{index}].offset", message)
        offsets.add(tier.offset)


def _inexact_prices(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    for key, item in catalog.items.items():
        for member, price in (
            ("basePrice", item.base_price),
            ("compareAt", item.compare_at),
            ("startingAt", item.starting_at),
        ):
            if price is not None and price != from_cents(to_cents(price)):
                message = f"{price} has fractions of a cent (item {quoted(item.name)})"
                yield CatalogRule.INEXACT_PRICE.at(f"{entity_path('items', key)}.{member}", message)
    for key, group in catalog.modifier_groups.items():
        for index, tier in enumerate(group.tiers or ()):
            if tier.price != from_cents(to_cents(tier.price)):
                path = f"{entity_path('modifierGroups', key)}.tiers[{index}].price"
                message = f"{tier.price} has fractions of a cent (group {quoted(group.name)})"
                yield CatalogRule.INEXACT_PRICE.at(path, message)


def _section_cycles(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    def references(section_id: str) -> Iterable[tuple[int, str]]:
        section = catalog.sections.get(section_id)
        return enumerate(section.section_ids) if section else ()

    for cycle, last, index in _find_cycles(catalog.sections, references):
        path = f"{entity_path('sections', last)}.sectionIds[{index}]"
        yield CatalogRule.SECTION_CYCLE.at(path, f"the section contains itself: {_format_cycle(cycle)}")


def _modifier_cycles(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    # An item and a group may have the same id, so a node consists of table and id.
    items, groups = catalog.items, catalog.modifier_groups

    def references(node: tuple[str, str]) -> Iterable[tuple[int, tuple[str, str]]]:
        table, key = node
        if table == "items":
            group_ids = enumerate(items[key].modifier_group_ids)
            return ((index, ("modifierGroups", group_id)) for index, group_id in group_ids if group_id in groups)
        options = enumerate(groups[key].item_ids)
        # An item without modifiers cannot be in a cycle, and most items have none.
        return ((index, ("items", one)) for index, one in options if one in items and items[one].modifier_group_ids)

    members = {"items": "modifierGroupIds", "modifierGroups": "itemIds"}
    starts = (("items", key) for key, item in items.items() if item.modifier_group_ids)
    for cycle, (table, key), index in _find_cycles(starts, references):
        path = f"{entity_path(table, key)}.{members[table]}[{index}]"
        message = f"the modifiers form a cycle: {_format_cycle(node and node[1] for node in cycle)}"
        yield CatalogRule.MODIFIER_CYCLE.at(path, message)


_MOST_NAMES = 6
"""A message names so many nodes at each end of a cycle; the middle of a longer one is left out."""


def _find_cycles(
    starts: Iterable[_Node], references: Callable[[_Node], Iterable[tuple[int, _Node]]]
) -> Iterator[tuple[list[_Node | None], _Node, int]]:
    """Yield each reference that closes a cycle: the cycle's nodes, the last of them, and the reference's index in it.

    The middle of a long cycle is None, for many references can close one long cycle, which must not be copied each time.

    :param references: returns the nodes to which a node refers, each with the index of the reference.

    The depth-first search has an explicit stack, because the depth of a catalog has no limit.
    """
    done: set[_Node] = set()
    for start in starts:
        if start in done:
            continue
        position = {start: 0}  # of each node of `path`
        path = [start]
        stack = [iter(references(start))]
        while stack:
            index, reference = next(stack[-1], (-1, path[-1]))
            if index < 0:
                stack.pop()
                done.add(path[-1])
                del position[path.pop()]
            elif reference in position:
                first = position[reference]
                is_short = len(path) - first <= 2 * _MOST_NAMES
                cycle = path[first:] if is_short else [*path[first : first + _MOST_NAMES], None, *path[-_MOST_NAMES:]]
                yield [*cycle], path[-1], index
            elif reference not in done:
                position[reference] = len(path)
                path.append(reference)
                stack.append(iter(references(reference)))


def _format_cycle(cycle: Iterable[str | None]) -> str:
    names = ["…" if name is None else quoted(name) for name in cycle]
    return " → ".join([*names, names[0]])
