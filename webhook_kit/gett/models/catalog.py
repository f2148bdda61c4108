"""Menus as Gett reads them: flat dictionaries, every key equal to the entity's own id (``gett-protocol.md §4``)."""

from __future__ import annotations

from datetime import time
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from webhook_kit.gett.models.base import Id, Listed, Quantity, Wire
from webhook_kit.gett.models.money import Money

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
    """``Sunday`` to ``Saturday``, in the store's own time zone."""

    SUNDAY = "Sunday"
    MONDAY = "Monday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"
    THURSDAY = "Thursday"
    FRIDAY = "Friday"
    SATURDAY = "Saturday"


def _of_the_store(value: time) -> time:
    # A zone of its own would contradict the store's, and could not be compared with the other times.
    if value.tzinfo is not None:
        raise ValueError("opening hours carry no zone: they are read in the store's own")
    return value


_StoreTime = Annotated[
    time,
    AfterValidator(_of_the_store),
    # JSON Schema's own format "time" demands a zone.
    WithJsonSchema({"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?$"}),
]


class AvailabilityWindow(Wire):
    """From ``start`` up to, not including, ``end``; an end of ``00:00:00`` is the end of the day.

    A window over midnight is written as two.
    """

    day_of_week: DayOfWeek
    start: _StoreTime
    end: _StoreTime


class ExternalCatalog(Wire):
    """One menu ("Lunch"). Without windows it is never open."""

    catalog_id: Id
    name: str
    section_ids: Listed[str] = Field(default_factory=list)
    availability: list[AvailabilityWindow] | None = None


class ExternalSection(Wire):
    """A heading of a menu; sections nest."""

    section_id: Id
    name: str
    item_ids: Listed[str] = Field(default_factory=list)
    section_ids: Listed[str] = Field(default_factory=list)


class ExternalItem(Wire):
    """A dish, or an option of a modifier group. ``base_price`` alone decides what it costs.

    ``starting_at`` and ``compare_at`` are for display and never enter a sum.
    """

    item_id: Id
    name: str
    description: str | None = None
    image_url: str | None = None
    base_price: Money
    compare_at: Money | None = None
    starting_at: Money | None = None
    modifier_group_ids: Listed[str] = Field(default_factory=list)


class DefaultItem(Wire):
    """An option that is chosen beforehand."""

    item_id: Id
    quantity: Quantity = 1


class Tier(Wire):
    """From the ``offset``-th selection on (counted from 0), each selection costs ``price``."""

    offset: int
    price: Money


class ExternalModifierGroup(Wire):
    """Options, of which between ``minimum_allowed`` and ``maximum_allowed`` are chosen, quantities counted."""

    modifier_group_id: Id
    name: str
    item_ids: Listed[str] = Field(default_factory=list)
    minimum_allowed: int = 0
    maximum_allowed: int
    default_items: list[DefaultItem] | None = None
    enable_duplicate_items: bool = False
    tiers: list[Tier] | None = None


class ExternalCatalogSet(Wire):
    """A store's whole menu in one version."""

    catalog_set_id: str | None = None
    store_id: str | None = None
    catalogs: dict[str, ExternalCatalog] = Field(default_factory=dict)
    sections: dict[str, ExternalSection] = Field(default_factory=dict)
    items: dict[str, ExternalItem] = Field(default_factory=dict)
    modifier_groups: dict[str, ExternalModifierGroup] = Field(default_factory=dict)
