"""Products with attributes, and combos, in the tests' Odoo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.odoo_accounts import Accounts
from tests.odoo_pos import OdooPos

__all__ = ["Products"]


class Products(Accounts):
    """Creates products of every kind that Odoo's restaurant scenario lacks."""

    def __init__(self, pos: OdooPos) -> None:
        super().__init__(pos)
        self.values: dict[str, int] = {}
        """Ids of the created products' attribute values, by name."""

    def product(self, name: str, price: float, attributes: Sequence[Mapping[str, Any]], **values: Any) -> int:
        """Create a product, and return the id of its template.

        :param attributes: for each one its ``name`` and ``values``, a surcharge by name; and fields of ``product.attribute``.
        """
        lines = []
        for each in attributes:
            fields = {"create_variant": "no_variant", "display_type": "radio", **each}
            options = fields.pop("values")
            attribute = self.create("product.attribute", **fields)
            ids = [self.create("product.attribute.value", name=option, attribute_id=attribute) for option in options]
            lines.append([0, 0, {"attribute_id": attribute, "value_ids": [[6, 0, ids]]}])
        (key,) = self.products({"name": name, "list_price": price, "attribute_line_ids": lines, **values})
        template = int(key.partition(",")[2])
        rows = self.api.rows("product.template.attribute.value", [("product_tmpl_id", "=", template)], ["name"])
        for row in rows:
            self.values[row["name"]] = row["id"]
            surcharge = next(each["values"][row["name"]] for each in attributes if row["name"] in each["values"])
            self.pos.server.write("product.template.attribute.value", row["id"], price_extra=surcharge)
        return template

    def text(self, value: str) -> None:
        """Make a value want a text of the customer."""
        row = self.pos.server.one(
            "product.template.attribute.value", [("id", "=", self.values[value])], "product_attribute_value_id"
        )
        self.pos.server.write("product.attribute.value", row["product_attribute_value_id"], is_custom=True)

    def exclude(self, value: str, other: str, template: int) -> None:
        """Make two values of a product exclude each other."""
        self.create(
            "product.template.attribute.exclusion",
            product_tmpl_id=template,
            product_template_attribute_value_id=self.values[value],
            value_ids=[[6, 0, [self.values[other]]]],
        )

    def variants(self, template: int) -> list[dict[str, Any]]:
        """Return the variants of a product."""
        return self.api.rows("product.product", [("product_tmpl_id", "=", template)], ["lst_price"], order="id")

    def combo(self, name: str, price: float, products: Sequence[int], **values: Any) -> int:
        """Create a combo of one choice of variants, and return the id of its template."""
        items = [[0, 0, {"product_id": product}] for product in products]
        choice = self.create("product.combo", name=f"{name} choice", combo_item_ids=items, **values)
        (key,) = self.products({"name": name, "list_price": price, "type": "combo", "combo_ids": [[6, 0, [choice]]]})
        return int(key.partition(",")[2])

    def order(self, template: int, values: Sequence[str] = (), quantity: int = 1) -> dict[str, Any]:
        """Return a line of an order, with one group for each value."""
        return {
            "itemId": f"product.template,{template}",
            "quantity": quantity,
            "modifierGroups": [self.selection(value) for value in values],
        }

    def selection(self, value: str) -> dict[str, Any]:
        """Return the group of an order's line with this value."""
        key = self.values[value]
        row = self.pos.server.one("product.template.attribute.value", [("id", "=", key)], "attribute_line_id")
        return {
            "modifierGroupId": f"product.template.attribute.line,{row['attribute_line_id']}",
            "selectedModifiers": [{"itemId": f"product.template.attribute.value,{key}", "quantity": 1}],
        }
