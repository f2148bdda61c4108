"""A menu, from Odoo's records to Gett's language.

========================================  =============================================================================
Odoo                                      Gett
========================================  =============================================================================
``pos.category``                          a section, nested as there; its hours are those of a catalog
``product.template``                      an item
``product.template.attribute.line``       a modifier group: exactly one (radio, pills, select, color, image), or none to all (multi)
``product.template.attribute.value``      its option, at ``price_extra``
``product.combo``                         a modifier group: exactly ``qty_free`` of its products, as Odoo's own popup asks;
                                          and, up to ``qty_max``, a second one at ``base_price`` each
``product.combo.item``                    its option, at ``extra_price``, with the groups of its own product
========================================  =============================================================================

An id is ``model,id``, the way Odoo itself writes a reference. What has run out, or leaves a required choice without a way to
be made, is not on the menu.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal

from webhook_kit.errors import CatalogInvalid
from webhook_kit.gett.models.catalog import (
    AvailabilityWindow,
    ExternalCatalog,
    ExternalCatalogSet,
    ExternalItem,
    ExternalModifierGroup,
    ExternalSection,
)
from webhook_kit.gett.models.money import ZERO, cents
from webhook_kit_odoo.client import Odoo, Row
from webhook_kit_odoo.shop import Shop, clock, narrowed

__all__ = ["Menu", "catalog_set", "key_of", "number_in", "read_menu"]

TEMPLATE = "product.template"
LINE = "product.template.attribute.line"
VALUE = "product.template.attribute.value"
COMBO = "product.combo"
COMBO_ITEM = "product.combo.item"
# The same combo once more: what goes beyond the pieces that its price includes.
MORE = "product.combo/more"
MORE_ITEM = "product.combo.item/more"
CATEGORY = "pos.category"

_Table = Mapping[int, Row]


def key_of(model: str, number: int) -> str:
    """The id under which Gett knows a record."""
    return f"{model},{number}"


def number_in(key: str, model: str) -> int | None:
    """The record's id in Odoo; None for the id of another model, or of none."""
    name, _, number = key.partition(",")
    return int(number) if name == model and number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Menu:
    """What Odoo says of a menu, or of a part of it: records by model and id.

    :ivar dishes: the templates that stand on the menu themselves, in its order; the others are what combos are made of.
    """

    dishes: tuple[int, ...]
    templates: _Table
    products: _Table
    lines: _Table
    attributes: _Table
    values: _Table
    combos: _Table
    combo_items: _Table
    categories: _Table = field(default_factory=dict)

    def sold_out(self, template: Row) -> bool:
        """Whether a product has run out: taken off self-ordering, or off the POS."""
        return not (template["available_in_pos"] and template["self_order_available"])

    def unavailable(self) -> set[str]:
        """The ids of the items and options that have run out."""
        return {
            *(key_of(TEMPLATE, each["id"]) for each in self.templates.values() if self.sold_out(each)),
            *(key_of(VALUE, each["id"]) for each in self.values.values() if not each["ptav_active"]),
            *(
                key_of(model, each["id"])
                for each in self.combo_items.values()
                for model in (COMBO_ITEM, MORE_ITEM)
                if self._gone(each)
            ),
        }

    def choices(self, template: Row, fixed: Collection[int] = ()) -> Iterator[Row]:
        """The attribute lines of a product that leave a choice.

        :param fixed: the values that a variant has for good.
        """
        for line_id in template["attribute_line_ids"]:
            line = self.lines.get(line_id)
            if line and not self.implied(line) and not set(fixed) & set(line["product_template_value_ids"]):
                yield line

    def implied(self, line: Row) -> int | None:
        """The value of a line that leaves no choice: Odoo does not ask for it either."""
        values = line["product_template_value_ids"]
        return values[0] if len(values) == 1 and not self.optional(line) else None

    def optional(self, line: Row) -> bool:
        """Whether a line takes any number of its values; every other takes exactly one."""
        return bool(self.attributes[line["attribute_id"]]["display_type"] == "multi")

    def price(self, template: Row) -> Decimal:
        """What a product costs before anything is chosen: the only values of lines without a choice are in it."""
        implied = [self.implied(self.lines[each]) for each in template["attribute_line_ids"] if each in self.lines]
        return cents(template["list_price"]) + sum((self.surcharge(each) for each in implied if each), ZERO)

    def surcharge(self, value_id: int) -> Decimal:
        """What a value adds."""
        return cents(self.values[value_id]["price_extra"])

    def _gone(self, combo_item: Row) -> bool:
        product = self.products.get(combo_item["product_id"])
        template = product and self.templates.get(product["product_tmpl_id"])
        return not template or self.sold_out(template)


def read_menu(odoo: Odoo, shop: Shop, only: Collection[int] | None = None) -> Menu:
    """The menu as it is now, what has run out included.

    :param only: the ids of the templates that matter; None reads the whole menu.
    :raises CatalogInvalid: when its prices depend on a pricelist.
    """
    if shop.pricelists:
        # Odoo has no call that tells a menu's prices under a pricelist, and a price that is not the POS's own must not be sold at.
        raise CatalogInvalid(
            *(f"{each} has a pricelist: this adapter sells at the products' own prices" for each in shop.pricelists)
        )
    domain: list[object] = [("sale_ok", "=", True), ("company_id", "in", [False, shop.company])]
    if only is None:
        domain.append(("available_in_pos", "=", True))
    else:
        domain.append(("id", "in", sorted(only)))
    if shop.categories is not None:
        domain.append(("pos_categ_ids", "in", sorted(shop.categories)))
    dishes = odoo.rows(TEMPLATE, domain, _TEMPLATE, order="pos_sequence, name, id")
    combos = _table(odoo, COMBO, [each for dish in dishes for each in dish["combo_ids"]], _COMBO)
    combo_items = _table(
        odoo, COMBO_ITEM, [i for combo in combos.values() for i in combo["combo_item_ids"]], _COMBO_ITEM
    )
    products = _table(
        odoo,
        "product.product",
        [
            *(v for dish in dishes for v in dish["product_variant_ids"]),
            *(i["product_id"] for i in combo_items.values()),
        ],
        _PRODUCT,
    )
    templates = {dish["id"]: dish for dish in dishes}
    inside = {product["product_tmpl_id"] for product in products.values()} - templates.keys()
    templates |= _table(odoo, TEMPLATE, inside, _TEMPLATE)
    lines = _table(odoo, LINE, [each for one in templates.values() for each in one["attribute_line_ids"]], _LINE)
    values = _table(
        odoo, VALUE, [each for line in lines.values() for each in line["product_template_value_ids"]], _VALUE
    )
    return Menu(
        dishes=tuple(dish["id"] for dish in dishes if shop.tip_product not in dish["product_variant_ids"]),
        templates=templates,
        products=products,
        lines=lines,
        attributes=_table(odoo, "product.attribute", [line["attribute_id"] for line in lines.values()], _ATTRIBUTE),
        values=values,
        combos=combos,
        combo_items=combo_items,
        categories={row["id"]: row for row in odoo.rows(CATEGORY, [], _CATEGORY, order="sequence, name, id")},
    )


def catalog_set(menu: Menu, shop: Shop, *, without: Collection[str]) -> ExternalCatalogSet:
    """The menu in Gett's language.

    :param without: ids of items and options that are left out.
    """
    return _Writer(menu, shop, frozenset(without)).write()


class _Writer:
    """One menu, written entity by entity."""

    def __init__(self, menu: Menu, shop: Shop, without: frozenset[str]) -> None:
        self._menu = menu
        self._shop = shop
        self._out = without
        self._items: dict[str, ExternalItem] = {}
        self._groups: dict[str, ExternalModifierGroup] = {}

    def write(self) -> ExternalCatalogSet:
        menu = self._menu
        dishes = [number for number in menu.dishes if self._dish(menu.templates[number])]
        sections: dict[str, ExternalSection] = {}
        catalogs: dict[str, ExternalCatalog] = {}
        for (start, end), held in self._by_hours(dishes).items():
            windows = narrowed(self._shop.windows(), start, end)
            catalog = self._catalog(held, start, end, windows, sections)
            catalogs[catalog.catalog_id] = catalog
        return ExternalCatalogSet(catalogs=catalogs, sections=sections, items=self._items, modifier_groups=self._groups)

    # -- items ---------------------------------------------------------------------------------------------------------

    def _dish(self, template: Row) -> bool:
        """Write a product with its groups, if there is a way to order it."""
        key = key_of(TEMPLATE, template["id"])
        groups = self._attribute_groups(template)
        for combo in template["combo_ids"]:
            groups += self._combo_groups(combo)
        if key in self._out or None in groups:
            return False
        self._items[key] = ExternalItem(
            item_id=key,
            name=template["name"],
            description=template["description_sale"] or None,
            base_price=self._menu.price(template),
            modifier_group_ids=[group for group in groups if group],
        )
        return True

    def _attribute_groups(self, template: Row, fixed: Collection[int] = ()) -> list[str | None]:
        return [self._attribute_group(line) for line in self._menu.choices(template, fixed)]

    def _attribute_group(self, line: Row) -> str | None:
        """The id of a line's group; empty when it offers nothing and need not; None when what is required has run out."""
        menu, key = self._menu, key_of(LINE, line["id"])
        if key in self._groups:
            return key
        options = [
            key_of(VALUE, each)
            for each in line["product_template_value_ids"]
            # A value that people write themselves has no place in a cart.
            if key_of(VALUE, each) not in self._out and not menu.values[each]["is_custom"]
        ]
        optional = menu.optional(line)
        if not options:
            return "" if optional else None
        for option in options:
            value = menu.values[number_in(option, VALUE) or 0]
            self._items[option] = ExternalItem(
                item_id=option, name=value["name"], base_price=cents(value["price_extra"])
            )
        self._groups[key] = ExternalModifierGroup(
            modifier_group_id=key,
            name=menu.attributes[line["attribute_id"]]["name"],
            item_ids=options,
            minimum_allowed=0 if optional else 1,
            maximum_allowed=len(options) if optional else 1,
        )
        return key

    def _combo_groups(self, number: int) -> Iterator[str | None]:
        """The ids of a combo's groups; None when none of its products are left."""
        combo = self._menu.combos[number]
        free, more = combo["qty_free"], combo["qty_max"] - combo["qty_free"]
        if free:
            yield self._combo_group(combo, (COMBO, COMBO_ITEM), combo["name"], least=free, most=free)
        if more:
            name = f"More {combo['name']}" if free else combo["name"]
            yield self._combo_group(combo, (MORE, MORE_ITEM), name, least=0, most=more)

    def _combo_group(self, combo: Row, models: tuple[str, str], name: str, *, least: int, most: int) -> str | None:
        key = key_of(models[0], combo["id"])
        if key in self._groups:
            return key
        items = [self._menu.combo_items[each] for each in combo["combo_item_ids"] if each in self._menu.combo_items]
        options = [option for item in items if (option := self._combo_option(combo, item, models[1]))]
        if not options:
            return None if least else ""
        self._groups[key] = ExternalModifierGroup(
            modifier_group_id=key,
            name=name,
            item_ids=options,
            minimum_allowed=least,
            maximum_allowed=most,
            enable_duplicate_items=most > 1,
        )
        return key

    def _combo_option(self, combo: Row, item: Row, model: str) -> str | None:
        menu, key = self._menu, key_of(model, item["id"])
        product = menu.products.get(item["product_id"])
        template = product and menu.templates.get(product["product_tmpl_id"])
        if key in self._out or product is None or template is None:  # archived, or another company's
            return None
        groups = self._attribute_groups(template, product["product_template_variant_value_ids"])
        if None in groups:
            return None
        self._items[key] = ExternalItem(
            item_id=key,
            name=template["name"],
            base_price=cents(item["extra_price"]) + (cents(combo["base_price"]) if model == MORE_ITEM else ZERO),
            modifier_group_ids=[group for group in groups if group],
        )
        return key

    # -- sections ------------------------------------------------------------------------------------------------------

    def _by_hours(self, dishes: Iterable[int]) -> dict[tuple[time, time], dict[int | None, list[int]]]:
        """Dishes by the hours of their category, then by category; one without a category stands under None."""
        found: dict[tuple[time, time], dict[int | None, list[int]]] = {}
        for dish in dishes:
            held = [each for each in self._menu.templates[dish]["pos_categ_ids"] if self._sells(each)]
            for category in held or [None]:
                row = self._menu.categories.get(category or 0)
                hours = (clock(row["hour_after"]), clock(row["hour_until"] or 24)) if row else (time(0), time(0))
                found.setdefault(hours, {}).setdefault(category, []).append(dish)
        return found

    def _sells(self, category: int) -> bool:
        allowed = self._shop.categories
        return category in self._menu.categories and (allowed is None or category in allowed)

    def _catalog(
        self,
        held: Mapping[int | None, list[int]],
        start: time,
        end: time,
        windows: list[AvailabilityWindow],
        sections: dict[str, ExternalSection],
    ) -> ExternalCatalog:
        whole_day = start == end == time(0)
        hours = "" if whole_day else f" {start:%H:%M}–{end:%H:%M}"
        roots = []
        for category in self._menu.categories:  # in the order of the POS
            if category in held:
                sections[key_of(CATEGORY, category)] = self._section(category, held)
                if self._menu.categories[category]["parent_id"] not in held:
                    roots.append(key_of(CATEGORY, category))
        if None in held:
            key = key_of(CATEGORY, 0)
            sections[key] = ExternalSection(section_id=key, name="Other", item_ids=_items(held[None]))
            roots.append(key)
        key = key_of("pos.config", self._shop.id) + hours.replace(" ", "/")
        return ExternalCatalog(catalog_id=key, name=self._shop.name + hours, section_ids=roots, availability=windows)

    def _section(self, category: int, held: Mapping[int | None, list[int]]) -> ExternalSection:
        row = self._menu.categories[category]
        inner = [
            key_of(CATEGORY, each["id"])
            for each in self._menu.categories.values()
            if each["parent_id"] == category and each["id"] in held
        ]
        return ExternalSection(
            section_id=key_of(CATEGORY, category), name=row["name"], item_ids=_items(held[category]), section_ids=inner
        )


def _items(templates: Iterable[int]) -> list[str]:
    return [key_of(TEMPLATE, each) for each in templates]


def _table(odoo: Odoo, model: str, ids: Iterable[int], fields: list[str]) -> dict[int, Row]:
    wanted = sorted(set(ids))
    rows = odoo.rows(model, [("id", "in", wanted)], fields) if wanted else []
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
