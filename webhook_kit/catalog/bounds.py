"""Bounds of a catalog [D]: several times what the largest restaurants have, and little enough for every rule and every process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sized

from webhook_kit.catalog.index import CatalogIndex
from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path

__all__ = ["MOST", "bounds_findings"]

MOST: Mapping[str, int] = {
    "catalogs": 100,
    "sections": 10_000,
    "items": 200_000,
    "modifierGroups": 100_000,
    "sectionIds": 10_000,
    "itemIds": 50_000,
    "modifierGroupIds": 1_000,
    "availability": 1_000,
    "defaultItems": 1_000,
    "tiers": 1_000,
    "id": 255,
    "name": 1_000,
    "description": 20_000,
}
"""Greatest number of entries, and of characters in an id, a name and a description."""


def bounds_findings(index: CatalogIndex) -> Iterator[Finding]:
    """Yield a finding for each table, list and text that is beyond its bound."""
    yield from _tables_and_texts(index)
    for table, key, member, entries in _lists(index):
        if len(entries) > MOST[member]:
            yield _too_many(f"{entity_path(table, key)}.{member}", member, entries)


def _tables_and_texts(index: CatalogIndex) -> Iterator[Finding]:
    longest_id, longest_name, longest_description = MOST["id"], MOST["name"], MOST["description"]
    has_long_name = any(len(name) > longest_name for name in index.names)
    for table, entities in index.tables.items():
        if len(entities) > MOST[table]:
            yield _too_many(f"$.{table}", table, entities)
        for key in entities:
            if len(key) > longest_id:
                yield _too_long(entity_path(table, key), "id", key)
        for key, one in entities.items() if has_long_name else ():
            if len(one.name) > longest_name:
                yield _too_long(f"{entity_path(table, key)}.name", "name", one.name)
    for key, item in index.catalog.items.items():
        if item.description and len(item.description) > longest_description:
            yield _too_long(f"{entity_path('items', key)}.description", "description", item.description)


def _too_many(path: str, name: str, entries: Sized) -> Finding:
    return CatalogRule.TOO_MANY.at(path, f"{len(entries):,} entries; the limit of {name} is {MOST[name]:,}")


def _too_long(path: str, name: str, text: str) -> Finding:
    return CatalogRule.TOO_LONG.at(path, f"{len(text):,} characters; the limit of {name} is {MOST[name]:,}")


def _lists(index: CatalogIndex) -> Iterator[tuple[str, str, str, Sized]]:
    for table, key, member, _, ids in index.references:
        yield table, key, member, ids
    for key, one in index.catalog.catalogs.items():
        if one.availability:
            yield "catalogs", key, "availability", one.availability
    for key, group in index.catalog.modifier_groups.items():
        if group.default_items:
            yield "modifierGroups", key, "defaultItems", group.default_items
        if group.tiers:
            yield "modifierGroups", key, "tiers", group.tiers
