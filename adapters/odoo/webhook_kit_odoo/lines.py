"""Conversion of a cart to the lines of a ``pos.order``, with Odoo's prices and taxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from webhook_kit import ZERO, LineItem, cents
from webhook_kit_odoo.catalog import COMBO, COMBO_ITEM, LINE, MORE_ITEM, TEMPLATE, VALUE, CatalogRecords, number_in
from webhook_kit_odoo.client import Odoo, Row
from webhook_kit_odoo.point_of_sale import PointOfSale

__all__ = ["Line", "NoVariant", "Totals", "order_lines", "taxed", "tip_line", "wire_lines"]


class NoVariant(Exception):
    """A combination of attributes for which Odoo has no product variant."""

    def __init__(self, index: int, item_id: str, message: str) -> None:
        super().__init__(message)
        self.index = index
        self.item_id = item_id


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a ticket.

    :ivar unit_price: price of one piece with its options; with or without tax, as the products' prices.
    :ivar values: the selected attribute values.
    :ivar parent: the index of the combo's line, for a part of a combo.
    :ivar untaxed: amount of the line without tax.
    :ivar taxed: amount of the line with tax.
    """

    product: int
    name: str
    quantity: int
    unit_price: Decimal
    taxes: tuple[int, ...] = ()
    values: tuple[int, ...] = ()
    parent: int | None = None
    combo_item: int | None = None
    untaxed: Decimal = ZERO
    taxed: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Totals:
    """Amounts of a ticket; its total is ``untaxed + taxes``."""

    untaxed: Decimal
    taxes: Decimal


def order_lines(items: Sequence[LineItem], records: CatalogRecords) -> list[Line]:
    """Return the lines of a cart that is valid for these records.

    :raises NoVariant: for attributes that no variant has.
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
            raise NoVariant(index, item.item_id, str(error)) from error
    return lines


def tip_line(pos: PointOfSale, tip: Decimal) -> Iterator[Line]:
    """Yield the tip as a line, if the point of sale takes tips as one."""
    if tip and pos.takes_tips and pos.tip_product:
        yield Line(product=pos.tip_product, name="Tip", quantity=1, unit_price=tip, untaxed=tip, taxed=tip)


def taxed(
    odoo: Odoo, lines: Iterable[Line], pos: PointOfSale, fiscal_position: int | None
) -> tuple[list[Line], Totals]:
    """Return the lines with their amounts, and the ticket's. Odoo computes them; nothing is written.

    Amounts are summed before they are rounded, tax by tax: a company that rounds globally returns them unrounded, any other
    rounded to the cent. Odoo computes its own orders in the same way.
    """
    lines = list(lines)
    applied = _applied_taxes(odoo, {tax for line in lines for tax in line.taxes}, pos, fiscal_position)
    computed: dict[tuple[tuple[int, ...], Decimal, int], _Computed] = {}
    untaxed = ZERO
    by_tax: dict[int, Decimal] = {}
    result_lines = []
    for line in lines:
        taxes = tuple(dict.fromkeys(each for tax in line.taxes for each in applied[tax]))
        key = (taxes, line.unit_price, line.quantity)
        if key not in computed:
            computed[key] = _compute(odoo, *key)
        result = computed[key]
        untaxed += result.untaxed
        for tax, amount in result.taxes.items():
            by_tax[tax] = by_tax.get(tax, ZERO) + amount
        with_tax = sum(result.taxes.values(), result.untaxed)
        result_lines.append(replace(line, taxes=taxes, untaxed=_rounded(result.untaxed), taxed=_rounded(with_tax)))
    return result_lines, Totals(_rounded(untaxed), sum(map(_rounded, by_tax.values()), ZERO))


def wire_lines(lines: Sequence[Line], order: UUID) -> tuple[list[Any], dict[str, Any]]:
    """Return the lines in the format of ``sync_from_ui``, and the parent of each part of a combo.

    A line's uuid is derived from its order's, so that Odoo refuses a line that is sent twice.
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
                "price_subtotal": line.untaxed,
                "price_subtotal_incl": line.taxed,
                "tax_ids": [[6, 0, line.taxes]],
                "attribute_value_ids": [[6, 0, line.values]],
                "combo_item_id": line.combo_item or False,
            },
        ]
        for uuid, line in zip(uuids, lines, strict=True)
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
    values = _with_implied(selected, template, records)
    return Line(
        product=_variant(template, values, records),
        name=_name(template, selected, records),
        quantity=item.quantity,
        unit_price=records.price(template) + sum((records.surcharge(each) for each in selected), ZERO),
        taxes=tuple(template["taxes_id"]),
        values=tuple(values),
    )


def _combo(item: LineItem, template: Row, records: CatalogRecords, index: int) -> Iterator[Line]:
    """Yield the combo's own line and one for each piece in it.

    Odoo distributes the combo's price over the included pieces, by the ``base_price`` of each; the last one takes the rounding
    difference (``computeComboItems``). Here each piece has a line of its own, so that this is exact to the cent.
    """
    pieces = list(_pieces(item, records))
    included = [number for number, (_, _, free) in enumerate(pieces) if free]
    price = records.price(template)
    shares = dict(
        zip(included, _shares(price, [_base(pieces[number][0], records) for number in included]), strict=True)
    )
    yield Line(
        product=template["product_variant_ids"][0],
        name=template["name"],
        quantity=item.quantity,
        unit_price=ZERO if included else price,
        taxes=tuple(template["taxes_id"]),
    )
    for number, (combo_item, selected, _) in enumerate(pieces):
        product = records.products[combo_item["product_id"]]
        part = records.templates[product["product_tmpl_id"]]
        share = shares[number] if number in shares else _base(combo_item, records)
        extras = sum((records.surcharge(each) for each in selected), cents(combo_item["extra_price"]))
        yield Line(
            product=product["id"],
            name=_name(part, selected, records),
            quantity=item.quantity,
            unit_price=share + extras,
            taxes=tuple(part["taxes_id"]),
            values=(*product["product_template_variant_value_ids"], *selected),
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


def _shares(price: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    total = sum(weights, ZERO)
    shares = [cents(price * weight / total) if total else ZERO for weight in weights]
    if shares:
        shares[-1] += price - sum(shares, ZERO)
    return shares


def _base(combo_item: Row, records: CatalogRecords) -> Decimal:
    return cents(records.combos[combo_item["combo_id"]]["base_price"])


def _selected_values(item: LineItem) -> list[int]:
    return [
        value
        for group in item.modifier_groups
        if number_in(group.modifier_group_id, LINE)
        for option in group.selected_modifiers
        if (value := number_in(option.item_id, VALUE))
    ]


def _with_implied(selected: list[int], template: Row, records: CatalogRecords) -> list[int]:
    lines = (records.lines[each] for each in template["attribute_line_ids"] if each in records.lines)
    return [*selected, *(value for line in lines if (value := records.implied(line)))]


def _variant(template: Row, values: Sequence[int], records: CatalogRecords) -> int:
    for number in template["product_variant_ids"]:
        product = records.products.get(number)
        if product and set(product["product_template_attribute_value_ids"]) <= set(values):
            return int(number)
    raise LookupError(f"{template['name']} is not available in this combination.")


def _name(template: Row, selected: Sequence[int], records: CatalogRecords) -> str:
    names = ", ".join(records.values[each]["name"] for each in selected)
    return f"{template['name']} ({names})" if names else str(template["name"])


# -- taxes -------------------------------------------------------------------------------------------------------------


def _applied_taxes(
    odoo: Odoo, taxes: set[int], pos: PointOfSale, fiscal_position: int | None
) -> dict[int, tuple[int, ...]]:
    """Return the taxes that replace each tax of a product: only the company's own, mapped by the fiscal position."""
    if not taxes:
        return {}
    own = odoo.rows("account.tax", [("id", "in", sorted(taxes)), ("company_id", "=", pos.company)], ["id"])
    applied: dict[int, tuple[int, ...]] = dict.fromkeys(taxes, ())
    applied |= {row["id"]: (row["id"],) for row in own}
    if fiscal_position:
        (position,) = odoo.rows("account.fiscal.position", [("id", "=", fiscal_position)], ["tax_map"])
        mapped = {int(tax): tuple(to) for tax, to in (position["tax_map"] or {}).items()}
        applied |= {tax: mapped[tax] for tax in mapped.keys() & applied.keys() if applied[tax]}
    return applied


@dataclass(frozen=True, slots=True)
class _Computed:
    untaxed: Decimal
    taxes: dict[int, Decimal]


def _compute(odoo: Odoo, taxes: Sequence[int], unit_price: Decimal, quantity: int) -> _Computed:
    if not taxes or not unit_price:
        return _Computed(unit_price * quantity, {})
    result = odoo.call(
        "account.tax",
        "compute_all",
        ids=taxes,
        price_unit=unit_price,
        quantity=quantity,
        context={"round_base": False},
    )
    untaxed = Decimal(result["total_excluded"])
    amounts: dict[int, Decimal] = {}
    for tax in result["taxes"]:
        amounts[tax["id"]] = amounts.get(tax["id"], ZERO) + Decimal(tax["amount"])
    if amounts:  # the amount of a single tax is rounded for accounting, the total is not
        last = next(reversed(amounts))
        amounts[last] += Decimal(result["total_included"]) - untaxed - sum(amounts.values(), ZERO)
    return _Computed(untaxed, amounts)


def _rounded(amount: Decimal) -> Decimal:
    """Round to the cent; Odoo computes in binary, so half a cent may arrive as 0.00499999."""
    return cents(round(amount, 9))
