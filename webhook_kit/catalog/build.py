"""Building of a CatalogSet by an adapter, and the id of a catalog's version (``gett-protocol.md §4``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import TypeVar
from uuid import UUID, uuid5

from webhook_kit.catalog.gc_pause import gc_paused
from webhook_kit.catalog.hours import always_open
from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    ExternalCatalog,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
)
from webhook_kit.texts import well_formed

__all__ = ["canonical_json", "derived_id", "simple_catalog", "versioned"]

# [D] This value must never change: another one would give every catalog and section a new id.
_NAMESPACE = UUID("0c6f1b52-2f0e-5d5c-8a4e-7b1f6f0f9a33")

_TABLES = ("catalogs", "sections", "items", "modifier_groups")
_unknown_members = attrgetter("__pydantic_extra__")

_Entity = TypeVar("_Entity", bound=Wire)
_Value = TypeVar("_Value")


def simple_catalog(
    sections: Mapping[str, Sequence[ExternalItem]],
    *,
    modifier_groups: Iterable[ExternalModifierGroup] = (),
    options: Iterable[ExternalItem] = (),
    availability: Sequence[AvailabilityWindow] | None = None,
    store_id: str | None = None,
    name: str = "Menu",
) -> ExternalCatalogSet:
    """Build a CatalogSet of one catalog from sections and their items, which is all that a small POS has.

    The ids of the catalog and its sections are derived from their names, so they stay the same as long as the names do.
    References are checked when the catalog is compiled, not here.

    :param sections: the items by section name, in the order in which they are shown; an item may be in several sections.
    :param modifier_groups: the groups that items and options refer to.
    :param options: the items that groups refer to; an item that is also in a section may be left out.
    :param availability: opening hours in the store's zone; None means always open, an empty list never.
    :param store_id: written into the catalog, when given.
    :param name: display name of the catalog.
    :raises CatalogInvalid: when two different items or groups have the same id.
    """
    problems: list[str] = []
    sold = [item for members in sections.values() for item in members]
    items = _by_id("items", [*sold, *options], lambda item: item.item_id, problems)
    groups = _by_id("modifierGroups", modifier_groups, lambda group: group.modifier_group_id, problems)
    if problems:
        raise CatalogInvalid(*problems)
    built = [
        ExternalSection(
            section_id=derived_id("section", title), name=title, item_ids=[item.item_id for item in members]
        )
        for title, members in sections.items()
    ]
    catalog = ExternalCatalog(
        catalog_id=derived_id("catalog", name),
        name=name,
        section_ids=[section.section_id for section in built],
        availability=always_open() if availability is None else list(availability),
    )
    catalog_set = ExternalCatalogSet(
        catalogs={catalog.catalog_id: catalog},
        sections={section.section_id: section for section in built},
        items=items,
        modifier_groups=groups,
    )
    return catalog_set if store_id is None else catalog_set.model_copy(update={"store_id": store_id})


def versioned(catalog: ExternalCatalogSet, store_id: str) -> ExternalCatalogSet:
    """Return the catalog with a ``catalogSetId`` derived from its content: unchanged content keeps its id.

    The id is the uuid5 of store and :func:`canonical_json` (``gett-protocol.md §4``); a previous id is ignored.
    """
    # The content is one line, so the last line break always separates store and content.
    content = f"{store_id}\n{canonical_json(catalog).decode()}"
    return catalog.model_copy(update={"catalog_set_id": str(uuid5(_NAMESPACE, content))})


@gc_paused
def canonical_json(catalog: ExternalCatalogSet) -> bytes:
    """Serialize a catalog's content so that equal content gives equal bytes: one line, entities by their ids, no ``catalogSetId``.

    [D] A member that is null or has its default value is the same content as an absent one. The order of a list is part of
    the content, because customers see it.
    """
    tables = {name: dict(sorted(getattr(catalog, name).items())) for name in _TABLES}
    content = catalog.model_copy(update=tables)
    if _has_unknown_members(content):  # known ones are written in the order of their declaration
        content = _sorted_unknown_members(content)
    return content.model_dump_json(by_alias=True, exclude={"catalog_set_id"}, exclude_none=True).encode()


def _has_unknown_members(catalog: ExternalCatalogSet) -> bool:
    catalogs, groups = catalog.catalogs.values(), catalog.modifier_groups.values()
    models = chain(
        [catalog],
        catalogs,
        chain.from_iterable(each.availability or () for each in catalogs),
        catalog.sections.values(),
        catalog.items.values(),
        groups,
        chain.from_iterable((*(each.default_items or ()), *(each.tiers or ())) for each in groups),
    )
    return any(map(_unknown_members, models))


def _sorted_unknown_members(value: _Value) -> _Value:
    """Return a copy whose unknown members are sorted by name, at any depth."""
    if isinstance(value, Wire):
        copy = value.model_copy(update={name: _sorted_unknown_members(member) for name, member in vars(value).items()})
        copy.__pydantic_extra__ = _sorted_unknown_members(value.model_extra or {})
        return copy
    if isinstance(value, dict):
        return {name: _sorted_unknown_members(value[name]) for name in sorted(value, key=str)}  # type: ignore[return-value]
    if isinstance(value, list):
        return [_sorted_unknown_members(each) for each in value]  # type: ignore[return-value]
    return value


def _by_id(
    table: str, entities: Iterable[_Entity], id_of: Callable[[_Entity], str], problems: list[str]
) -> dict[str, _Entity]:
    """Index entities by id; add a line to ``problems`` for each id that two different entities have."""
    result: dict[str, _Entity] = {}
    for entity in entities:
        key = id_of(entity)
        if result.setdefault(key, entity) != entity:
            problems.append(f"$.{table}['{key}']: two different entries have this id")
    return result


def derived_id(kind: str, name: str) -> str:
    """Return the id of something that has only a name: the same as long as the name is the same."""
    return str(uuid5(_NAMESPACE, well_formed(f"{kind}\n{name}")))
