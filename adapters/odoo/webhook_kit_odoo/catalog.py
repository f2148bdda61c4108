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
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal

from webhook_kit import (
    ZERO,
    AvailabilityWindow,
    Catalog,
    CatalogInvalid,
    CatalogSet,
    Item,
    ModifierGroup,
    Section,
    cents,
)
from webhook_kit_odoo.client import Odoo, Row
from webhook_kit_odoo.point_of_sale import PointOfSale, clock, intersection

__all__ = ["CatalogRecords", "catalog_set", "key_of", "number_in", "read_catalog"]

TEMPLATE = "product.template"
LINE = "product.template.attribute.line"
VALUE = "product.template.attribute.value"
COMBO = "product.combo"
COMBO_ITEM = "product.combo.item"
# The same combo again: for pieces beyond those that its price includes.
MORE = "product.combo/more"
MORE_ITEM = "product.combo.item/more"
CATEGORY = "pos.category"

_Table = Mapping[int, Row]


def key_of(model: str, number: int) -> str:
    """Return the id of a record at Gett."""
    return f"{model},{number}"


def number_in(key: str, model: str) -> int | None:
    """Return the record's id in Odoo; None if the key is not one of this model."""
    name, _, number = key.partition(",")
    return int(number) if name == model and number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class CatalogRecords:
    """Odoo's records of a catalog, or of a part of it, by model and id.

    :ivar template_ids: the templates that are sold by themselves, in order; the others are parts of combos.
    """

    template_ids: tuple[int, ...]
    templates: _Table
    products: _Table
    lines: _Table
    attributes: _Table
    values: _Table
    combos: _Table
    combo_items: _Table
    categories: _Table = field(default_factory=dict)

    def sold_out(self, template: Row) -> bool:
        """Return True if a product is unavailable: switched off for self-ordering, or in the POS."""
        return not (template["available_in_pos"] and template["self_order_available"])

    def unavailable(self) -> set[str]:
        """Return the ids of the unavailable items and options."""
        return {
            *(key_of(TEMPLATE, each["id"]) for each in self.templates.values() if self.sold_out(each)),
            *(key_of(VALUE, each["id"]) for each in self.values.values() if not each["ptav_active"]),
            *(
                key_of(model, each["id"])
                for each in self.combo_items.values()
                for model in (COMBO_ITEM, MORE_ITEM)
                if self._product_sold_out(each)
            ),
        }

    def choices(self, template: Row, fixed: Collection[int] = ()) -> Iterator[Row]:
        """Yield the attribute lines of a product from which the customer selects values.

        :param fixed: the values that a variant already has.
        """
        for line_id in template["attribute_line_ids"]:
            line = self.lines.get(line_id)
            if line and not self.implied(line) and not set(fixed) & set(line["product_template_value_ids"]):
                yield line

    def implied(self, line: Row) -> int | None:
        """Return the only value of a line without alternatives: Odoo does not ask for it either."""
        values = line["product_template_value_ids"]
        return values[0] if len(values) == 1 and not self.optional(line) else None

    def optional(self, line: Row) -> bool:
        """Return True if a line takes any number of its values; every other line takes exactly one."""
        return bool(self.attributes[line["attribute_id"]]["display_type"] == "multi")

    def price(self, template: Row) -> Decimal:
        """Return the price of a product without options: it includes the values of lines without alternatives."""
        implied = [self.implied(self.lines[each]) for each in template["attribute_line_ids"] if each in self.lines]
        return cents(template["list_price"]) + sum((self.surcharge(each) for each in implied if each), ZERO)

    def surcharge(self, value_id: int) -> Decimal:
        """Return the surcharge of a value."""
        return cents(self.values[value_id]["price_extra"])

    def _product_sold_out(self, combo_item: Row) -> bool:
        product = self.products.get(combo_item["product_id"])
        template = product and self.templates.get(product["product_tmpl_id"])
        return not template or self.sold_out(template)


def read_catalog(odoo: Odoo, pos: PointOfSale, only: Collection[int] | None = None) -> CatalogRecords:
    """Return the current records of the catalog, unavailable products included.

    :param only: the ids of the templates to read; None reads all.
    :raises CatalogInvalid: when its prices depend on a pricelist.
    """
    if pos.pricelists:
        # Odoo has no call for the prices of a pricelist, and an order must have the POS's own price.
        raise CatalogInvalid(
            *(
                f"{each} has a pricelist; remove it, because prices of pricelists cannot be read"
                for each in pos.pricelists
            )
        )
    domain: list[object] = [("sale_ok", "=", True), ("company_id", "in", [False, pos.company])]
    if only is None:
        domain.append(("available_in_pos", "=", True))
    else:
        domain.append(("id", "in", sorted(only)))
    if pos.categories is not None:
        domain.append(("pos_categ_ids", "in", sorted(pos.categories)))
    sold = odoo.rows(TEMPLATE, domain, _TEMPLATE, order="pos_sequence, name, id")
    combos = _table(odoo, COMBO, [each for template in sold for each in template["combo_ids"]], _COMBO)
    combo_items = _table(
        odoo, COMBO_ITEM, [each for combo in combos.values() for each in combo["combo_item_ids"]], _COMBO_ITEM
    )
    products = _table(
        odoo,
        "product.product",
        [
            *(each for template in sold for each in template["product_variant_ids"]),
            *(each["product_id"] for each in combo_items.values()),
        ],
        _PRODUCT,
    )
    templates = {template["id"]: template for template in sold}
    in_combos = {product["product_tmpl_id"] for product in products.values()} - templates.keys()
    templates |= _table(odoo, TEMPLATE, in_combos, _TEMPLATE)
    lines = _table(
        odoo, LINE, [each for template in templates.values() for each in template["attribute_line_ids"]], _LINE
    )
    values = _table(
        odoo, VALUE, [each for line in lines.values() for each in line["product_template_value_ids"]], _VALUE
    )
    return CatalogRecords(
        template_ids=tuple(
            template["id"] for template in sold if pos.tip_product not in template["product_variant_ids"]
        ),
        templates=templates,
        products=products,
        lines=lines,
        attributes=_table(odoo, "product.attribute", [line["attribute_id"] for line in lines.values()], _ATTRIBUTE),
        values=values,
        combos=combos,
        combo_items=combo_items,
        categories={row["id"]: row for row in odoo.rows(CATEGORY, [], _CATEGORY, order="sequence, name, id")},
    )


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
            if key_of(VALUE, each) not in self._excluded and not records.values[each]["is_custom"]
        ]
        optional = records.optional(line)
        if not options:
            return "" if optional else None
        for option in options:
            value = records.values[number_in(option, VALUE) or 0]
            self._items[option] = Item(item_id=option, name=value["name"], base_price=cents(value["price_extra"]))
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
        groups = self._attribute_groups(template, product["product_template_variant_value_ids"])
        if None in groups:
            return None
        self._items[key] = Item(
            item_id=key,
            name=template["name"],
            base_price=cents(item["extra_price"]) + (cents(combo["base_price"]) if model == MORE_ITEM else ZERO),
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


def _table(odoo: Odoo, model: str, ids: Iterable[int], fields: list[str]) -> dict[int, Row]:
    unique = sorted(set(ids))
    rows = odoo.rows(model, [("id", "in", unique)], fields) if unique else []
    return {row["id"]: row for row in rows}


_TEMPLATE = [
    "name",
    "description_sale",
    "list_price",
    "taxes_id",
    "type",
    "available_in_pos",
    "self_order_available",
    "pos_categ_ids",
    "attribute_line_ids",
    "combo_ids",
    "product_variant_ids",
]
_PRODUCT = ["product_tmpl_id", "product_template_variant_value_ids", "product_template_attribute_value_ids"]
_LINE = ["attribute_id", "product_template_value_ids"]
_ATTRIBUTE = ["name", "display_type", "create_variant"]
_VALUE = ["name", "price_extra", "ptav_active", "is_custom", "attribute_line_id"]
_COMBO = ["name", "combo_item_ids", "base_price", "qty_free", "qty_max"]
_COMBO_ITEM = ["combo_id", "product_id", "extra_price"]
_CATEGORY = ["name", "parent_id", "hour_after", "hour_until"]
