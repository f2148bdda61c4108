"""Bounds of a catalog [D]: several times what the largest restaurants have, and little enough for every rule and every process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sized

from webhook_kit.catalog.rules import CatalogRule, Finding, entity_path
from webhook_kit.gett.models.catalog import (
    ExternalCatalog,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
)

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


def bounds_findings(catalog: ExternalCatalogSet) -> Iterator[Finding]:
    """Yield a finding for each table, list and text that is beyond its bound."""
    for table, entities in _tables(catalog).items():
        if len(entities) > MOST[table]:
            yield _too_many(f"$.{table}", table, entities)
        for key, one in entities.items():
            if len(key) > MOST["id"]:
                yield _too_long(entity_path(table, key), "id", key)
            if len(one.name) > MOST["name"]:
                yield _too_long(f"{entity_path(table, key)}.name", "name", one.name)
    for key, item in catalog.items.items():
        if item.description is not None and len(item.description) > MOST["description"]:
            yield _too_long(f"{entity_path('items', key)}.description", "description", item.description)
    for table, key, member, entries in _lists(catalog):
        if len(entries) > MOST[member]:
            yield _too_many(f"{entity_path(table, key)}.{member}", member, entries)


def _too_many(path: str, name: str, entries: Sized) -> Finding:
    return CatalogRule.TOO_MANY.at(path, f"{len(entries):,} entries; the limit of {name} is {MOST[name]:,}")


def _too_long(path: str, name: str, text: str) -> Finding:
    return CatalogRule.TOO_LONG.at(path, f"{len(text):,} characters; the limit of {name} is {MOST[name]:,}")


def _tables(
    catalog: ExternalCatalogSet,
) -> dict[str, Mapping[str, ExternalCatalog | ExternalSection | ExternalItem | ExternalModifierGroup]]:
    return {
        "catalogs": catalog.catalogs,
        "sections": catalog.sections,
        "items": catalog.items,
        "modifierGroups": catalog.modifier_groups,
    }


def _lists(catalog: ExternalCatalogSet) -> Iterable[tuple[str, str, str, Sized]]:
    for key, one in catalog.catalogs.items():
        yield "catalogs", key, "sectionIds", one.section_ids
        yield "catalogs", key, "availability", one.availability or ()
    for key, section in catalog.sections.items():
        yield "sections", key, "sectionIds", section.section_ids
        yield "sections", key, "itemIds", section.item_ids
    for key, item in catalog.items.items():
        yield "items", key, "modifierGroupIds", item.modifier_group_ids
    for key, group in catalog.modifier_groups.items():
        yield "modifierGroups", key, "itemIds", group.item_ids
        yield "modifierGroups", key, "defaultItems", group.default_items or ()
        yield "modifierGroups", key, "tiers", group.tiers or ()
