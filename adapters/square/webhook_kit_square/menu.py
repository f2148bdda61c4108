"""Square's catalog as a menu of Gett's (``gett-protocol.md §4``), for one location at one moment.

====================================  ==================================================================================
at Square                             on the menu
====================================  ==================================================================================
category                              section, nested as Square nests them; a kitchen's own categories are left out
item with one variation               item under the *variation's* id, which is what an order has to name
item with several variations          item under its own id, with a required group of its variations
modifier list                         modifier group; where an item overrides it, a group of that item's own
modifier                              item that only groups refer to
business hours of the location        availability; without any the menu is always open
tax                                   nothing: Square adds taxes when it prices an order
====================================  ==================================================================================

What nobody can order is left out: sold out or absent at the location, archived, without a fixed price, no food (a gift card, an
appointment), or with a required group from which too little can be chosen. So is what Gett has no form for: modifiers in free text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import TypeAlias

from square.types.business_hours import BusinessHours
from square.types.catalog_item import CatalogItem
from square.types.catalog_item_modifier_list_info import CatalogItemModifierListInfo
from square.types.catalog_modifier_list import CatalogModifierList
from square.types.catalog_object import (
    CatalogObject,
    CatalogObject_Category,
    CatalogObject_Image,
    CatalogObject_Item,
    CatalogObject_ItemVariation,
    CatalogObject_Modifier,
    CatalogObject_ModifierList,
)
from square.types.item_variation_location_overrides import ItemVariationLocationOverrides
from square.types.modifier_location_overrides import ModifierLocationOverrides
from square.types.money import Money

from webhook_kit.adapter import CatalogSet
from webhook_kit.catalog.hours import always_open
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    DayOfWeek,
    DefaultItem,
    ExternalCatalog,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
)
from webhook_kit.gett.models.money import ZERO
from webhook_kit_square.mapping import major, variation_group

__all__ = ["TYPES", "is_sold_out", "menu"]

TYPES = "ITEM,CATEGORY,MODIFIER_LIST,IMAGE"
"""What to ask Square's catalog for. Variations come inside their items, modifiers inside their lists."""

_FOOD = frozenset({None, "REGULAR", "FOOD_AND_BEV"})
_UNLIMITED = 99  # [D] Gett's groups have a bound, some of Square's have none
_OTHERS = "other-items"  # the section of what stands in no category
_DAYS = {day.value[:3].upper(): day for day in DayOfWeek}
_MIDNIGHT = time(0)
_NAMELESS = "–"

_Sellable: TypeAlias = CatalogObject_ItemVariation | CatalogObject_Modifier
_Overrides: TypeAlias = ItemVariationLocationOverrides | ModifierLocationOverrides


def menu(objects: Iterable[CatalogObject], location_id: str, hours: BusinessHours | None, now: datetime) -> CatalogSet:
    """The menu of a location.

    :param now: aware; what is sold out until a moment that has passed is not sold out.
    """
    made = _Menu(objects, location_id, now)
    catalog = ExternalCatalog(
        catalog_id="menu", name="Menu", section_ids=made.top_sections, availability=_availability(hours)
    )
    return CatalogSet(catalogs={"menu": catalog}, sections=made.sections, items=made.items, modifier_groups=made.groups)


def is_sold_out(sellable: CatalogObject, location_id: str, now: datetime) -> bool:
    """Whether a variation or modifier has run out at a location."""
    if not isinstance(sellable, CatalogObject_ItemVariation | CatalogObject_Modifier):
        return False
    override = _override(sellable, location_id)
    if override is None or not override.sold_out:
        return False
    until = getattr(override, "sold_out_valid_until", None)
    return until is None or _moment(until) > now


class _Menu:
    """The entities of a menu, made one from another."""

    def __init__(self, objects: Iterable[CatalogObject], location_id: str, now: datetime) -> None:
        self._location = location_id
        self._now = now
        here = [found for found in objects if _is_present(found, location_id)]
        self._images = {
            found.id: found.image_data.url
            for found in here
            if isinstance(found, CatalogObject_Image) and found.image_data
        }
        self._lists = {
            found.id: found.modifier_list_data
            for found in here
            if isinstance(found, CatalogObject_ModifierList) and found.modifier_list_data
        }
        self.items: dict[str, ExternalItem] = {}
        self.groups: dict[str, ExternalModifierGroup] = {}
        self._options: dict[str, ExternalItem] = {}
        self._dishes: list[str] = []
        self._placed: dict[str, list[tuple[int, str]]] = {}
        for found in here:
            if isinstance(found, CatalogObject_Item) and found.item_data:
                self._add(found.id, found.item_data)
        self.sections: dict[str, ExternalSection] = {}
        self.top_sections = self._add_sections([found for found in here if isinstance(found, CatalogObject_Category)])

    # -- items ---------------------------------------------------------------------------------------------------------

    def _add(self, item_id: str, data: CatalogItem) -> None:
        if data.is_archived or data.product_type not in _FOOD:
            return
        variations = [
            found
            for found in data.variations or ()
            if isinstance(found, CatalogObject_ItemVariation) and not found.is_deleted
        ]
        groups = self._modifier_groups(item_id, data)
        sellable = [found for found in variations if self._can_be_had(found)]
        if groups is None or not sellable:
            return
        # How many there are, sold out or not, decides the form: the item keeps its id while a variation runs out.
        several = len(variations) > 1
        if several:
            groups.insert(0, self._variation_group(item_id, sellable))
        dish = ExternalItem(
            item_id=item_id if several else sellable[0].id,
            name=data.name or _NAMELESS,
            description=data.description_plaintext or data.description,
            image_url=next((self._images[image] for image in data.image_ids or () if image in self._images), None),
            base_price=ZERO if several else self._price(sellable[0]),
            starting_at=min(map(self._price, sellable)) if several else None,
            modifier_group_ids=[group.modifier_group_id for group in groups],
        )
        self.items[dish.item_id] = dish
        for group in groups:
            self.groups[group.modifier_group_id] = group
            self.items.update({option: self._options[option] for option in group.item_ids})
        for ordinal, category in _categories(data):
            self._placed.setdefault(category, []).append((ordinal, dish.item_id))
        self._dishes.append(dish.item_id)

    def _variation_group(self, item_id: str, sellable: Sequence[CatalogObject_ItemVariation]) -> ExternalModifierGroup:
        for found in sellable:
            self._add_option(found, found.item_variation_data.name if found.item_variation_data else None)
        return ExternalModifierGroup(
            modifier_group_id=variation_group(item_id),
            name="Variation",
            item_ids=[found.id for found in sellable],
            minimum_allowed=1,
            maximum_allowed=1,
        )

    def _add_option(self, found: _Sellable, name: str | None) -> None:
        self._options[found.id] = ExternalItem(item_id=found.id, name=name or _NAMELESS, base_price=self._price(found))

    # -- what can be had, and for how much -----------------------------------------------------------------------------

    def _can_be_had(self, sellable: _Sellable) -> bool:
        present = not sellable.is_deleted and _is_present(sellable, self._location)
        return present and self._priced(sellable) and not is_sold_out(sellable, self._location, self._now)

    def _priced(self, sellable: _Sellable) -> bool:
        data = sellable.item_variation_data if isinstance(sellable, CatalogObject_ItemVariation) else None
        if data is None:
            return isinstance(sellable, CatalogObject_Modifier)  # without a price it costs nothing
        override = _override(sellable, self._location)
        own = override.pricing_type if isinstance(override, ItemVariationLocationOverrides) else None
        fixed = (own or data.pricing_type) != "VARIABLE_PRICING" and self._money(sellable) is not None
        return fixed and data.sellable is not False

    def _price(self, sellable: _Sellable) -> Decimal:
        return major(self._money(sellable))

    def _money(self, sellable: _Sellable) -> Money | None:
        override = _override(sellable, self._location)
        if override and override.price_money:
            return override.price_money
        if isinstance(sellable, CatalogObject_ItemVariation):
            return sellable.item_variation_data.price_money if sellable.item_variation_data else None
        return sellable.modifier_data.price_money if sellable.modifier_data else None

    # -- modifiers -----------------------------------------------------------------------------------------------------

    def _modifier_groups(self, item_id: str, data: CatalogItem) -> list[ExternalModifierGroup] | None:
        """The item's groups; None when one of them asks for more than there is."""
        made = []
        for info in sorted(data.modifier_list_info or (), key=lambda info: info.ordinal or 0):
            held = self._lists.get(info.modifier_list_id)
            if info.enabled is False or held is None or held.modifier_type == "TEXT":
                continue
            group = self._modifier_group(item_id, info, held)
            reachable = group.maximum_allowed if group.enable_duplicate_items else len(group.item_ids)
            if group.minimum_allowed > (reachable if group.item_ids else 0):
                return None
            if group.item_ids:
                made.append(group)
        return made

    def _modifier_group(
        self, item_id: str, info: CatalogItemModifierListInfo, held: CatalogModifierList
    ) -> ExternalModifierGroup:
        options = [found for found in _modifiers(held) if self._can_be_had(found) and not _is_hidden(found, info)]
        for found in options:
            self._add_option(found, found.modifier_data.name if found.modifier_data else None)
        several = _toggled(info.allow_quantities, plain=bool(held.allow_quantities))
        least, most = _bounds(info, held)
        if not several:
            most = min(most, len(options))
        # Whether an item overrides anything decides the name, so that it stays the same from fetch to fetch.
        own = _is_set(info.min_selected_modifiers) or _is_set(info.max_selected_modifiers)
        own = own or bool(info.modifier_overrides) or info.allow_quantities in ("YES", "NO")
        return ExternalModifierGroup(
            modifier_group_id=f"{info.modifier_list_id}@{item_id}" if own else info.modifier_list_id,
            name=held.name or _NAMELESS,
            item_ids=[found.id for found in options],
            minimum_allowed=least,
            maximum_allowed=most,
            enable_duplicate_items=several,
            default_items=[DefaultItem(item_id=found.id) for found in options if _is_default(found, info)][:most]
            or None,
        )

    # -- sections ------------------------------------------------------------------------------------------------------

    def _add_sections(self, categories: Sequence[CatalogObject_Category]) -> list[str]:
        """Sections for all categories under which something stands; those at the top are returned, in order."""
        shown = {
            found.id: found
            for found in sorted(categories, key=_category_order)
            if found.id and found.category_data and found.category_data.category_type != "KITCHEN_CATEGORY"
        }
        inner: dict[str | None, list[str]] = {}
        for key, found in shown.items():
            parent = found.category_data.parent_category if found.category_data else None
            above = parent.id if parent and parent.id in shown else None
            inner.setdefault(above, []).append(key)

        def add(key: str) -> bool:
            below = [child for child in inner.get(key, []) if add(child)]
            items = [item_id for _, item_id in sorted(self._placed.get(key, []), key=lambda placed: placed[0])]
            data = shown[key].category_data
            if items or below:
                name = (data.name if data else None) or _NAMELESS
                self.sections[key] = ExternalSection(section_id=key, name=name, item_ids=items, section_ids=below)
            return bool(items or below)

        top = [key for key in inner.get(None, []) if add(key)]
        listed = {item_id for section in self.sections.values() for item_id in section.item_ids}
        others = [item_id for item_id in self._dishes if item_id not in listed]
        if others:
            self.sections[_OTHERS] = ExternalSection(section_id=_OTHERS, name="More", item_ids=others)
            top.append(_OTHERS)
        return top


# -- reading Square's objects ------------------------------------------------------------------------------------------


def _is_present(found: CatalogObject, location_id: str) -> bool:
    if found.is_deleted:
        return False
    if found.present_at_all_locations is False:
        return location_id in (found.present_at_location_ids or ())
    return location_id not in (found.absent_at_location_ids or ())


def _override(sellable: _Sellable, location_id: str) -> _Overrides | None:
    data = sellable.item_variation_data if isinstance(sellable, CatalogObject_ItemVariation) else sellable.modifier_data
    overrides: Sequence[_Overrides] = (data.location_overrides if data else None) or ()
    return next((override for override in overrides if override.location_id == location_id), None)


def _categories(data: CatalogItem) -> list[tuple[int, str]]:
    """Where the item stands, each with its place there; the single ``category_id`` is how it was said before 2023."""
    found = [(category.ordinal or 0, category.id) for category in data.categories or () if category.id]
    return found or ([(0, data.category_id)] if data.category_id else [])


def _category_order(category: CatalogObject_Category) -> tuple[int, str]:
    data = category.category_data
    parent = data.parent_category if data else None
    return (parent.ordinal if parent and parent.ordinal else 0), (data.name if data else None) or ""


def _modifiers(held: CatalogModifierList) -> list[CatalogObject_Modifier]:
    found = [modifier for modifier in held.modifiers or () if isinstance(modifier, CatalogObject_Modifier)]
    return sorted(found, key=lambda modifier: (modifier.modifier_data.ordinal if modifier.modifier_data else 0) or 0)


def _bounds(info: CatalogItemModifierListInfo, held: CatalogModifierList) -> tuple[int, int]:
    """How few and how many; −1 on both says that the list's own bounds hold, and 0 as the most is no limit."""
    least, most = info.min_selected_modifiers, info.max_selected_modifiers
    if not _is_set(least) and not _is_set(most):
        least, most = held.min_selected_modifiers, held.max_selected_modifiers
        if not _is_set(least) and not _is_set(most) and held.selection_type == "SINGLE":
            most = 1  # how it was said before there were bounds
    return max(least or 0, 0), most if most and most > 0 else _UNLIMITED


def _is_set(bound: int | None) -> bool:
    return bound is not None and bound != -1


def _toggled(override: str | None, *, plain: bool) -> bool:
    return {"YES": True, "NO": False}.get(override or "", plain)


def _is_hidden(modifier: CatalogObject_Modifier, info: CatalogItemModifierListInfo) -> bool:
    override = next((each for each in info.modifier_overrides or () if each.modifier_id == modifier.id), None)
    plain = bool(modifier.modifier_data and modifier.modifier_data.hidden_online)
    return _toggled(override.hidden_online_override if override else None, plain=plain)


def _is_default(modifier: CatalogObject_Modifier, info: CatalogItemModifierListInfo) -> bool:
    override = next((each for each in info.modifier_overrides or () if each.modifier_id == modifier.id), None)
    plain = bool(modifier.modifier_data and modifier.modifier_data.on_by_default)
    if override and override.on_by_default is not None:
        plain = override.on_by_default
    return _toggled(override.on_by_default_override if override else None, plain=plain)


def _availability(hours: BusinessHours | None) -> list[AvailabilityWindow]:
    windows: list[AvailabilityWindow] = []
    for period in (hours.periods if hours else None) or ():
        day = _DAYS.get(str(period.day_of_week))
        if day is None or not period.start_local_time or not period.end_local_time:
            continue
        start, end = _clock(period.start_local_time), _clock(period.end_local_time)
        if start < end or end == _MIDNIGHT:
            windows.append(AvailabilityWindow(day_of_week=day, start=start, end=end))
        else:  # over midnight: Gett wants two
            windows.append(AvailabilityWindow(day_of_week=day, start=start, end=_MIDNIGHT))
            windows.append(AvailabilityWindow(day_of_week=_day_after(day), start=_MIDNIGHT, end=end))
    return windows or always_open()


def _day_after(day: DayOfWeek) -> DayOfWeek:
    week = list(DayOfWeek)
    return week[(week.index(day) + 1) % 7]


def _clock(text: str) -> time:
    """``8:30:00`` is a time too, and ``24:00:00`` the end of the day."""
    padded = text.zfill(len("00:00:00"))
    return _MIDNIGHT if padded.startswith("24") else time.fromisoformat(padded)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
