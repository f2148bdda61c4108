"""What has run out, and what that takes with it: on the menu that carts are checked against, and on the one that is published."""

from __future__ import annotations

from collections.abc import Collection, Container
from collections.abc import Set as AbstractSet
from typing import TypeVar

from webhook_kit.catalog.compiled import CompiledCatalog, CompiledGroup
from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalModifierGroup

__all__ = ["remove_items", "unavailable_items"]

_Entity = TypeVar("_Entity", bound=Wire)


def unavailable_items(menu: CompiledCatalog, out: Collection[str]) -> frozenset[str]:
    """The items that cannot be ordered: those that ran out, and each whose required group has too few options left for it."""
    missing = frozenset(out) & menu.items.keys()
    fresh = missing
    while fresh:  # an option may be lost to its own options
        fresh = frozenset(
            item.id
            for item in menu.items.values()
            if item.required and item.id not in missing and any(_lacking(group, missing) for group in item.required)
        )
        missing |= fresh
    return missing


def remove_items(catalog: ExternalCatalogSet, out: Collection[str]) -> ExternalCatalogSet:
    """The catalog with nothing in it that cannot be ordered, and no reference to it.

    Sections that become empty and groups from which nothing can be chosen any more go too. Of a sound catalog it leaves a sound
    one, though there may be nothing on sale.

    :raises CatalogInvalid: when the catalog contradicts itself.
    """
    missing = unavailable_items(CompiledCatalog.compile(catalog), out)
    if not missing:
        return catalog
    items = {key: item for key, item in catalog.items.items() if key not in missing}
    groups = {key: _left(group, items) for key, group in catalog.modifier_groups.items()}
    # Every item that needs something from a group with too few options is gone; the others lose that choice alone.
    groups = {key: group for key, group in groups.items() if _choosable(group)}
    empty = _empty(catalog, items)
    sections = {
        key: _only(section, "section_ids", catalog.sections.keys() - empty)
        for key, section in catalog.sections.items()
        if key not in empty
    }
    return catalog.model_copy(
        update={
            "catalogs": {key: _only(one, "section_ids", sections) for key, one in catalog.catalogs.items()},
            "sections": {key: _only(section, "item_ids", items) for key, section in sections.items()},
            "items": {key: _only(item, "modifier_group_ids", groups) for key, item in items.items()},
            "modifier_groups": groups,
        }
    )


def _lacking(group: CompiledGroup, missing: AbstractSet[str]) -> bool:
    left = sum(option not in missing for option in group.options)
    return left == 0 or (left < group.minimum and not group.repeats)


def _choosable(group: ExternalModifierGroup) -> bool:
    left = len(set(group.item_ids))
    return left > 0 and (left >= group.minimum_allowed or group.enable_duplicate_items)


def _left(group: ExternalModifierGroup, items: Container[str]) -> ExternalModifierGroup:
    group = _only(group, "item_ids", items)
    if not group.default_items:
        return group
    return group.model_copy(update={"default_items": [one for one in group.default_items if one.item_id in items]})


def _empty(catalog: ExternalCatalogSet, items: Container[str]) -> set[str]:
    """The sections that show nothing, not even through those they hold."""
    bare = {key for key, one in catalog.sections.items() if not any(item_id in items for item_id in one.item_ids)}
    empty: set[str] = set()
    while fresh := {key for key in bare - empty if empty.issuperset(catalog.sections[key].section_ids)}:
        empty |= fresh
    return empty


def _only(entity: _Entity, member: str, known: Container[str]) -> _Entity:
    """The entity with references to what is known alone; the very same one when that is all it has."""
    references: list[str] = getattr(entity, member)
    kept = [reference for reference in references if reference in known]
    return entity if len(kept) == len(references) else entity.model_copy(update={member: kept})
