"""What makes a CatalogSet impossible to check a cart against, or to price one with (``gett-protocol.md §4``).

Only that: a catalog without these problems may still have others, which a lint is to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import TypeVar

from webhook_kit.catalog.exact import from_cents, to_cents
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup

__all__ = ["problems"]

_Node = TypeVar("_Node")


def problems(catalog: ExternalCatalogSet) -> list[str]:
    """Every such problem, one line each, beginning with its JSON path (``$.items['x'].modifierGroupIds[0]: …``)."""
    return [
        *_foreign_keys(catalog),
        *_dangling_references(catalog),
        *_section_cycles(catalog),
        *_modifier_cycles(catalog),
        *(problem for key, group in catalog.modifier_groups.items() for problem in _group_problems(key, group)),
        *_inexact_prices(catalog),
    ]


def _foreign_keys(catalog: ExternalCatalogSet) -> Iterator[str]:
    owned = [
        *(("catalogs", key, "catalogId", menu.catalog_id) for key, menu in catalog.catalogs.items()),
        *(("sections", key, "sectionId", section.section_id) for key, section in catalog.sections.items()),
        *(("items", key, "itemId", item.item_id) for key, item in catalog.items.items()),
        *(
            ("modifierGroups", key, "modifierGroupId", g.modifier_group_id)
            for key, g in catalog.modifier_groups.items()
        ),
    ]
    for table, key, member, own_id in owned:
        if own_id != key:
            yield f"{_at(table, key)}.{member}: is '{own_id}', but stands under the key '{key}'"


def _dangling_references(catalog: ExternalCatalogSet) -> Iterator[str]:
    for key, menu in catalog.catalogs.items():
        yield from _missing(f"{_at('catalogs', key)}.sectionIds", menu.section_ids, catalog.sections, "section")
    for key, section in catalog.sections.items():
        yield from _missing(f"{_at('sections', key)}.itemIds", section.item_ids, catalog.items, "item")
        yield from _missing(f"{_at('sections', key)}.sectionIds", section.section_ids, catalog.sections, "section")
    for key, item in catalog.items.items():
        path = f"{_at('items', key)}.modifierGroupIds"
        yield from _missing(path, item.modifier_group_ids, catalog.modifier_groups, "modifier group")
    for key, group in catalog.modifier_groups.items():
        yield from _missing(f"{_at('modifierGroups', key)}.itemIds", group.item_ids, catalog.items, "item")


def _missing(path: str, references: Sequence[str], known: Container[str], kind: str) -> Iterator[str]:
    for index, reference in enumerate(references):
        if reference not in known:
            yield f"{path}[{index}]: there is no {kind} '{reference}'"


def _group_problems(key: str, group: ExternalModifierGroup) -> Iterator[str]:
    path = _at("modifierGroups", key)
    if group.minimum_allowed > group.maximum_allowed:
        yield f"{path}.minimumAllowed: {group.minimum_allowed} is more than maximumAllowed, {group.maximum_allowed}"
    if group.tiers is None:
        return
    offsets = [tier.offset for tier in group.tiers]
    if 0 not in offsets:
        yield f"{path}.tiers: no tier has the offset 0, so the first selection has no price"
    for index, offset in enumerate(offsets):
        # [D] Two prices for one selection: the protocol does not say which holds, so neither does.
        if offset in offsets[:index]:
            yield f"{path}.tiers[{index}].offset: {offset} is the offset of an earlier tier, too"


def _inexact_prices(catalog: ExternalCatalogSet) -> Iterator[str]:
    # The models refuse such a price, but a copy with changed members (`model_copy`) is not read again.
    prices = [(f"{_at('items', key)}.basePrice", item.base_price) for key, item in catalog.items.items()]
    for key, group in catalog.modifier_groups.items():
        path = f"{_at('modifierGroups', key)}.tiers"
        prices += [(f"{path}[{index}].price", tier.price) for index, tier in enumerate(group.tiers or ())]
    for path, price in prices:
        if price != from_cents(to_cents(price)):
            yield f"{path}: {price} is finer than a cent"


def _section_cycles(catalog: ExternalCatalogSet) -> Iterator[str]:
    def inner(section_id: str) -> Sequence[str]:
        section = catalog.sections.get(section_id)
        return section.section_ids if section else ()

    for cycle, index in _cycles(catalog.sections, inner):
        yield f"{_at('sections', cycle[-1])}.sectionIds[{index}]: a section holds itself: {_round(cycle)}"


def _modifier_cycles(catalog: ExternalCatalogSet) -> Iterator[str]:
    # An item and a group may share an id, so a node carries the name of its table.
    def inner(node: tuple[str, str]) -> Sequence[tuple[str, str]]:
        table, key = node
        if table == "items":
            item = catalog.items.get(key)
            return [("modifierGroups", group_id) for group_id in item.modifier_group_ids] if item else ()
        group = catalog.modifier_groups.get(key)
        return [("items", item_id) for item_id in group.item_ids] if group else ()

    members = {"items": "modifierGroupIds", "modifierGroups": "itemIds"}
    for cycle, index in _cycles((("items", key) for key in catalog.items), inner):
        table, key = cycle[-1]
        yield f"{_at(table, key)}.{members[table]}[{index}]: modifiers go round in a circle: {_round(k for _, k in cycle)}"


def _cycles(starts: Iterable[_Node], inner: Callable[[_Node], Sequence[_Node]]) -> Iterator[tuple[list[_Node], int]]:
    """Each reference that closes a cycle: the nodes of the cycle, and the reference's index in the last of them.

    A walk in depth with a stack of its own, because a menu's nesting is not ours to bound.
    """
    done: set[_Node] = set()
    for start in starts:
        if start in done:
            continue
        path = {start: None}  # an ordered set: the way from `start` to where the walk stands
        stack = [(start, iter(list(enumerate(inner(start)))))]
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
                stack.append((reference, iter(list(enumerate(inner(reference))))))


def _round(cycle: Iterable[str]) -> str:
    names = list(cycle)
    return " → ".join(f"'{name}'" for name in [*names, names[0]])


def _at(table: str, key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace("'", "\\'")
    return f"$.{table}['{escaped}']"
