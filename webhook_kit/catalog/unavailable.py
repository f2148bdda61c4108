"""Unavailable items ("86") and what depends on them, in a compiled catalog and in a catalog to publish."""

from __future__ import annotations

from collections.abc import Collection, Container
from typing import TypeVar

from webhook_kit.catalog.compiled import CompiledCatalog, CompiledGroup
from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup

__all__ = ["remove_items", "unavailable_items"]

_Entity = TypeVar("_Entity", bound=Wire)


def unavailable_items(catalog: CompiledCatalog, marked: Collection[str]) -> frozenset[str]:
    """Return the items that cannot be ordered: the marked ones, and each of which a required group has too few options left.

    :param marked: ids of the items and options that were marked unavailable.
    """
    unavailable = set(marked) & catalog.items.keys()
    if not unavailable:
        return frozenset()
    # An option can become unavailable for its own options, so each newly unavailable item is followed to what requires it.
    groups: dict[str, list[CompiledGroup]] = {}
    items: dict[str, list[str]] = {}
    for item in catalog.items.values():
        for group in item.required_groups:
            if group.id not in items:
                for option in group.options:
                    groups.setdefault(option, []).append(group)
            items.setdefault(group.id, []).append(item.id)
    remaining = {group.id: len(group.options) for required in groups.values() for group in required}
    pending = list(unavailable)
    while pending:
        for group in groups.get(pending.pop(), ()):
            remaining[group.id] -= 1
            if _has_too_few_options(group, remaining[group.id]):
                added = [item_id for item_id in items[group.id] if item_id not in unavailable]
                unavailable.update(added)
                pending += added
                items[group.id] = []
    return frozenset(unavailable)


def remove_items(catalog: ExternalCatalogSet, marked: Collection[str]) -> ExternalCatalogSet:
    """Return the catalog without the items that cannot be ordered and without references to them.

    Sections that become empty and groups from which nothing can be chosen any more are removed too. A valid catalog stays
    valid, though nothing may be on sale.

    :param marked: ids of the items and options that were marked unavailable.
    :raises CatalogInvalid: when the catalog cannot be compiled.
    """
    unavailable = unavailable_items(CompiledCatalog.compile(catalog), marked)
    if not unavailable:
        return catalog
    items = {key: item for key, item in catalog.items.items() if key not in unavailable}
    groups = {key: _keep_options(group, items) for key, group in catalog.modifier_groups.items()}
    # Items that require a group with too few options are removed already; other items lose only the group.
    groups = {key: group for key, group in groups.items() if _can_be_satisfied(group)}
    empty = _empty_sections(catalog, items)
    filled = catalog.sections.keys() - empty
    sections = {
        key: _keep_references(section, "section_ids", filled)
        for key, section in catalog.sections.items()
        if key in filled
    }
    return catalog.model_copy(
        update={
            "catalogs": {key: _keep_references(one, "section_ids", sections) for key, one in catalog.catalogs.items()},
            "sections": {key: _keep_references(section, "item_ids", items) for key, section in sections.items()},
            "items": {key: _keep_references(item, "modifier_group_ids", groups) for key, item in items.items()},
            "modifier_groups": groups,
        }
    )


def _has_too_few_options(group: CompiledGroup, remaining: int) -> bool:
    return remaining == 0 or (remaining < group.minimum and not group.allows_duplicates)


def _can_be_satisfied(group: ExternalModifierGroup) -> bool:
    remaining = len(set(group.item_ids))
    return remaining > 0 and (remaining >= group.minimum_allowed or group.enable_duplicate_items)


def _keep_options(group: ExternalModifierGroup, items: Container[str]) -> ExternalModifierGroup:
    group = _keep_references(group, "item_ids", items)
    if not group.default_items:
        return group
    return group.model_copy(update={"default_items": [one for one in group.default_items if one.item_id in items]})


def _empty_sections(catalog: ExternalCatalogSet, items: Container[str]) -> set[str]:
    """Return the sections that contain no item, neither directly nor through the sections in them."""
    parents: dict[str, list[str]] = {}
    for key, section in catalog.sections.items():
        for inner in set(section.section_ids):
            parents.setdefault(inner, []).append(key)
    pending = {key: len(set(section.section_ids)) for key, section in catalog.sections.items()}
    empty: set[str] = set()
    ready = [key for key, count in pending.items() if not count]
    while ready:
        key = ready.pop()
        if any(item_id in items for item_id in catalog.sections[key].item_ids):
            continue
        empty.add(key)
        for parent in parents.get(key, ()):
            pending[parent] -= 1
            if not pending[parent]:
                ready.append(parent)
    return empty


def _keep_references(entity: _Entity, member: str, existing: Container[str]) -> _Entity:
    """Return the entity with only the references to existing entities; the same object when nothing changes."""
    references: list[str] = getattr(entity, member)
    kept = [reference for reference in references if reference in existing]
    return entity if len(kept) == len(references) else entity.model_copy(update={member: kept})
