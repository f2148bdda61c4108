"""Conversion of Odoo's products to a CatalogSet (``gett-protocol.md §4``).

========================================  =============================================================================
Odoo                                      Gett
========================================  =============================================================================
``pos.category``                          a section, nested in the same way; its hours are those of a catalog
``product.template``                      an item
``product.template.attribute.line``       a modifier group: exactly one (radio, pills, select, color, image), or none to all (multi)
``product.template.attribute.value``      its option, at ``price_extra``
``product.combo``                         a modifier group: exactly ``qty_free`` of its products, as in Odoo's own dialog;
                                          and a second one, up to ``qty_max``, at ``base_price`` each
``product.combo.item``                    its option, at ``extra_price``, with the groups of its own product
========================================  =============================================================================

An id is ``model,id``, Odoo's own format of a reference. A product that is unavailable, or has a required group without an
available option, is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import time

from webhook_kit import (
    ZERO,
    AvailabilityWindow,
    Catalog,
    CatalogSet,
    Item,
    ModifierGroup,
    Section,
    cents,
)
from webhook_kit_odoo.client import Row
from webhook_kit_odoo.point_of_sale import PointOfSale, clock, intersection
from webhook_kit_odoo.records import (
    CATEGORY,
    COMBO,
    COMBO_ITEM,
    LINE,
    MORE,
    MORE_ITEM,
    TEMPLATE,
    VALUE,
    CatalogRecords,
    key_of,
    number_in,
)

__all__ = ["catalog_set"]


def catalog_set(records: CatalogRecords, pos: PointOfSale, *, without: Collection[str]) -> CatalogSet:
    """Convert records to a CatalogSet.

    :param without: ids of items and options to leave out.
    """
    return _Builder(records, pos, frozenset(without)).build()


class _Builder:
    """Builds a CatalogSet entity by entity."""

    def __init__(self, records: CatalogRecords, pos: PointOfSale, without: frozenset[str]) -> None:
        self._records = records
        self._pos = pos
        self._excluded = without
        self._items: dict[str, Item] = {}
        self._groups: dict[str, ModifierGroup] = {}

    def build(self) -> CatalogSet:
        records = self._records
        template_ids = [number for number in records.template_ids if self._item(records.templates[number])]
        sections: dict[str, Section] = {}
        catalogs: dict[str, Catalog] = {}
        for (start, end), by_category in self._by_hours(template_ids).items():
            windows = intersection(self._pos.windows(), start, end)
            catalog = self._catalog(by_category, start, end, windows, sections)
            catalogs[catalog.catalog_id] = catalog
        return CatalogSet(catalogs=catalogs, sections=sections, items=self._items, modifier_groups=self._groups)

    # -- items ---------------------------------------------------------------------------------------------------------

    def _item(self, template: Row) -> bool:
        """Add a product with its groups; return False if it cannot be ordered."""
        key = key_of(TEMPLATE, template["id"])
        groups = self._attribute_groups(template)
        for combo in template["combo_ids"]:
            groups += self._combo_groups(combo)
        if key in self._excluded or None in groups:
            return False
        self._items[key] = Item(
            item_id=key,
            name=template["name"],
            description=template["description_sale"] or None,
            base_price=self._records.price(template),
            modifier_group_ids=[group for group in groups if group],
        )
        return True

    def _attribute_groups(self, template: Row, fixed: Collection[int] = ()) -> list[str | None]:
        return [self._attribute_group(line) for line in self._records.choices(template, fixed)]

    def _attribute_group(self, line: Row) -> str | None:
        """Return the id of a line's group; empty if an optional group has no option; None if a required one has none."""
        records, key = self._records, key_of(LINE, line["id"])
        if key in self._groups:
            return key
        options = [
            key_of(VALUE, each)
            for each in line["product_template_value_ids"]
            # A cart has no place for a value in free text.
            if key_of(VALUE, each) not in self._excluded
            and not records.values[each]["is_custom"]
            and records.combinable(records.with_implied(records.templates[line["product_tmpl_id"]], [each]))
        ]
        optional = records.optional(line)
        if not options:
            return "" if optional else None
        for option in options:
            value = records.values[number_in(option, VALUE) or 0]
            self._items[option] = Item(item_id=option, name=value["name"], base_price=records.surcharge(value["id"]))
        self._groups[key] = ModifierGroup(
            modifier_group_id=key,
            name=records.attributes[line["attribute_id"]]["name"],
            item_ids=options,
            minimum_allowed=0 if optional else 1,
            maximum_allowed=len(options) if optional else 1,
        )
        return key

    def _combo_groups(self, number: int) -> Iterator[str | None]:
        """Yield the ids of a combo's groups; None if a required one has no option."""
        combo = self._records.combos[number]
        free, extra = combo["qty_free"], combo["qty_max"] - combo["qty_free"]
        if free:
            yield self._combo_group(combo, (COMBO, COMBO_ITEM), combo["name"], minimum=free, maximum=free)
        if extra:
            name = f"More {combo['name']}" if free else combo["name"]
            yield self._combo_group(combo, (MORE, MORE_ITEM), name, minimum=0, maximum=extra)

    def _combo_group(self, combo: Row, models: tuple[str, str], name: str, *, minimum: int, maximum: int) -> str | None:
        key = key_of(models[0], combo["id"])
        if key in self._groups:
            return key
        items = [
            self._records.combo_items[each] for each in combo["combo_item_ids"] if each in self._records.combo_items
        ]
        options = [option for item in items if (option := self._combo_option(combo, item, models[1]))]
        if not options:
            return None if minimum else ""
        self._groups[key] = ModifierGroup(
            modifier_group_id=key,
            name=name,
            item_ids=options,
            minimum_allowed=minimum,
            maximum_allowed=maximum,
            enable_duplicate_items=maximum > 1,
        )
        return key

    def _combo_option(self, combo: Row, item: Row, model: str) -> str | None:
        records, key = self._records, key_of(model, item["id"])
        product = records.products.get(item["product_id"])
        template = product and records.templates.get(product["product_tmpl_id"])
        if key in self._excluded or product is None or template is None:  # archived, or of another company
            return None
        fixed = product["product_template_variant_value_ids"]
        if any(records.values[each]["is_custom"] for each in fixed if each in records.values):
            return None
        groups = self._attribute_groups(template, fixed)
        if None in groups:
            return None
        self._items[key] = Item(
            item_id=key,
            name=product["display_name"],
            base_price=(
                cents(item["extra_price"])
                + (records.currency.round(combo["base_price"]) if model == MORE_ITEM else ZERO)
                + records.surcharge_in_combo(template, records.with_implied(template, fixed))
            ),
            modifier_group_ids=[group for group in groups if group],
        )
        return key

    # -- sections ------------------------------------------------------------------------------------------------------

    def _by_hours(self, template_ids: Iterable[int]) -> dict[tuple[time, time], dict[int | None, list[int]]]:
        """Return products by the hours of their category, then by category; None for those without a category."""
        by_hours: dict[tuple[time, time], dict[int | None, list[int]]] = {}
        for number in template_ids:
            categories = [each for each in self._records.templates[number]["pos_categ_ids"] if self._sells(each)]
            for category in categories or [None]:
                row = self._records.categories.get(category or 0)
                hours = (clock(row["hour_after"]), clock(row["hour_until"] or 24)) if row else (time(0), time(0))
                by_hours.setdefault(hours, {}).setdefault(category, []).append(number)
        return by_hours

    def _sells(self, category: int) -> bool:
        allowed = self._pos.categories
        return category in self._records.categories and (allowed is None or category in allowed)

    def _catalog(
        self,
        by_category: Mapping[int | None, list[int]],
        start: time,
        end: time,
        windows: list[AvailabilityWindow],
        sections: dict[str, Section],
    ) -> Catalog:
        whole_day = start == end == time(0)
        hours = "" if whole_day else f" {start:%H:%M}–{end:%H:%M}"
        roots = []
        for category in self._records.categories:  # in the order of the POS
            if category in by_category:
                sections[key_of(CATEGORY, category)] = self._section(category, by_category)
                if self._records.categories[category]["parent_id"] not in by_category:
                    roots.append(key_of(CATEGORY, category))
        if None in by_category:
            key = key_of(CATEGORY, 0)
            sections[key] = Section(section_id=key, name="Other", item_ids=_items(by_category[None]))
            roots.append(key)
        key = key_of("pos.config", self._pos.id) + hours.replace(" ", "/")
        return Catalog(catalog_id=key, name=self._pos.name + hours, section_ids=roots, availability=windows)

    def _section(self, category: int, by_category: Mapping[int | None, list[int]]) -> Section:
        row = self._records.categories[category]
        children = [
            key_of(CATEGORY, each["id"])
            for each in self._records.categories.values()
            if each["parent_id"] == category and each["id"] in by_category
        ]
        return Section(
            section_id=key_of(CATEGORY, category),
            name=row["name"],
            item_ids=_items(by_category[category]),
            section_ids=children,
        )


def _items(templates: Iterable[int]) -> list[str]:
    return [key_of(TEMPLATE, each) for each in templates]
