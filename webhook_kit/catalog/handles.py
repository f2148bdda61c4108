"""Catalogs and sections that are being built, as :class:`~webhook_kit.catalog.builder.CatalogBuilder` returns them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias, TypedDict, Unpack

from webhook_kit.catalog.build import derived_id
from webhook_kit.gett.models.catalog import ExternalCatalog, ExternalSection
from webhook_kit.texts import well_formed

if TYPE_CHECKING:
    from webhook_kit.catalog.builder import CatalogBuilder

__all__ = ["CatalogHandle", "ItemOptions", "PosId", "SectionHandle", "pos_id_text"]

PosId: TypeAlias = object
"""An id of the POS: a text, a number, or a tuple of both, which is joined by colons (``("modifier", 7)`` is ``modifier:7``)."""


class ItemOptions(TypedDict, total=False):
    """Optional arguments of :meth:`CatalogBuilder.item`."""

    pos_id: PosId
    description: object
    image: str | None
    groups: Iterable[PosId]
    compare_at: object
    starting_at: object
    sold_out: bool


class SectionHandle:
    """A section of a catalog that is being built."""

    def __init__(self, builder: CatalogBuilder, section: ExternalSection) -> None:
        self._builder = builder
        self._section = section

    @property
    def id(self) -> str:
        """Return the id of the section."""
        return self._section.section_id

    def item(self, name: object, price: object, **options: Unpack[ItemOptions]) -> str:
        """Add an item to this section (:meth:`CatalogBuilder.item`), and return its id."""
        key = self._builder.item(name, price, **options)
        self.add(key)
        return key

    def section(self, name: object, *, pos_id: PosId = None) -> SectionHandle:
        """Add a section inside this one."""
        inner = self._builder.section(name, pos_id=_inner_id(self.id, name) if pos_id is None else pos_id)
        _append(self._section.section_ids, inner.id)
        return inner

    def add(self, *items: PosId) -> None:
        """Show items in this section too, by their ids."""
        for item in items:
            _append(self._section.item_ids, pos_id_text(item))


class CatalogHandle:
    """A catalog that is being built."""

    def __init__(self, builder: CatalogBuilder, catalog: ExternalCatalog) -> None:
        self._builder = builder
        self._catalog = catalog

    @property
    def id(self) -> str:
        """Return the id of the catalog."""
        return self._catalog.catalog_id

    def section(self, name: object, *, pos_id: PosId = None) -> SectionHandle:
        """Add a section to this catalog; a section with the same ``pos_id`` in another catalog is the same one."""
        inner = self._builder.section(name, pos_id=_inner_id(self.id, name) if pos_id is None else pos_id)
        self.add(inner.id)
        return inner

    def add(self, *sections: PosId) -> None:
        """Show sections in this catalog too, by their ids."""
        for section in sections:
            _append(self._catalog.section_ids, pos_id_text(section))


def _inner_id(place: str, name: object) -> str:
    return derived_id("section", f"{place}\n{name}")


def _append(references: list[str], key: str) -> None:
    if key not in references:
        references.append(key)


def pos_id_text(pos_id: PosId) -> str:
    """Return an id of the POS as text."""
    return well_formed(":".join(map(str, pos_id)) if isinstance(pos_id, tuple | list) else str(pos_id))
