"""Catalogs: flat dictionaries, in which each key equals the id of its entity (``gett-protocol.md §4``)."""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from webhook_kit.gett.models.base import Id, Listed, Quantity, Wire
from webhook_kit.gett.models.money import CatalogPrice

__all__ = [
    "AvailabilityWindow",
    "DayOfWeek",
    "DefaultItem",
    "ExternalCatalog",
    "ExternalCatalogSet",
    "ExternalItem",
    "ExternalModifierGroup",
    "ExternalSection",
    "Tier",
]


class DayOfWeek(StrEnum):
    """Days, in the store's time zone."""

    SUNDAY = "Sunday"
    MONDAY = "Monday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"
    THURSDAY = "Thursday"
    FRIDAY = "Friday"
    SATURDAY = "Saturday"


def _without_zone(value: time) -> time:
    # Another zone than the store's would be a contradiction, and aware and naive times cannot be compared.
    if value.tzinfo is not None:
        raise ValueError("opening hours must not have a time zone; they are in the store's time zone")
    return value


_StoreTime = Annotated[
    time,
    AfterValidator(_without_zone),
    # JSON Schema's format "time" requires a zone.
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?$"}),
]


class AvailabilityWindow(Wire):
    """Opening hours from ``start`` to ``end``, exclusive; an end of ``00:00:00`` is the end of the day.

    Hours past midnight are two windows.
    """

    day_of_week: DayOfWeek
    start: _StoreTime
    end: _StoreTime


class ExternalCatalog(Wire):
    """A named part of the CatalogSet, such as "Lunch". Without windows it is never open."""

    catalog_id: Id
    name: str
    section_ids: Listed[str] = Field(default_factory=list)
    availability: list[AvailabilityWindow] | None = None


class ExternalSection(Wire):
    """A section, with items and nested sections."""

    section_id: Id
    name: str
    item_ids: Listed[str] = Field(default_factory=list)
    section_ids: Listed[str] = Field(default_factory=list)


class ExternalItem(Wire):
    """An item, or an option of a modifier group. Its price is ``base_price``.

    ``starting_at`` and ``compare_at`` are for display and are never part of a sum.
    """

    item_id: Id
    name: str
    description: str | None = None
    image_url: str | None = None
    base_price: CatalogPrice
    compare_at: CatalogPrice | None = None
    starting_at: CatalogPrice | None = None
    modifier_group_ids: Listed[str] = Field(default_factory=list)


class DefaultItem(Wire):
    """A preselected option."""

    item_id: Id
    quantity: Quantity = 1


class Tier(Wire):
    """Price of each selection from the ``offset``-th on, counted from 0."""

    offset: int
    price: CatalogPrice


class ExternalModifierGroup(Wire):
    """Options, of which a total quantity from ``minimum_allowed`` to ``maximum_allowed`` is selected."""

    modifier_group_id: Id
    name: str
    item_ids: Listed[str] = Field(default_factory=list)
    minimum_allowed: int = 0
    maximum_allowed: int
    default_items: list[DefaultItem] | None = None
    enable_duplicate_items: bool = False
    tiers: list[Tier] | None = None


class ExternalCatalogSet(Wire):
    """One version of everything that a store offers."""

    catalog_set_id: str | None = None
    store_id: str | None = None
    catalogs: dict[str, ExternalCatalog] = Field(default_factory=dict)
    sections: dict[str, ExternalSection] = Field(default_factory=dict)
    items: dict[str, ExternalItem] = Field(default_factory=dict)
    modifier_groups: dict[str, ExternalModifierGroup] = Field(default_factory=dict)
