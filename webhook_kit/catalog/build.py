"""What an adapter builds its menu with, and how a version of a menu gets its name (``gett-protocol.md §4``)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
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

__all__ = ["canonical_json", "simple_catalog", "versioned"]

# Ours for good [D]: another one would give every menu and section a new name.
_NAMESPACE = UUID("0c6f1b52-2f0e-5d5c-8a4e-7b1f6f0f9a33")

_Entity = TypeVar("_Entity", bound=Wire)


def simple_catalog(
    sections: Mapping[str, Sequence[ExternalItem]],
    *,
    modifier_groups: Iterable[ExternalModifierGroup] = (),
    options: Iterable[ExternalItem] = (),
    availability: Sequence[AvailabilityWindow] | None = None,
    store_id: str | None = None,
    name: str = "Menu",
) -> ExternalCatalogSet:
    """A menu of one catalog, from what a small POS has: dishes under headings.

    The ids of catalog and sections are derived from their names, so they stay as long as the names do. References are
    checked when the menu is compiled, not here.

    :param sections: the dishes by heading, in the order of the menu; a dish may stand under several headings.
    :param modifier_groups: the groups that dishes and options refer to.
    :param options: the items that groups refer to; a dish among them may be left out.
    :param availability: when the menu is served, in the store's zone; None is always, an empty list never.
    :param store_id: written into the menu, when given.
    :raises CatalogInvalid: when one id stands for two different items or groups.
    """
    problems: list[str] = []
    dishes = [item for heading in sections.values() for item in heading]
    items = _by_id("items", [*dishes, *options], lambda item: item.item_id, problems)
    groups = _by_id("modifierGroups", modifier_groups, lambda group: group.modifier_group_id, problems)
    if problems:
        raise CatalogInvalid(*problems)
    made = [
        ExternalSection(section_id=_id("section", heading), name=heading, item_ids=[item.item_id for item in held])
        for heading, held in sections.items()
    ]
    catalog = ExternalCatalog(
        catalog_id=_id("catalog", name),
        name=name,
        section_ids=[section.section_id for section in made],
        availability=always_open() if availability is None else list(availability),
    )
    menu = ExternalCatalogSet(
        catalogs={catalog.catalog_id: catalog},
        sections={section.section_id: section for section in made},
        items=items,
        modifier_groups=groups,
    )
    return menu if store_id is None else menu.model_copy(update={"store_id": store_id})


def versioned(catalog: ExternalCatalogSet, store_id: str) -> ExternalCatalogSet:
    """The same menu with a ``catalogSetId`` that names its content: unchanged content keeps its id.

    The id is the uuid5 of store and :func:`canonical_json` (``gett-protocol.md §4``), whatever id the menu had before.
    """
    # The content is one line, so the last line break parts the two without doubt.
    content = f"{store_id}\n{canonical_json(catalog).decode()}"
    return catalog.model_copy(update={"catalog_set_id": str(uuid5(_NAMESPACE, content))})


@gc_paused
def canonical_json(catalog: ExternalCatalogSet) -> bytes:
    """The content of a menu, the same bytes for the same content: keys sorted, no whitespace, ASCII, no ``catalogSetId``.

    [D] A member that is null or has its default value is the same content as one that is absent. The order of lists counts,
    because people see it.
    """
    content = catalog.model_dump(mode="json", by_alias=True, exclude={"catalog_set_id"}, exclude_none=True)
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _by_id(
    table: str, entities: Iterable[_Entity], id_of: Callable[[_Entity], str], problems: list[str]
) -> dict[str, _Entity]:
    found: dict[str, _Entity] = {}
    for entity in entities:
        key = id_of(entity)
        if found.setdefault(key, entity) != entity:
            problems.append(f"$.{table}['{key}']: two different entries have this id")
    return found


def _id(kind: str, name: str) -> str:
    return str(uuid5(_NAMESPACE, f"{kind}\n{name}"))
