"""Referential integrity of a CatalogSet: problems because of which a cart cannot be checked or priced (``gett-protocol.md §4``).

A catalog without these problems may still break other rules; :mod:`webhook_kit.catalog.check` reports those as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from webhook_kit.catalog.bounds import bounds_findings
from webhook_kit.catalog.cents import from_cents
from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path, quoted
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup

__all__ = ["integrity_findings", "integrity_problems"]

_Node = TypeVar("_Node")


def integrity_problems(index: CatalogIndex) -> list[str]:
    """Return one line per problem, each beginning with its JSON path (``$.items['x'].modifierGroupIds[0]: …``).

    Of a catalog beyond its bounds only these are problems.
    """
    findings = list(bounds_findings(index)) or integrity_findings(index)
    return [str(finding) for finding in findings]


def integrity_findings(index: CatalogIndex) -> Iterator[Finding]:
    """Yield the problems of a catalog within its bounds as findings of their rules."""
    yield from _mismatched_keys(index)
    if any(index.dangling.values()):
        yield from _dangling_references(index)
    yield from _section_cycles(index.catalog)
    if index.nesting.has_cycle:
        yield from _modifier_cycles(index)
    for key, group in index.catalog.modifier_groups.items():
        if group.minimum_allowed > group.maximum_allowed or group.maximum_allowed < 0 or group.tiers is not None:
            yield from _group_findings(key, group)
    yield from _inexact_prices(index)


def _mismatched_keys(index: CatalogIndex) -> Iterator[Finding]:
    catalog = index.catalog
    for table, member, ids in (
        ("catalogs", "catalogId", [one.catalog_id for one in catalog.catalogs.values()]),
        ("sections", "sectionId", [section.section_id for section in catalog.sections.values()]),
        ("items", "itemId", [item.item_id for item in catalog.items.values()]),
        ("modifierGroups", "modifierGroupId", [group.modifier_group_id for group in catalog.modifier_groups.values()]),
    ):
        for key, entity_id in zip(index.tables[table], ids, strict=True):
            if entity_id != key:
                message = f"is {quoted(entity_id)}, but the entity's key is {quoted(key)}"
                yield CatalogRule.KEY_IS_NOT_ID.at(f"{entity_path(table, key)}.{member}", message)


_KINDS = {"sections": "section", "items": "item", "modifierGroups": "modifier group"}


def _dangling_references(index: CatalogIndex) -> Iterator[Finding]:
    for table, key, member, target, ids in index.references:
        dangling = index.dangling[target]
        if dangling.isdisjoint(ids):
            continue
        path = f"{entity_path(table, key)}.{member}"
        for position, reference in enumerate(ids):
            if reference in dangling:
                message = f"there is no {_KINDS[target]} {quoted(reference)}"
                yield CatalogRule.DANGLING_REFERENCE.at(f"{path}[{position}]", message)


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


def _inexact_prices(index: CatalogIndex) -> Iterator[Finding]:
    inexact = {amount for amount, cents in index.cents.items() if amount != from_cents(cents)}
    for price in index.prices() if inexact else ():
        if price.amount in inexact:
            kind = "item" if price.table == "items" else "group"
            message = f"{price.amount} has fractions of a cent ({kind} {quoted(price.name)})"
            yield CatalogRule.INEXACT_PRICE.at(price.path, message)


def _section_cycles(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    def references(section_id: str) -> Iterable[tuple[int, str]]:
        section = catalog.sections.get(section_id)
        return enumerate(section.section_ids) if section else ()

    for cycle, last, index in _find_cycles(catalog.sections, references):
        path = f"{entity_path('sections', last)}.sectionIds[{index}]"
        yield CatalogRule.SECTION_CYCLE.at(path, f"the section contains itself: {_format_cycle(cycle)}")


def _modifier_cycles(index: CatalogIndex) -> Iterator[Finding]:
    groups_of, options_of = index.groups_of, index.options_of

    # An item and a group may have the same id, so a node consists of table and id.
    def references(node: tuple[str, str]) -> Iterable[tuple[int, tuple[str, str]]]:
        table, key = node
        if table == "items":
            groups = enumerate(groups_of[key])
            return ((position, ("modifierGroups", one)) for position, one in groups if one in options_of)
        # An item without modifiers cannot be in a cycle.
        options = enumerate(options_of[key])
        return ((position, ("items", one)) for position, one in options if one in groups_of)

    members = {"items": "modifierGroupIds", "modifierGroups": "itemIds"}
    for cycle, (table, key), position in _find_cycles((("items", key) for key in groups_of), references):
        path = f"{entity_path(table, key)}.{members[table]}[{position}]"
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
