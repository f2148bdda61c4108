"""Conversion of Square's catalog to a CatalogSet (``gett-protocol.md §4``), for one location at one moment.

====================================  ==================================================================================
at Square                             in the CatalogSet
====================================  ==================================================================================
category                              section, nested as at Square; categories of the kitchen are left out
item with one variation               item with the *variation's* id, because an order has to name that
item with several variations          item with its own id, and a required group of its variations
modifier list                         modifier group; a separate group if an item overrides the list
modifier                              item to which only groups refer
business hours of the location        availability; without any, always open
tax                                   nothing: Square adds taxes when it prices an order
====================================  ==================================================================================

Objects that cannot be ordered are left out: sold out or absent at the location, archived, without a fixed price, not food (a gift
card, an appointment), with a price in another currency than the location's, or with a required group that has too few options. Modifiers
in free text are left out, because Gett has no form for them, and with a required text its item.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

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
from square.types.location import Location
from square.types.modifier_location_overrides import ModifierLocationOverrides
from square.types.money import Money

from webhook_kit import (
    ZERO,
    Catalog,
    CatalogSet,
    DefaultItem,
    Item,
    ModifierGroup,
    Section,
)
from webhook_kit_square.hours import availability, moment
from webhook_kit_square.mapping import variation_group
from webhook_kit_square.money import major

__all__ = ["TYPES", "catalog_set", "is_sold_out"]

TYPES = "ITEM,CATEGORY,MODIFIER_LIST,IMAGE"
"""Types of objects to fetch. Variations come inside their items, modifiers inside their lists."""

_FOOD = frozenset({None, "REGULAR", "FOOD_AND_BEV"})
_UNLIMITED = 99  # [D] Gett's groups have a bound, some of Square's have none
_OTHERS = "other-items"  # the section of items without a category
_NO_NAME = "–"

_Sellable: TypeAlias = CatalogObject_ItemVariation | CatalogObject_Modifier
_Overrides: TypeAlias = ItemVariationLocationOverrides | ModifierLocationOverrides


def catalog_set(objects: Iterable[CatalogObject], location: Location, now: datetime) -> CatalogSet:
    """Return the CatalogSet of a location.

    :param now: aware; an object is available again once the end of its sold-out period has passed.
    """
    builder = _Builder(objects, location, now)
    catalog = Catalog(
        catalog_id="main",
        name="Menu",
        section_ids=builder.top_sections,
        availability=availability(location.business_hours),
    )
    return CatalogSet(
        catalogs={"main": catalog},
        sections=builder.sections,
        items=builder.items,
        modifier_groups=builder.groups,
    )


def is_sold_out(sellable: CatalogObject, location_id: str, now: datetime) -> bool:
    """Return True if a variation or modifier is unavailable at a location."""
    if not isinstance(sellable, CatalogObject_ItemVariation | CatalogObject_Modifier):
        return False
    override = _override(sellable, location_id)
    if override is None or not override.sold_out:
        return False
    until = getattr(override, "sold_out_valid_until", None)
    return until is None or moment(until) > now


class _Builder:
    """Builds the entities of a CatalogSet."""

    def __init__(self, objects: Iterable[CatalogObject], location: Location, now: datetime) -> None:
        self._location = location.id or ""
        self._currency = location.currency
        self._now = now
        present = [each for each in objects if _is_present(each, self._location)]
        self._images = {
            each.id: each.image_data.url
            for each in present
            if isinstance(each, CatalogObject_Image) and each.image_data
        }
        self._lists = {
            each.id: each.modifier_list_data
            for each in present
            if isinstance(each, CatalogObject_ModifierList) and each.modifier_list_data
        }
        self.items: dict[str, Item] = {}
        self.groups: dict[str, ModifierGroup] = {}
        self._options: dict[str, Item] = {}
        self._item_ids: list[str] = []
        self._by_category: dict[str, list[tuple[int, str]]] = {}
        self._only_variations: dict[str, str] = {}
        for each in present:
            if isinstance(each, CatalogObject_Item) and each.item_data:
                self._add(each.id, each.item_data)
        self._tell_items_apart()
        self.sections: dict[str, Section] = {}
        self.top_sections = self._add_sections([each for each in present if isinstance(each, CatalogObject_Category)])

    # -- items ---------------------------------------------------------------------------------------------------------

    def _add(self, item_id: str, data: CatalogItem) -> None:
        if data.is_archived or data.product_type not in _FOOD:
            return
        variations = sorted(
            (x for x in data.variations or () if isinstance(x, CatalogObject_ItemVariation) and not x.is_deleted),
            key=lambda x: (x.item_variation_data.ordinal if x.item_variation_data else 0) or 0,
        )
        groups = self._modifier_groups(item_id, data)
        sellable = [each for each in variations if self._can_be_ordered(each)]
        if groups is None or not sellable:
            return
        # Unavailable variations count, so that the item keeps its id while a variation is unavailable.
        several = len(variations) > 1
        if several:
            groups.insert(0, self._variation_group(item_id, sellable))
        else:
            self._only_variations[sellable[0].id] = _variation_name(sellable[0])
        item = Item(
            item_id=item_id if several else sellable[0].id,
            name=data.name or _NO_NAME,
            description=data.description_plaintext or data.description,
            image_url=next((self._images[image] for image in data.image_ids or () if image in self._images), None),
            base_price=ZERO if several else self._price(sellable[0]),
            starting_at=min(map(self._price, sellable)) if several else None,
            modifier_group_ids=[group.modifier_group_id for group in groups],
        )
        self.items[item.item_id] = item
        for group in groups:
            self.groups[group.modifier_group_id] = group
            self.items.update({option: self._options[option] for option in group.item_ids})
        for ordinal, category in _categories(data):
            self._by_category.setdefault(category, []).append((ordinal, item.item_id))
        self._item_ids.append(item.item_id)

    def _variation_group(self, item_id: str, sellable: Sequence[CatalogObject_ItemVariation]) -> ModifierGroup:
        for each, name in zip(sellable, _distinct(map(_variation_name, sellable)), strict=True):
            self._add_option(each, name)
        return ModifierGroup(
            modifier_group_id=variation_group(item_id),
            name="Variation",
            item_ids=[each.id for each in sellable],
            minimum_allowed=1,
            maximum_allowed=1,
        )

    def _tell_items_apart(self) -> None:
        """Add the variation's name to items with the same name, such as one product in two sizes."""
        names = Counter(self.items[item_id].name for item_id in self._item_ids)
        for item_id, variation in self._only_variations.items():
            item = self.items[item_id]
            if names[item.name] > 1 and variation not in (_NO_NAME, item.name):
                self.items[item_id] = item.model_copy(update={"name": f"{item.name} ({variation})"})

    def _add_option(self, sellable: _Sellable, name: str | None) -> None:
        self._options[sellable.id] = Item(item_id=sellable.id, name=name or _NO_NAME, base_price=self._price(sellable))

    # -- availability and prices -----------------------------------------------------------------------------

    def _can_be_ordered(self, sellable: _Sellable) -> bool:
        present = not sellable.is_deleted and _is_present(sellable, self._location)
        return present and self._has_price(sellable) and not is_sold_out(sellable, self._location, self._now)

    def _has_price(self, sellable: _Sellable) -> bool:
        data = sellable.item_variation_data if isinstance(sellable, CatalogObject_ItemVariation) else None
        if data is None:
            # Without a price it is free.
            return isinstance(sellable, CatalogObject_Modifier) and self._is_payable(self._money(sellable))
        override = _override(sellable, self._location)
        local = override.pricing_type if isinstance(override, ItemVariationLocationOverrides) else None
        money = self._money(sellable)
        fixed = (local or data.pricing_type) != "VARIABLE_PRICING" and money is not None
        return fixed and self._is_payable(money) and data.sellable is not False

    def _is_payable(self, money: Money | None) -> bool:
        """Return True if a price is in the location's currency: a seller's catalog can serve several countries."""
        return money is None or money.currency is None or money.currency == (self._currency or money.currency)

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

    def _modifier_groups(self, item_id: str, data: CatalogItem) -> list[ModifierGroup] | None:
        """Return the item's groups; None if one requires more options than there are, or a text."""
        groups = []
        for info in sorted(data.modifier_list_info or (), key=lambda info: info.ordinal or 0):
            modifier_list = self._lists.get(info.modifier_list_id)
            if info.enabled is False or modifier_list is None:
                continue
            if modifier_list.modifier_type == "TEXT":
                if modifier_list.text_required:
                    return None
                continue
            group = self._modifier_group(item_id, info, modifier_list)
            reachable = group.maximum_allowed if group.enable_duplicate_items else len(group.item_ids)
            if group.minimum_allowed > (reachable if group.item_ids else 0):
                return None
            if group.item_ids:
                groups.append(group)
        return groups

    def _modifier_group(
        self, item_id: str, info: CatalogItemModifierListInfo, modifier_list: CatalogModifierList
    ) -> ModifierGroup:
        options = [
            each for each in _modifiers(modifier_list) if self._can_be_ordered(each) and not _is_hidden(each, info)
        ]
        for option in options:
            self._add_option(option, option.modifier_data.name if option.modifier_data else None)
        several = _overridden(info.allow_quantities, default=bool(modifier_list.allow_quantities))
        minimum, maximum = _bounds(info, modifier_list)
        if not several:
            maximum = min(maximum, len(options))
        # The id depends on the item's overrides and not on their effect, so that it stays the same from fetch to fetch.
        own = _is_set(info.min_selected_modifiers) or _is_set(info.max_selected_modifiers)
        own = own or bool(info.modifier_overrides) or info.allow_quantities in ("YES", "NO")
        return ModifierGroup(
            modifier_group_id=f"{info.modifier_list_id}@{item_id}" if own else info.modifier_list_id,
            name=modifier_list.name or _NO_NAME,
            item_ids=[option.id for option in options],
            minimum_allowed=minimum,
            maximum_allowed=maximum,
            enable_duplicate_items=several,
            default_items=[DefaultItem(item_id=option.id) for option in options if _is_default(option, info)][:maximum]
            or None,
        )

    # -- sections ------------------------------------------------------------------------------------------------------

    def _add_sections(self, categories: Sequence[CatalogObject_Category]) -> list[str]:
        """Add a section for every category that has items or subcategories; return the ids of the top ones, in order."""
        shown = {
            each.id: each
            for each in sorted(categories, key=_category_order)
            if each.id and each.category_data and each.category_data.category_type != "KITCHEN_CATEGORY"
        }
        children: dict[str | None, list[str]] = {}
        for key, category in shown.items():
            parent = category.category_data.parent_category if category.category_data else None
            parent_id = parent.id if parent and parent.id in shown else None
            children.setdefault(parent_id, []).append(key)

        def add(key: str) -> bool:
            subsections = [child for child in children.get(key, []) if add(child)]
            items = [item_id for _, item_id in sorted(self._by_category.get(key, []), key=lambda entry: entry[0])]
            data = shown[key].category_data
            if items or subsections:
                name = (data.name if data else None) or _NO_NAME
                self.sections[key] = Section(section_id=key, name=name, item_ids=items, section_ids=subsections)
            return bool(items or subsections)

        top = [key for key in children.get(None, []) if add(key)]
        listed = {item_id for section in self.sections.values() for item_id in section.item_ids}
        others = [item_id for item_id in self._item_ids if item_id not in listed]
        if others:
            self.sections[_OTHERS] = Section(section_id=_OTHERS, name="More", item_ids=others)
            top.append(_OTHERS)
        return top


# -- Square's objects --------------------------------------------------------------------------------------------------


def _is_present(item: CatalogObject, location_id: str) -> bool:
    if item.is_deleted:
        return False
    if item.present_at_all_locations is False:
        return location_id in (item.present_at_location_ids or ())
    return location_id not in (item.absent_at_location_ids or ())


def _override(sellable: _Sellable, location_id: str) -> _Overrides | None:
    data = sellable.item_variation_data if isinstance(sellable, CatalogObject_ItemVariation) else sellable.modifier_data
    overrides: Sequence[_Overrides] = (data.location_overrides if data else None) or ()
    return next((override for override in overrides if override.location_id == location_id), None)


def _variation_name(variation: CatalogObject_ItemVariation) -> str:
    data = variation.item_variation_data
    return (data and (data.name or data.sku)) or _NO_NAME


def _distinct(names: Iterable[str]) -> list[str]:
    """Return the names, each with a number from its second occurrence on."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return distinct


def _categories(data: CatalogItem) -> list[tuple[int, str]]:
    """Return the item's categories, each with its position; the single ``category_id`` is the format before 2023."""
    categories = [(category.ordinal or 0, category.id) for category in data.categories or () if category.id]
    return categories or ([(0, data.category_id)] if data.category_id else [])


def _category_order(category: CatalogObject_Category) -> tuple[int, str]:
    data = category.category_data
    parent = data.parent_category if data else None
    return (parent.ordinal if parent and parent.ordinal else 0), (data.name if data else None) or ""


def _modifiers(modifier_list: CatalogModifierList) -> list[CatalogObject_Modifier]:
    modifiers = [each for each in modifier_list.modifiers or () if isinstance(each, CatalogObject_Modifier)]
    return sorted(
        modifiers, key=lambda modifier: (modifier.modifier_data.ordinal if modifier.modifier_data else 0) or 0
    )


def _bounds(info: CatalogItemModifierListInfo, modifier_list: CatalogModifierList) -> tuple[int, int]:
    """Return minimum and maximum. −1 for both means the list's own bounds; 0 as the maximum means unlimited."""
    minimum, maximum = info.min_selected_modifiers, info.max_selected_modifiers
    if not _is_set(minimum) and not _is_set(maximum):
        minimum, maximum = modifier_list.min_selected_modifiers, modifier_list.max_selected_modifiers
        if not _is_set(minimum) and not _is_set(maximum) and modifier_list.selection_type == "SINGLE":
            maximum = 1  # the format before lists had bounds
    return max(minimum or 0, 0), maximum if maximum and maximum > 0 else _UNLIMITED


def _is_set(bound: int | None) -> bool:
    return bound is not None and bound != -1


def _overridden(override: str | None, *, default: bool) -> bool:
    return {"YES": True, "NO": False}.get(override or "", default)


def _is_hidden(modifier: CatalogObject_Modifier, info: CatalogItemModifierListInfo) -> bool:
    override = next((each for each in info.modifier_overrides or () if each.modifier_id == modifier.id), None)
    default = bool(modifier.modifier_data and modifier.modifier_data.hidden_online)
    return _overridden(override.hidden_online_override if override else None, default=default)


def _is_default(modifier: CatalogObject_Modifier, info: CatalogItemModifierListInfo) -> bool:
    override = next((each for each in info.modifier_overrides or () if each.modifier_id == modifier.id), None)
    default = bool(modifier.modifier_data and modifier.modifier_data.on_by_default)
    if override and override.on_by_default is not None:
        default = override.on_by_default
    return _overridden(override.on_by_default_override if override else None, default=default)
