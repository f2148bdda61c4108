"""Odoo's records of a catalog, with prices, taxes and combinations as its till has them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from webhook_kit import ZERO, CatalogInvalid, cents
from webhook_kit_odoo.client import Odoo, Row
from webhook_kit_odoo.money import Currency, is_exact
from webhook_kit_odoo.point_of_sale import PointOfSale

__all__ = ["CatalogRecords", "key_of", "number_in", "read_catalog"]

TEMPLATE = "product.template"
PRODUCT = "product.product"
LINE = "product.template.attribute.line"
VALUE = "product.template.attribute.value"
EXCLUSION = "product.template.attribute.exclusion"
COMBO = "product.combo"
COMBO_ITEM = "product.combo.item"
# The same combo again: for pieces beyond those that its price includes.
MORE = "product.combo/more"
MORE_ITEM = "product.combo.item/more"
CATEGORY = "pos.category"

_LARGEST_ID = 2**31 - 1
_Table = Mapping[int, Row]


def key_of(model: str, number: int) -> str:
    """Return the id of a record at Gett."""
    return f"{model},{number}"


def number_in(key: str, model: str) -> int | None:
    """Return the record's id in Odoo; None if the key is not one of this model."""
    name, _, number = key.partition(",")
    if name != model or not number.isdecimal() or len(number) > len(str(_LARGEST_ID)) or int(number) > _LARGEST_ID:
        return None
    return int(number)


@dataclass(frozen=True, slots=True)
class CatalogRecords:
    """Odoo's records of a catalog, or of a part of it, by model and id.

    :ivar currency: the currency of the point of sale.
    :ivar template_ids: the templates that are sold by themselves, in order; the others are parts of combos.
    :ivar taxes: the taxes of each template.
    :ivar excluded: the pairs of values that cannot be combined.
    """

    currency: Currency
    template_ids: tuple[int, ...]
    templates: _Table
    products: _Table
    lines: _Table
    attributes: _Table
    values: _Table
    combos: _Table
    combo_items: _Table
    taxes: Mapping[int, tuple[int, ...]]
    excluded: frozenset[frozenset[int]] = frozenset()
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

    # -- attributes ----------------------------------------------------------------------------------------------------

    def choices(self, template: Row, fixed: Collection[int] = ()) -> Iterator[Row]:
        """Yield the attribute lines of a product from which the customer selects values.

        :param fixed: the values that a variant already has.
        """
        for line in self.lines_of(template):
            if not self.implied(line) and not set(fixed) & set(line["product_template_value_ids"]):
                yield line

    def lines_of(self, template: Row) -> Iterator[Row]:
        """Yield the attribute lines of a product."""
        return (self.lines[each] for each in template["attribute_line_ids"] if each in self.lines)

    def implied(self, line: Row) -> int | None:
        """Return the only value of a line without alternatives: Odoo does not ask for it either, unless it needs a text."""
        values = line["product_template_value_ids"]
        alone = len(values) == 1 and not self.optional(line) and not self.values[values[0]]["is_custom"]
        return values[0] if alone else None

    def optional(self, line: Row) -> bool:
        """Return True if a line takes any number of its values; every other line takes exactly one."""
        return bool(self.attributes[line["attribute_id"]]["display_type"] == "multi")

    def with_implied(self, template: Row, selected: Iterable[int]) -> list[int]:
        """Return all the values of a product: the selected ones and those of lines without alternatives."""
        return [*selected, *(value for line in self.lines_of(template) if (value := self.implied(line)))]

    def configurable(self, template: Row) -> bool:
        """Return True if the till asks for the values of a product; otherwise it adds no surcharge for them."""
        return any(
            len(active) > 1 or any(value["is_custom"] for value in active)
            for line in self.lines_of(template)
            if (active := [v for x in line["product_template_value_ids"] if (v := self.values[x])["ptav_active"]])
        )

    def combinable(self, values: Collection[int]) -> bool:
        """Return True if no two of the values exclude each other."""
        return not any(pair <= set(values) for pair in self.excluded)

    # -- prices --------------------------------------------------------------------------------------------------------

    def price(self, template: Row) -> Decimal:
        """Return the price of a product without options: it includes the values of lines without alternatives."""
        implied = (value for line in self.lines_of(template) if (value := self.implied(line)))
        return self.currency.price(template["list_price"]) + sum(map(self.surcharge, implied), ZERO)

    def surcharge(self, value_id: int) -> Decimal:
        """Return the surcharge of a value.

        A surcharge of a variant is a part of its price and converted with it; any other is charged as it is, and only if the
        till asks for values at all.
        """
        value = self.values[value_id]
        if self.makes_variants(value_id):
            return self.currency.price(value["price_extra"])
        template = self.templates[value["product_tmpl_id"]]
        return cents(value["price_extra"]) if self.configurable(template) else ZERO

    def surcharge_in_combo(self, template: Row, value_ids: Iterable[int]) -> Decimal:
        """Return the surcharge of a piece of a combo, for all of its values: those of its variant as well.

        The till charges none if it does not ask for values of this product.
        """
        asked = self.configurable(template) and any(
            self.attributes[line["attribute_id"]]["create_variant"] == "no_variant" for line in self.lines_of(template)
        )
        return sum((cents(self.values[each]["price_extra"]) for each in value_ids), ZERO) if asked else ZERO

    def makes_variants(self, value_id: int) -> bool:
        """Return True if a product's variants differ in this value."""
        line = self.lines[self.values[value_id]["attribute_line_id"]]
        return bool(self.attributes[line["attribute_id"]]["create_variant"] != "no_variant")

    def problems(self) -> list[str]:
        """Return one line for each price with a fraction of a cent: no order could have the till's price."""
        return [
            f"{kind} {row['name']!r} has the price {row[name]}; Gett's amounts have two decimals, so round it in Odoo"
            for kind, table, names in (
                ("product", self.templates, ["list_price"]),
                ("attribute value", self.values, ["price_extra"]),
                ("combo", self.combos, ["base_price"]),
            )
            for row in table.values()
            for name in names
            if not is_exact(row[name])
        ] + [
            f"combo item {row['id']} has the extra price {row['extra_price']}; round it to two decimals in Odoo"
            for row in self.combo_items.values()
            if not is_exact(row["extra_price"])
        ]

    def _product_sold_out(self, combo_item: Row) -> bool:
        product = self.products.get(combo_item["product_id"])
        template = product and self.templates.get(product["product_tmpl_id"])
        return not template or self.sold_out(template)


def read_catalog(odoo: Odoo, pos: PointOfSale, only: Collection[int] | None = None) -> CatalogRecords:
    """Return the current records of the catalog, unavailable products included.

    :param odoo: the API in the company of the point of sale.
    :param only: the ids of the templates to read; None reads all.
    :raises CatalogInvalid: when no price could be equal to the till's.
    """
    if pos.problems:
        raise CatalogInvalid(*pos.problems)
    domain: list[object] = [("sale_ok", "=", True), ("company_id", "in", [False, *pos.companies])]
    if only is None:
        domain.append(("available_in_pos", "=", True))
    else:
        domain.append(("id", "in", sorted(only)))
    if pos.categories is not None:
        domain.append(("pos_categ_ids", "in", sorted(pos.categories)))
    sold = odoo.rows(TEMPLATE, domain, _TEMPLATE, order="pos_sequence, name, id")
    combos = odoo.table(COMBO, (each for template in sold for each in template["combo_ids"]), _COMBO)
    combo_items = odoo.table(
        COMBO_ITEM, (each for combo in combos.values() for each in combo["combo_item_ids"]), _COMBO_ITEM
    )
    products = odoo.table(
        PRODUCT,
        [
            *(each for template in sold for each in template["product_variant_ids"]),
            *(each["product_id"] for each in combo_items.values()),
        ],
        _PRODUCT,
        context={"display_default_code": False},
    )
    templates = {template["id"]: template for template in sold}
    in_combos = {product["product_tmpl_id"] for product in products.values()} - templates.keys()
    templates |= odoo.table(TEMPLATE, in_combos, _TEMPLATE)
    lines = odoo.table(
        LINE, (each for template in templates.values() for each in template["attribute_line_ids"]), _LINE
    )
    values = odoo.table(VALUE, (each for line in lines.values() for each in line["product_template_value_ids"]), _VALUE)
    records = CatalogRecords(
        currency=pos.currency,
        template_ids=tuple(
            template["id"] for template in sold if pos.tip_product not in template["product_variant_ids"]
        ),
        templates=templates,
        products=products,
        lines=lines,
        attributes=odoo.table("product.attribute", (line["attribute_id"] for line in lines.values()), _ATTRIBUTE),
        values=values,
        combos=combos,
        combo_items=combo_items,
        taxes=_taxes(odoo, pos, templates.values()),
        excluded=_excluded(odoo, values.values()),
        categories={row["id"]: row for row in odoo.rows(CATEGORY, [], _CATEGORY, order="sequence, name, id")},
    )
    if problems := records.problems():
        raise CatalogInvalid(*problems)
    return records


def _taxes(odoo: Odoo, pos: PointOfSale, templates: Iterable[Row]) -> dict[int, tuple[int, ...]]:
    """Return the taxes of each product: those of the nearest company that has any of them."""
    templates = list(templates)
    taxes = odoo.table("account.tax", (tax for each in templates for tax in each["taxes_id"]), ["company_id"])
    return {
        template["id"]: next(
            (
                own
                for company in pos.companies
                if (own := tuple(x for x in template["taxes_id"] if x in taxes and taxes[x]["company_id"] == company))
            ),
            (),
        )
        for template in templates
    }


def _excluded(odoo: Odoo, values: Iterable[Row]) -> frozenset[frozenset[int]]:
    ids = (each for value in values for each in value["exclude_for"])
    rows = odoo.table(EXCLUSION, ids, ["product_template_attribute_value_id", "value_ids"])
    return frozenset(
        frozenset({row["product_template_attribute_value_id"], other})
        for row in rows.values()
        for other in row["value_ids"]
    )


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
_PRODUCT = [
    "display_name",
    "lst_price",
    "product_tmpl_id",
    "product_template_variant_value_ids",
    "product_template_attribute_value_ids",
]
_LINE = ["attribute_id", "product_tmpl_id", "product_template_value_ids"]
_ATTRIBUTE = ["name", "display_type", "create_variant"]
_VALUE = ["name", "price_extra", "ptav_active", "is_custom", "attribute_line_id", "product_tmpl_id", "exclude_for"]
_COMBO = ["name", "combo_item_ids", "base_price", "qty_free", "qty_max"]
_COMBO_ITEM = ["combo_id", "product_id", "extra_price"]
_CATEGORY = ["name", "parent_id", "hour_after", "hour_until"]
