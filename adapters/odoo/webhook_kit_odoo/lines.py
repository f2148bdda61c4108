"""Conversion of a cart to the lines of a ``pos.order``, at the prices of Odoo's till."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from webhook_kit import ZERO, LineItem, cents
from webhook_kit_odoo.client import Row
from webhook_kit_odoo.point_of_sale import PointOfSale
from webhook_kit_odoo.records import COMBO, COMBO_ITEM, LINE, MORE_ITEM, TEMPLATE, VALUE, CatalogRecords, number_in

__all__ = ["Line", "NotCombinable", "order_lines", "tip_line", "wire_lines"]


class NotCombinable(Exception):
    """A combination of attributes that Odoo does not sell."""

    def __init__(self, index: int, item_id: str, message: str) -> None:
        super().__init__(message)
        self.index = index
        self.item_id = item_id


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a ticket.

    :ivar template: the product.
    :ivar product: its variant; None if Odoo creates this variant when it is first ordered.
    :ivar unit_price: price of one piece with its options; with or without tax, as the products' prices.
    :ivar extra: the part of it that the till adds again when the staff changes the quantity.
    :ivar taxes: the product's taxes. Odoo applies the ticket's fiscal position to them.
    :ivar values: the attribute values that the till shows.
    :ivar parent: the index of the combo's line, for a part of a combo.
    :ivar manual: True for a price that is not the product's.
    """

    template: int
    product: int | None
    name: str
    quantity: int
    unit_price: Decimal
    extra: Decimal = ZERO
    taxes: tuple[int, ...] = ()
    values: tuple[int, ...] = ()
    parent: int | None = None
    combo_item: int | None = None
    manual: bool = False


def order_lines(items: Sequence[LineItem], records: CatalogRecords) -> list[Line]:
    """Return the lines of a cart that is valid for these records.

    :raises NotCombinable: for attribute values that exclude each other, or that no variant has.
    """
    lines: list[Line] = []
    for index, item in enumerate(items):
        template = records.templates[number_in(item.item_id, TEMPLATE) or 0]
        try:
            if template["combo_ids"]:
                lines += _combo(item, template, records, len(lines))
            else:
                lines.append(_simple(item, template, records))
        except LookupError as error:
            raise NotCombinable(index, item.item_id, str(error)) from error
    return lines


def tip_line(pos: PointOfSale, tip: Decimal) -> Iterator[Line]:
    """Yield the tip as a line, if the point of sale takes tips as one. It has no taxes."""
    if tip and pos.takes_tips and pos.tip_product:
        yield Line(template=0, product=pos.tip_product, name="Tip", quantity=1, unit_price=tip, manual=True)


def wire_lines(
    lines: Sequence[Line], amounts: Sequence[tuple[Decimal, Decimal]], order: UUID
) -> tuple[list[Any], dict[str, Any]]:
    """Return the lines in the format of ``sync_from_ui``, and the parent of each part of a combo.

    A line's uuid is derived from its order's, so that Odoo refuses a line that is sent twice.

    :param amounts: the amounts of each line, without and with tax.
    """
    uuids = [str(uuid5(order, f"line {index}")) for index in range(len(lines))]
    commands = [
        [
            0,
            0,
            {
                "uuid": uuid,
                "product_id": line.product,
                "full_product_name": line.name,
                "qty": line.quantity,
                "price_unit": line.unit_price,
                "price_extra": line.extra,
                "price_type": "manual" if line.manual else "original",
                "price_subtotal": untaxed,
                "price_subtotal_incl": taxed,
                "tax_ids": [[6, 0, line.taxes]],
                "attribute_value_ids": [[6, 0, line.values]],
                "combo_item_id": line.combo_item or False,
            },
        ]
        for uuid, line, (untaxed, taxed) in zip(uuids, lines, amounts, strict=True)
    ]
    parents = {
        uuid: {"combo_parent_id": uuids[line.parent]}
        for uuid, line in zip(uuids, lines, strict=True)
        if line.parent is not None
    }
    return commands, {"pos.order.line": parents} if parents else {}


# -- lines -------------------------------------------------------------------------------------------------------------


def _simple(item: LineItem, template: Row, records: CatalogRecords) -> Line:
    selected = _selected_values(item)
    values = records.with_implied(template, selected)
    _check_combination(template, values, records)
    variant = _variant(template, values, records)
    extra = sum((records.surcharge(each) for each in values if not records.makes_variants(each)), ZERO)
    if variant:
        price = records.currency.price(variant["lst_price"])
    else:
        of_variant = sum((records.values[x]["price_extra"] for x in values if records.makes_variants(x)), ZERO)
        price = records.currency.price(template["list_price"] + of_variant)
    return Line(
        template=template["id"],
        product=variant["id"] if variant else None,
        name=_name(template, selected, records),
        quantity=item.quantity,
        unit_price=price + extra,
        extra=extra,
        taxes=records.taxes[template["id"]],
        values=tuple(values if records.configurable(template) or not variant else selected),
    )


def _combo(item: LineItem, template: Row, records: CatalogRecords, index: int) -> Iterator[Line]:
    """Yield the combo's own line and one for each piece in it.

    Odoo distributes the combo's price over the included pieces, by the ``base_price`` of each; the last one takes the rounding
    difference (``computeComboItems``). Here each piece has a line of its own, so that this is exact to the cent.
    """
    pieces = list(_pieces(item, records))
    included = [number for number, (_, _, free) in enumerate(pieces) if free]
    price = records.price(template)
    weights = [cents(_combo_of(pieces[number][0], records)["base_price"]) for number in included]
    shares = dict(zip(included, _shares(price, weights, records), strict=True))
    yield Line(
        template=template["id"],
        product=template["product_variant_ids"][0],
        name=template["name"],
        quantity=item.quantity,
        unit_price=ZERO if included else price,
        taxes=records.taxes[template["id"]],
    )
    for number, (combo_item, selected, _) in enumerate(pieces):
        product = records.products[combo_item["product_id"]]
        part = records.templates[product["product_tmpl_id"]]
        shown = [*product["product_template_variant_value_ids"], *selected]
        values = records.with_implied(part, shown)
        _check_combination(part, values, records)
        if number in shares:
            share = shares[number]
        else:
            share = records.currency.round(_combo_of(combo_item, records)["base_price"])
        yield Line(
            template=part["id"],
            product=product["id"],
            name=_name(part, shown, records),
            quantity=item.quantity,
            unit_price=share + records.surcharge_in_combo(part, values) + cents(combo_item["extra_price"]),
            taxes=records.taxes[part["id"]],
            values=tuple(shown),
            parent=index,
            combo_item=combo_item["id"],
        )


def _pieces(item: LineItem, records: CatalogRecords) -> Iterator[tuple[Row, list[int], bool]]:
    """Yield each piece selected for one combo, with its values and True if the combo's price includes it."""
    for group in item.modifier_groups:
        included = number_in(group.modifier_group_id, COMBO) is not None
        for option in group.selected_modifiers:
            number = number_in(option.item_id, COMBO_ITEM if included else MORE_ITEM)
            for _ in range(option.quantity):
                yield records.combo_items[number or 0], _selected_values(option), included


def _shares(price: Decimal, weights: Sequence[Decimal], records: CatalogRecords) -> list[Decimal]:
    total = sum(weights, ZERO)
    shares = [records.currency.round(price * weight / total) if total else ZERO for weight in weights]
    if shares:
        shares[-1] += price - sum(shares, ZERO)
    return shares


def _combo_of(combo_item: Row, records: CatalogRecords) -> Row:
    return records.combos[combo_item["combo_id"]]


def _selected_values(item: LineItem) -> list[int]:
    return [
        value
        for group in item.modifier_groups
        if number_in(group.modifier_group_id, LINE)
        for option in group.selected_modifiers
        if (value := number_in(option.item_id, VALUE))
    ]


def _check_combination(template: Row, values: Sequence[int], records: CatalogRecords) -> None:
    if not records.combinable(values):
        raise LookupError(f"{template['name']} is not available in this combination.")


def _variant(template: Row, values: Sequence[int], records: CatalogRecords) -> Row | None:
    """Return the product with these values; None if Odoo creates it when it is first ordered."""
    for number in template["product_variant_ids"]:
        product = records.products.get(number)
        if product and set(product["product_template_attribute_value_ids"]) <= set(values):
            return product
    attributes = (records.attributes[line["attribute_id"]] for line in records.lines_of(template))
    if any(attribute["create_variant"] == "dynamic" for attribute in attributes):
        return None
    raise LookupError(f"{template['name']} is not available in this combination.")


def _name(template: Row, selected: Sequence[int], records: CatalogRecords) -> str:
    names = ", ".join(records.values[each]["name"] for each in selected)
    return f"{template['name']} ({names})" if names else str(template["name"])
